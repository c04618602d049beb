//! Required fields that a document lacks: k8s-openapi's types write a required field even if none was read.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::super::node::Node;
use super::super::path_step::{PathStep, field_path};
use super::super::source::SourceLocation;

/// Ends of the paths of fields that the types require, but the API server (1.36) does not: each was left out in a request to
/// it. A field that has a default there, or whose empty value is a good one.
#[rustfmt::skip]
const NOT_ENFORCED: &[&[&str]] = &[
    // The server takes "rbac.authorization.k8s.io" and "True".
    &["roleRef", "apiGroup"],
    &["onPodConditions", "status"],
    // The empty value is a value: text, the number 0, a selector of all nodes, no rules, no limits.
    &["httpHeaders", "value"],
    &["sysctls", "value"],
    &["sleep", "seconds"],
    &["iscsi", "lun"],
    &["preferredDuringSchedulingIgnoredDuringExecution", "preference"],
    &["podFailurePolicy", "rules"],
    &["spec", "limits"],
    // References without a name lead nowhere, and the server lets them through.
    &["dataSource", "kind"],
    &["imagePullSecrets", "name"],
    &["cephfs", "secretRef", "name"],
    &["rbd", "secretRef", "name"],
    &["flexVolume", "secretRef", "name"],
    &["scaleIO", "secretRef", "name"],
    &["scaleIO", "secretRef"],
];

/// Search for the required fields that a document lacks.
#[derive(Default)]
pub(super) struct MissingFields<'d> {
    /// Path of the object that is being searched.
    path: Vec<PathStep<'d>>,
    /// Path of each missing field, with the location of the object that lacks it.
    pub(super) found: Vec<(SourceLocation, String)>,
}

impl<'d> MissingFields<'d> {
    /// Searches a node by what its type has written.
    pub(super) fn find(&mut self, node: &'d Node, written: &'d Value) {
        match (node, written) {
            (Node::Mapping(entries, place), Value::Object(fields)) => {
                // Null is taken for a missing value, as the server does.
                let entries = entries.iter().filter(|entry| !entry.value.is_null());
                let entries = entries.map(|entry| (entry.key.as_str(), &entry.value));
                self.find_in_object(&entries.collect(), *place, fields);
            }
            (Node::Sequence(items, _), Value::Array(values)) => {
                for (index, (item, value)) in items.iter().zip(values).enumerate() {
                    self.path.push(PathStep::Index(index));
                    self.find(item, value);
                    self.path.pop();
                }
            }
            _ => {}
        }
    }

    fn find_in_object(
        &mut self,
        entries: &BTreeMap<&str, &'d Node>,
        place: SourceLocation,
        fields: &'d Map<String, Value>,
    ) {
        for (key, value) in fields {
            // Metadata without a name is reported by the loader; the rest of it and the status are the server's.
            if self.path.is_empty() && matches!(key.as_str(), "metadata" | "status") {
                continue;
            }
            self.path.push(PathStep::Key(key));
            match entries.get(key.as_str()) {
                Some(field) => self.find(field, value),
                None if self.is_optional(value, fields) => {}
                None => self.found.push((place, field_path(&self.path))),
            }
            self.path.pop();
        }
    }

    /// Returns true if the server does not require the last field of the path, which was written with `fields`.
    fn is_optional(&mut self, value: &'d Value, fields: &Map<String, Value>) -> bool {
        const WHOLE_OBJECT: [&str; 3] = ["apiVersion", "kind", "metadata"];
        let keys = self.path.iter().filter_map(|step| match step {
            PathStep::Key(key) => Some(*key),
            PathStep::Index(_) => None,
        });
        let keys: Vec<&str> = keys.collect();
        if NOT_ENFORCED.iter().any(|end| keys.ends_with(end)) {
            return true;
        }
        match (keys.as_slice(), value) {
            // Read in any case, for its own required fields.
            ([.., "spec"], Value::Object(own)) => own.iter().all(|(key, value)| {
                self.path.push(PathStep::Key(key));
                let is_optional = self.is_optional(value, own);
                self.path.pop();
                is_optional
            }),
            // Type and metadata of an object inside another, such as a claim template.
            ([_, .., key], _) if WHOLE_OBJECT.contains(key) => {
                WHOLE_OBJECT.iter().all(|key| fields.contains_key(*key))
            }
            _ => false,
        }
    }
}
