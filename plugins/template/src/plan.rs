//! The templates that `template apply` applies, with the findings of lint. Pure.

use anyhow::{Result, anyhow, bail};
use serde_json::{Value, json};
use session_shared::api::{API_VERSION, Parameter, ParameterType};
use session_shared::failure::{usage_error, with_hint};
use session_shared::labels;
use session_shared::names::TemplateName;
use session_shared::objects::Untyped;
use session_shared::objects::ownership::has_kind_and_name;
use session_shared::objects::primary_workload;
use session_shared::reconcile::read_manifest_settings;
use session_shared::template::{
    Finding, Manifest, Problem, RESERVED_PARAMETERS, Severity, Source, SourceLocation,
    extract_secret_literals, lint_source, lint_template_source, parse_plain_objects,
};

use crate::template_input;

/// Metadata fields set by the server. Files written with `show -o yaml` contain them, and apply removes them.
const SERVER_FIELDS: [&str; 6] = [
    "creationTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
];

/// The templates of a file, ready to be applied, and the findings of lint.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) objects: Vec<Value>,
    pub(crate) findings: Vec<Finding>,
}

/// Settings that make a template of a manifest; all `None` for a SessionTemplate, which defines its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TemplateNaming {
    pub(crate) name: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) primary: Option<String>,
}

/// Reads the templates of a file, or creates a template from a manifest.
///
/// # Errors
/// If the file also contains other objects, or contains a manifest and no name is given. Problems that lint finds are in the
/// findings.
pub(crate) fn plan_apply(source: &Source, naming: &TemplateNaming) -> Result<Plan> {
    let findings = lint_template_source(source);
    // The findings contain the reason already.
    let templates = match template_input::read_templates(source) {
        Ok(templates) => templates,
        Err(_) if has_errors(&findings) => {
            return Ok(Plan {
                objects: Vec::new(),
                findings,
            });
        }
        Err(error) => return Err(error),
    };
    if templates.is_empty() {
        return template_from_manifest(source, naming, findings);
    }
    if naming != &TemplateNaming::default() {
        return Err(usage_error(
            "--name, --description and --primary require a manifest: a SessionTemplate defines its own",
        ));
    }
    check_only_templates(source)?;
    let objects = templates
        .into_iter()
        .map(|one| without_server_fields(one.object))
        .collect();
    Ok(Plan { objects, findings })
}

/// Checks that a file contains only SessionTemplates of the supported apiVersion.
fn check_only_templates(source: &Source) -> Result<()> {
    let objects = parse_plain_objects(source)?;
    let other = objects
        .iter()
        .find(|(_, object)| Untyped(object).kind() != "SessionTemplate");
    if let Some((place, object)) = other {
        let error = anyhow!(
            "{}:{place}: cannot apply {} {:?} together with a SessionTemplate",
            source.name(),
            Untyped(object).kind(),
            Untyped(object).name()
        );
        return Err(with_hint(
            error,
            "apply the object with kubectl from a separate file",
        ));
    }
    for (place, object) in &objects {
        let version = Untyped(object).api_version();
        if version != API_VERSION {
            bail!(
                "{}:{place}: apiVersion of SessionTemplate {:?} must be {API_VERSION:?}, not {version:?}",
                source.name(),
                Untyped(object).name()
            );
        }
        Untyped(object).name().parse::<TemplateName>()?;
    }
    Ok(())
}

/// Creates a template from a manifest: the text unchanged, with declared parameters only for secrets.
fn template_from_manifest(
    source: &Source,
    naming: &TemplateNaming,
    mut findings: Vec<Finding>,
) -> Result<Plan> {
    let Some(name) = &naming.name else {
        let error = usage_error("--name is required to create a template from a manifest");
        return Err(with_hint(error, "use --name NAME"));
    };
    let name: TemplateName = name.parse()?;
    let mut object = json!({
        "apiVersion": API_VERSION,
        "kind": "SessionTemplate",
        "metadata": { "name": name.as_str() },
        "spec": {},
    });
    if let Some(description) = &naming.description {
        object["spec"]["description"] = description.as_str().into();
    }
    if let Some(primary) = &naming.primary {
        object["spec"]["primary"] = json!(primary_workload::parse_primary(primary)?);
    }
    for (field, value) in annotated_settings(source, &object["spec"]["primary"])? {
        object["spec"][field] = value;
    }
    object["spec"]["manifest"] = source.text().into();
    // The findings contain the errors already.
    if !has_errors(&findings) {
        let manifest = Manifest::parse(source)?;
        let secrets = secret_parameters(&manifest);
        if !secrets.is_empty() {
            object["spec"]["parameters"] = json!(secrets);
        }
        let more = template_findings(source, &object, &findings)?;
        findings.extend(more);
        // In the order of the file, as lint sorts them.
        findings.sort_by_key(|finding| match finding.problem.line {
            0 => (usize::MAX, 0),
            line => (line, finding.problem.column),
        });
    }
    Ok(Plan {
        objects: vec![object],
        findings,
    })
}

