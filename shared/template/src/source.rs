//! YAML text with a name, and locations in it.

use std::fmt;

use anyhow::{Result, bail};

/// Largest text that is read, in bytes. A manifest has at most 200,000 characters and etcd refuses objects above 1.5 MiB, so
/// larger text could not be created anyway.
pub const INPUT_MAX: usize = 1 << 20;

/// A location in a file. Line and column count from 1, columns in characters. Line 0 means the file as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceLocation {
    /// Line number.
    pub line: usize,
    /// Column number, in characters.
    pub column: usize,
}

impl fmt::Display for SourceLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// YAML text and its name for messages: a file name, `standard input`, or the object it was read from.
///
/// Text embedded in another file (a template's manifest) keeps the line and column numbers of that file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    name: String,
    text: String,
    line: usize,
    indent: usize,
}

impl Source {
    /// Creates a source. A byte order mark is dropped.
    ///
    /// # Errors
    /// If the text has more than [`INPUT_MAX`] bytes.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Result<Self> {
        Self::embedded(name, text, 0, 0)
    }

    /// Creates a source for text embedded in the named file, after `line` lines and indented by `indent` columns.
    ///
    /// # Errors
    /// As [`Source::new`].
    pub fn embedded(
        name: impl Into<String>,
        text: impl Into<String>,
        line: usize,
        indent: usize,
    ) -> Result<Self> {
        let (name, text) = (name.into(), text.into());
        if text.len() > INPUT_MAX {
            bail!(
                "{name}: must have at most {INPUT_MAX} bytes, but has {}",
                text.len()
            );
        }
        let text = match text.strip_prefix('\u{feff}') {
            Some(rest) => rest.to_owned(),
            None => text,
        };
        Ok(Self {
            name,
            text,
            line,
            indent,
        })
    }

    /// Creates a source from the bytes of a file. A byte order mark is dropped.
    ///
    /// # Errors
    /// As [`Source::new`], or if the bytes are not UTF-8, with line and column of the first invalid byte.
    pub fn from_bytes(name: impl Into<String>, bytes: &[u8]) -> Result<Self> {
        let name = name.into();
        if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
            bail!("{name}: encoded as UTF-16, save as UTF-8");
        }
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::new(name, text),
            Err(error) => {
                let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
                let place = end_location(&String::from_utf8_lossy(before));
                bail!("{name}:{place}: not UTF-8")
            }
        }
    }

    /// Returns the name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the text, without a byte order mark.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Converts line and column of the text to a location in the file.
    pub(super) fn location(&self, line: usize, column: usize) -> SourceLocation {
        SourceLocation {
            line: line + self.line,
            column: column + self.indent,
        }
    }

    /// Returns the locations of byte offsets in `piece`, a part of the text that begins at `start`. Offsets must ascend.
    pub(super) fn locations(
        &self,
        start: SourceLocation,
        piece: &str,
        bytes: &[usize],
    ) -> Vec<SourceLocation> {
        let (mut place, mut from) = (start, 0);
        let mut places = Vec::with_capacity(bytes.len());
        for byte in bytes {
            let end = end_location(piece.get(from..*byte).unwrap_or_default());
            place = match end.line {
                1 => SourceLocation {
                    line: place.line,
                    column: place.column + end.column - 1,
                },
                lines => SourceLocation {
                    line: place.line + lines - 1,
                    column: end.column + self.indent,
                },
            };
            from = *byte;
            places.push(place);
        }
        places
    }
}

/// Returns the location right after `text`, which begins at 1:1.
fn end_location(text: &str) -> SourceLocation {
    let line = text.matches('\n').count() + 1;
    let last = text.rsplit('\n').next().unwrap_or_default();
    SourceLocation {
        line,
        column: last.chars().count() + 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_utf_8_is_told_with_its_place() {
        let error = Source::from_bytes("a.yaml", b"a: 1\nb: \xff").unwrap_err();
        assert_eq!(error.to_string(), "a.yaml:2:4: not UTF-8");
        let wide = Source::from_bytes("a.yaml", b"\xff\xfea\0").unwrap_err();
        assert_eq!(wide.to_string(), "a.yaml: encoded as UTF-16, save as UTF-8");
    }

    #[test]
    fn a_byte_order_mark_is_dropped() {
        let source = Source::from_bytes("a.yaml", "\u{feff}a: 1".as_bytes()).unwrap();
        assert_eq!(source.text(), "a: 1");
    }

    #[test]
    fn too_much_text_is_refused() {
        assert!(Source::new("a", "x".repeat(INPUT_MAX)).is_ok());
        let error = Source::new("a", "x".repeat(INPUT_MAX + 1)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "a: must have at most 1048576 bytes, but has 1048577"
        );
    }
}
