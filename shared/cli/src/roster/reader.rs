//! Reads a roster (CSV, RFC 4180): the text is kept, and its rows are parsed as often as they are needed. Pure but for
//! [`Roster::read`].
//!
//! ```text
//! file ─► Roster: text, Columns ─► rows ─► (line, Row or what is wrong with it)
//! ```

use std::collections::BTreeMap;

use anyhow::{Context, Result, anyhow, bail};
use csv::{ByteRecord, Reader, ReaderBuilder};
use std::io::BufRead;

use crate::flags::values::{file_label, read_bytes};
use session_model::labels;
use session_model::names::{NamespaceName, SessionName, TemplateName, UserId};

use super::columns::Columns;

/// Largest roster, in bytes: more than a million rows.
const ROSTER_MAX: usize = 256 << 20;
/// Characters with which a cell begins that a spreadsheet runs as a formula.
pub const FORMULA_BEGINNINGS: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// A roster with a valid header.
#[derive(Debug)]
pub struct Roster {
    /// Name of the file, for messages.
    pub label: String,
    text: Vec<u8>,
    columns: Columns,
}

/// One session of a roster. An empty cell is `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// User of the session.
    pub user: UserId,
    /// Name from the roster, else made from the user.
    pub name: SessionName,
    /// Name of the template.
    pub template: Option<TemplateName>,
    /// Name of the template's preset.
    pub preset: Option<String>,
    /// Namespace of the session.
    pub namespace: Option<NamespaceName>,
    /// Lifetime of the session, unchecked.
    pub timeout: Option<String>,
    /// Values of parameters.
    pub parameters: BTreeMap<String, String>,
}

impl Roster {
    /// Reads a roster from a file, or from standard input for `-`.
    ///
    /// # Errors
    /// The file cannot be read or is too long; a file that is no roster.
    pub fn read(file: &str, input: &mut dyn BufRead) -> Result<Self> {
        let label = file_label(file);
        let text = read_bytes(file, input, ROSTER_MAX)?;
        Self::parse(label, text).with_context(|| format!("cannot read roster {label:?}"))
    }

    /// Parses the header.
    ///
    /// # Errors
    /// Another encoding than UTF-8, no header, an invalid header.
    pub(super) fn parse(label: &str, mut text: Vec<u8>) -> Result<Self> {
        if text.starts_with(&[0xff, 0xfe]) || text.starts_with(&[0xfe, 0xff]) {
            bail!("the file is UTF-16: save it as CSV in UTF-8");
        }
        if text.starts_with("\u{feff}".as_bytes()) {
            text.drain(.."\u{feff}".len());
        }
        let mut roster = Self {
            label: label.to_owned(),
            text,
            columns: Columns::default(),
        };
        let mut records = roster.records();
        let Some((line, header)) = records.next() else {
            bail!("the file is empty");
        };
        let header = header.with_context(|| format!("line {line}"))?;
        let cells: Result<Vec<&str>, _> = header.iter().map(std::str::from_utf8).collect();
        let cells = cells.context("the first line is not UTF-8")?;
        let columns = Columns::parse(cells.into_iter())?;
        roster.columns = columns;
        Ok(roster)
    }

    /// Returns the rows in their order, each with its line in the file. Rows without any text are left out.
    pub fn rows(&self) -> impl Iterator<Item = (u64, Result<Row>)> {
        let records = self.records().skip(1);
        records.filter_map(|(line, record)| match record {
            Ok(record) if record.iter().all(|cell| cell.trim_ascii().is_empty()) => None,
            record => Some((line, record.and_then(|record| self.parse_row(&record)))),
        })
    }

    /// Returns the text as read, without a byte order mark.
    ///
    /// # Errors
    /// Bytes that are not UTF-8, which no row of a checked roster has.
    pub fn text(&self) -> Result<&str> {
        std::str::from_utf8(&self.text).context("the roster is not UTF-8")
    }

    /// Returns true if a column of the roster names templates.
    pub fn has_templates(&self) -> bool {
        self.columns.template.is_some()
    }

