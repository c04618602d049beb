//! The context of a scalar in an object, determined by its path: the same text may be a name, a label or free text. The context
//! decides how a placeholder is typed and which rules its value must follow.

use super::path_step::PathStep;

/// Context of a scalar, determined by its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ScalarContext {
    /// `apiVersion`, `kind`.
    TypeMeta,
    /// `metadata.name` of the document.
    OwnName,
    /// Any other name: of a referenced object, a container, a port, a host.
    Name,
    /// Value of a label or label selector.
    Label,
    /// Value of an annotation.
    Annotation,
    /// Value of an environment variable.
    Env,
    /// `data` of a Secret, in base64.
    SecretData,
    /// `stringData` of a Secret.
    SecretStringData,
    /// `data` or `binaryData` of a ConfigMap.
    ConfigMapData,
    /// An item of `args` or `command`.
    Argument,
    /// Resource quantity.
    Quantity,
    /// Number or boolean of a built-in kind, also where text is allowed beside numbers (`targetPort`). A quoted placeholder alone
    /// is typed by its value: inside `[ ]` and `{ }` it can only be written in quotes.
    NumberOrBoolean,
    /// Any other field. A plain scalar is typed as kubectl types it.
    Other,
}

/// apiVersion and kind of a document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ObjectType {
    pub(super) api_version: String,
    pub(super) kind: String,
}

impl ObjectType {
    pub(super) fn is(&self, api_version: &str, kind: &str) -> bool {
        self.api_version == api_version && self.kind == kind
    }

    pub(super) fn is_secret(&self) -> bool {
        self.is("v1", "Secret")
    }

    /// Returns true for a kind of an API group of Kubernetes itself, whose fields are known.
    fn is_built_in(&self) -> bool {
        let group = self
            .api_version
            .split_once('/')
            .map_or("", |(group, _)| group);
        !group.contains('.') || group.ends_with(".k8s.io")
    }
}

/// Keys whose value is a name, at any depth.
const NAME_KEYS: &[&str] = &[
    "name",
    "namespace",
    "generateName",
    "claimName",
    "secretName",
    "serviceName",
    "serviceAccountName",
    "volumeName",
    "hostname",
    "subdomain",
    "storageClassName",
    "ingressClassName",
    "priorityClassName",
    "runtimeClassName",
    "schedulerName",
    "nodeName",
    "host",
    "containerName",
    "serviceAccount",
];

/// Keys of built-in kinds whose value is a number or a boolean, at any depth.
#[rustfmt::skip]
const NUMBER_OR_BOOLEAN_KEYS: &[&str] = &[
    "activeDeadlineSeconds", "averageUtilization", "backoffLimit", "completions", "containerPort", "defaultMode", "endPort",
    "expirationSeconds", "failedJobsHistoryLimit", "failureThreshold", "fsGroup", "hostPort", "initialDelaySeconds",
    "maxReplicas", "maxSurge", "maxUnavailable", "minAvailable", "minReadySeconds", "minReplicas", "mode", "nodePort", "number",
    "parallelism", "partition", "periodSeconds", "port", "progressDeadlineSeconds", "replicas", "revisionHistoryLimit",
    "runAsGroup", "runAsUser", "startingDeadlineSeconds", "successThreshold", "successfulJobsHistoryLimit", "targetPort",
    "terminationGracePeriodSeconds", "timeoutSeconds", "tolerationSeconds", "ttlSecondsAfterFinished", "weight",
    "allowPrivilegeEscalation", "automountServiceAccountToken", "enableServiceLinks", "hostIPC", "hostNetwork", "hostPID",
    "hostUsers", "immutable", "optional", "privileged", "publishNotReadyAddresses", "readOnly", "readOnlyRootFilesystem",
    "runAsNonRoot", "shareProcessNamespace", "stdin", "stdinOnce", "suspend", "tty",
];

