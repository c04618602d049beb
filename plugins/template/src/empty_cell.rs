//! Empty cells of tables and lines. Pure.

/// Text for an empty cell.
pub(crate) const NONE: &str = "<none>";

/// Returns the text, or `<none>` if it is empty.
pub(crate) fn or_none(text: &str) -> String {
    if text.is_empty() { NONE } else { text }.to_owned()
}
