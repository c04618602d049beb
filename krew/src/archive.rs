//! Archives: `.tar.gz`, of folders and regular files alone, the same bytes for the same content.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write as _};
use std::path::{Component, Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
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

/// An entry of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its path as it stands in the archive.
    pub path: PathBuf,
    /// Permission bits.
    pub mode: u32,
    /// Bytes.
    pub size: u64,
    /// Seconds since 1970.
    pub time: u64,
    /// Owner and group.
    pub owner: (u64, u64),
    /// Whether it is a folder.
    pub folder: bool,
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

/// What is in an archive.
///
/// # Errors
/// As [`unpack`].
pub fn entries(archive: &Path) -> Result<Vec<Entry>> {
    let mut found = Vec::new();
    read(archive, |entry, _| {
        found.push(entry);
        Ok(())
    })?;
    Ok(found)
}

/// Unpacks an archive as krew does.
///
/// # Errors
/// When it is no `.tar.gz`, holds anything but folders and regular files, leads out of `folder`, or cannot be written.
pub fn unpack(archive: &Path, folder: &Path) -> Result<()> {
    read(archive, |entry, content| {
        let target = folder.join(&entry.path);
        if entry.folder {
            return std::fs::create_dir_all(&target)
                .with_context(|| format!("cannot make {}", target.display()));
        }
        if let Some(parent) = target.parent() {
            std::fs::create_dir_all(parent)
                .with_context(|| format!("cannot make {}", parent.display()))?;
        }
        write(&target, entry.mode, content)
            .with_context(|| format!("cannot write {}", target.display()))
    })
}

fn write(target: &Path, mode: u32, content: &mut dyn std::io::Read) -> Result<()> {
    let mut file = File::create_new(target)?;
    std::io::copy(content, &mut file)?;
    set_mode(&file, mode)
}

#[cfg(unix)]
fn set_mode(file: &File, mode: u32) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    Ok(file.set_permissions(std::fs::Permissions::from_mode(mode))?)
}

#[cfg(not(unix))]
fn set_mode(_file: &File, _mode: u32) -> Result<()> {
    Ok(())
}

type Each<'a> = &'a mut dyn std::io::Read;

fn read(archive: &Path, mut each: impl FnMut(Entry, Each<'_>) -> Result<()>) -> Result<()> {
    let name = archive.file_name().unwrap_or_default().to_string_lossy();
    ensure!(name.ends_with(".tar.gz"), "{name} is no .tar.gz");
    let file = File::open(archive).with_context(|| format!("cannot read {}", archive.display()))?;
    let mut tar = Archive::new(GzDecoder::new(BufReader::new(file)));
    let unreadable = || format!("{name} cannot be unpacked");
    for entry in tar.entries().with_context(unreadable)? {
        let mut entry = entry.with_context(unreadable)?;
        let kind = entry.header().entry_type();
        // krew's words; 50 and 49 are the codes of symbolic and hard links.
        ensure!(
            kind.is_file() || kind.is_dir(),
            "unable to handle file type {}",
            kind.as_byte()
        );
        let found = described(&entry).with_context(unreadable)?;
        if found
            .path
            .components()
            .any(|part| !matches!(part, Component::Normal(_) | Component::CurDir))
        {
            bail!("{:?} leads out of the archive", found.path);
        }
        each(found, &mut entry)?;
    }
    Ok(())
}

fn described<R: std::io::Read>(entry: &tar::Entry<'_, R>) -> Result<Entry> {
    let header = entry.header();
    Ok(Entry {
        path: entry.path()?.into_owned(),
        mode: header.mode()?,
        size: header.size()?,
        time: header.mtime()?,
        owner: (header.uid()?, header.gid()?),
        folder: header.entry_type().is_dir(),
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
