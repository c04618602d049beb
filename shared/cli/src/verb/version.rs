//! Version of the suite.

/// Version of the suite, of all its programs.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Returns what `version` and `--version` print, as kubectl does.
pub fn version_text() -> String {
    format!("Client Version: v{VERSION}\n")
}
