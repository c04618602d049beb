//! Checks of entry names: unique, below the base directory, and not reached through a link.

use std::collections::HashMap;

use anyhow::{Result, bail};
use sha2::{Digest, Sha256};

use super::tar_entry::{EntryKind, TarEntry};

/// Maximum depth of a path in directories.
const MAX_DEPTH: usize = 256;
/// Maximum length of a path in bytes on Linux, without the terminating byte.
const MAX_PATH_BYTES: usize = 4095;
/// Maximum length of a file name in bytes.
const MAX_NAME_BYTES: usize = 255;
/// Maximum number of names of an archive; they take about 300 MB of memory.
const MAX_NAMES: usize = 4_000_000;

/// Hash of a path, stored in place of the path to bound memory.
type PathHash = [u8; 20];

/// The names seen so far with their entry kinds.
#[derive(Debug)]
pub(super) struct EntryNames {
    seen: HashMap<PathHash, EntryKind>,
    limit: usize,
}

impl Default for EntryNames {
    fn default() -> Self {
        Self {
            seen: HashMap::new(),
            limit: MAX_NAMES,
        }
    }
}

impl EntryNames {
    /// Adds the name of an entry. Returns false for the entry of the base directory itself.
    ///
    /// # Errors
    /// A name below a link or a file; a duplicate, unless both are directories; a hard link to anything but an earlier file
    /// of the archive; too many names.
    pub(super) fn check_entry(&mut self, entry: &TarEntry) -> Result<bool> {
        let path = display_path(&entry.path);
        let Some((own, parents)) = path_hashes(&entry.path)
            .split_last()
            .map(|(k, p)| (*k, p.to_vec()))
        else {
            if entry.kind != EntryKind::Directory {
                bail!("entry {path} has no name and is not a directory");
            }
            return Ok(false);
        };
        for parent in parents {
            match self.seen.entry(parent).or_insert(EntryKind::Directory) {
                EntryKind::Directory => {}
                EntryKind::Symlink => bail!("entry {path} is below a symbolic link"),
                _ => bail!("entry {path} is below a file"),
            }
        }
        if entry.kind == EntryKind::HardLink {
            let target = path_hashes(&entry.link_target)
                .last()
                .and_then(|key| self.seen.get(key));
            if target != Some(&EntryKind::File) {
                let target = display_path(&entry.link_target);
                bail!(
                    "entry {path} is a hard link to {target}, which is not an earlier file of the archive"
                );
            }
        }
        // A hard link counts as a file: it can be the target of another hard link.
        let kind = match entry.kind {
            EntryKind::HardLink => EntryKind::File,
            kind => kind,
        };
        let before = self.seen.insert(own, kind);
        if before
            .is_some_and(|before| (before, kind) != (EntryKind::Directory, EntryKind::Directory))
        {
            bail!("entry {path} appears twice");
        }
        if self.seen.len() > self.limit {
            bail!("the archive has more than {} names", self.limit);
        }
        Ok(true)
    }
}

/// Returns the keys of all parent directories of a path, and last that of the path itself.
fn path_hashes(path: &[u8]) -> Vec<PathHash> {
    let mut hash = Sha256::new();
    let parts = path.split(|byte| *byte == b'/');
    let parts = parts.filter(|part| !part.is_empty());
    let key = parts.map(|part| {
        hash.update(part);
        hash.update(b"/");
        let mut key = PathHash::default();
        let whole = hash.clone().finalize();
        key.iter_mut().zip(whole).for_each(|(to, from)| *to = from);
        key
    });
    key.collect()
}

/// Normalizes a path relative to the base directory; empty for the base directory itself.
///
/// # Errors
/// A path that is absolute, leaves the base directory, or is too long for a file system.
pub(super) fn normalize_relative(path: &[u8]) -> Result<Vec<u8>> {
    let shown = display_path(path);
    if path.first() == Some(&b'/') {
        bail!("entry {shown} has an absolute path");
    }
    let parts = path.split(|byte| *byte == b'/');
    let parts: Vec<&[u8]> = parts
        .filter(|part| !part.is_empty() && *part != b".")
        .collect();
    if parts.contains(&b"..".as_slice()) {
        bail!("entry {shown} leaves the target directory");
    }
    let joined = parts.join(&b'/');
    let longest = parts.iter().map(|part| part.len()).max();
    if joined.len() > MAX_PATH_BYTES
        || parts.len() > MAX_DEPTH
        || longest.is_some_and(|length| length > MAX_NAME_BYTES)
    {
        bail!("entry {shown} has a name that is too long");
    }
    Ok(joined)
}

/// Returns a name for messages: quoted, with control characters escaped, and truncated if long.
pub(super) fn display_path(path: &[u8]) -> String {
    let text = String::from_utf8_lossy(path);
    match text.char_indices().nth(200) {
        Some((end, _)) => format!("{:?}…", text.get(..end).unwrap_or_default()),
        None => format!("{text:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str) -> TarEntry {
        TarEntry {
            kind: EntryKind::File,
            path: path.as_bytes().to_vec(),
            link_target: Vec::new(),
            size: 0,
            mode: 0,
            uid: 0,
            gid: 0,
            mtime: 0,
            user: Vec::new(),
            group: Vec::new(),
        }
    }

    #[test]
    fn names_are_counted_with_the_directories_that_nobody_named() {
        let mut names = EntryNames {
            limit: 4,
            ..EntryNames::default()
        };
        for path in ["a/b/c", "a/b/d"] {
            assert!(names.check_entry(&file(path)).unwrap());
        }
        let error = names.check_entry(&file("e")).unwrap_err().to_string();
        assert_eq!(error, "the archive has more than 4 names");
    }

    #[test]
    fn a_name_in_a_message_is_short_and_on_one_line() {
        assert_eq!(display_path(b"a\n\x1b\xff"), "\"a\\n\\u{1b}\u{fffd}\"");
        assert_eq!(display_path("\u{202e}".as_bytes()), "\"\\u{202e}\"");
        assert!(display_path(&[b'x'; 4000]).len() < 210);
    }
}
