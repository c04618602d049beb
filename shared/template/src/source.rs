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
    /// Creates a source. Byte order marks are dropped at its start and, as kubectl does, after each `---`.
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
        let text = match text.contains(BYTE_ORDER_MARK) {
            true => without_byte_order_marks(&text),
            false => text,
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

    /// Returns the text with every `from` replaced by `to` (`--replace '{user-id}=${USER_ID}'`), for files with the placeholders
    /// of another tool. This is the only replacement in text instead of the parsed tree: the user requests it explicitly.
    ///
    /// # Errors
    /// If `from` is empty or does not occur in the text, or if the result is too long.
    pub fn replace_text(&self, from: &str, to: &str) -> Result<Self> {
        if from.is_empty() {
            bail!("cannot replace an empty text: the text before \"=\" must not be empty");
        }
        if !self.text.contains(from) {
            bail!("{}: cannot replace {from:?}: text not found", self.name);
        }
        let grown = self.text.matches(from).count().saturating_mul(to.len());
        if grown.saturating_add(self.text.len()) > 2 * INPUT_MAX {
            bail!(
                "{}: cannot replace {from:?}: the result is too long",
                self.name
            );
        }
        Self::embedded(
            self.name.clone(),
            self.text.replace(from, to),
            self.line,
            self.indent,
        )
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

const BYTE_ORDER_MARK: char = '\u{feff}';

/// Removes the byte order mark of each document: files with one may have been joined with `---` between them.
fn without_byte_order_marks(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut begins_document = true;
    for line in text.split_inclusive('\n') {
        result.push_str(match begins_document {
            true => line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line),
            false => line,
        });
        begins_document = line.starts_with("---");
    }
    result
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
    fn each_document_may_have_a_byte_order_mark() {
        let text = "\u{feff}a: 1\n---\n\u{feff}b: 2\n--- # more\r\n\u{feff}c: \u{feff}3\n";
        let source = Source::new("a", text).unwrap();
        assert_eq!(
            source.text(),
            "a: 1\n---\nb: 2\n--- # more\r\nc: \u{feff}3\n"
        );
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

    #[test]
    fn foreign_placeholders_are_replaced_on_request() {
        let source = Source::new("a", "n: s-{user-id}").unwrap();
        let ours = source.replace_text("{user-id}", "${USER_ID}").unwrap();
        assert_eq!(ours.text(), "n: s-${USER_ID}");
        assert!(source.replace_text("{id}", "x").is_err());
        assert!(source.replace_text("", "x").is_err());
        let long = Source::new("a", "x".repeat(100_000)).unwrap();
        assert!(long.replace_text("x", &"y".repeat(1000)).is_err());
    }
}
