//! Checks of a manifest's objects that need no values.

use super::super::api_rules;
use super::super::credentials::is_reminder;
use super::super::fill::RENDERED_TEXT_MAX;
use super::super::manifest::{Manifest, ManifestDocument};
use super::super::node::{Node, Scalar};
use super::super::parameters::Parameters;
use super::super::path_step::{PathStep, json_pointer};
use super::super::placeholder::TextSegment;
use super::super::problem::Problem;
use super::super::scalar::parse_plain_scalar;
use super::super::scalar_context::ScalarContext;
use super::super::scope::is_controller_kind;
use super::finding::{Findings, Severity};
use crate::ParameterRules as _;
use serde_json::Value;
use session_model::api::PrimaryRef;
use session_model::objects::Untyped;
use session_model::objects::custom_workload::{has_containers, is_custom_workload};
use session_model::objects::ownership::has_kind_and_name;
use session_model::objects::primary_workload::can_be_primary;

/// String fields, in which an unquoted placeholder could become a number.
const TEXT_FIELDS: [&str; 9] = [
    "image",
    "mountPath",
    "subPath",
    "workingDir",
    "path",
    "server",
    "key",
    "imagePullPolicy",
    "topologyKey",
];

impl Manifest {
    /// Returns the objects with their placeholders unchanged.
    pub(super) fn plain_objects(&self) -> Vec<Value> {
        let documents = self.documents.iter();
        documents.map(|document| document.root.to_value()).collect()
    }

    /// Returns the objects that can be a session's workload, as `Kind/name`.
    pub(super) fn workloads(&self) -> Vec<String> {
        let objects = self.plain_objects();
        let workloads = objects.iter().filter(|object| can_be_primary(object));
        workloads
            .map(|workload| format!("{}/{}", Untyped(workload).kind(), Untyped(workload).name()))
            .collect()
    }
}

impl Manifest {
    /// Returns a problem for each value that is a reminder to replace it.
    pub(super) fn find_reminders(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        for document in &self.documents {
            document.visit_scalars(&mut |path, _, scalar| {
                if is_reminder(&scalar.text) {
                    let field = json_pointer(path);
                    let message = format!(
                        "{field} must be changed: the value is a reminder such as CHANGE_ME"
                    );
                    problems.push(self.problem_at(scalar.location, message));
                }
            });
        }
        problems
    }
}

pub(super) fn lint_objects(manifest: &Manifest, parameters: &Parameters, findings: &mut Findings) {
    for document in &manifest.documents {
        let (api_version, kind) = (
            &document.object_type.api_version,
            &document.object_type.kind,
        );
        if !is_controller_kind(api_version, kind) {
            let message = format!(
                "{kind} ({api_version}) is created only by the command line, never by a controller"
            );
            let place = document.root.location();
            findings.push_for_controller(manifest.problem_at(place, message));
        }
        document.visit_scalars(&mut |path, position, scalar| {
            lint_scalar(
                manifest,
                document,
                parameters,
                (path, position, scalar),
                findings,
            );
        });
        document
            .root
            .visit_nodes(&mut Vec::new(), &mut |path, node| {
                lint_node(manifest, path, node, findings);
            });
    }
}

/// Checks for Ingress hosts that are the same in every session of a template: `create` refuses the second session.
pub(super) fn lint_shared_hosts(manifest: &Manifest, findings: &mut Findings) {
    let ingresses = manifest
        .documents
        .iter()
        .filter(|document| document.object_type.kind == "Ingress");
    for document in ingresses {
        document.visit_scalars(&mut |path, _, scalar| {
            let pointer = json_pointer(path);
            let is_host = pointer.starts_with("/spec/rules/") && pointer.ends_with("/host");
            if is_host && !scalar.text.is_empty() && scalar.placeholders().next().is_none() {
                let message = format!(
                    "host {:?} is the same in every session: only one session at a time can have it",
                    scalar.text
                );
                findings.push(
                    Severity::Warning,
                    manifest
                        .problem_at(scalar.location, message)
                        .with_hint("put ${SESSION_ID} into the host"),
                );
            }
        });
    }
}

/// Warns of objects of custom kinds beside the primary workload that most likely make Pods: no stop is known for them.
pub(super) fn lint_unstopped(manifest: &Manifest, primary: &PrimaryRef, findings: &mut Findings) {
    for document in &manifest.documents {
        let object = document.root.to_value();
        let (kind, name) = (Untyped(&object).kind(), Untyped(&object).name());
        let is_primary = has_kind_and_name(&object, &primary.kind, &primary.name);
        if is_primary || !is_custom_workload(&object) || !has_containers(&object) {
            continue;
        }
        let message = format!(
            "{kind}/{name} stays running when the session is stopped: only the primary workload's kind has a stop"
        );
        let place = document.root.get("kind").map(Node::location);
        let problem = manifest.problem_at(place.unwrap_or_default(), message);
        let hint = "make it a session of its own, as its primary workload";
        findings.push(Severity::Warning, problem.with_hint(hint));
    }
}

