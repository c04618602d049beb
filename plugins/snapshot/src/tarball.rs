//! Whether a tar stream is whole, and stays below the directory it is unpacked in. Pure: it reads and says what it has read.

use std::collections::HashSet;
use std::io::{self, Read};
use std::ops::Range;

use anyhow::{Result, anyhow, bail};
use sha2::{Digest, Sha256};
use tar::{Archive, Entry, EntryType};

/// A header, and what everything is padded to.
const BLOCK: u64 = 512;

/// What a tar stream holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Contents {
    /// Everything that is no directory.
    pub(crate) files: u64,
    /// Of the stream, in bytes.
    pub(crate) length: u64,
    /// SHA-256 of the stream, as lower-case hexadecimal digits.
    pub(crate) sha256: String,
    /// Where the entry of the directory itself stands: it is there already where the stream is unpacked, and often not the
    /// user's own, so that nobody but root may set its mode.
    pub(crate) itself: Vec<Range<u64>>,
}

/// Reads a tar stream to its end.
///
/// # Errors
/// One that is cut off or damaged; names that lead out of the directory it is unpacked in, by themselves or through a link;
/// device nodes.
pub(crate) fn examine(stream: impl Read) -> Result<Contents> {
    let mut hashed = Hashed::new(stream);
    let mut contents = Contents::default();
    let mut names = Names::default();
    let mut archive = Archive::new(&mut hashed);
    // Where the entry before has ended; unknown after a sparse file, whose parts stand elsewhere.
    let mut end = Some(0);
    for entry in archive.entries().map_err(damaged)? {
        let entry = entry.map_err(damaged)?;
        let parts = names.take(&entry)?;
        let (file, kind) = (entry.raw_file_position(), entry.header().entry_type());
        if kind != EntryType::Directory {
            contents.files += u64::from(kind != EntryType::XGlobalHeader);
        } else if let (true, Some(start)) = (parts.is_empty(), end) {
            contents.itself.push(start..file);
        }
        let padded = entry.size().div_ceil(BLOCK).saturating_mul(BLOCK);
        end = (kind != EntryType::GNUSparse).then(|| file.saturating_add(padded));
    }
    if hashed.ended {
        bail!("it is cut off: its end is not marked");
    }
    // Two blocks of nothing are the end; one has been read. Others may go on where we stop: nothing may come after it.
    let seen = hashed.length;
    rest_is_nothing(&mut hashed)?;
    if hashed.length < seen + BLOCK {
        bail!("it is cut off: its end is not whole");
    }
    contents.length = hashed.length;
    contents.sha256 = digits(hashed.hash);
    Ok(contents)
}

fn rest_is_nothing(stream: &mut impl Read) -> Result<()> {
    let mut buffer = vec![0; 32 * 1024];
    loop {
        let count = match stream.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(damaged(error)),
        };
        if buffer.iter().take(count).any(|byte| *byte != 0) {
            bail!("it goes on after its end");
        }
    }
}

/// Says what is wrong with a stream that cannot be read.
fn damaged(error: io::Error) -> anyhow::Error {
    let text = error.to_string();
    // The crate's words for a stream that ends too early are not of that kind.
    let early = ["unexpected EOF", "failed to read entire block"];
    let early = early.iter().any(|words| text.contains(words));
    if early || error.kind() == io::ErrorKind::UnexpectedEof {
        return anyhow!("it is cut off");
    }
    anyhow!("it is damaged: {text}")
}

/// A hash as text.
pub(crate) fn digits(hash: Sha256) -> String {
    let bytes = hash.finalize();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Names that were met.
#[derive(Debug, Default)]
struct Names {
    links: HashSet<Vec<u8>>,
}

impl Names {
    /// The parts of an entry's name; none for the directory itself.
    fn take<R: Read>(&mut self, entry: &Entry<'_, R>) -> Result<Vec<Vec<u8>>> {
        let path = entry.path_bytes();
        let kind = entry.header().entry_type();
        let parts = parts(&path)?;
        self.stays_inside(&path, &parts)?;
        match kind {
            EntryType::Symlink => {
                self.links.insert(parts.join(&b'/'));
            }
            EntryType::Link => {
                let target = entry.link_name_bytes().unwrap_or_default();
                self.stays_inside(&target, &self::parts(&target)?)?;
            }
            EntryType::Char | EntryType::Block => bail!("it holds a device: {}", shown(&path)),
            _ => {}
        }
        Ok(parts)
    }

    /// Nothing may be reached through a link that the stream itself brings.
    fn stays_inside(&self, path: &[u8], parts: &[Vec<u8>]) -> Result<()> {
        for length in 1..parts.len() {
            if self.links.contains(&parts[..length].join(&b'/')) {
                bail!("it holds a name that leads through a link: {}", shown(path));
            }
        }
        Ok(())
    }
}

fn parts(path: &[u8]) -> Result<Vec<Vec<u8>>> {
    if path.first() == Some(&b'/') {
        bail!("it holds an absolute name: {}", shown(path));
    }
    let parts = path.split(|byte| *byte == b'/');
    let parts = parts.filter(|part| !part.is_empty() && *part != b".");
    let parts: Vec<Vec<u8>> = parts.map(<[u8]>::to_vec).collect();
    if parts.iter().any(|part| part == b"..") {
        bail!(
            "it holds a name that leads out of its directory: {}",
            shown(path)
        );
    }
    Ok(parts)
}

fn shown(path: &[u8]) -> String {
    format!("{:?}", String::from_utf8_lossy(path))
}

/// A stream, and the hash of what was read of it.
struct Hashed<R> {
    inner: R,
    hash: Sha256,
    length: u64,
    /// Nothing more came.
    ended: bool,
}

impl<R: Read> Hashed<R> {
    fn new(inner: R) -> Self {
        Self {
            inner,
            hash: Sha256::new(),
            length: 0,
            ended: false,
        }
    }
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        let read = buffer.get(..count).unwrap_or_default();
        self.hash.update(read);
        self.length += count as u64;
        self.ended = count == 0 && !buffer.is_empty();
        Ok(count)
    }
}

#[cfg(test)]
#[path = "tarball_tests.rs"]
mod tests;
