//! Extraction of literal Secret values from a manifest, so that they are not visible to everybody who can read the Session.

mod annotations_and_comments;
mod equivalence;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use anyhow::Result;
use granit_parser::ScalarStyle;

use super::credentials::to_parameter_case;
use super::manifest::{Manifest, ManifestDocument};
use super::node::{PathStep, Scalar};
use super::parameter::RESERVED_PARAMETERS;
use super::placeholder::{PlaceholderRef, TextSegment};
use super::problem::{Problem, Problems};
use super::scalar_context::ScalarContext;
use super::source::{Source, SourceLocation};
use annotations_and_comments::SecretPattern;

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

struct TextEdit {
    bytes: Range<usize>,
    text: String,
}

struct Extractor<'m> {
    manifest: &'m Manifest,
    used_names: BTreeSet<String>,
    /// Number of times that each new name was requested.
    counts: BTreeMap<String, usize>,
    only_in_secrets: BTreeSet<String>,
    values: BTreeMap<String, String>,
    /// Extracted defaults, by the name of their placeholder.
    defaults: BTreeMap<String, String>,
    /// Edits by the first byte of the scalar, so that an alias does not edit its anchor twice.
    edits: BTreeMap<usize, TextEdit>,
    /// First bytes of annotations whose value was removed.
    emptied_annotations: BTreeSet<usize>,
    dropped: Vec<Problem>,
    problems: Problems,
}

impl<'m> Extractor<'m> {
    /// Iterates over the documents that are Secrets.
    fn secrets(&self) -> impl Iterator<Item = &'m ManifestDocument> + use<'m> {
        let documents = self.manifest.documents.iter();
        documents.filter(|document| document.object_type.is_secret())
    }

    fn extract_data(&mut self) {
        for document in self.secrets() {
            document.visit_scalars(&mut |path, position, scalar| match path {
                [.., PathStep::Key(key)] if position.is_secret() => {
                    self.extract_scalar(key, scalar)
                }
                _ if position.is_secret() => self.extract_scalar("VALUE", scalar),
                _ => {}
            });
        }
    }

    /// Reports edited values that are also used outside Secrets through an alias.
    fn check_aliases(&mut self) {
        let manifest = self.manifest;
        for document in &manifest.documents {
            document.visit_scalars(&mut |_, position, scalar| {
                let own = match position {
                    ScalarContext::Annotation => document.object_type.is_secret(),
                    position => position.is_secret(),
                };
                if !own && !scalar.bytes.is_empty() && self.edits.contains_key(&scalar.bytes.start)
                {
                    let message =
                        "a Secret's value is used outside of data through an alias: write the value instead";
                    self.problems.push(manifest.problem_at(scalar.location, message));
                }
            });
        }
    }

    fn extract_scalar(&mut self, key: &str, scalar: &'m Scalar) {
        if scalar.text.is_empty()
            || scalar.bytes.is_empty()
            || self.edits.contains_key(&scalar.bytes.start)
        {
            return;
        }
        let Some(bytes) = self.source_range(scalar) else {
            return;
        };
        let mut changed = false;
        let mut text = String::new();
        for piece in &scalar.segments {
            match piece {
                TextSegment::Text(literal) => {
                    changed = true;
                    let name = self.new_name(key);
                    text.push_str(&format!("${{{name}}}"));
                    self.values.insert(name, literal.clone());
                }
                TextSegment::Placeholder(var) => {
                    let moved = self.move_default(scalar, var);
                    changed |= moved;
                    match var.default.as_deref().filter(|_| !moved) {
                        Some(default) => text.push_str(&format!("${{{}:-{default}}}", var.name)),
                        None => text.push_str(&format!("${{{}}}", var.name)),
                    }
                }
            }
        }
        if changed {
            // JSON strings are valid YAML.
            let text = serde_json::Value::String(text).to_string();
            self.edits
                .insert(scalar.bytes.start, TextEdit { bytes, text });
        }
    }

    /// Extracts the default of a placeholder if it is a secret. Returns true if it was extracted.
    fn move_default(&mut self, scalar: &Scalar, var: &PlaceholderRef) -> bool {
        let Some(default) = var.default.as_ref().filter(|default| !default.is_empty()) else {
            return false;
        };
        if !self.only_in_secrets.contains(&var.name) {
            return false;
        }
        let known = self
            .defaults
            .entry(var.name.clone())
            .or_insert_with(|| default.clone());
        if known != default {
            let message = format!("placeholder {} has different defaults", var.name);
            self.problems
                .push(self.manifest.problem_at(scalar.location_of(var), message));
        }
        true
    }

    /// Returns an unused parameter name for a key: `db-password` gives `SECRET_DB_PASSWORD`, then `SECRET_DB_PASSWORD_2`.
    fn new_name(&mut self, key: &str) -> String {
        let word = to_parameter_case(key.chars().take(40));
        let first = format!("SECRET_{word}");
        let count = self.counts.entry(first.clone()).or_insert(0);
        loop {
            *count += 1;
            let name = match *count {
                1 => first.clone(),
                count => format!("{first}_{count}"),
            };
            if self.used_names.insert(name.clone()) {
                return name;
            }
        }
    }

    /// Returns the bytes of a scalar to replace. For a block they include the header, but not the line break after the block.
    fn source_range(&self, scalar: &Scalar) -> Option<Range<usize>> {
        let source = self.manifest.source.text();
        if !matches!(scalar.style, ScalarStyle::Literal | ScalarStyle::Folded) {
            return Some(scalar.bytes.clone());
        }
        let before = source.get(..scalar.bytes.start)?.trim_end();
        let line = before.rfind('\n').map_or(0, |at| at + 1);
        let header = before.get(line..)?;
        let begin = header
            .match_indices(['|', '>'])
            .map(|(at, _)| at)
            .find(|at| is_header(&header[*at..]))?;
        let content = source.get(scalar.bytes.clone())?.trim_end();
        Some(line + begin..scalar.bytes.start + content.len())
    }
}

/// Returns true for the header of a block scalar, with or without a comment.
fn is_header(text: &str) -> bool {
    let rest = text[1..].trim_start_matches(|c: char| c == '-' || c == '+' || c.is_ascii_digit());
    rest.trim_start().is_empty()
        || rest.starts_with([' ', '\t']) && rest.trim_start().starts_with('#')
}

impl std::fmt::Debug for ExtractedSecrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Extracted")
            .field("text", &self.text)
            .field("values", &self.values.keys())
            .finish()
    }
}
