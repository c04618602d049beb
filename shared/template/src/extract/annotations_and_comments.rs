//! Removal of annotations and comments that may contain the data of Secrets.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use regex::Regex;

use super::super::comments;
use super::super::path_step::PathStep;
use super::super::scalar_context::ScalarContext;
use super::super::source::SourceLocation;
use super::extractor::{Extractor, TextEdit};

/// Annotation in which kubectl stores a copy of the whole object, including the data of a Secret.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// Shortest value, in bytes, that is searched for in comments and annotations. Shorter ones occur everywhere.
const SEARCHED_VALUE_MIN: usize = 4;

/// A pattern that matches any extracted value, encoded or decoded. One pattern, because a file may have thousands of values
/// and comments. `None` if there are too many values for a pattern; then every text counts as a match.
pub(super) struct SecretPattern(Option<Regex>);

impl SecretPattern {
    pub(super) fn from_values(extractor: &Extractor<'_>) -> Self {
        let mut forms = BTreeSet::new();
        for value in extractor.values.values().chain(extractor.defaults.values()) {
            let plain = STANDARD.decode(value.trim()).ok();
            let plain = plain.and_then(|bytes| String::from_utf8(bytes).ok());
            for form in [Some(value.as_str()), plain.as_deref()]
                .into_iter()
                .flatten()
            {
                if form.trim().len() >= SEARCHED_VALUE_MIN {
                    forms.insert(regex::escape(form.trim()));
                }
            }
        }
        if forms.is_empty() {
            // An empty character class matches no text.
            return Self(Regex::new(r"[^\s\S]").ok());
        }
        let forms: Vec<String> = forms.into_iter().collect();
        Self(Regex::new(&forms.join("|")).ok())
    }

    /// Returns true if the text contains one of the values, or may contain one.
    fn matches(&self, text: &str) -> bool {
        self.0.as_ref().is_none_or(|pattern| pattern.is_match(text))
    }
}

impl Extractor<'_> {
    /// Empties annotations of Secrets that contain their data.
    pub(super) fn drop_annotations(&mut self, telling: &SecretPattern) {
        let manifest = self.manifest;
        for document in self.secrets() {
            document.visit_scalars(&mut |path, position, scalar| {
                let [.., PathStep::Key(key)] = path else {
                    return;
                };
                let filled = !scalar.text.is_empty() && !scalar.bytes.is_empty();
                if position != ScalarContext::Annotation
                    || !filled
                    || *key != LAST_APPLIED && !telling.matches(&scalar.text)
                {
                    return;
                }
                let Some(bytes) = self.source_range(scalar) else {
                    return;
                };
                let name = document.own_name().map_or("", |name| name.text.as_str());
                let message = format!(
                    "annotation {key} of Secret {name:?} is removed, because it may contain the Secret's data"
                );
                self.dropped.push(manifest.problem_at(scalar.location, message));
                self.emptied_annotations.insert(scalar.bytes.start);
                let text = "\"\"".to_owned();
                self.edits.insert(scalar.bytes.start, TextEdit { bytes, text });
            });
        }
    }

    /// Removes comments beside Secrets, and all others that contain an extracted value.
    pub(super) fn drop_comments(&mut self, telling: &SecretPattern) {
        let mut words = BTreeSet::new();
        for document in self.secrets() {
            document.visit_scalars(&mut |_, _, scalar| {
                if !scalar.bytes.is_empty() {
                    words.insert(scalar.bytes.start);
                }
            });
        }
        if words.is_empty() {
            return;
        }
        let Some(comments) = comments::find_comments(&self.manifest.source) else {
            let message = "cannot find the comments of the manifest: remove all comments";
            let problem = self.manifest.problem_at(SourceLocation::default(), message);
            return self.problems.push(problem);
        };
        for comment in comments {
            let mut words = words.range(comment.documents.0..);
            let beside = words.next().is_some_and(|word| *word < comment.documents.1);
            if !beside && !telling.matches(&comment.text) {
                continue;
            }
            let message = match beside {
                true => "a comment beside a Secret is removed",
                false => "a comment with the value of a Secret is removed",
            };
            self.dropped
                .push(self.manifest.problem_at(comment.location, message));
            let (bytes, text) = (comment.removal_range, String::new());
            self.edits
                .entry(bytes.start)
                .or_insert(TextEdit { bytes, text });
        }
    }
}