impl ScalarContext {
    /// Returns the context of the scalar at `path` of a document of this type.
    pub(super) fn at_path(document: &ObjectType, path: &[PathStep<'_>]) -> Self {
        if let [PathStep::Key(top), rest @ ..] = path {
            match (*top, rest) {
                ("apiVersion" | "kind", []) => return Self::TypeMeta,
                // At any depth: values here must be text, and only the server refuses nested ones.
                ("data", [_, ..]) if document.is_secret() => return Self::SecretData,
                ("stringData", [_, ..]) if document.is_secret() => return Self::SecretStringData,
                ("data" | "binaryData", [_]) if document.is("v1", "ConfigMap") => {
                    return Self::ConfigMapData;
                }
                ("metadata", [PathStep::Key("name")]) => return Self::OwnName,
                ("spec", [PathStep::Key("selector"), PathStep::Key(_)])
                    if document.is("v1", "Service")
                        || document.is("v1", "ReplicationController") =>
                {
                    return Self::Label;
                }
                ("spec", [PathStep::Key("hard"), PathStep::Key(_)])
                    if document.is("v1", "ResourceQuota") =>
                {
                    return Self::Quantity;
                }
                _ => {}
            }
        }
        match (Self::from_path_suffix(path), path) {
            (Self::Other, [.., PathStep::Key(key)])
                if document.is_built_in() && NUMBER_OR_BOOLEAN_KEYS.contains(key) =>
            {
                Self::NumberOrBoolean
            }
            (context, _) => context,
        }
    }

    /// Returns the context according to the last steps of a path, which also covers Pod templates at any depth.
    fn from_path_suffix(path: &[PathStep<'_>]) -> Self {
        match path {
            [
                ..,
                PathStep::Key("metadata"),
                PathStep::Key("labels"),
                PathStep::Key(_),
            ]
            | [
                ..,
                PathStep::Key("matchLabels" | "nodeSelector"),
                PathStep::Key(_),
            ]
            | [
                ..,
                PathStep::Key("matchExpressions"),
                PathStep::Index(_),
                PathStep::Key("values"),
                PathStep::Index(_),
            ] => Self::Label,
            [
                ..,
                PathStep::Key("metadata"),
                PathStep::Key("annotations"),
                PathStep::Key(_),
            ] => Self::Annotation,
            [
                ..,
                PathStep::Key("env"),
                PathStep::Index(_),
                PathStep::Key("value"),
            ] => Self::Env,
            [.., PathStep::Key("args" | "command"), PathStep::Index(_)] => Self::Argument,
            [
                ..,
                PathStep::Key("resources"),
                PathStep::Key("requests" | "limits"),
                PathStep::Key(_),
            ]
            | [.., PathStep::Key("capacity"), PathStep::Key("storage")]
            | [.., PathStep::Key("sizeLimit")] => Self::Quantity,
            [.., PathStep::Key("hosts"), PathStep::Index(_)] => Self::Name,
            [.., PathStep::Key(key)] if NAME_KEYS.contains(key) => Self::Name,
            _ => Self::Other,
        }
    }

    /// Returns true if the field accepts only strings, so that `001`, `1e3` and `true` remain text even if unquoted.
    pub(super) fn is_string_only(self) -> bool {
        !matches!(self, Self::Quantity | Self::NumberOrBoolean | Self::Other)
    }

    /// Returns true for free text that another program reads, where braces are not placeholders of another tool.
    pub(super) fn is_text(self) -> bool {
        matches!(
            self,
            Self::Annotation
                | Self::Env
                | Self::SecretData
                | Self::SecretStringData
                | Self::ConfigMapData
                | Self::Argument
        )
    }

    /// Returns true for free text outside Secrets, where passwords are often written by mistake.
    pub(super) fn is_visible_text(self) -> bool {
        matches!(self, Self::Env | Self::ConfigMapData | Self::Argument)
    }

    /// Returns true inside a Secret's data, the only place where secret parameters are allowed.
    pub(super) fn is_secret(self) -> bool {
        matches!(self, Self::SecretData | Self::SecretStringData)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(kind: &str, path: &str) -> ScalarContext {
        let document = ObjectType {
            api_version: if kind == "Deployment" {
                "apps/v1"
            } else {
                "v1"
            }
            .into(),
            kind: kind.into(),
        };
        let steps: Vec<PathStep<'_>> = path
            .split('/')
            .map(|step| step.parse().map_or(PathStep::Key(step), PathStep::Index))
            .collect();
        ScalarContext::at_path(&document, &steps)
    }

    #[rustfmt::skip]
    const PLACES: &[(&str, &str, ScalarContext)] = &[
        ("Pod", "kind", ScalarContext::TypeMeta),
        ("Pod", "metadata/name", ScalarContext::OwnName),
        ("Pod", "metadata/labels/a", ScalarContext::Label),
        ("Deployment", "spec/template/metadata/labels/a", ScalarContext::Label),
        ("Deployment", "spec/selector/matchLabels/a", ScalarContext::Label),
        ("Deployment", "spec/selector/a", ScalarContext::Other),
        ("Service", "spec/selector/a", ScalarContext::Label),
        ("Service", "spec/selector/name", ScalarContext::Label),
        ("Pod", "spec/nodeSelector/a", ScalarContext::Label),
        ("Pod", "spec/affinity/x/0/matchExpressions/0/values/1", ScalarContext::Label),
        ("Pod", "metadata/annotations/a", ScalarContext::Annotation),
        ("Pod", "spec/containers/0/env/0/value", ScalarContext::Env),
        ("Pod", "spec/containers/0/args/1", ScalarContext::Argument),
        ("Pod", "spec/containers/0/livenessProbe/exec/command/1", ScalarContext::Argument),
        ("Pod", "spec/containers/0/resources/limits/cpu", ScalarContext::Quantity),
        ("Pod", "spec/volumes/0/emptyDir/sizeLimit", ScalarContext::Quantity),
        ("Pod", "spec/volumes/0/persistentVolumeClaim/claimName", ScalarContext::Name),
        ("Pod", "spec/containers/0/ports/0/containerPort", ScalarContext::NumberOrBoolean),
        ("Service", "spec/ports/0/targetPort", ScalarContext::NumberOrBoolean),
        ("ConfigMap", "data/port", ScalarContext::ConfigMapData),
        ("Pod", "spec/containers/0/image", ScalarContext::Other),
        ("Secret", "data/a", ScalarContext::SecretData),
        ("Secret", "stringData/a", ScalarContext::SecretStringData),
        ("Secret", "stringData/a/0/name", ScalarContext::SecretStringData),
        ("Secret", "metadata/data/a", ScalarContext::Other),
        ("ConfigMap", "data/name", ScalarContext::ConfigMapData),
        ("Pod", "data/a", ScalarContext::Other),
        ("Ingress", "spec/rules/0/host", ScalarContext::Name),
        ("Ingress", "spec/tls/0/hosts/0", ScalarContext::Name),
        ("ResourceQuota", "spec/hard/pods", ScalarContext::Quantity),
    ];

    #[test]
    fn places_are_told_apart_by_path_and_kind() {
        for (kind, path, position) in PLACES {
            assert_eq!(of(kind, path), *position, "{kind} {path}");
        }
    }
}
