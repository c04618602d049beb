//! Static checks of a template or manifest before it is used.

mod annotations;
mod connect;
mod field_checker;
mod fields;
mod finding;
mod node_reader;
mod objects;
mod references;
mod security;
mod spec;
mod spec_texts;

use super::manifest::Manifest;
use super::node::Node;
use super::parameter::{Parameter, ParameterType};
use super::parameters::{Parameters, TemplateParameter};
use super::problem::{Problem, Problems};
use super::source::Source;
use super::template_file::TemplateFile;
use finding::Findings;
pub use finding::{Finding, Severity};
use session_model::objects::primary_workload::{choose_primary, primary_candidates};

/// Checks a file: its SessionTemplates if it has any, else the manifest. Findings are sorted by location.
pub fn lint_source(source: &Source) -> Vec<Finding> {
    let mut findings = Findings::default();
    let (files, problems) = TemplateFile::parse_lenient(source);
    let is_template = !files.is_empty() || contains_template(source);
    if is_template {
        findings.extend(Severity::Error, problems);
        for file in &files {
            let (manifest, parameters) =
                lint_manifest(&file.manifest, &file.parameters, &mut findings);
            findings.forget_parameters(&file.unreadable_parameters);
            findings.extend(Severity::Warning, manifest.find_literal_secrets());
            objects::lint_shared_hosts(&manifest, &mut findings);
            spec::lint_spec(source, file, &manifest, &parameters, &mut findings);
            spec_texts::lint_texts(source, file, &parameters, &mut findings);
        }
    } else {
        let (manifest, _) = lint_manifest(source, &[], &mut findings);
        let objects = manifest.plain_objects();
        let has_candidates = !primary_candidates(&objects).is_empty();
        match choose_primary(&objects, None) {
            Ok(primary) => objects::lint_unstopped(&manifest, &primary, &mut findings),
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
    let mut findings = findings.0;
    // Findings without a location come last.
    findings.sort_by_key(|finding| match finding.problem.line {
        0 => (usize::MAX, 0),
        line => (line, finding.problem.column),
    });
    findings
}

/// Returns true if the file contains a SessionTemplate, even an unreadable one.
fn contains_template(source: &Source) -> bool {
    let (roots, _) = super::loader::load_documents(source, super::loader::PlaceholderMode::Plain);
    let kind = |root: &Node| {
        root.get("kind")
            .and_then(Node::scalar)
            .is_some_and(|kind| kind.text == "SessionTemplate")
    };
    roots.iter().any(kind)
}

fn lint_manifest(
    source: &Source,
    declared: &[Parameter],
    findings: &mut Findings,
) -> (Manifest, Parameters) {
    let (manifest, problems) = Manifest::parse_lenient(source);
    let broken = !problems.is_empty();
    findings.extend(Severity::Error, problems);
    let (parameters, problems) = Parameters::merge_lenient(declared, &manifest);
    findings.extend(Severity::Error, with_file_name(source, problems));
    findings.extend(Severity::Warning, parameters.find_visible_passwords());
    let exposed = parameters.find_exposed(&manifest).into_iter();
    exposed.for_each(|problem| findings.push_for_controller(problem));
    findings.extend(Severity::Error, manifest.find_cluster_scoped());
    findings.extend(Severity::Error, manifest.find_removed_apis());
    annotations::lint_annotations(&manifest, &parameters, findings);
    objects::lint_objects(&manifest, &parameters, findings);
    fields::lint_fields(&manifest, &parameters, findings);
    references::lint_references(&manifest, findings);
    security::lint_security(&manifest, &parameters, findings);
    for known in &parameters.entries {
        lint_parameter(source, known, broken, findings);
    }
    (manifest, parameters)
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
