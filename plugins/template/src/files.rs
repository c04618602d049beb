//! The files and values that a command line names.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{ErrorKind, Read};

use anyhow::{Context, Result, anyhow, bail};
use session_shared::failure::hinted;
use session_shared::names::ParameterName;
use session_shared::report::console::Console;
use session_shared::template::{INPUT_MAX, Source};

use crate::args::Render;

/// Values of parameters, by where they stood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Assigned {
    /// `--set`.
    pub(crate) set: BTreeMap<String, String>,
    /// `--set-file` and `--env-file`, and the literal secrets of a manifest.
    pub(crate) files: BTreeMap<String, String>,
}

/// A file as errors name it.
fn shown(file: &str) -> &str {
    if file == "-" { "standard input" } else { file }
}

/// A file, or standard input for `-`, as text with a name.
///
/// # Errors
/// When it cannot be read, is longer than a template may be, or is not UTF-8.
pub(crate) fn source(file: &str, console: &mut Console) -> Result<Source> {
    Source::from_bytes(shown(file), &read(file, console)?)
}

fn read(file: &str, console: &mut Console) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let limit = INPUT_MAX as u64 + 1;
    if file == "-" {
        let input = console.input().take(limit).read_to_end(&mut bytes);
        input.context("failed to read standard input")?;
    } else {
        let opened = File::open(file).map_err(|error| missing(file, &error))?;
        let input = opened.take(limit).read_to_end(&mut bytes);
        input.with_context(|| format!("failed to read {file:?}"))?;
    }
    if bytes.len() > INPUT_MAX {
        let (file, most) = (shown(file), INPUT_MAX >> 20);
        bail!("{file:?} is longer than {most} MiB, no manifest is");
    }
    Ok(bytes)
}

/// kubectl's words for a file that is not there.
fn missing(file: &str, error: &std::io::Error) -> anyhow::Error {
    match error.kind() {
        ErrorKind::NotFound => anyhow!("the path {file:?} does not exist"),
        ErrorKind::PermissionDenied => {
            anyhow!("the path {file:?} cannot be read: permission denied")
        }
        _ => anyhow!("the path {file:?} cannot be read: {error}"),
    }
}

/// The values on the command line and in the files it names; later ones go before earlier ones, --set-file before --env-file.
///
/// # Errors
/// A value that is not NAME=VALUE, a name that cannot be one, a file that cannot be read, standard input asked for twice.
pub(crate) fn assigned(args: &Render, console: &mut Console) -> Result<Assigned> {
    let files = args.env_file.iter().chain(&args.which.filename);
    let from_input = args
        .set_file
        .iter()
        .filter(|value| value.ends_with("=-"))
        .count()
        + files.filter(|file| *file == "-").count();
    if from_input > 1 {
        bail!("standard input can be read only once");
    }
    let mut assigned = Assigned::default();
    for file in &args.env_file {
        let bytes = read(file, console)?;
        assigned.files.extend(environment(shown(file), &bytes)?);
    }
    for value in &args.set_file {
        let (name, file) = split("--set-file", value)?;
        let Ok(text) = String::from_utf8(read(file, console)?) else {
            bail!("the value of {name} in {file:?} is not UTF-8")
        };
        let text = match text.strip_suffix('\n') {
            Some(text) => text.strip_suffix('\r').unwrap_or(text),
            None => &text,
        };
        assigned.files.insert(name.to_owned(), text.to_owned());
    }
    for value in &args.set {
        let (name, value) = split("--set", value)?;
        assigned.set.insert(name.to_owned(), value.to_owned());
    }
    Ok(assigned)
}

fn split<'a>(flag: &str, value: &'a str) -> Result<(&'a str, &'a str)> {
    let Some((name, rest)) = value.split_once('=') else {
        let error = anyhow!("invalid argument for {flag}: {value:?} has no \"=\"");
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
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut found = BTreeMap::new();
    for (number, line) in text.lines().enumerate() {
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
        let wanted = [("A", "1"), ("B", "two words"), ("C", "x=y"), ("D", "")];
        assert_eq!(found, wanted.map(|(k, v)| (k.into(), v.into())).into());
        let error = environment("f", b"A=1\nsecret-word\n").unwrap_err();
        assert_eq!(error.to_string(), "f:2: not NAME=VALUE");
    }

    #[test]
    fn a_value_has_a_name() {
        assert_eq!(split("--set", "A=b=c").unwrap(), ("A", "b=c"));
        assert!(split("--set", "A").is_err());
        assert!(split("--set", "a-b=c").is_err());
    }
}
