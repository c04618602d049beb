//! Checker of one document: the path of the field that its type reads, and the findings so far.

use serde_json::Value;

use super::super::manifest::{Manifest, ManifestDocument};
use super::super::node::{MappingEntry, Scalar};
use super::super::parameter::{RESERVED_PARAMETERS, shorten_value};
use super::super::parameters::Parameters;
use super::super::path_step::{PathStep, json_pointer};
use super::super::resolve::most_similar;
use super::super::scalar::parse_plain_scalar;
use super::super::scalar_context::ScalarContext;
use super::super::source::SourceLocation;
use super::finding::{Findings, Severity};
use super::objects::{default_text, has_invalid_default};

/// The Kubernetes version of the types: the feature of k8s-openapi in Cargo.toml.
const TYPES_VERSION: &str = "1.33";

/// Reads one document and reports what does not fit.
pub(super) struct FieldChecker<'d> {
    pub(super) manifest: &'d Manifest,
    pub(super) document: &'d ManifestDocument,
    pub(super) parameters: &'d Parameters,
    /// Path of the node that is being read.
    pub(super) path: Vec<PathStep<'d>>,
    pub(super) findings: &'d mut Findings,
}

impl<'d> FieldChecker<'d> {
    /// Reports what is wrong with the value of the node that is being read.
    pub(super) fn report_value(&mut self, place: SourceLocation, reason: &str) {
        let message = format!("{} {reason}", json_pointer(&self.path));
        self.report(place, message, None);
    }

    fn report(&mut self, place: SourceLocation, message: String, hint: Option<String>) {
        let mut problem = self.manifest.problem_at(place, message);
        problem.hint = hint;
        self.findings.push(Severity::Error, problem);
    }

    /// Reports the keys of a mapping that are none of the fields of the type.
    pub(super) fn check_keys(
        &mut self,
        type_name: &str,
        fields: &[&str],
        entries: &[MappingEntry],
    ) {
        for entry in entries {
            let key = entry.key.as_str();
            if fields.contains(&key) {
                continue;
            }
            let unknown = format!("unknown field {:?} of {type_name}", shorten_value(key));
            let (message, hint) = match most_similar(key, fields.iter().copied()) {
                Some(similar) => (format!("{unknown}: did you mean {similar:?}?"), None),
                None => {
                    let hint = format!("lint knows the fields of Kubernetes {TYPES_VERSION}");
                    (unknown, Some(hint))
                }
            };
            self.report(entry.location, message, hint);
        }
    }

    /// Returns the value that a scalar has when it is rendered, or `None` if that is not known or checked elsewhere.
    pub(super) fn scalar_value(&self, scalar: &Scalar) -> Option<Value> {
        let position = ScalarContext::at_path(&self.document.object_type, &self.path);
        if matches!(
            position,
            ScalarContext::SecretData | ScalarContext::Quantity
        ) {
            return None;
        }
        let typed = |text: &str| match scalar.is_plain() && !position.is_string_only() {
            true => parse_plain_scalar(text),
            false => Value::from(text),
        };
        if let Some(literal) = scalar.literal() {
            let is_null = scalar.is_plain() && parse_plain_scalar(literal).is_null();
            return Some(if is_null { Value::Null } else { typed(literal) });
        }
        let placeholder = scalar.whole_placeholder();
        if placeholder.is_none() || position.is_string_only() {
            return Some(Value::from(scalar.text.as_str()));
        }
        let is_reserved =
            placeholder.is_some_and(|var| RESERVED_PARAMETERS.contains(&var.name.as_str()));
        if is_reserved || has_invalid_default(scalar, self.parameters) {
            return None;
        }
        let text = default_text(scalar, self.parameters, position);
        match text {
            Some(text) if scalar.is_quoted_number(position, &text) => {
                Some(parse_plain_scalar(&text))
            }
            Some(text) => Some(typed(&text)),
            None if scalar.is_plain() || position == ScalarContext::NumberOrBoolean => None,
            None => Some(Value::from(scalar.text.as_str())),
        }
    }
}
