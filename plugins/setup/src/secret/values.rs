//! The values of a Secret's keys, from flags and the files they name. No message has a value.

use std::collections::BTreeMap;
use std::io::BufRead;
use std::path::Path;

use anyhow::{Result, anyhow, bail};
use session_shared::failure::{usage_error, with_hint};
use session_shared::flags::values::{file_label, read_bytes};
use session_shared::k8s_openapi::ByteString;

use super::args::SecretValueFlags;

/// Most bytes of all values of a Secret, the server's limit.
pub(crate) const SECRET_BYTES_MAX: usize = 1 << 20;

/// Keys and values that a command sets.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct SecretValues {
    pub(crate) values: BTreeMap<String, ByteString>,
    /// Notes on values that the user may have meant otherwise.
    pub(crate) notes: Vec<String>,
}

/// Reads the values of the flags and files.
///
/// # Errors
/// A key that is illegal or given twice, a literal without key or value, a file that cannot be read or is too long, a line that is
/// not KEY=VALUE, standard input named twice.
pub(crate) fn read_values(
    flags: &SecretValueFlags,
    input: &mut dyn BufRead,
) -> Result<SecretValues> {
    let mut read = SecretValues::default();
    let files: Vec<(String, &str)> = flags
        .from_file
        .iter()
        .map(|text| split_file(text))
        .collect::<Result<_>>()?;
    let lists = flags.from_env_file.iter().map(String::as_str);
    let paths = files.iter().map(|(_, file)| *file).chain(lists);
    if paths.filter(|file| is_input(file)).count() > 1 {
        return Err(usage_error("standard input can be read only once"));
    }
    for text in &flags.from_literal {
        // The text may be a value whose key was forgotten.
        let Some((key, value)) = text.split_once('=') else {
            return Err(usage_error(
                "invalid value of --from-literal: must be KEY=VALUE",
            ));
        };
        if value.is_empty() {
            let error = usage_error(format!("--from-literal {key}= has no value"));
            let hint = format!("to set an empty value: --from-file {key}=/dev/null");
            return Err(with_hint(error, hint));
        }
        read.add("--from-literal", key, value.into())?;
    }
    if let Some((key, _)) = read.values.first_key_value() {
        read.notes.push(format!(
            "other users of this machine can see the values of --from-literal in the list of processes: \
             use --from-file {key}=FILENAME, or {key}=- for standard input"
        ));
    }
    for (key, file) in files {
        let bytes = read_file(file, input)?;
        read.notes.extend(line_break_note(&key, &bytes));
        read.add("--from-file", &key, bytes)?;
    }
    for file in &flags.from_env_file {
        let bytes = read_file(file, input)?;
        read.add_lines(file_label(input_name(file)), &bytes)?;
    }
    if read.values.is_empty() && flags.remove_key.is_empty() {
        let files = flags
            .from_env_file
            .iter()
            .map(|file| file_label(input_name(file)));
        bail!("no keys in {}", files.collect::<Vec<_>>().join(", "));
    }
    Ok(read)
}

/// Returns a note if the value is one line with its line break, which a token does not have.
fn line_break_note(key: &str, value: &[u8]) -> Option<String> {
    let (last, line) = value.split_last()?;
    (*last == b'\n' && !line.contains(last))
        .then(|| format!("the value of {key} ends with a line break, which is part of it"))
}

/// Splits `[KEY=]FILENAME`. Without a key, it is the last part of the path.
fn split_file(text: &str) -> Result<(String, &str)> {
    let (key, file) = match text.split_once('=') {
        Some((key, file)) => (Some(key.to_owned()), file),
        None => (None, text),
    };
    if file.is_empty() || key.as_deref() == Some("") {
        return Err(usage_error(format!(
            "invalid value of --from-file {text:?}: must be FILENAME or KEY=FILENAME"
        )));
    }
    if let (None, "-") = (&key, file) {
        return Err(usage_error(
            "--from-file - has no key: use --from-file KEY=-",
        ));
    }
    let name = || Path::new(file).file_name().unwrap_or_default();
    Ok((
        key.unwrap_or_else(|| name().to_string_lossy().into_owned()),
        file,
    ))
}

/// Returns the name of a file for [`read_bytes`], which knows standard input by one name.
fn input_name(file: &str) -> &str {
    if is_input(file) { "-" } else { file }
}

fn is_input(file: &str) -> bool {
    ["-", "/dev/stdin"].contains(&file)
}

fn read_file(file: &str, input: &mut dyn BufRead) -> Result<Vec<u8>> {
    if !is_input(file) && Path::new(file).is_dir() {
        let error = anyhow!("the path {file:?} is a directory");
        return Err(with_hint(error, "name its files one by one"));
    }
    let bytes = read_bytes(input_name(file), input, SECRET_BYTES_MAX)?;
    // A command before the pipe that fails prints nothing, and must not erase what is stored.
    if bytes.is_empty() && is_input(file) {
        let hint = "to set an empty value: --from-file KEY=/dev/null";
        return Err(with_hint(anyhow!("standard input is empty"), hint));
    }
    Ok(bytes)
}

impl SecretValues {
    fn add(&mut self, place: &str, key: &str, value: Vec<u8>) -> Result<()> {
        check_key(key).map_err(|reason| anyhow!("{place}: invalid key {key:?}: {reason}"))?;
        match self.values.insert(key.to_owned(), ByteString(value)) {
            None => Ok(()),
            Some(_) => Err(usage_error(format!(
                "{place}: key {key:?} is given more than once"
            ))),
        }
    }

