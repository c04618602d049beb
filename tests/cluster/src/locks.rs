//! File locks beside the cluster's folder.
//!
//! | file | shared by | alone by |
//! |---|---|---|
//! | `.lock` | – | whoever starts or stops parts, for as long as that takes |
//! | `.use` | each test that uses the cluster | a test that kills or restarts parts |
//! | `.gate` | taken for a moment on the way to a shared `.use` | held while waiting for `.use` alone: else it would wait for ever behind a stream of shared users |
//!
//! `down` deletes the files while it holds them. Whoever waited for such a file gets a lock on a nameless file, notices, and starts over.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::folder::Folder;
use crate::say::say;

/// How a lock is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hold {
    Shared,
    Alone,
}

/// The right to start and stop parts. Waits for whoever has it, saying so.
pub(crate) fn change(folder: &Folder) -> Result<File> {
    acquire(
        &folder.beside("lock"),
        Hold::Alone,
        "waiting for another program that starts or stops the cluster",
    )
}

/// The right to use the cluster, shared or alone. Held for as long as the file lives.
pub(crate) fn lease(folder: &Folder, hold: Hold) -> Result<File> {
    let why = match hold {
        Hold::Shared => "waiting for a test that has the cluster to itself",
        Hold::Alone => "waiting for the tests that use the cluster",
    };
    let _gate = acquire(&folder.beside("gate"), hold, why)?;
    acquire(&folder.beside("use"), hold, why)
}

/// The use lock alone, if nobody has it now.
pub(crate) fn lease_if_unused(folder: &Folder) -> Result<Option<File>> {
    let path = folder.beside("use");
    let file = open(&path)?;
    match file.try_lock() {
        Ok(()) => Ok(is_named(&file, &path).then_some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("cannot lock {}", path.display()))
        }
    }
}

/// Deletes the lock files and, when nothing else is in it, the folder they lie in. Only for the holder of `change`.
pub(crate) fn remove(folder: &Folder) {
    for ending in ["use", "gate", "lock"] {
        let _ = std::fs::remove_file(folder.beside(ending));
    }
    if let Some(parent) = folder.root().parent() {
        let _ = std::fs::remove_dir(parent);
    }
}

fn acquire(path: &Path, hold: Hold, why: &str) -> Result<File> {
    loop {
        let file = open(path)?;
        let tried = if hold == Hold::Shared {
            file.try_lock_shared()
        } else {
            file.try_lock()
        };
        match tried {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                say(why);
                let waited = if hold == Hold::Shared {
                    file.lock_shared()
                } else {
                    file.lock()
                };
                waited.with_context(|| format!("cannot lock {}", path.display()))?;
            }
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("cannot lock {}", path.display()));
            }
        }
        if is_named(&file, path) {
            return Ok(file);
        }
    }
}

fn open(path: &Path) -> Result<File> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)
            .with_context(|| format!("cannot make {}", parent.display()))?;
    }
    let opened = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path);
    opened.with_context(|| format!("cannot open the lock file {}", path.display()))
}

fn is_named(file: &File, path: &Path) -> bool {
    match (file.metadata(), std::fs::metadata(path)) {
        (Ok(held), Ok(named)) => held.ino() == named.ino() && held.dev() == named.dev(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> Folder {
        let root = std::env::temp_dir()
            .join(format!("session-locks-{}", std::process::id()))
            .join(name);
        Folder::at(root).unwrap()
    }

    #[test]
    fn shared_users_keep_a_lone_one_out() {
        let folder = folder("shared");
        let first = lease(&folder, Hold::Shared).unwrap();
        let second = lease(&folder, Hold::Shared).unwrap();
        assert!(lease_if_unused(&folder).unwrap().is_none());
        drop((first, second));
        // A child that another test starts holds every open lock until it has become its program: wait for that.
        assert!((0..100).any(|_| {
            drop(lease(&folder, Hold::Alone).unwrap());
            lease_if_unused(&folder).unwrap().is_some()
        }));
        remove(&folder);
    }

    #[test]
    fn a_lock_whose_file_was_deleted_is_taken_anew() {
        let folder = folder("deleted");
        let held = change(&folder).unwrap();
        remove(&folder);
        let again = change(&folder).unwrap();
        assert!(
            is_named(&again, &folder.beside("lock")) && !is_named(&held, &folder.beside("lock"))
        );
        remove(&folder);
    }
}
