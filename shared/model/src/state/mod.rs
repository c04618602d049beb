//! What the suite keeps on the user's machine between two calls, in one folder that is the user's alone.
//!
//! ```text
//! known_hosts      host keys of sessions, written by ssh
//! known_sessions/  what this user has stored in each session: known.rs
//! ```

mod known;

use std::io;
use std::path::{Path, PathBuf};

pub use known::{Digests, KnownSessions, digest};

/// The folder, as the XDG base directories have it; `None` where the environment names no home. It may not exist yet.
pub fn folder() -> Option<PathBuf> {
    let variable = |name: &str| {
        let value = std::env::var_os(name).map(PathBuf::from);
        value.filter(|path| path.is_absolute())
    };
    let base = variable("XDG_STATE_HOME")
        .or_else(|| variable("LOCALAPPDATA"))
        .or_else(|| Some(variable("HOME")?.join(".local/state")));
    Some(base?.join("kubectl-session"))
}

/// Makes a folder and those above it, for their owner alone.
///
/// # Errors
/// When it cannot be made.
pub fn make_private(folder: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(folder)
}
