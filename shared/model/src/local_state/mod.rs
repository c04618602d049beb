//! State kept on the user's machine between commands, in one folder that only the user can read.
//!
//! ```text
//! known_hosts      host keys of sessions, written by ssh
//! known_sessions/  digests of the texts that this user stored in each session or agreed to: KnownSessions
//! ```

mod known_sessions;

use std::io;
use std::path::{Path, PathBuf};

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
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(folder)
}
