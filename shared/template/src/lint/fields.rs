//! Checks built-in kinds against the types of k8s-openapi, as the server's strict decoding does: fields that a type does not have,
//! and values of another type.

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::{
    ConfigMap, PersistentVolumeClaim, Pod, Secret, Service, ServiceAccount,
};
use k8s_openapi::api::networking::v1::{Ingress, NetworkPolicy};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::super::manifest::{Manifest, ManifestDocument};
use super::super::node::{MappingEntry, Scalar};
use super::super::parameter::{RESERVED_PARAMETERS, shorten_value};
use super::super::parameters::Parameters;
use super::super::path_step::{PathStep, json_pointer};
use super::super::resolve::most_similar;
use super::super::scalar::parse_plain_scalar;
use super::super::scalar_context::ScalarContext;
use super::super::source::SourceLocation;
use super::finding::{Findings, Severity};
use super::node_reader::NodeReader;
use super::objects::{default_text, has_invalid_default};

/// The Kubernetes version of the types: the feature of k8s-openapi in Cargo.toml.
const TYPES_VERSION: &str = "1.33";

/// Checks the fields of the built-in kinds.
pub(super) fn lint_fields(manifest: &Manifest, parameters: &Parameters, findings: &mut Findings) {
    for document in &manifest.documents {
        let mut checker = FieldChecker {
            manifest,
            document,
            parameters,
            path: Vec::new(),
            findings: &mut *findings,
        };
        checker.check_document();
    }
}

/// Reads one document and reports what does not fit.
pub(super) struct FieldChecker<'d> {
    manifest: &'d Manifest,
    document: &'d ManifestDocument,
    parameters: &'d Parameters,
    /// Path of the node that is being read.
    pub(super) path: Vec<PathStep<'d>>,
    findings: &'d mut Findings,
}

impl<'d> FieldChecker<'d> {
    fn check_document(&mut self) {
        let document = self.document;
        let object_type = &document.object_type;
        match (object_type.api_version.as_str(), object_type.kind.as_str()) {
            ("v1", "Pod") => self.check_as::<Pod>(),
            ("v1", "Service") => self.check_as::<Service>(),
            ("v1", "ConfigMap") => self.check_as::<ConfigMap>(),
            ("v1", "Secret") => self.check_as::<Secret>(),
            ("v1", "PersistentVolumeClaim") => self.check_as::<PersistentVolumeClaim>(),
            ("v1", "ServiceAccount") => self.check_as::<ServiceAccount>(),
            ("apps/v1", "Deployment") => self.check_as::<Deployment>(),
            ("apps/v1", "StatefulSet") => self.check_as::<StatefulSet>(),
            ("apps/v1", "ReplicaSet") => self.check_as::<ReplicaSet>(),
            ("apps/v1", "DaemonSet") => self.check_as::<DaemonSet>(),
            ("autoscaling/v2", "HorizontalPodAutoscaler") => {
                self.check_as::<HorizontalPodAutoscaler>();
            }
            ("batch/v1", "Job") => self.check_as::<Job>(),
            ("batch/v1", "CronJob") => self.check_as::<CronJob>(),
            ("networking.k8s.io/v1", "Ingress") => self.check_as::<Ingress>(),
            ("networking.k8s.io/v1", "NetworkPolicy") => self.check_as::<NetworkPolicy>(),
            ("policy/v1", "PodDisruptionBudget") => self.check_as::<PodDisruptionBudget>(),
            ("rbac.authorization.k8s.io/v1", "Role") => self.check_as::<Role>(),
            ("rbac.authorization.k8s.io/v1", "RoleBinding") => self.check_as::<RoleBinding>(),
            _ => {}
        }
    }

    fn check_as<T: DeserializeOwned>(&mut self) {
        let reader = NodeReader::new(&self.document.root, self);
        // What is wrong has been reported.
        drop(T::deserialize(reader));
    }

    /// Reports what is wrong with the value of the node that is being read.
    pub(super) fn report_value(&mut self, place: SourceLocation, reason: &str) {
        let message = format!("{} {reason}", json_pointer(&self.path));
        self.report(place, message, None);
    }

    fn report(&mut self, place: SourceLocation, message: String, hint: Option<String>) {
        let mut problem = self.manifest.problem_at(place, message);
        problem.hint = hint;
        self.findings.push(Severity::Error, problem);
    }

    /// Reports the keys of a mapping that are none of the fields of the type.
    pub(super) fn check_keys(
        &mut self,
        type_name: &str,
        fields: &[&str],
        entries: &[MappingEntry],
    ) {
        for entry in entries {
            let key = entry.key.as_str();
            if fields.contains(&key) {
                continue;
            }
            let unknown = format!("unknown field {:?} of {type_name}", shorten_value(key));
            let (message, hint) = match most_similar(key, fields.iter().copied()) {
                Some(similar) => (format!("{unknown}: did you mean {similar:?}?"), None),
                None => {
                    let hint = format!("lint knows the fields of Kubernetes {TYPES_VERSION}");
                    (unknown, Some(hint))
                }
            };
            self.report(entry.location, message, hint);
        }
    }

    /// Returns the value that a scalar has when it is rendered, or `None` if that is not known or checked elsewhere.
    pub(super) fn scalar_value(&self, scalar: &Scalar) -> Option<Value> {
        let position = ScalarContext::at_path(&self.document.object_type, &self.path);
        if matches!(
            position,
            ScalarContext::SecretData | ScalarContext::Quantity
        ) {
            return None;
        }
        let typed = |text: &str| match scalar.is_plain() && !position.is_string_only() {
            true => parse_plain_scalar(text),
            false => Value::from(text),
        };
        if let Some(literal) = scalar.literal() {
            let is_null = scalar.is_plain() && parse_plain_scalar(literal).is_null();
            return Some(if is_null { Value::Null } else { typed(literal) });
        }
        let placeholder = scalar.whole_placeholder();
        if placeholder.is_none() || position.is_string_only() {
            return Some(Value::from(scalar.text.as_str()));
        }
        let is_reserved =
            placeholder.is_some_and(|var| RESERVED_PARAMETERS.contains(&var.name.as_str()));
        if is_reserved || has_invalid_default(scalar, self.parameters) {
            return None;
        }
        let text = default_text(scalar, self.parameters, position);
        match text {
            Some(text) if scalar.is_quoted_number(position, &text) => {
                Some(parse_plain_scalar(&text))
            }
            Some(text) => Some(typed(&text)),
            None if scalar.is_plain() || position == ScalarContext::NumberOrBoolean => None,
            None => Some(Value::from(scalar.text.as_str())),
        }
    }
}
