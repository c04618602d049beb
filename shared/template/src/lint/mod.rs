//! Static checks of a template or manifest before it is used.

mod annotations;
mod connect;
mod field_checker;
mod fields;
mod finding;
mod missing_fields;
mod node_reader;
mod objects;
mod references;
mod security;
mod spec;
mod spec_texts;

use super::convert::unknown_session_fields;
use super::loader::{PlaceholderMode, load_documents};
use super::manifest::Manifest;
use super::node::Node;
use super::parameter::{Parameter, ParameterType};
use super::parameters::{Parameters, TemplateParameter};
use super::problem::{Problem, Problems};
use super::source::Source;
use super::template_file::{TemplateFile, manifest_source};
use finding::Findings;
pub use finding::{Finding, Severity};
use session_model::api::{API_VERSION, PrimaryRef, SessionSpec};
use session_model::foreign_error::decode_error_text;
use session_model::objects::primary_workload::{choose_primary, primary_candidates};

/// Checks a file: its SessionTemplates if it has any, else the manifest of a session. Findings are sorted by location.
pub fn lint_source(source: &Source) -> Vec<Finding> {
    lint_file(source, false)
}

/// Checks a file as [`lint_source`], but for a manifest that becomes a template, of which nothing is left out.
pub fn lint_template_source(source: &Source) -> Vec<Finding> {
    lint_file(source, true)
}

fn lint_file(source: &Source, becomes_template: bool) -> Vec<Finding> {
    let mut findings = Findings::default();
    let (files, problems) = TemplateFile::parse_lenient(source);
    let is_template = !files.is_empty() || contains_template(source);
    if is_template {
        findings.extend(Severity::Error, problems);
        for file in &files {
            let (manifest, problems) = Manifest::parse_lenient(&file.manifest);
            let parameters = lint_manifest(&manifest, problems, &file.parameters, &mut findings);
            findings.extend(Severity::Error, manifest.find_reminders());
            findings.forget_parameters(&file.unreadable_parameters);
            findings.extend(Severity::Warning, manifest.find_literal_secrets());
            objects::lint_shared_hosts(&manifest, &mut findings);
            spec::lint_spec(source, file, &manifest, &parameters, &mut findings);
            spec_texts::lint_texts(source, file, &parameters, &mut findings);
        }
    } else {
        match find_session(source) {
            Some(Ok(session)) if !becomes_template => {
                lint_session(source, &session, &mut findings);
            }
            Some(Err(problem)) => findings.push(Severity::Error, problem),
            _ => lint_plain_manifest(source, None, becomes_template, &mut findings),
        }
    }
    let mut findings = findings.0;
    // Findings without a location come last.
    findings.sort_by_key(|finding| match finding.problem.line {
        0 => (usize::MAX, 0),
        line => (line, finding.problem.column),
    });
    findings
}

/// Returns the Session of a file, or the problem of one beside other objects; `None` for any other file.
fn find_session(source: &Source) -> Option<Result<Node, Problem>> {
    let (mut roots, _) = load_documents(source, PlaceholderMode::Plain);
    let text = |root: &Node, key: &str| Some(root.get(key)?.scalar()?.text.clone());
    let is_session = |root: &Node| {
        text(root, "kind").as_deref() == Some("Session")
            && text(root, "apiVersion").as_deref() == Some(API_VERSION)
    };
    let session = roots.iter().position(is_session)?;
    let root = roots.swap_remove(session);
    if roots.is_empty() {
        return Some(Ok(root));
    }
    let message = "a Session must be the only object in its file";
    let problem = Problem::at(source.name(), root.location(), message.to_owned());
    Some(Err(problem.with_hint("put each Session in a separate file")))
}

/// Checks a Session as `create` reads it: its fields, and the manifest in its spec.
fn lint_session(source: &Source, session: &Node, findings: &mut Findings) {
    findings.extend(Severity::Warning, unknown_session_fields(source));
    let spec: Result<SessionSpec, _> =
        serde_json::from_value(session.get("spec").map(Node::to_value).unwrap_or_default());
    let spec = match spec {
        Ok(spec) => spec,
        Err(error) => {
            let message = format!("invalid Session: {}", decode_error_text(&error));
            let problem = Problem::at(source.name(), session.location(), message);
            return findings.push(Severity::Error, problem);
        }
    };
    if let Some(text) = session
        .get_path(&["spec", "manifest"])
        .and_then(Node::scalar)
    {
        match manifest_source(source, text) {
            Ok(manifest) => {
                lint_plain_manifest(&manifest, spec.primary.as_ref(), false, findings);
            }
            Err(error) => {
                let problem = Problem::at(source.name(), text.location, error.to_string());
                findings.push(Severity::Error, problem);
            }
        }
    }
}