    /// Adds the lines of a file, read as kubectl does: everything behind the first `=` is the value.
    fn add_lines(&mut self, file: &str, bytes: &[u8]) -> Result<()> {
        let Ok(text) = std::str::from_utf8(bytes) else {
            bail!("{file}: not UTF-8")
        };
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut quoted = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim_start();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let place = format!("{file}:{}", number + 1);
            let Some((key, value)) = line.split_once('=') else {
                bail!("{place}: not KEY=VALUE")
            };
            if key.starts_with(|first: char| first.is_ascii_digit()) {
                bail!("{place}: invalid key {key:?}: must not begin with a digit");
            }
            self.add(&place, key, value.into())?;
            let is_quoted =
                |quote| value.len() > 1 && value.starts_with(quote) && value.ends_with(quote);
            quoted.extend((is_quoted('"') || is_quoted('\'')).then_some(key));
        }
        if !quoted.is_empty() {
            let keys = quoted.join(", ");
            self.notes.push(format!(
                "{file}: the quotes around the values of {keys} are part of them"
            ));
        }
        Ok(())
    }
}

/// Checks a key of a Secret.
///
/// # Errors
/// The reason why the server would refuse it.
pub(crate) fn check_key(key: &str) -> Result<(), &'static str> {
    let legal = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    match key {
        "" => Err("must not be empty"),
        "." => Err("must not be \".\""),
        _ if key.starts_with("..") => Err("must not begin with \"..\""),
        _ if key.len() > 253 => Err("must have at most 253 characters"),
        _ if !key.chars().all(legal) => {
            Err("only letters, digits, \"-\", \"_\" and \".\" are allowed")
        }
        _ => Ok(()),
    }
}

/// Checks that the keys can be names of environment variables, as a session with `secretName` reads them.
///
/// # Errors
/// The first that cannot.
pub(crate) fn check_variables<'k>(mut keys: impl Iterator<Item = &'k str>) -> Result<()> {
    let legal = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    let is_variable =
        |key: &str| key.starts_with(|c: char| c.is_ascii_uppercase()) && key.chars().all(legal);
    match keys.find(|key| !is_variable(key)) {
        None => Ok(()),
        Some(key) => Err(usage_error(format!(
            "invalid key {key:?} for sindri: must be an environment variable of upper-case letters, digits and \"_\""
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(
        literals: &[&str],
        files: &[&str],
        lists: &[&str],
        input: &str,
    ) -> Result<SecretValues> {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let flags = SecretValueFlags {
            from_literal: owned(literals),
            from_file: owned(files),
            from_env_file: owned(lists),
            ..SecretValueFlags::default()
        };
        read_values(&flags, &mut input.as_bytes())
    }

    #[test]
    fn a_line_of_an_env_file_is_read_as_kubectl_does() {
        let text = "\u{feff}# comment\n\n  A=1\r\nB=\"two words\"\nC=x=y \nD=\n";
        let read = read(&[], &[], &["-"], text).unwrap();
        let pairs = read.values.iter();
        let pairs: Vec<(&str, &[u8])> = pairs
            .map(|(key, value)| (key.as_str(), &value.0[..]))
            .collect();
        assert_eq!(
            pairs,
            [
                ("A", b"1".as_slice()),
                ("B", b"\"two words\""),
                ("C", b"x=y "),
                ("D", b"")
            ]
        );
        assert_eq!(
            read.notes,
            ["standard input: the quotes around the values of B are part of them"]
        );
    }

    #[test]
    fn a_file_names_its_key_unless_the_flag_does() {
        assert_eq!(
            split_file("a/b.txt").unwrap(),
            ("b.txt".to_owned(), "a/b.txt")
        );
        assert_eq!(split_file("k=a/b=c").unwrap(), ("k".to_owned(), "a/b=c"));
        assert_eq!(split_file("/dev/stdin").unwrap().0, "stdin");
        for text in ["", "=a", "a=", "-"] {
            assert!(split_file(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_line_break_is_noted_where_a_value_is_one_line() {
        let note = "the value of A ends with a line break, which is part of it";
        for (value, noted) in [
            ("x", false),
            ("x\n", true),
            ("x\r\n", true),
            ("x\ny\n", false),
        ] {
            let notes = read(&[], &["A=-"], &[], value).unwrap().notes;
            assert_eq!(notes.iter().any(|one| one == note), noted, "{value:?}");
        }
    }

    #[test]
    fn no_message_has_a_value() {
        for refused in [
            read(&["hunter2"], &[], &[], ""),
            read(&["a=hunter2", "a=hunter2"], &[], &[], ""),
            read(&["a b=hunter2"], &[], &[], ""),
            read(&[], &[], &["-"], "hunter2"),
            read(&[], &[], &["-"], "A=hunter2\nA=hunter2"),
            read(&[], &["A=-"], &["/dev/stdin"], "hunter2"),
            read(&[], &[], &["-"], "# hunter2"),
        ] {
            let error = format!("{:#}", refused.unwrap_err());
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn a_key_is_one_of_the_server() {
        for key in ["a", "A_b-c.d", ".env", "0"] {
            check_key(key).unwrap();
        }
        for key in ["", ".", "..", "..a", "a b", "ä", "a/b", &"a".repeat(254)] {
            assert!(check_key(key).is_err(), "{key}");
        }
    }
}
