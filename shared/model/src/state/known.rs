//! What this user has stored in each session, or agreed to: digests of texts, one small file a session.
//!
//! As with ssh's known_hosts, a session that is not known is asked about, and one that has changed is told. A file is written
//! whole and renamed, so that two processes never see half of one; what cannot be read, is too large, or could have been written
//! by somebody else, is as if it were not there.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::SystemTime;

use sha2::{Digest as _, Sha256};

use super::make_private;

/// A file that is larger is not ours.
const FILE_MAX: u64 = 256 * 1024;
/// Sessions that are remembered; the longest unused go first.
const SESSIONS_MAX: usize = 2000;
/// First line of a file: another one is of another version.
const HEAD: &str = "kubectl-session known texts v1";

/// SHA-256 of texts in lower-case hex, by the field that holds each.
pub type Digests = BTreeMap<String, String>;

/// SHA-256 of a text, in lower-case hex.
pub fn digest(text: &str) -> String {
    let bytes = Sha256::digest(text.as_bytes());
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The texts that this user has stored in the sessions of one server, or agreed to.
#[derive(Debug, Default)]
pub struct KnownSessions {
    /// Where the files are; `None` remembers for the life of the process alone.
    folder: Option<PathBuf>,
    server: String,
    /// What this process has remembered: it holds where no file could be written.
    fresh: Mutex<BTreeMap<String, Digests>>,
    /// The user trusts whatever is stored, for this call.
    trusting: AtomicBool,
}

impl KnownSessions {
    /// Those of a server, in files below `folder`.
    pub fn new(folder: Option<PathBuf>, server: &str) -> Self {
        Self {
            folder: folder.map(|folder| folder.join("known_sessions")),
            server: server.to_owned(),
            ..Self::default()
        }
    }

    /// Trusts whatever is stored, from now on, if `word` is true: `--trust-manifest`.
    pub fn trust_all(&self, word: bool) {
        self.trusting.fetch_or(word, Ordering::Relaxed);
    }

    /// True for `--trust-manifest`.
    pub fn trusts_all(&self) -> bool {
        self.trusting.load(Ordering::Relaxed)
    }

    /// What is known of the session with that UID; nothing for one that is not known.
    pub fn get(&self, uid: &str) -> Digests {
        let fresh = self.fresh.lock().ok();
        let fresh = fresh.and_then(|fresh| fresh.get(uid).cloned());
        let read = || self.file(uid).and_then(|file| read(&file));
        fresh.or_else(read).unwrap_or_default()
    }

    /// Remembers the digests in place of those of the same area, whose keys begin with `area`.
    ///
    /// # Errors
    /// When the file cannot be written; this process knows the session all the same.
    pub fn remember(&self, uid: &str, area: &str, digests: &Digests) -> io::Result<()> {
        if uid.is_empty() {
            return Ok(());
        }
        let mut all = self.get(uid);
        all.retain(|key, _| !key.starts_with(area));
        all.extend(digests.clone());
        if let Ok(mut fresh) = self.fresh.lock() {
            fresh.insert(uid.to_owned(), all.clone());
        }
        let Some(file) = self.file(uid) else {
            return Ok(());
        };
        write(&file, &all)
    }

    /// Server and UID are anybody's text: neither becomes part of a path.
    fn file(&self, uid: &str) -> Option<PathBuf> {
        let name = digest(&format!("{}\n{uid}", self.server));
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

/// Every line but the first is a digest and its field; one that is not makes the whole file unreadable, and so does an end
/// without a line break.
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

/// True if nobody but its owner, who is us or root, may write it.
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

fn write(file: &Path, digests: &Digests) -> io::Result<()> {
    let folder = file.parent().unwrap_or(file);
    make_private(folder)?;
    let mut text = format!("{HEAD}\n");
    for (key, digest) in digests {
        // A field is named by somebody else: what cannot stand in a line is not remembered, and asked about again.
        if !key.contains(char::is_control) {
            text.push_str(&format!("{digest} {key}\n"));
        }
    }
    if text.len() as u64 > FILE_MAX {
        return Err(io::Error::other("too many parameters"));
    }
    prune(folder);
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let part = file.with_extension(format!("{}-{count}.part", std::process::id()));
    let written = write_new(&part, &text).and_then(|()| fs::rename(&part, file));
    if written.is_err() {
        let _ = fs::remove_file(&part);
    }
    written
}

/// A new file for its owner alone; one that a process of the same id has left behind goes first.
fn write_new(path: &Path, text: &str) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(path)?.write_all(text.as_bytes())
}

/// Takes the longest unused files away where there are too many. Only sessions that are asked about again can be lost.
fn prune(folder: &Path) {
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
    // Some at once, so that not every write has to look at all of them.
    let many = dated.len() - SESSIONS_MAX + SESSIONS_MAX / 10;
    for (_, path) in dated.into_iter().take(many) {
        let _ = fs::remove_file(path);
    }
}

#[cfg(test)]
#[path = "known_tests.rs"]
mod tests;