/// Checks a manifest that is no template.
fn lint_plain_manifest(
    source: &Source,
    primary: Option<&PrimaryRef>,
    becomes_template: bool,
    findings: &mut Findings,
) {
    let (mut manifest, problems) = Manifest::parse_lenient(source);
    if becomes_template {
        findings.extend(Severity::Error, manifest.find_reminders());
    } else {
        // The notes and warnings of create.
        let adaptation = manifest.leave_out_foreign();
        findings.extend(Severity::Info, adaptation.notes);
        findings.extend(Severity::Warning, adaptation.warnings);
        findings.extend(Severity::Warning, manifest.find_reminders());
    }
    lint_manifest(&manifest, problems, &[], findings);
    let objects = manifest.plain_objects();
    let has_candidates = primary.is_none() && !primary_candidates(&objects).is_empty();
    match choose_primary(&objects, primary) {
        Ok(primary) => objects::lint_unstopped(&manifest, &primary, findings),
        Err(error) => {
            let problem = Problem::of_error(source.name(), Default::default(), &error);
            match has_candidates {
                // A flag chooses among several workloads.
                true => findings.push(Severity::Info, problem),
                // A document that does not parse may be the workload.
                false if findings.has_errors() => {}
                false => findings.push(Severity::Error, problem),
            }
        }
    }
}

/// Returns true if the file contains a SessionTemplate, even an unreadable one.
fn contains_template(source: &Source) -> bool {
    let (roots, _) = load_documents(source, PlaceholderMode::Plain);
    let kind = |root: &Node| {
        root.get("kind")
            .and_then(Node::scalar)
            .is_some_and(|kind| kind.text == "SessionTemplate")
    };
    roots.iter().any(kind)
}

fn lint_manifest(
    manifest: &Manifest,
    problems: Problems,
    declared: &[Parameter],
    findings: &mut Findings,
) -> Parameters {
    let source = &manifest.source;
    let broken = !problems.is_empty();
    findings.extend(Severity::Error, problems);
    let (parameters, problems) = Parameters::merge_lenient(declared, manifest);
    findings.extend(Severity::Error, with_file_name(source, problems));
    findings.extend(Severity::Warning, parameters.find_visible_passwords());
    let exposed = parameters.find_exposed(manifest).into_iter();
    exposed.for_each(|problem| findings.push_for_controller(problem));
    findings.extend(Severity::Error, manifest.find_cluster_scoped());
    findings.extend(Severity::Error, manifest.find_removed_apis());
    annotations::lint_annotations(manifest, &parameters, findings);
    objects::lint_objects(manifest, &parameters, findings);
    fields::lint_fields(manifest, &parameters, findings);
    references::lint_references(manifest, findings);
    security::lint_security(manifest, &parameters, findings);
    for known in &parameters.entries {
        lint_parameter(source, known, broken, findings);
    }
    parameters
}

/// Adds the file's name to problems of declarations, which have no location.
fn with_file_name(source: &Source, problems: Problems) -> Vec<Problem> {
    let name = |mut problem: Problem| {
        if problem.file.is_empty() {
            problem.file = source.name().to_owned();
        }
        problem
    };
    problems.into_iter().map(name).collect()
}

fn lint_parameter(
    source: &Source,
    known: &TemplateParameter,
    broken: bool,
    findings: &mut Findings,
) {
    let name = &known.parameter.name;
    let place = known
        .placeholder
        .iter()
        .flat_map(|placeholder| &placeholder.uses)
        .next();
    let place = place.map(|place| place.location).unwrap_or_default();
    let problem = |message: String| Problem::at(source.name(), place, message);
    let defaults = defaults(known);
    if known.is_secret() && !defaults.is_empty() {
        let problem = problem(format!(
            "secret {name} has a default, which everybody who can read the template knows"
        ));
        findings.push(
            Severity::Warning,
            problem.with_hint("remove the default: the secret is then generated"),
        );
    } else if defaults.len() > 1 {
        let message = format!(
            "parameter {name} has different defaults: {}",
            defaults.join(", ")
        );
        findings.push(Severity::Warning, problem(message));
    }
    if known.declared && known.parameter.required == Some(true) && known.parameter.default.is_some()
    {
        let message = format!("parameter {name} is required, so its default is never used");
        findings.push(Severity::Warning, problem(message));
    }
    if !known.declared && !broken {
        let message = format!(
            "undeclared parameter {name}: {}",
            describe_undeclared(known, &defaults)
        );
        findings.push(Severity::Info, problem(message));
    }
}

/// Returns the first few different defaults in the manifest.
fn defaults(known: &TemplateParameter) -> Vec<&str> {
    const ENOUGH: usize = 5;
    let mut defaults: Vec<&str> = Vec::new();
    for place in known
        .placeholder
        .iter()
        .flat_map(|placeholder| &placeholder.uses)
    {
        match place.default.as_deref() {
            Some(default) if defaults.len() < ENOUGH && !defaults.contains(&default) => {
                defaults.push(default)
            }
            _ => {}
        }
    }
    defaults
}

fn describe_undeclared(known: &TemplateParameter, defaults: &[&str]) -> String {
    match known.parameter.kind {
        ParameterType::Secret if known.generated_length().is_some() => {
            "a secret, generated if not given".to_owned()
        }
        ParameterType::Secret => "a secret".to_owned(),
        _ if known.is_required() => "a required string".to_owned(),
        _ => format!(
            "a string, by default {:?}",
            defaults.first().copied().unwrap_or_default()
        ),
    }
}
