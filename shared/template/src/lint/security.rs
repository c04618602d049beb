//! Checks for privileges that a manifest requests, and for passwords in plain text.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::manifest::{Manifest, ManifestDocument};
use super::super::node::Node;
use super::super::parameters::Parameters;
use super::super::path_step::PathStep;
use super::super::scalar::parse_plain_scalar;
use super::super::scalar_context::ScalarContext;
use super::finding::{Findings, Severity};
use super::objects::default_text;
use session_model::objects::pod_security::{Level, TABLE_VERSION, Violation, find_violations};
use session_model::objects::privileges::granted_privilege;

/// Longest value, in bytes, that is checked. Bounds the work for defaults that are repeated many times.
const FIELD_MAX: usize = 1024;

pub(super) fn lint_security(manifest: &Manifest, parameters: &Parameters, findings: &mut Findings) {
    findings.extend(Severity::Warning, manifest.find_plain_credentials());
    for document in &manifest.documents {
        let known = DefaultRenderer {
            document,
            parameters,
        };
        let object = known.value(&document.root, &mut Vec::new());
        let kind = &document.object_type.kind;
        let name = document.own_name().map_or("", |name| name.text.as_str());
        if let Some(right) = granted_privilege(&object) {
            let message = format!("{kind} {name:?} requests a privilege: {right}");
            let problem = manifest.problem_at(document.root.location(), message);
            findings.push(Severity::Warning, problem);
        }
        let (restricted, privileges): (Vec<_>, Vec<_>) = find_violations(&object)
            .into_iter()
            .partition(|one| one.level == Level::Restricted);
        for one in &privileges {
            let message = format!("{kind} {name:?} requests a privilege: {one}");
            let place = document.root.nearest_to_pointer(&one.pointer).location();
            findings.push(Severity::Warning, manifest.problem_at(place, message));
        }
        let more: Vec<&Violation> = restricted
            .iter()
            .filter(|one| !privileges.iter().any(|other| other.pointer == one.pointer))
            .collect();
        if !more.is_empty() {
            let message = format!(
                "{kind} {name:?} violates Pod Security \"restricted\" of Kubernetes {TABLE_VERSION}: {}",
                by_container(&more)
            );
            let problem = manifest.problem_at(document.root.location(), message);
            findings.push(Severity::Info, problem);
        }
    }
}

/// Formats violations by container, such as `securityContext.runAsUser is 0; container "a": hostPort is 1, privileged is true`.
fn by_container(violations: &[&Violation]) -> String {
    let mut parts: BTreeMap<Option<&str>, Vec<&str>> = BTreeMap::new();
    for one in violations {
        let part = parts.entry(one.container.as_deref()).or_default();
        part.push(&one.description);
    }
    let parts = parts.iter().map(|(container, what)| match container {
        Some(container) => format!("container {container:?}: {}", what.join(", ")),
        None => what.join(", "),
    });
    parts.collect::<Vec<_>>().join("; ")
}

/// A document rendered with defaults. Placeholders without a default remain.
struct DefaultRenderer<'d> {
    document: &'d ManifestDocument,
    parameters: &'d Parameters,
}

impl<'d> DefaultRenderer<'d> {
    fn value(&self, node: &'d Node, path: &mut Vec<PathStep<'d>>) -> Value {
        match node {
            Node::Scalar(scalar) => {
                let position = ScalarContext::at_path(&self.document.object_type, path);
                let text = default_text(scalar, self.parameters, position);
                let text = text.filter(|text| text.len() <= FIELD_MAX);
                let text = text.unwrap_or_else(|| scalar.text.clone());
                let is_typed = scalar.is_plain() && !position.is_string_only()
                    || scalar.is_quoted_number(position, &text);
                match is_typed {
                    true => parse_plain_scalar(&text),
                    false => text.into(),
                }
            }
            Node::Sequence(items, _) => {
                let mut values = Vec::with_capacity(items.len());
                for (index, item) in items.iter().enumerate() {
                    path.push(PathStep::Index(index));
                    values.push(self.value(item, path));
                    path.pop();
                }
                values.into()
            }
            Node::Mapping(entries, _) => {
                let mut map = serde_json::Map::new();
                for entry in entries {
                    path.push(PathStep::Key(&entry.key));
                    map.insert(entry.key.clone(), self.value(&entry.value, path));
                    path.pop();
                }
                map.into()
            }
        }
    }
}
