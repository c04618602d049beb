//! Flags for values of template parameters, and the files that hold them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, Read};

use anyhow::{Context, Result, bail};
use clap::Args;

use session_model::failure::{usage_error, with_hint};
use session_model::foreign_error::io_error_text;
use session_model::names::ParameterName;
use session_template::{AssignedValues, INPUT_MAX, Source};

/// Flags of verbs that fill in parameters.
#[derive(Args, Clone, Debug, Default)]
pub struct ValueFlags {
    /// Value of a parameter; may be repeated. Secret parameters are refused here, because process arguments are visible to
    /// other users
    #[arg(help_heading = "Parameter", long, value_name = "NAME=VALUE")]
    pub set: Vec<String>,

    /// File with the value of a parameter; "-" means standard input. May be repeated; a final newline is dropped
    #[arg(help_heading = "Parameter", long, value_name = "NAME=FILENAME")]
    pub set_file: Vec<String>,

    /// File with one NAME=VALUE per line; "-" means standard input. May be repeated
    ///
    /// Quotes around a whole value are removed, and variables are not expanded. Lines that begin with # are comments.
    #[arg(help_heading = "Parameter", long, value_name = "FILENAME")]
    pub env_file: Vec<String>,

    /// Name of a preset of the template: a named set of parameter values
    #[arg(help_heading = "Parameter", long, value_name = "NAME")]
    pub preset: Option<String>,
}

impl ValueFlags {
    /// Returns true if values or a preset are given.
    pub fn is_given(&self) -> bool {
        let Self {
            set,
            set_file,
            env_file,
            preset,
        } = self;
        preset.is_some() || [set, set_file, env_file].iter().any(|one| !one.is_empty())
    }

    /// Returns true if a flag names standard input.
    pub fn reads_input(&self) -> bool {
        self.input_count() > 0
    }

    fn input_count(&self) -> usize {
        let lines = self.env_file.iter().filter(|file| *file == "-");
        let values = self.set_file.iter().filter(|value| value.ends_with("=-"));
        lines.count() + values.count()
    }

    /// Reads the values of the flags and of the files they name. A later value overrides an earlier one, `--set-file`
    /// overrides `--env-file`. `filename` is the value of `-f`, which may claim standard input, too.
    ///
    /// # Errors
    /// A value that is not NAME=VALUE, an invalid name, a file that cannot be read, standard input named twice.
    pub fn read_values(
        &self,
        filename: Option<&str>,
        input: &mut dyn BufRead,
    ) -> Result<AssignedValues> {
        let from_input = self.input_count() + usize::from(filename == Some("-"));
        if from_input > 1 {
            bail!("standard input can be read only once");
        }
        let mut assigned = AssignedValues::default();
        for file in &self.env_file {
            assigned
                .from_files
                .extend(parse_env_file(file_label(file), &read_file(file, input)?)?);
        }
        for value in &self.set_file {
            let (name, file) = split_assignment("--set-file", value)?;
            let Ok(text) = String::from_utf8(read_file(file, input)?) else {
                bail!("the value of {name} in {file:?} is not UTF-8")
            };
            let text = match text.strip_suffix('\n') {
                Some(text) => text.strip_suffix('\r').unwrap_or(text),
                None => &text,
            };
            assigned.from_files.insert(name.to_owned(), text.to_owned());
        }
        for value in &self.set {
            let (name, value) = split_assignment("--set", value)?;
            assigned
                .from_arguments
                .insert(name.to_owned(), value.to_owned());
        }
        Ok(assigned)
    }
}

/// Flag of commands that read a template or a manifest from a file.
#[derive(Args, Clone, Debug, Default)]
pub struct ReplaceFlags {
    /// Text of the file and what replaces it ('{user-id}=${USER_ID}'), for files with the placeholders of another tool; may be
    /// repeated
    #[arg(help_heading = "Parameter", long, value_name = "TEXT=REPLACEMENT")]
    pub replace: Vec<String>,
}

impl ReplaceFlags {
    /// Reads a file, or standard input for `-`, and replaces the texts in it, in the order of the flags.
    ///
    /// # Errors
    /// As [`read_source`]; a value without `=`; a text that the file does not contain.
    pub fn read_source(&self, file: &str, input: &mut dyn BufRead) -> Result<Source> {
        let source = read_source(file, input)?;
        self.replace.iter().try_fold(source, |source, value| {
            let Some((from, to)) = value.split_once('=') else {
                let error =
                    anyhow::anyhow!("invalid argument for --replace: {value:?} has no \"=\"");
                return Err(with_hint(error, "use --replace TEXT=REPLACEMENT"));
            };
            source.replace_text(from, to)
        })
    }

