//! Known sessions: digests of the texts (manifests, parameters) that this user has stored in a session or agreed to, one small
//! file per session.
//!
//! Like ssh's known_hosts: the user must confirm an unknown session, and is warned about one whose texts have changed. A file
//! is written to a temporary name and renamed, so that other processes never read half of it. A file that cannot be parsed,
//! is too large, or is writable by others is ignored.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::SystemTime;

use sha2::{Digest as _, Sha256};

use super::{create_private_folder, replace_private_file};

/// Largest file, in bytes. Larger files are neither written nor read.
const FILE_MAX: u64 = 256 * 1024;
/// Largest number of files. When it is reached, the least recently written are deleted.
const SESSIONS_MAX: usize = 2000;
/// Number of files that a process writes between two looks at how many there are: a class of hundreds would read the whole folder
/// for each of its sessions.
const WRITES_PER_PRUNE: usize = 100;
/// First line of a file. Files of another version are ignored.
const HEAD: &str = "kubectl-session known texts v1";

/// SHA-256 digests of texts in lower-case hex, by the path of the field that holds the text.
pub type Digests = BTreeMap<String, String>;

/// Returns the SHA-256 of `text` in lower-case hex.
pub fn sha256_hex(text: &str) -> String {
    let bytes = Sha256::digest(text.as_bytes());
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The digests of all sessions of one server.
#[derive(Debug, Default)]
pub struct KnownSessions {
    /// Folder of the files; with `None`, digests are kept only in memory.
    folder: Option<PathBuf>,
    server: String,
    /// Digests stored by this process. Used even if the file could not be written.
    in_memory: Mutex<BTreeMap<String, Digests>>,
    /// Number of files written by this process.
    written: AtomicUsize,
    /// True if `--trust-manifest` was given: the user trusts all stored texts in this run.
    trust_all: AtomicBool,
}

impl KnownSessions {
    /// Opens the digests for `server`, in `known_sessions` below `folder`.
    pub fn new(folder: Option<PathBuf>, server: &str) -> Self {
        Self {
            folder: folder.map(|folder| folder.join("known_sessions")),
            server: server.to_owned(),
            ..Self::default()
        }
    }

    /// Trusts all stored texts from now on if `word` is true. Set from `--trust-manifest`; cannot be undone.
    pub fn trust_all(&self, word: bool) {
        self.trust_all.fetch_or(word, Ordering::Relaxed);
    }

    /// Returns true if all stored texts are trusted.
    pub fn trusts_all(&self) -> bool {
        self.trust_all.load(Ordering::Relaxed)
    }

    /// Returns the digests of the session with this UID; empty for an unknown session.
    pub fn digests_of(&self, uid: &str) -> Digests {
        let fresh = self.in_memory.lock().ok();
        let fresh = fresh.and_then(|fresh| fresh.get(uid).cloned());
        let read = || self.file(uid).and_then(|file| read(&file));
        fresh.or_else(read).unwrap_or_default()
    }

    /// Stores digests for a session by area. Those of an area replace all stored digests whose key begins with its name.
    ///
    /// # Errors
    /// If the file cannot be written. The digests are then still known to this process.
    pub fn store_digests(&self, uid: &str, areas: &[(&str, Digests)]) -> io::Result<()> {
        let mut all = self.digests_of(uid);
        for (area, digests) in areas {
            all.retain(|key, _| !key.starts_with(area));
            all.extend(digests.clone());
        }
        if let Ok(mut fresh) = self.in_memory.lock() {
            fresh.insert(uid.to_owned(), all.clone());
        }
        let Some(file) = self.file(uid) else {
            return Ok(());
        };
        let text = format_file(&all)?;
        let folder = file.parent().unwrap_or(&file);
        create_private_folder(folder)?;
        let written = self.written.fetch_add(1, Ordering::Relaxed);
        if written.is_multiple_of(WRITES_PER_PRUNE) {
            prune_files(folder);
        }
        replace_private_file(&file, &text)
    }

    /// Returns the file of a session. Server and UID are untrusted text, so the file name is their digest.
    fn file(&self, uid: &str) -> Option<PathBuf> {
        let name = sha256_hex(&format!("{}\n{uid}", self.server));
        Some(self.folder.as_ref()?.join(name))
    }
}

fn read(file: &Path) -> Option<Digests> {
    let folder = fs::symlink_metadata(file.parent()?).ok()?;
    let found = fs::symlink_metadata(file).ok()?;
    if !folder.is_dir() || !found.is_file() || !is_private(&folder) || !is_private(&found) {
        return None;
    }
    let mut text = String::new();
    let opened = fs::File::open(file).ok()?;
    opened.take(FILE_MAX + 1).read_to_string(&mut text).ok()?;
    if text.len() as u64 > FILE_MAX {
        return None;
    }
    parse(&text)
}

/// Parses a file: the header, then lines of a digest and a field path. Returns `None` if any line is malformed or the last
/// line break is missing.
fn parse(text: &str) -> Option<Digests> {
    let body = text.strip_prefix(HEAD)?.strip_prefix('\n')?;
    if !body.is_empty() && !body.ends_with('\n') {
        return None;
    }
    body.lines()
        .map(|line| {
            let (digest, key) = line.split_once(' ')?;
            let hex = digest.len() == 64 && digest.bytes().all(|b| b.is_ascii_hexdigit());
            (hex && !key.is_empty()).then(|| (key.to_owned(), digest.to_owned()))
        })
        .collect()
}

/// Returns true if the file belongs to this user or root and is not writable by group or others.
#[cfg(unix)]
fn is_private(found: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    let us = rustix::process::geteuid().as_raw();
    found.mode() & 0o022 == 0 && (found.uid() == us || found.uid() == 0)
}

#[cfg(not(unix))]
fn is_private(_: &fs::Metadata) -> bool {
    true
}

/// Returns the text of a file, which [`parse`] reads.
fn format_file(digests: &Digests) -> io::Result<String> {
    let mut text = format!("{HEAD}\n");
    for (key, digest) in digests {
        // Field names are untrusted. One with a line break is not stored, so the user is asked again.
        if !key.contains(char::is_control) {
            text.push_str(&format!("{digest} {key}\n"));
        }
    }
    match text.len() as u64 > FILE_MAX {
        true => Err(io::Error::other("too many parameters")),
        false => Ok(text),
    }
}

/// Deletes the oldest files if there are too many. For a deleted one, the user is asked again.
fn prune_files(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    let paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    if paths.len() < SESSIONS_MAX {
        return;
    }
    let written = |path: &PathBuf| fs::symlink_metadata(path).and_then(|found| found.modified());
    let mut dated: Vec<(SystemTime, PathBuf)> = paths
        .into_iter()
        .map(|path| (written(&path).unwrap_or(SystemTime::UNIX_EPOCH), path))
        .collect();
    dated.sort();
    // Deletes a tenth more than necessary, so that the next writes need not delete again.
    let many = dated.len() - SESSIONS_MAX + SESSIONS_MAX / 10;
    for (_, path) in dated.into_iter().take(many) {
        let _ = fs::remove_file(path);
    }
}

#[cfg(test)]
#[path = "known_tests.rs"]
mod tests;
