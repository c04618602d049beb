//! A value that stands in an annotation.

use anyhow::Result;
use serde_json::Value;

use super::loader::{Mode, load};
use super::problem::Problems;
use super::source::Source;

/// The value of a text that is one YAML document, `$` being a character like any other; null where there is none.
///
/// # Errors
/// What is wrong with the text, with its place.
pub fn plain_value(source: &Source) -> Result<Value> {
    let (roots, problems) = load(source, Mode::Plain);
    let value = roots
        .first()
        .map(|root| root.to_value())
        .unwrap_or_default();
    problems.or(value).map_err(Problems::into_error)
}
