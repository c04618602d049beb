//! Texts and widths that several sections share.

use session_shared::Timestamp;
use session_shared::report::age;

/// Maximum length of a name in a column; a longer name gets its own line.
pub(super) const MAX_NAME_COLUMN: usize = 16;

/// Returns the text in place of a part that could not be read.
pub(super) fn unknown_text(why: &str) -> String {
    format!("<unknown> ({why})")
}

/// Returns the age of an RFC 3339 time.
pub(super) fn age_text(time: &str, now: Timestamp) -> String {
    age::age_since(time.parse().ok(), now)
}