fn lint_scalar(
    manifest: &Manifest,
    document: &ManifestDocument,
    parameters: &Parameters,
    (path, position, scalar): (&[PathStep<'_>], ScalarContext, &Scalar),
    findings: &mut Findings,
) {
    let problem = |message: String| manifest.problem_at(scalar.location, message);
    if position.is_text() && ["{{", "{%"].iter().any(|form| scalar.text.contains(form)) {
        findings.push(
            Severity::Warning,
            problem("placeholder of another tool in free text is not replaced".into()),
        );
    }
    if position == ScalarContext::SecretData && scalar.placeholders().next().is_some() {
        let message = "a placeholder in data of a Secret must have a base64 value".to_owned();
        findings.push(
            Severity::Warning,
            problem(message).with_hint("use stringData"),
        );
    }
    lint_quotes(manifest, parameters, (path, position, scalar), findings);
    if has_invalid_default(scalar, parameters) {
        // Reported at the declaration.
        return;
    }
    if let Some(text) = default_text(scalar, parameters, position) {
        let is_null = scalar.is_plain() && scalar.literal().is_some_and(is_null_text);
        let is_typed = is_null
            || scalar.is_plain() && !position.is_string_only()
            || scalar.is_quoted_number(position, &text);
        let value = if is_typed {
            parse_plain_scalar(&text)
        } else {
            text.into()
        };
        let checked = api_rules::check_value(&document.object_type, path, position, &value);
        if let Err(violation) = checked {
            let problem = manifest.violation_at(scalar.location, violation);
            findings.push(Severity::Error, problem);
        }
    }
}

fn is_null_text(text: &str) -> bool {
    parse_plain_scalar(text).is_null()
}

/// Checks for an unquoted placeholder in a string field.
fn lint_quotes(
    manifest: &Manifest,
    parameters: &Parameters,
    (path, position, scalar): (&[PathStep<'_>], ScalarContext, &Scalar),
    findings: &mut Findings,
) {
    let unquoted = scalar.is_plain() && position == ScalarContext::Other;
    if let Some(var) = scalar.whole_placeholder().filter(|_| unquoted)
        && let Some(PathStep::Key(field)) = path.last()
        && TEXT_FIELDS.contains(field)
        && could_be_typed(parameters, &var.name)
    {
        let message =
            format!("{field} must be a string, but unquoted values such as 1 or true are not");
        let problem = manifest.problem_at(scalar.location, message);
        findings.push(
            Severity::Warning,
            problem.with_hint(format!(
                "quote the placeholder: {field}: \"${{{}}}\"",
                var.name
            )),
        );
    }
}

/// Returns true if the parameter accepts a value that YAML reads as a number or a boolean.
fn could_be_typed(parameters: &Parameters, name: &str) -> bool {
    let parameter = parameters.get(name);
    parameter.is_some_and(|parameter| {
        ["1", "true", "1e3", "null"]
            .iter()
            .any(|value| parameter.check_value(value).is_ok())
    })
}

/// Returns true if the declared default of one of the scalar's parameters is itself invalid.
pub(super) fn has_invalid_default(scalar: &Scalar, parameters: &Parameters) -> bool {
    scalar.placeholders().any(|var| {
        let parameter = parameters.get(&var.name);
        let default = parameter.and_then(|one| Some((one, one.default.as_deref()?)));
        default.is_some_and(|(parameter, default)| parameter.check_value(default).is_err())
    })
}

/// Returns the text of a scalar with the defaults of its parameters, or `None` if a parameter has no default. Parameters that
/// are always set are represented by the letter `x`.
pub(super) fn default_text(
    scalar: &Scalar,
    parameters: &Parameters,
    position: ScalarContext,
) -> Option<String> {
    if position.is_secret() && scalar.placeholders().next().is_some() {
        return None;
    }
    let mut text = String::new();
    for piece in &scalar.segments {
        match piece {
            _ if text.len() > RENDERED_TEXT_MAX => return None,
            TextSegment::Text(literal) => text.push_str(literal),
            TextSegment::Placeholder(var)
                if matches!(
                    var.name.as_str(),
                    "SESSION_ID" | "USER_ID" | "NAMESPACE" | "APPLICATION"
                ) =>
            {
                text.push('x');
            }
            TextSegment::Placeholder(var) => {
                let declared = parameters
                    .get(&var.name)
                    .and_then(|parameter| parameter.default.as_deref());
                text.push_str(declared.or(var.default.as_deref())?);
            }
        }
    }
    Some(text)
}

fn lint_node(manifest: &Manifest, path: &[PathStep<'_>], node: &Node, findings: &mut Findings) {
    if let (Node::Mapping(entries, _), true) = (node, !path.is_empty()) {
        for entry in entries {
            if let Err(reason) = api_rules::check_key(path, &entry.key) {
                findings.push(Severity::Error, manifest.problem_at(entry.location, reason));
            }
        }
    }
    match path {
        [
            ..,
            PathStep::Key("namespaceSelector"),
            PathStep::Key("matchLabels"),
            PathStep::Key("name"),
        ] => {
            let message = "namespaces do not have the label \"name\" by default";
            let problem = manifest.problem_at(node.location(), message);
            findings.push(
                Severity::Warning,
                problem
                    .with_hint("use the label kubernetes.io/metadata.name, which Kubernetes sets"),
            );
        }
        [
            ..,
            PathStep::Key("spec"),
            PathStep::Key("containers"),
            PathStep::Index(_),
        ] => {
            let missing: Vec<&str> = ["cpu", "memory"]
                .into_iter()
                .filter(|name| node.get_path(&["resources", "limits", name]).is_none())
                .collect();
            let name = node
                .get("name")
                .and_then(Node::scalar)
                .map_or(Untyped::NONE, |name| name.text.as_str());
            if !missing.is_empty() {
                let message = format!(
                    "container {name:?} has no limit for {}",
                    missing.join(" and ")
                );
                findings.push(
                    Severity::Warning,
                    manifest.problem_at(node.location(), message),
                );
            }
        }
        _ => {}
    }
}