    /// Checks that there is a file to replace in.
    ///
    /// # Errors
    /// A usage error if the flag is given without a file.
    pub fn require_file(&self, filename: Option<&str>) -> Result<()> {
        match filename {
            None if !self.replace.is_empty() => Err(usage_error("--replace requires --filename")),
            _ => Ok(()),
        }
    }
}

/// Returns the name of a file for error messages.
pub fn file_label(file: &str) -> &str {
    if file == "-" { "standard input" } else { file }
}

/// Reads a file, or standard input for `-`, as template source with a name.
///
/// # Errors
/// The file cannot be read, is longer than [`INPUT_MAX`], or is not UTF-8.
pub fn read_source(file: &str, input: &mut dyn BufRead) -> Result<Source> {
    Source::from_bytes(file_label(file), &read_file(file, input)?)
}

fn read_file(file: &str, input: &mut dyn BufRead) -> Result<Vec<u8>> {
    read_bytes(file, input, INPUT_MAX)
}

/// Reads at most `max` bytes of a file, or of standard input for `-`.
///
/// # Errors
/// The file cannot be read, or is longer.
pub fn read_bytes(file: &str, input: &mut dyn BufRead, max: usize) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let limit = max as u64 + 1;
    if file == "-" {
        let read = input.take(limit).read_to_end(&mut bytes);
        read.context("failed to read standard input")?;
    } else {
        let opened =
            File::open(file).map_err(|error| anyhow::anyhow!("{}", open_error(file, &error)))?;
        let read = opened.take(limit).read_to_end(&mut bytes);
        read.with_context(|| format!("failed to read {file:?}"))?;
    }
    if bytes.len() > max {
        let (file, most) = (file_label(file), max >> 20);
        bail!("{file:?} is longer than {most} MiB");
    }
    Ok(bytes)
}

/// Returns kubectl's message for a file that cannot be opened.
fn open_error(file: &str, error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => format!("the path {file:?} does not exist"),
        std::io::ErrorKind::PermissionDenied => {
            format!("the path {file:?} cannot be read: permission denied")
        }
        _ => format!("the path {file:?} cannot be read: {}", io_error_text(error)),
    }
}

fn split_assignment<'a>(flag: &str, value: &'a str) -> Result<(&'a str, &'a str)> {
    let Some((name, rest)) = value.split_once('=') else {
        let error = anyhow::anyhow!("invalid argument for {flag}: {value:?} has no \"=\"");
        return Err(with_hint(error, format!("use {flag} NAME=VALUE")));
    };
    name.parse::<ParameterName>()
        .with_context(|| format!("invalid argument for {flag}"))?;
    Ok((name, rest))
}

/// Parses lines of NAME=VALUE. Blank lines, lines that begin with `#`, and `export ` before a name are skipped. Quotes
/// around a whole value are removed; nothing is expanded.
fn parse_env_file(file: &str, bytes: &[u8]) -> Result<BTreeMap<String, String>> {
    let Ok(text) = std::str::from_utf8(bytes) else {
        bail!("{file}: not UTF-8")
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
        // The message does not quote the line, which may hold a secret.
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
        let found = parse_env_file("f", text.as_bytes()).unwrap();
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
        let error = parse_env_file("f", b"A=1\nsecret-word\n")
            .unwrap_err()
            .to_string();
        assert_eq!(error, "f:2: not NAME=VALUE");
        assert!(parse_env_file("f", b"1A=x").is_err());
        assert!(parse_env_file("f", &[0xff]).is_err());
    }

    #[test]
    fn texts_of_a_file_are_replaced_in_order() {
        let flags = |values: &[&str]| ReplaceFlags {
            replace: values.iter().map(|value| (*value).to_owned()).collect(),
        };
        let read = |values: &[&str]| {
            let mut input = "name: gimp-{user-id}\n".as_bytes();
            let source = flags(values).read_source("-", &mut input)?;
            Ok::<_, anyhow::Error>(source.text().to_owned())
        };
        let text = read(&["{user-id}=${USER_ID}", "gimp=paint=x"]).unwrap();
        assert_eq!(text, "name: paint=x-${USER_ID}\n");
        assert!(
            read(&["{id}=x"])
                .unwrap_err()
                .to_string()
                .contains("text not found")
        );
        assert!(
            read(&["{id}"])
                .unwrap_err()
                .to_string()
                .contains("has no \"=\"")
        );
        assert!(flags(&["a=b"]).require_file(None).is_err());
        assert!(flags(&["a=b"]).require_file(Some("-")).is_ok());
    }

    #[test]
    fn a_value_has_a_name() {
        assert_eq!(split_assignment("--set", "A=b=c").unwrap(), ("A", "b=c"));
        assert!(split_assignment("--set", "A").is_err());
        assert!(split_assignment("--set", "a-b=c").is_err());
    }
}
