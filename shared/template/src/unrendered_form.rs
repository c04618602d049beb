//! Files that another tool must turn into objects first: a kustomization, an OpenShift Template.

use super::node::Node;
use super::problem::{Problem, problem_at};
use super::source::Source;

/// Returns the problem of a file that another tool must turn into objects first.
pub(super) fn unrendered_problem(source: &Source, root: &Node) -> Option<Problem> {
    let text = |key: &str| root.get(key).and_then(Node::scalar)?.literal();
    let Node::Mapping(entries, _) = root else {
        return None;
    };
    let fields: Vec<&str> = entries.iter().map(|entry| entry.key.as_str()).collect();
    let (api_version, kind) = (text("apiVersion"), text("kind"));
    let (form, hint) = unrendered_form(
        api_version.unwrap_or_default(),
        kind.unwrap_or_default(),
        &fields,
    )?;
    Some(problem_at(source, root.location(), format!("this is {form}")).with_hint(hint))
}

/// Returns the form of an object that only another tool can turn into objects, with the command that does; `None` for any other.
fn unrendered_form(
    api_version: &str,
    kind: &str,
    fields: &[&str],
) -> Option<(&'static str, &'static str)> {
    let has = |field: &str| fields.contains(&field);
    let is_kustomization = matches!(kind, "Kustomization" | "Component")
        && api_version.starts_with("kustomize.config.k8s.io/")
        || kind.is_empty() && !has("spec") && (has("resources") || has("bases"));
    if is_kustomization {
        return Some((
            "a kustomization, not the objects that kustomize makes of it",
            "pipe in the objects: kubectl kustomize DIRECTORY | kubectl session create NAME -f -",
        ));
    }
    let is_template = kind == "Template"
        && (api_version.starts_with("template.openshift.io/") || api_version == "v1");
    (is_template && has("objects")).then_some((
        "an OpenShift Template, not the objects that it describes",
        "pipe in the objects: oc process -f FILENAME --local -o yaml | kubectl session create NAME -f -",
    ))
}
