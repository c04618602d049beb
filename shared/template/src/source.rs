//! A text with a name, and places in it.

use std::fmt;

use anyhow::{Result, bail};

/// Largest text that is read, in bytes. A Session's manifest has at most 200,000 characters and etcd refuses objects above
/// 1.5 MiB, so nothing that could be created is larger.
pub const INPUT_MAX: usize = 1 << 20;

/// Where something stands in a file: both count from 1, columns in characters; line 0 means "nowhere in particular".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Line.
    pub line: usize,
    /// Column.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// YAML text and the name it is known by: a file, `-` for stdin, or the object it was read from.
///
/// A text that stands inside another file (a template's manifest) keeps that file's lines and columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    name: String,
    text: String,
    line: usize,
    indent: usize,
}

impl Source {
    /// A text by name.
    ///
    /// # Errors
    /// More than [`INPUT_MAX`] bytes.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Result<Self> {
        Self::inside(name, text, 0, 0)
    }

    /// A text that begins after `line` lines of the named file and was indented there by `indent` columns.
    ///
    /// # Errors
    /// As [`Source::new`].
    pub fn inside(
        name: impl Into<String>,
        text: impl Into<String>,
        line: usize,
        indent: usize,
    ) -> Result<Self> {
        let (name, text) = (name.into(), text.into());
        if text.len() > INPUT_MAX {
            bail!(
                "{name}: it has {} bytes, at most {INPUT_MAX} are read",
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

    /// A text from bytes as they were read. A byte order mark is dropped.
    ///
    /// # Errors
    /// As [`Source::new`]; bytes that are not UTF-8, with the line and column of the first.
    pub fn from_bytes(name: impl Into<String>, bytes: &[u8]) -> Result<Self> {
        let name = name.into();
        if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
            bail!("{name}: it is UTF-16, save it as UTF-8");
        }
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::new(name, text),
            Err(error) => {
                let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
                let place = end_of(&String::from_utf8_lossy(before));
                bail!("{name}:{place}: it is not UTF-8")
            }
        }
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The text, without a byte order mark.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text with every `from` turned into `to` (`--replace '{user-id}=${USER_ID}'`), for files of tools with another
    /// form of placeholder. This is the one step that works on text: it is the file's owner who asks for it.
    ///
    /// # Errors
    /// An empty `from`; a `from` that the text does not have; a result that is too long.
    pub fn replaced(&self, from: &str, to: &str) -> Result<Self> {
        if from.is_empty() {
            bail!("nothing to replace: the text before \"=\" is empty");
        }
        if !self.text.contains(from) {
            bail!("{}: {from:?} does not stand in it", self.name);
        }
        let grown = self.text.matches(from).count().saturating_mul(to.len());
        if grown.saturating_add(self.text.len()) > 2 * INPUT_MAX {
            bail!("{}: replacing {from:?} makes it too long", self.name);
        }
        Self::inside(
            self.name.clone(),
            self.text.replace(from, to),
            self.line,
            self.indent,
        )
    }

    /// A place of the text as a place of the file.
    pub(super) fn place(&self, line: usize, column: usize) -> Place {
        Place {
            line: line + self.line,
            column: column + self.indent,
        }
    }

    /// The places of some bytes of a piece of the text that begins at `start`. Bytes ascend.
    pub(super) fn places(&self, start: Place, piece: &str, bytes: &[usize]) -> Vec<Place> {
        let (mut place, mut from) = (start, 0);
        let mut places = Vec::with_capacity(bytes.len());
        for byte in bytes {
            let end = end_of(piece.get(from..*byte).unwrap_or_default());
            place = match end.line {
                1 => Place {
                    line: place.line,
                    column: place.column + end.column - 1,
                },
                lines => Place {
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

/// The place right after a text that begins at 1:1.
fn end_of(text: &str) -> Place {
    let line = text.matches('\n').count() + 1;
    let last = text.rsplit('\n').next().unwrap_or_default();
    Place {
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
        assert_eq!(error.to_string(), "a.yaml:2:4: it is not UTF-8");
        let wide = Source::from_bytes("a.yaml", b"\xff\xfea\0").unwrap_err();
        assert_eq!(wide.to_string(), "a.yaml: it is UTF-16, save it as UTF-8");
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
            "a: it has 1048577 bytes, at most 1048576 are read"
        );
    }

    #[test]
    fn foreign_placeholders_are_replaced_on_request() {
        let source = Source::new("a", "n: s-{user-id}").unwrap();
        let ours = source.replaced("{user-id}", "${USER_ID}").unwrap();
        assert_eq!(ours.text(), "n: s-${USER_ID}");
        assert!(source.replaced("{id}", "x").is_err());
        assert!(source.replaced("", "x").is_err());
        let long = Source::new("a", "x".repeat(100_000)).unwrap();
        assert!(long.replaced("x", &"y".repeat(1000)).is_err());
    }
}
