//! Checks of the placeholders of a SessionTemplate outside its manifest: in primary workload, connection methods and hooks.

use super::super::node::Scalar;
use super::super::parameter::{ParameterType, RESERVED_PARAMETERS};
use super::super::parameters::Parameters;
use super::super::placeholder::{PlaceholderRef, TextSegment, split_placeholders};
use super::super::problem::problem_at;
use super::super::source::Source;
use super::super::template_file::TemplateFile;
use super::finding::{Findings, Severity};

/// Fields of the spec whose texts are filled in at a start.
const FIELDS: [&str; 3] = ["primary", "connect", "hooks"];

pub(super) fn lint_texts(
    source: &Source,
    file: &TemplateFile,
    parameters: &Parameters,
    findings: &mut Findings,
) {
    let spec = file.root.get("spec");
    for field in FIELDS {
        if let Some(node) = spec.and_then(|spec| spec.get(field)) {
            node.visit_scalars(&mut |_, scalar: &Scalar| {
                lint_text(source, field, scalar, parameters, findings);
            });
        }
    }
}

fn lint_text(
    source: &Source,
    field: &str,
    scalar: &Scalar,
    parameters: &Parameters,
    findings: &mut Findings,
) {
    let (segments, errors) = split_placeholders(&scalar.text);
    for error in errors {
        let problem = problem_at(source, scalar.location, error.message).with_hint(error.hint);
        findings.push(Severity::Error, problem);
    }
    for segment in segments {
        let TextSegment::Placeholder(var) = segment else {
            continue;
        };
        if let Some((message, hint)) = describe_problem(&var, field, parameters) {
            let problem = problem_at(source, scalar.location, message).with_hint(hint);
            findings.push(Severity::Error, problem);
        }
    }
}

/// Returns message and hint for a placeholder that cannot be filled in.
fn describe_problem(
    var: &PlaceholderRef,
    field: &str,
    parameters: &Parameters,
) -> Option<(String, String)> {
    let name = &var.name;
    match parameters.get(name) {
        Some(known) if known.kind == ParameterType::Secret => Some((
            format!("secret parameter {name} is used in spec.{field}"),
            "use secrets only in data and stringData of a Secret".to_owned(),
        )),
        None if var.default.is_none() && !RESERVED_PARAMETERS.contains(&name.as_str()) => Some((
            format!("unknown parameter {name} in spec.{field}"),
            format!(
                "declare the parameter in spec.parameters, or write $${{{name}}} for a literal ${{{name}}}"
            ),
        )),
        _ => None,
    }
}