    fn records(&self) -> Records<'_> {
        // Rows of another length are told in our words.
        let reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .from_reader(&self.text[..]);
        Records {
            text: &self.text,
            reader,
            next_line: 1,
            next_byte: 0,
        }
    }

    fn parse_row(&self, record: &ByteRecord) -> Result<Row> {
        let columns = &self.columns;
        if record.len() != columns.count {
            let (has, wants) = (record.len(), columns.count);
            let s = if has == 1 { "" } else { "s" };
            bail!("the line has {has} cell{s}, the first line has {wants}");
        }
        let cell = |at: usize| -> Result<&str> {
            let bytes = record.get(at).unwrap_or_default();
            std::str::from_utf8(bytes).map_err(|_| anyhow!("cell {} is not UTF-8", at + 1))
        };
        let given = |at: Option<usize>| -> Result<Option<&str>> {
            let text = at.map(cell).transpose()?.map(str::trim);
            Ok(text.filter(|text| !text.is_empty()))
        };
        let user = parse_user(given(Some(columns.user))?)?;
        let name = match given(columns.name)? {
            Some(name) => name.parse()?,
            None => labels::to_name_part(user.as_str()).parse()?,
        };
        let mut parameters = BTreeMap::new();
        for (at, parameter) in &columns.parameters {
            let value = cell(*at)?;
            if !value.is_empty() {
                parameters.insert(parameter.clone(), value.to_owned());
            }
        }
        Ok(Row {
            user,
            name,
            template: given(columns.template)?.map(str::parse).transpose()?,
            preset: given(columns.preset)?.map(str::to_owned),
            namespace: given(columns.namespace)?.map(str::parse).transpose()?,
            timeout: given(columns.timeout)?.map(str::to_owned),
            parameters,
        })
    }
}

fn parse_user(cell: Option<&str>) -> Result<UserId> {
    let Some(text) = cell else {
        bail!("the user is missing");
    };
    if text.starts_with(FORMULA_BEGINNINGS) {
        bail!("invalid user id {text:?}: begins like a spreadsheet formula");
    }
    UserId::parse_for_new_session(text)
}

/// Records of a text with the line of each. Every kind of line end counts, also where they are mixed.
struct Records<'t> {
    text: &'t [u8],
    reader: Reader<&'t [u8]>,
    next_line: u64,
    next_byte: usize,
}

impl Iterator for Records<'_> {
    type Item = (u64, Result<ByteRecord>);

    fn next(&mut self) -> Option<Self::Item> {
        let mut record = ByteRecord::new();
        let read = self.reader.read_byte_record(&mut record);
        let mut end = usize::try_from(self.reader.position().byte()).unwrap_or(usize::MAX);
        end = end.min(self.text.len());
        // The reader stops between CR and LF, which are one line end.
        if end > 0 && self.text[..end].ends_with(b"\r") && self.text[end..].starts_with(b"\n") {
            end += 1;
        }
        let raw = self.text.get(self.next_byte..end).unwrap_or_default();
        let blank = raw.iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
        let line = self.next_line + count_line_ends(&raw[..blank.count()]);
        (self.next_line, self.next_byte) = (self.next_line + count_line_ends(raw), end);
        match read {
            Ok(false) => None,
            // A quote that is not closed would take the rest of the file into one cell.
            Ok(true) if raw.iter().filter(|byte| **byte == b'"').count() % 2 == 1 => Some((
                line,
                Err(anyhow!("a double quote is neither closed nor doubled")),
            )),
            Ok(true) => Some((line, Ok(record))),
            Err(error) => Some((line, Err(anyhow!("{error}")))),
        }
    }
}

fn count_line_ends(bytes: &[u8]) -> u64 {
    let mut before = b' ';
    let mut count = 0;
    for byte in bytes {
        let is_end = *byte == b'\r' || (*byte == b'\n' && before != b'\r');
        count += u64::from(is_end);
        before = *byte;
    }
    count
}

#[cfg(test)]
#[path = "reader_tests.rs"]
mod tests;
