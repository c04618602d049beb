//! State kept on the user's machine between commands, in one folder that only the user can read.
//!
//! ```text
//! known_hosts      host keys of sessions, written by ssh
//! host_keys/       a known_hosts file for each Host block of ssh's configuration
//! known_sessions/  digests of the texts that this user stored in each session or agreed to: KnownSessions
//! ```

mod known_sessions;

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

pub use known_sessions::{Digests, KnownSessions, sha256_hex};

/// Returns the state folder: `kubectl-session` in XDG_STATE_HOME, else in LOCALAPPDATA, else in ~/.local/state. Relative values
/// are ignored. Returns `None` if no variable is set. The folder may not exist yet.
#[expect(
    clippy::disallowed_methods,
    reason = "the only reader of the XDG folders"
)]
pub fn state_folder() -> Option<PathBuf> {
    let variable = |name: &str| {
        let value = std::env::var_os(name).map(PathBuf::from);
        value.filter(|path| path.is_absolute())
    };
    let base = variable("XDG_STATE_HOME")
        .or_else(|| variable("LOCALAPPDATA"))
        .or_else(|| Some(variable("HOME")?.join(".local/state")));
    Some(base?.join("kubectl-session"))
}

/// Creates a folder and its missing parents with mode 0700.
///
/// # Errors
/// If a folder cannot be created.
pub fn create_private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(folder)
}

/// Replaces the text of a file with mode 0600. It is written to a temporary name and renamed, so that other processes never read
/// half of it.
///
/// # Errors
/// If the file cannot be written or renamed; nothing has changed then.
pub fn replace_private_file(file: &Path, text: &str) -> io::Result<()> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let part = file.with_extension(format!("{}-{count}.part", std::process::id()));
    let written = write_new(&part, text).and_then(|()| fs::rename(&part, file));
    if written.is_err() {
        let _ = fs::remove_file(&part);
    }
    written
}

/// Creates a file with mode 0600. A leftover file of an earlier process with the same id is deleted first.
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
