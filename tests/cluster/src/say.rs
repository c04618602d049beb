//! Progress lines: everything that is not an answer goes to the error stream, so that `eval "$(… env)"` stays clean.

use std::io::Write as _;

/// Writes one line to the error stream. A closed stream is no reason to stop a cluster half-way, so failures are ignored.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "cluster: {line}");
}
