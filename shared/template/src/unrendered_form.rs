//! Files that another tool must turn into objects first: a kustomization, an OpenShift Template.

/// Returns the form of an object that only another tool can turn into objects, with the command that does; `None` for any other.
pub(super) fn unrendered_form(
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
