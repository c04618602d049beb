//! The edits that move literal values of Secrets out of a manifest.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use granit_parser::ScalarStyle;

use super::super::credentials::to_parameter_case;
use super::super::manifest::{Manifest, ManifestDocument};
use super::super::node::Scalar;
use super::super::path_step::PathStep;
use super::super::placeholder::{PlaceholderRef, TextSegment};
use super::super::problem::{Problem, Problems};
use super::super::scalar_context::ScalarContext;

/// An edit of the manifest's text.
pub(super) struct TextEdit {
    pub(super) bytes: Range<usize>,
    pub(super) text: String,
}

/// The state of an extraction: the values that were found, and the edits that take them out of the text.
pub(super) struct Extractor<'m> {
    pub(super) manifest: &'m Manifest,
    pub(super) used_names: BTreeSet<String>,
    /// Number of times that each new name was requested.
    pub(super) counts: BTreeMap<String, usize>,
    pub(super) only_in_secrets: BTreeSet<String>,
    pub(super) values: BTreeMap<String, String>,
    /// Extracted defaults, by the name of their placeholder.
    pub(super) defaults: BTreeMap<String, String>,
    /// Edits by the first byte of the scalar, so that an alias does not edit its anchor twice.
    pub(super) edits: BTreeMap<usize, TextEdit>,
    /// First bytes of annotations whose value was removed.
    pub(super) emptied_annotations: BTreeSet<usize>,
    pub(super) dropped: Vec<Problem>,
    pub(super) problems: Problems,
}

impl<'m> Extractor<'m> {
    /// Iterates over the documents that are Secrets.
    pub(super) fn secrets(&self) -> impl Iterator<Item = &'m ManifestDocument> + use<'m> {
        let documents = self.manifest.documents.iter();
        documents.filter(|document| document.object_type.is_secret())
    }

    pub(super) fn extract_data(&mut self) {
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
    pub(super) fn check_aliases(&mut self) {
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
    pub(super) fn source_range(&self, scalar: &Scalar) -> Option<Range<usize>> {
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
