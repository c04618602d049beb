//! Archives: `.tar.gz` of regular files alone, the same bytes for the same content.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use flate2::read::GzDecoder;
use flate2::{Compression, GzBuilder};
use sha2::{Digest as _, Sha256};
use tar::{Archive, Builder, EntryType, Header};

/// 2000-01-01T00:00:00Z: every file's time. tar complains of times near 1970.
const TIME: u64 = 946_684_800;

/// A file to be packed.
#[derive(Clone, Debug)]
pub struct Content {
    /// Its name in the archive.
    pub name: String,
    /// Where it is now.
    pub path: PathBuf,
    /// Whether it is to be run: mode 0755, else 0644.
    pub program: bool,
}

impl Content {
    /// A program.
    #[must_use]
    pub fn program(name: String, path: PathBuf) -> Self {
        Self {
            name,
            path,
            program: true,
        }
    }

    /// A text.
    #[must_use]
    pub fn text(name: &str, path: PathBuf) -> Self {
        Self {
            name: name.to_owned(),
            path,
            program: false,
        }
    }
}

/// A file in an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its path as it stands in the archive.
    pub path: PathBuf,
    /// Permission bits.
    pub mode: u32,
    /// Seconds since 1970.
    pub time: u64,
    /// Owner and group.
    pub owner: (u64, u64),
    /// Its bytes.
    pub content: Vec<u8>,
}

/// Packs files, sorted by name; equal content gives equal bytes, whoever packs and whenever.
///
/// # Errors
/// When a file cannot be read or the archive cannot be written.
pub fn pack(contents: &[Content], archive: &Path) -> Result<()> {
    let mut sorted: Vec<&Content> = contents.iter().collect();
    sorted.sort_by(|a, b| a.name.cmp(&b.name));
    let file =
        File::create(archive).with_context(|| format!("cannot write {}", archive.display()))?;
    // Neither a name nor a time in gzip's own header.
    let gzip = GzBuilder::new()
        .mtime(0)
        .write(BufWriter::new(file), Compression::best());
    let mut tar = Builder::new(gzip);
    for content in sorted {
        append(&mut tar, content)
            .with_context(|| format!("cannot pack {}", content.path.display()))?;
    }
    let mut file = tar
        .into_inner()
        .and_then(|gzip| gzip.finish())
        .context("cannot end the archive")?;
    file.flush()
        .with_context(|| format!("cannot write {}", archive.display()))
}

fn append(tar: &mut Builder<impl std::io::Write>, content: &Content) -> Result<()> {
    let file = File::open(&content.path)?;
    let mut header = Header::new_ustar();
    header.set_entry_type(EntryType::Regular);
    header.set_size(file.metadata()?.len());
    header.set_mode(if content.program { 0o755 } else { 0o644 });
    header.set_mtime(TIME);
    header.set_uid(0);
    header.set_gid(0);
    tar.append_data(&mut header, &content.name, file)?;
    Ok(())
}

/// Returns the files in an archive, in its order.
///
/// # Errors
/// When it is no `.tar.gz` or holds anything but regular files, which krew would refuse or we have not packed.
pub fn entries(archive: &Path) -> Result<Vec<Entry>> {
    let name = archive.file_name().unwrap_or_default().to_string_lossy();
    let file = File::open(archive).with_context(|| format!("cannot read {}", archive.display()))?;
    let mut tar = Archive::new(GzDecoder::new(BufReader::new(file)));
    let unreadable = || format!("{name} cannot be unpacked");
    let mut found = Vec::new();
    for entry in tar.entries().with_context(unreadable)? {
        let mut entry = entry.with_context(unreadable)?;
        ensure!(
            entry.header().entry_type().is_file(),
            "{name} holds {:?}, which is not a regular file",
            entry.path().with_context(unreadable)?
        );
        found.push(read(&mut entry).with_context(unreadable)?);
    }
    Ok(found)
}

fn read(entry: &mut tar::Entry<'_, impl std::io::Read>) -> Result<Entry> {
    let mut content = Vec::new();
    entry.read_to_end(&mut content)?;
    let header = entry.header();
    Ok(Entry {
        path: entry.path()?.into_owned(),
        mode: header.mode()?,
        time: header.mtime()?,
        owner: (header.uid()?, header.gid()?),
        content,
    })
}

/// A file's SHA-256 as 64 lower-case hex digits.
///
/// # Errors
/// When it cannot be read.
pub fn sha256(path: &Path) -> Result<String> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let digest = Sha256::digest(bytes);
    Ok(digest.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
#[path = "archive_tests.rs"]
mod tests;
