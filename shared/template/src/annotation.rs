//! YAML or JSON values in annotations.

use anyhow::Result;
use serde_json::Value;

use super::loader::{PlaceholderMode, load_documents};
use super::problem::Problems;
use super::source::Source;

/// Parses the first YAML document of a text, without placeholders: `$` has no special meaning. An empty text is null.
///
/// # Errors
/// All problems of the text, with line and column.
pub fn parse_plain_value(source: &Source) -> Result<Value> {
    let (roots, problems) = load_documents(source, PlaceholderMode::Plain);
    let value = roots
        .first()
        .map(|root| root.to_value())
        .unwrap_or_default();
    problems.into_result(value).map_err(Problems::into_error)
}
