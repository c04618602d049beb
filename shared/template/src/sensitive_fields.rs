//! Parameters in security-sensitive fields, which must be restricted before a controller uses the template.

use super::manifest::{Manifest, ManifestDocument};
use super::parameters::Parameters;
use super::path_step::{PathStep, json_pointer};
use super::problem::Problem;
use super::scalar_context::ScalarContext;
use crate::ParameterRules as _;

const IMAGE: &str = "an image";
/// Pattern of the hint for images: one registry, any repository, tag and digest.
pub(super) const IMAGE_PATTERN: &str =
    r"^registry\.example\.com/[a-z0-9._/-]+(:[A-Za-z0-9_][A-Za-z0-9._-]*)?(@sha256:[0-9a-f]{64})?$";
/// Pattern of the hint for names.
const NAME_PATTERN: &str = "^[a-z0-9-]{1,30}$";

impl Parameters {
    /// Returns a problem for each parameter in a sensitive field (image, service account, security context, host path, name of
    /// a Secret, ConfigMap or claim, namespace, Ingress host) that is not restricted by options or a pattern. A controller
    /// refuses such a template (condition TemplateUnsafe).
    pub fn find_exposed(&self, manifest: &Manifest) -> Vec<Problem> {
        let mut exposed = Vec::new();
        for document in &manifest.documents {
            document.visit_scalars(&mut |path, position, scalar| {
                let Some(what) = describe_sensitive_field(document, path) else {
                    return;
                };
                for var in scalar
                    .placeholders()
                    .filter(|var| !self.is_restricted_at(&var.name, position))
                {
                    let message = format!(
                        "parameter {} sets {what} at {} but has no options or pattern, so a controller refuses the template",
                        var.name,
                        json_pointer(path)
                    );
                    let problem = manifest.problem_at(scalar.location_of(var), message);
                    let pattern = match what {
                        IMAGE => IMAGE_PATTERN,
                        _ => NAME_PATTERN,
                    };
                    exposed.push(problem.with_hint(format!(
                        "declare the parameter with options, or with a pattern such as '{pattern}'"
                    )));
                }
            });
        }
        exposed
    }

    fn is_restricted_at(&self, name: &str, position: ScalarContext) -> bool {
        match name {
            // Both are DNS labels.
            "SESSION_ID" | "NAMESPACE" => true,
            // Converted in names, unchanged elsewhere.
            "USER_ID" => matches!(position, ScalarContext::Name | ScalarContext::OwnName),
            "APPLICATION" => false,
            name => self
                .get(name)
                .is_some_and(|parameter| parameter.is_restricted()),
        }
    }
}

/// Describes a field if it is security-sensitive.
fn describe_sensitive_field(
    document: &ManifestDocument,
    path: &[PathStep<'_>],
) -> Option<&'static str> {
    let is = |kind: &str| document.object_type.kind == kind;
    let inside = |key: &str| {
        path.iter()
            .any(|step| matches!(step, PathStep::Key(found) if *found == key))
    };
    if inside("securityContext") {
        return Some("a security context");
    }
    if inside("hostPath") {
        return Some("a host path");
    }
    match path {
        [.., PathStep::Key("namespace")] => Some("a namespace"),
        [.., PathStep::Key("image")] => Some(IMAGE),
        [.., PathStep::Key("serviceAccountName" | "serviceAccount")] => Some("a service account"),
        [.., PathStep::Key("host")] | [.., PathStep::Key("hosts"), PathStep::Index(_)]
            if is("Ingress") =>
        {
            Some("an Ingress host")
        }
        [PathStep::Key("metadata"), PathStep::Key("name")] => {
            describe_sensitive_name(&document.object_type.kind)
        }
        path => describe_reference(path),
    }
}

/// Describes the name of an object if names of this kind are sensitive.
fn describe_sensitive_name(kind: &str) -> Option<&'static str> {
    match kind {
        "Secret" => Some("the name of a Secret"),
        "ConfigMap" => Some("the name of a ConfigMap"),
        "PersistentVolumeClaim" => Some("the name of a claim"),
        _ => None,
    }
}

/// Describes a field that refers to an object with a sensitive name.
fn describe_reference(path: &[PathStep<'_>]) -> Option<&'static str> {
    match path {
        [.., PathStep::Key("secretName")]
        | [
            ..,
            PathStep::Key("secretKeyRef" | "secretRef" | "secret"),
            PathStep::Key("name"),
        ]
        | [
            ..,
            PathStep::Key("imagePullSecrets"),
            PathStep::Index(_),
            PathStep::Key("name"),
        ] => describe_sensitive_name("Secret"),
        [
            ..,
            PathStep::Key("configMapKeyRef" | "configMapRef" | "configMap"),
            PathStep::Key("name"),
        ] => describe_sensitive_name("ConfigMap"),
        // Of volumes: secretRef, and those of CSI drivers, such as nodePublishSecretRef.
        [.., PathStep::Key(key), PathStep::Key("name")] if key.ends_with("SecretRef") => {
            describe_sensitive_name("Secret")
        }
        // A claim whose content is copied.
        [.., PathStep::Key("claimName")]
        | [
            ..,
            PathStep::Key("dataSource" | "dataSourceRef"),
            PathStep::Key("name"),
        ] => describe_sensitive_name("PersistentVolumeClaim"),
        _ => None,
    }
}
