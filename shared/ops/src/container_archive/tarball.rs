//! Checks an untrusted tar stream and rewrites it in a plain form.
//!
//! Tar programs differ in how they read an unusual archive. A container therefore never receives the bytes of a user's
//! archive: the stream is read entry by entry, each entry is checked, and written in one plain form that GNU, busybox and
//! BSD tar read alike. An ambiguous archive is refused.
//!
//! ```text
//! tar_entry     an entry with the values of all its headers
//! tar_reader    blocks and extended headers ─► TarEntry     (pax: records of a PAX header)
//! entry_names   TarEntry ─► name checked against all earlier ones
//! entry_writer  TarEntry ─► plain header
//! ```

mod entry_names;
mod entry_writer;
mod hashing_stream;
mod pax;
mod tar_entry;
mod tar_reader;

use std::collections::BTreeSet;
use std::io::{Read, Write};

use anyhow::Result;

use entry_names::EntryNames;
use tar_entry::{BLOCK, EntryKind, TarEntry};
use tar_reader::TarReader;

pub(crate) use hashing_stream::{HashingStream, hex_digest};

/// Assumed allocation unit of a file system in bytes.
const ALLOCATION_UNIT: u64 = 4096;
/// Number of top-level names shown to the user.
const MAX_TOP_NAMES: usize = 6;

/// Summary of a tar stream: counts, sizes and checksum.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ArchiveContents {
    /// Number of entries that are not directories.
    pub files: u64,
    /// Number of entries, except that of the base directory itself.
    pub entries: u64,
    /// Bytes that a file system needs for the entries.
    pub unpacked_bytes: u64,
    /// Number of files whose setuid or setgid bit is removed.
    pub setid_files: u64,
    /// First top-level names in order; at most one more than are shown, which stands for the rest.
    pub top_names: BTreeSet<String>,
    /// Length of the original stream in bytes.
    pub stream_bytes: u64,
    /// SHA-256 of the original stream in lower-case hexadecimal.
    pub sha256: String,
}

impl ArchiveContents {
    /// Returns the top-level names as text for a message.
    pub fn top_names_text(&self) -> String {
        let shown: Vec<String> = self
            .top_names
            .iter()
            .take(MAX_TOP_NAMES)
            .map(|n| format!("{n:?}"))
            .collect();
        let more = if self.top_names.len() > MAX_TOP_NAMES {
            " and others"
        } else {
            ""
        };
        format!("{}{more}", shown.join(", "))
    }

    fn add_entry(&mut self, entry: &TarEntry) {
        self.entries += 1;
        self.files += u64::from(entry.kind != EntryKind::Directory);
        self.setid_files += u64::from(entry.is_privileged());
        let takes = match entry.kind {
            EntryKind::File => entry
                .size
                .div_ceil(ALLOCATION_UNIT)
                .saturating_mul(ALLOCATION_UNIT),
            EntryKind::Directory => ALLOCATION_UNIT,
            EntryKind::Symlink | EntryKind::HardLink | EntryKind::Fifo => 0,
        };
        self.unpacked_bytes = self.unpacked_bytes.saturating_add(takes);
        if self.top_names.len() <= MAX_TOP_NAMES {
            let first = entry.path.split(|byte| *byte == b'/').next();
            let first = String::from_utf8_lossy(first.unwrap_or_default());
            self.top_names.insert(first.into_owned());
        }
    }
}

/// Returns a count of files with its noun: `1 file`, `2 files`.
pub fn file_count(files: u64) -> String {
    match files {
        1 => "1 file".to_owned(),
        files => format!("{files} files"),
    }
}

/// Reads a tar stream to its end and writes its entries to `out` in plain form. The entry of the base directory itself is
/// dropped: the directory exists where the stream is unpacked, and often only root may set its mode. Memory is bounded for
/// any stream.
///
/// # Errors
/// A stream that is truncated, damaged or ambiguous; names that leave the base directory, directly or through a link;
/// device nodes; too many names. Write errors of `out`.
pub fn transcode(stream: impl Read, out: &mut impl Write) -> Result<ArchiveContents> {
    let mut source = TarReader::new(HashingStream::new(stream));
    let (mut names, mut contents) = (EntryNames::default(), ArchiveContents::default());
    while let Some(entry) = source.next_entry()? {
        if names.check_entry(&entry)? {
            contents.add_entry(&entry);
            entry_writer::write_entry(&entry, out)?;
        }
        source.copy_content(&entry, out)?;
    }
    out.write_all(&[0; 2 * BLOCK])?;
    out.flush()?;
    let hashed = source.read_end()?;
    contents.stream_bytes = hashed.length;
    contents.sha256 = hex_digest(hashed.hash);
    Ok(contents)
}

#[cfg(test)]
#[path = "tarball_oracle_tests.rs"]
mod oracle_tests;
#[cfg(test)]
#[path = "tarball_tests.rs"]
mod tests;
