//! Extraction of literal Secret values from a manifest, so that they are not visible to everybody who can read the Session.

mod annotations_and_comments;
mod equivalence;
mod extractor;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use super::manifest::Manifest;
use super::parameter::RESERVED_PARAMETERS;
use super::problem::{Problem, Problems};
use super::source::{Source, SourceLocation};
use annotations_and_comments::SecretPattern;
use extractor::{Extractor, TextEdit};

/// A manifest without literal secrets, and the extracted values. Rendering the manifest with the values gives the same objects,
/// except for annotations of Secrets that repeat their data.
#[derive(Clone, PartialEq, Eq)]
pub struct ExtractedSecrets {
    /// Text of the manifest, with literal values in the data of Secrets replaced by placeholders, and without comments and
    /// annotations that may contain such values. All other bytes are unchanged.
    pub text: String,
    /// Values of the new placeholders, and defaults of placeholders that occur only in Secrets. All are secret parameters.
    /// Values given by the user take precedence.
    pub values: BTreeMap<String, String>,
    /// Comments and annotations that were removed.
    pub removed: Vec<Problem>,
    /// Passwords that remain in the text, because they are not in Secrets.
    pub visible_passwords: Vec<Problem>,
}

/// Extracts literal values of Secrets from a manifest.
///
/// # Errors
/// As [`Manifest::parse`]; a Secret's value that is also used elsewhere through an alias; a placeholder with two different
/// defaults.
pub fn extract_secret_literals(source: &Source) -> Result<ExtractedSecrets> {
    let manifest = Manifest::parse(source)?;
    let mut extractor = Extractor {
        manifest: &manifest,
        used_names: manifest.placeholder_names(),
        counts: BTreeMap::new(),
        only_in_secrets: only_in_secrets(&manifest),
        values: BTreeMap::new(),
        defaults: BTreeMap::new(),
        edits: BTreeMap::new(),
        emptied_annotations: BTreeSet::new(),
        dropped: Vec::new(),
        problems: Problems::default(),
    };
    extractor.extract_data();
    let telling = SecretPattern::from_values(&extractor);
    extractor.drop_annotations(&telling);
    extractor.check_aliases();
    extractor.drop_comments(&telling);
    let text = apply_edits(source.text(), extractor.edits.values());
    if extractor.problems.is_empty() {
        let moved = Source::new(source.name(), text.clone());
        let moved = moved.and_then(|source| Manifest::parse(&source));
        if !moved.is_ok_and(|moved| extractor.is_equivalent(&moved)) {
            let message = "cannot extract the values of Secrets: quote the values";
            let problem = manifest.problem_at(SourceLocation::default(), message);
            extractor.problems.push(problem);
        }
    }
    let extracted = ExtractedSecrets {
        text,
        values: extractor
            .values
            .into_iter()
            .chain(extractor.defaults)
            .collect(),
        removed: extractor.dropped,
        visible_passwords: manifest.find_plain_credentials(),
    };
    extractor
        .problems
        .into_result(extracted)
        .map_err(Problems::into_error)
}

/// Applies edits to a text.
fn apply_edits<'e>(text: &str, edits: impl Iterator<Item = &'e TextEdit>) -> String {
    let mut edits: Vec<&TextEdit> = edits.collect();
    edits.sort_by_key(|edit| edit.bytes.start);
    let (mut edited, mut from) = (String::with_capacity(text.len()), 0);
    for edit in edits {
        // An edit inside the previous one, such as a comment in the header of a replaced block, is skipped.
        if edit.bytes.end > from {
            edited.push_str(text.get(from..edit.bytes.start).unwrap_or_default());
            edited.push_str(&edit.text);
            from = edit.bytes.end;
        }
    }
    edited.push_str(text.get(from..).unwrap_or_default());
    edited
}

fn only_in_secrets(manifest: &Manifest) -> BTreeSet<String> {
    let placeholders = manifest.placeholders().into_iter();
    placeholders
        .filter(|placeholder| {
            placeholder.is_only_in_secrets()
                && !RESERVED_PARAMETERS.contains(&placeholder.name.as_str())
        })
        .map(|placeholder| placeholder.name)
        .collect()
}

impl std::fmt::Debug for ExtractedSecrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Extracted")
            .field("text", &self.text)
            .field("values", &self.values.keys())
            .finish()
    }
}