/// Returns the fields of a template's spec for which the primary workload of a manifest has annotations, so that the template
/// shows them. An annotation with a placeholder is left to the start, which reads it with the placeholder's value.
fn annotated_settings(source: &Source, primary: &Value) -> Result<Vec<(&'static str, Value)>> {
    // Mistakes of the manifest itself are lint's to report.
    let Ok(objects) = parse_plain_objects(source) else {
        return Ok(Vec::new());
    };
    let mut objects: Vec<Value> = objects.into_iter().map(|(_, object)| object).collect();
    let declared = serde_json::from_value(primary.clone()).ok();
    let Ok(primary) = primary_workload::choose_primary(&objects, declared.as_ref()) else {
        return Ok(Vec::new());
    };
    let is_primary = |object: &&mut Value| has_kind_and_name(object, &primary.kind, &primary.name);
    let workload = objects.iter_mut().find(is_primary);
    let annotations = workload
        .and_then(|workload| workload.pointer_mut("/metadata/annotations"))
        .and_then(Value::as_object_mut);
    let Some(annotations) = annotations else {
        return Ok(Vec::new());
    };
    annotations.retain(|_, text| !text.as_str().is_some_and(|text| text.contains("${")));
    let has_methods = annotations.contains_key(labels::CONNECT);
    let settings = read_manifest_settings(&objects, &primary)?;
    let mut fields = Vec::new();
    if has_methods {
        fields.push(("connect", json!(settings.connect)));
    }
    fields.extend(settings.hooks.map(|hooks| ("hooks", json!(hooks))));
    fields.extend(
        settings
            .lifetime
            .map(|lifetime| ("lifetime", json!(lifetime))),
    );
    Ok(fields)
}

/// Returns the findings that apply to a manifest only when it becomes a template.
fn template_findings(source: &Source, object: &Value, said: &[Finding]) -> Result<Vec<Finding>> {
    let warning = |problem| Finding {
        severity: Severity::Warning,
        for_controller: false,
        problem,
    };
    let known = |finding: &Finding| {
        let mut said = said.iter();
        said.any(|one| one.problem.message == finding.problem.message)
    };
    let mut errors = lint_source(&Source::new(source.name(), object.to_string())?);
    errors.retain(|finding| finding.severity == Severity::Error && !known(finding));
    for finding in &mut errors {
        // Locations in the generated object do not exist in the file.
        if finding.problem.file == source.name() {
            finding.problem.line = 0;
        }
        finding.problem.file = source.name().to_owned();
    }
    let mut found = errors;
    if extract_secret_literals(source).is_ok_and(|extracted| !extracted.values.is_empty()) {
        let message =
            "a Secret has literal values, which everybody who can read templates can read"
                .to_owned();
        let problem = Problem::at(source.name(), SourceLocation::default(), message);
        found.push(warning(problem.with_hint(
            "use placeholders ${NAME}: their values are given at create or generated",
        )));
    }
    Ok(found)
}

/// Returns the placeholders that occur only in Secrets as secret parameters.
fn secret_parameters(manifest: &Manifest) -> Vec<Parameter> {
    let placeholders = manifest.placeholders().into_iter();
    placeholders
        .filter(|one| one.is_only_in_secrets() && !RESERVED_PARAMETERS.contains(&one.name.as_str()))
        .map(|one| Parameter::new(one.name, ParameterType::Secret))
        .collect()
}

/// Removes the fields that only the server writes.
fn without_server_fields(mut object: Value) -> Value {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.retain(|key, _| !SERVER_FIELDS.contains(&key.as_str()));
    }
    if let Some(object) = object.as_object_mut() {
        object.shift_remove("status");
    }
    object
}

/// Returns true if the findings contain an error.
pub(crate) fn has_errors(findings: &[Finding]) -> bool {
    findings
        .iter()
        .any(|finding| finding.severity == Severity::Error)
}

/// Returns true if a finding is a warning.
pub(crate) fn has_warnings(findings: &[Finding]) -> bool {
    findings
        .iter()
        .any(|finding| finding.severity == Severity::Warning)
}

/// Counts errors and warnings, such as `2 errors, 1 warning`.
pub(crate) fn count_findings(findings: &[Finding]) -> String {
    let of = |severity, word: &str| {
        let number = findings
            .iter()
            .filter(|finding| finding.severity == severity)
            .count();
        match number {
            0 => None,
            1 => Some(format!("1 {word}")),
            number => Some(format!("{number} {word}s")),
        }
    };
    let parts = [
        of(Severity::Error, "error"),
        of(Severity::Warning, "warning"),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stands_in_secrets_alone_is_a_secret() {
        let text = "apiVersion: v1\nkind: Secret\nmetadata: {name: \"a-${SESSION_ID}\"}\nstringData: {a: \"${A}\", b: \"${B}\", u: \"${USER_ID}\"}\n\
                    ---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {b: \"${B}\"}\n";
        let manifest = Manifest::parse(&Source::new("f", text).unwrap()).unwrap();
        let names: Vec<String> = secret_parameters(&manifest)
            .into_iter()
            .map(|one| one.name)
            .collect();
        assert_eq!(names, ["A"]);
    }

    #[test]
    fn only_what_is_wrong_is_counted() {
        let finding = |severity| Finding {
            severity,
            for_controller: false,
            problem: Problem::without_location("x"),
        };
        use Severity::{Error, Info, Warning};
        let all = [Error, Error, Info, Warning].map(finding);
        assert_eq!(count_findings(&all), "2 errors, 1 warning");
        assert_eq!(count_findings(&all[..1]), "1 error");
        assert!(has_errors(&all) && !has_errors(&all[2..]));
    }
}
