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

use super::super::manifest::Manifest;
use super::super::parameters::Parameters;
use super::field_checker::FieldChecker;
use super::finding::Findings;
use super::node_reader::NodeReader;

/// Checks the fields of the built-in kinds.
pub(super) fn lint_fields(manifest: &Manifest, parameters: &Parameters, findings: &mut Findings) {
    for document in &manifest.documents {
        let checker = FieldChecker {
            manifest,
            document,
            parameters,
            path: Vec::new(),
            findings: &mut *findings,
        };
        check_document(checker);
    }
}

fn check_document(checker: FieldChecker<'_>) {
    let object_type = &checker.document.object_type;
    match (object_type.api_version.as_str(), object_type.kind.as_str()) {
        ("v1", "Pod") => check_as::<Pod>(checker),
        ("v1", "Service") => check_as::<Service>(checker),
        ("v1", "ConfigMap") => check_as::<ConfigMap>(checker),
        ("v1", "Secret") => check_as::<Secret>(checker),
        ("v1", "PersistentVolumeClaim") => check_as::<PersistentVolumeClaim>(checker),
        ("v1", "ServiceAccount") => check_as::<ServiceAccount>(checker),
        ("apps/v1", "Deployment") => check_as::<Deployment>(checker),
        ("apps/v1", "StatefulSet") => check_as::<StatefulSet>(checker),
        ("apps/v1", "ReplicaSet") => check_as::<ReplicaSet>(checker),
        ("apps/v1", "DaemonSet") => check_as::<DaemonSet>(checker),
        ("autoscaling/v2", "HorizontalPodAutoscaler") => {
            check_as::<HorizontalPodAutoscaler>(checker);
        }
        ("batch/v1", "Job") => check_as::<Job>(checker),
        ("batch/v1", "CronJob") => check_as::<CronJob>(checker),
        ("networking.k8s.io/v1", "Ingress") => check_as::<Ingress>(checker),
        ("networking.k8s.io/v1", "NetworkPolicy") => check_as::<NetworkPolicy>(checker),
        ("policy/v1", "PodDisruptionBudget") => check_as::<PodDisruptionBudget>(checker),
        ("rbac.authorization.k8s.io/v1", "Role") => check_as::<Role>(checker),
        ("rbac.authorization.k8s.io/v1", "RoleBinding") => check_as::<RoleBinding>(checker),
        _ => {}
    }
}

fn check_as<T: DeserializeOwned>(mut checker: FieldChecker<'_>) {
    let reader = NodeReader::new(&checker.document.root, &mut checker);
    // The checker has reported each problem.
    drop(T::deserialize(reader));
}
