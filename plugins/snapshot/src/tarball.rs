//! A tar stream that others made, read strictly and written anew.
//!
//! Programs differ in how they read an unusual archive. What reaches a container is therefore never the bytes of a user's
//! file: a stream is read entry by entry, each entry is checked, and written in one plain form that GNU, busybox and BSD tar
//! read alike. An archive that can be read in two ways is refused.
//!
//! ```text
//! source.rs   blocks, headers, extended headers ─► Entry
//! pax.rs      the records of an extended header
//! names.rs    where an entry stands among the others
//! plain.rs    an Entry as a plain header
//! ```

mod names;
mod pax;
mod plain;
mod source;

use std::collections::BTreeSet;
use std::io::{self, Read, Write};

use anyhow::Result;
use sha2::{Digest, Sha256};

use names::Names;
use source::{Kind, Source};

/// A header, and what everything is padded to.
const BLOCK: usize = 512;
/// What a file system takes for a file at least, and for a directory.
const UNIT: u64 = 4096;
/// So many names at the top of an archive are kept for the user to look at.
const TOP: usize = 6;

/// What a tar stream holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// Everything that is no directory.
    pub files: u64,
    /// All entries but that of the directory itself.
    pub entries: u64,
    /// Bytes that a file system needs for them.
    pub unpacked: u64,
    /// Files whose setuid or setgid bit is left out.
    pub privileged: u64,
    /// The first names below the directory, in order; one more than is shown stands for the rest.
    pub top: BTreeSet<String>,
    /// Of the stream as it was read, in bytes.
    pub length: u64,
    /// SHA-256 of the stream as it was read, as lower-case hexadecimal digits.
    pub sha256: String,
}

impl Contents {
    /// The names at the top of the archive, as a sentence has them.
    pub fn shown_top(&self) -> String {
        let shown: Vec<String> = self
            .top
            .iter()
            .take(TOP)
            .map(|n| format!("{n:?}"))
            .collect();
        let more = if self.top.len() > TOP {
            " and others"
        } else {
            ""
        };
        format!("{}{more}", shown.join(", "))
    }

    fn count(&mut self, entry: &source::Entry) {
        self.entries += 1;
        self.files += u64::from(entry.kind != Kind::Directory);
        self.privileged += u64::from(entry.is_privileged());
        let takes = match entry.kind {
            Kind::File => entry.size.div_ceil(UNIT).saturating_mul(UNIT),
            Kind::Directory => UNIT,
            Kind::Symlink | Kind::Link | Kind::Fifo => 0,
        };
        self.unpacked = self.unpacked.saturating_add(takes);
        if self.top.len() <= TOP {
            let first = entry.path.split(|byte| *byte == b'/').next();
            let first = String::from_utf8_lossy(first.unwrap_or_default());
            self.top.insert(first.into_owned());
        }
    }
}

/// Reads a tar stream to its end and writes the same entries to `out` in plain form. The entry of the directory itself is left
/// out: it is there already where the stream is unpacked, and often not the user's own, so that only root may set its mode.
/// Memory is bounded whatever the stream holds.
///
/// # Errors
/// A stream that is cut off, damaged, or can be read in two ways; names that lead out of the directory it is unpacked in, by
/// themselves or through a link; device nodes; more names than can be kept in mind. What `out` refuses.
pub fn transcode(stream: impl Read, out: &mut impl Write) -> Result<Contents> {
    let mut source = Source::new(Hashed::new(stream));
    let (mut names, mut contents) = (Names::default(), Contents::default());
    while let Some(entry) = source.next()? {
        if names.admit(&entry)? {
            contents.count(&entry);
            plain::write(&entry, out)?;
        }
        source.content(&entry, out)?;
    }
    out.write_all(&[0; 2 * BLOCK])?;
    out.flush()?;
    let hashed = source.end()?;
    contents.length = hashed.length;
    contents.sha256 = digits(hashed.hash);
    Ok(contents)
}

/// A hash as text.
pub(crate) fn digits(hash: Sha256) -> String {
    let bytes = hash.finalize();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A stream, and the length and hash of what has passed.
#[derive(Debug)]
pub(crate) struct Hashed<T> {
    pub(crate) inner: T,
    pub(crate) hash: Sha256,
    pub(crate) length: u64,
}

impl<T> Hashed<T> {
    pub(crate) fn new(inner: T) -> Self {
        Self {
            inner,
            hash: Sha256::new(),
            length: 0,
        }
    }

    fn passed(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        self.length += bytes.len() as u64;
    }
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.passed(buffer.get(..count).unwrap_or_default());
        Ok(count)
    }
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.passed(bytes.get(..count).unwrap_or_default());
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
#[path = "tarball_oracle_tests.rs"]
mod oracle_tests;
#[cfg(test)]
#[path = "tarball_tests.rs"]
mod tests;
