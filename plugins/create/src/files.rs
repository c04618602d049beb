//! The files and values that a command line names.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use session_shared::api::API_VERSION;
use session_shared::failure::{Hint, hinted};
use session_shared::names::ParameterName;
use session_shared::objects::resource::text;
use session_shared::report::console::Console;
use session_shared::template::{INPUT_MAX, Source, plain_objects};

use crate::args::Args;

/// Values of parameters, by where they stood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Assigned {
    /// `--set`.
    pub(crate) set: BTreeMap<String, String>,
    /// `--set-file` and `--env-file`, and the literal secrets of a manifest.
    pub(crate) files: BTreeMap<String, String>,
}

/// Reads a file to its end, or standard input for `-`.
///
/// # Errors
/// When it cannot be read, or is longer than a template may be.
pub(crate) fn read(file: &str, console: &mut Console) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if file == "-" {
        let input = console
            .input()
            .take(INPUT_MAX as u64 + 1)
            .read_to_end(&mut bytes);
        input.context("failed to read standard input")?;
    } else {
        let opened =
            File::open(file).map_err(|error| anyhow::anyhow!("{}", missing(file, &error)))?;
        opened
            .take(INPUT_MAX as u64 + 1)
            .read_to_end(&mut bytes)
            .with_context(|| format!("failed to read {file:?}"))?;
    }
    if bytes.len() > INPUT_MAX {
        let shown = if file == "-" { "standard input" } else { file };
        bail!(
            "{shown:?} is longer than {} MiB, no manifest is",
            INPUT_MAX >> 20
        );
    }
    Ok(bytes)
}

/// kubectl's words for a file that is not there.
fn missing(file: &str, error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => format!("the path {file:?} does not exist"),
        std::io::ErrorKind::PermissionDenied => {
            format!("the path {file:?} cannot be read: permission denied")
        }
        _ => format!("the path {file:?} cannot be read: {error}"),
    }
}

/// The Session in a file that holds one, `None` for any other file.
///
/// # Errors
/// When a Session stands in it beside other objects.
pub(crate) fn session_object(source: &Source) -> Result<Option<Value>> {
    // A manifest with placeholders may be no plain YAML objects at all: then it is no Session, and read as a manifest.
    let Ok(objects) = plain_objects(source) else {
        return Ok(None);
    };
    let is_session = |object: &Value| {
        text(object, "/apiVersion") == API_VERSION && text(object, "/kind") == "Session"
    };
    match objects
        .iter()
        .filter(|(_, object)| is_session(object))
        .count()
    {
        0 => Ok(None),
        1 if objects.len() == 1 => Ok(objects.into_iter().next().map(|(_, object)| object)),
        _ => Err(anyhow::anyhow!(
            "{}: a Session must stand alone in its file",
            source.name()
        ))
        .hint("give each Session a file of its own"),
    }
}

/// The values on the command line and in the files it names; later ones go before earlier ones, --set-file before --env-file.
///
/// # Errors
/// A value that is not NAME=VALUE, a name that cannot be one, a file that cannot be read, standard input asked for twice.
pub(crate) fn assigned(args: &Args, console: &mut Console) -> Result<Assigned> {
    let from_input = args
        .set_file
        .iter()
        .filter(|value| value.ends_with("=-"))
        .count()
        + args
            .env_file
            .iter()
            .chain(&args.filename)
            .filter(|file| *file == "-")
            .count();
    if from_input > 1 {
        bail!("standard input can be read only once");
    }
    let mut assigned = Assigned::default();
    for file in &args.env_file {
        let bytes = read(file, console)?;
        let shown = if file == "-" { "standard input" } else { file };
        assigned.files.extend(environment(shown, &bytes)?);
    }
    for value in &args.set_file {
        let (name, file) = split("--set-file", value)?;
        let bytes = read(file, console)?;
        let Ok(text) = String::from_utf8(bytes) else {
            bail!("the value of {name} in {file:?} is not UTF-8")
        };
        let text = text
            .strip_suffix('\n')
            .map(|text| text.strip_suffix('\r').unwrap_or(text).to_owned())
            .unwrap_or(text);
        assigned.files.insert(name.to_owned(), text);
    }
    for value in &args.set {
        let (name, value) = split("--set", value)?;
        assigned.set.insert(name.to_owned(), value.to_owned());
    }
    Ok(assigned)
}

fn split<'a>(flag: &str, value: &'a str) -> Result<(&'a str, &'a str)> {
    let Some((name, rest)) = value.split_once('=') else {
        let error = anyhow::anyhow!("invalid argument for {flag}: {value:?} has no \"=\"");
        return Err(hinted(error, format!("write {flag} NAME=VALUE")));
    };
    name.parse::<ParameterName>()
        .with_context(|| format!("invalid argument for {flag}"))?;
    Ok((name, rest))
}

/// NAME=VALUE on each line: blank lines and lines that begin with `#` are passed over, `export ` before a name too; quotes
/// around a whole value are taken off, nothing is expanded.
fn environment(file: &str, bytes: &[u8]) -> Result<BTreeMap<String, String>> {
    let Ok(text) = std::str::from_utf8(bytes) else {
        bail!("{file}: it is not UTF-8")
    };
    let mut found = BTreeMap::new();
    for (number, line) in text
        .strip_prefix('\u{feff}')
        .unwrap_or(text)
        .lines()
        .enumerate()
    {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let place = || format!("{file}:{}", number + 1);
        let line = line.strip_prefix("export ").unwrap_or(line).trim_start();
        // The line itself is not shown: it may hold a secret.
        let Some((name, value)) = line.split_once('=') else {
            bail!("{}: not NAME=VALUE", place())
        };
        name.parse::<ParameterName>().with_context(place)?;
        let quoted = ['"', '\'']
            .iter()
            .find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote));
        found.insert(name.to_owned(), quoted.unwrap_or(value).to_owned());
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_environment_file_is_read_as_a_shell_would() {
        let text = "\u{feff}# comment\n\nA=1\nexport B=\"two words\"\r\nC='x=y'\nD=\n";
        let found = environment("f", text.as_bytes()).unwrap();
        let pairs: Vec<(&str, &str)> = found
            .iter()
            .map(|(k, v)| (k.as_str(), v.as_str()))
            .collect();
        assert_eq!(
            pairs,
            [("A", "1"), ("B", "two words"), ("C", "x=y"), ("D", "")]
        );
    }

    #[test]
    fn a_bad_line_is_named_by_its_number_and_never_shown() {
        let error = environment("f", b"A=1\nsecret-word\n")
            .unwrap_err()
            .to_string();
        assert_eq!(error, "f:2: not NAME=VALUE");
        assert!(environment("f", b"1A=x").is_err());
        assert!(environment("f", &[0xff]).is_err());
    }

    #[test]
    fn a_value_has_a_name() {
        assert_eq!(split("--set", "A=b=c").unwrap(), ("A", "b=c"));
        assert!(split("--set", "A").is_err());
        assert!(split("--set", "a-b=c").is_err());
    }
}
