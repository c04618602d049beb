//! Checks built-in kinds against the types of k8s-openapi, as the server's strict decoding does: fields that a type does not have,
//! values of another type, and required fields that are not there.

use std::collections::BTreeSet;

use anyhow::Result;
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::{
    ConfigMap, LimitRange, PersistentVolumeClaim, Pod, ResourceQuota, Secret, Service,
    ServiceAccount,
};
use k8s_openapi::api::networking::v1::{Ingress, NetworkPolicy};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::super::manifest::{Manifest, ManifestDocument};
use super::super::parameters::Parameters;
use super::super::problem::{Problem, Problems};
use super::super::render::RenderedManifest;
use super::super::source::SourceLocation;
use super::field_checker::FieldChecker;
use super::finding::{Findings, Severity};
use super::missing_fields::MissingFields;
use super::node_reader::NodeReader;

/// Checks the fields of the built-in kinds.
pub(super) fn lint_fields(manifest: &Manifest, parameters: &Parameters, findings: &mut Findings) {
    for document in &manifest.documents {
        let missing = find_missing(manifest, document, parameters, findings);
        findings.extend(Severity::Error, missing);
    }
}

impl Manifest {
    /// Checks that none of the rendered objects of a built-in kind lacks a field that the API server requires.
    ///
    /// # Errors
    /// Every such field, with the location of the object that lacks it.
    pub fn check_required_fields(
        &self,
        rendered: &RenderedManifest,
        parameters: &Parameters,
    ) -> Result<()> {
        let kept: BTreeSet<SourceLocation> =
            rendered.objects.iter().map(|one| one.location).collect();
        let documents = self.documents.iter();
        let mut problems = Problems::default();
        // The API server, which may be a newer one, says what is wrong with the fields that are there.
        let mut findings = Findings::default();
        for document in documents.filter(|one| kept.contains(&one.root.location())) {
            find_missing(self, document, parameters, &mut findings)
                .into_iter()
                .for_each(|problem| problems.push(problem));
        }
        problems.into_result(()).map_err(Problems::into_error)
    }
}

/// Reports what is wrong with the fields that are there, and returns a problem for each that is missing.
fn find_missing(
    manifest: &Manifest,
    document: &ManifestDocument,
    parameters: &Parameters,
    findings: &mut Findings,
) -> Vec<Problem> {
    let checker = FieldChecker {
        manifest,
        document,
        parameters,
        path: Vec::new(),
        findings,
    };
    let written = check_document(checker).unwrap_or_default();
    let mut missing = MissingFields::default();
    missing.find(&document.root, &written);
    let missing = missing.found.into_iter();
    let problem =
        |(place, field)| manifest.problem_at(place, format!("missing required field {field:?}"));
    missing.map(problem).collect()
}

/// Returns the document as its type writes it; `None` for a kind that is not checked.
fn check_document(checker: FieldChecker<'_>) -> Option<Value> {
    let object_type = &checker.document.object_type;
    match (object_type.api_version.as_str(), object_type.kind.as_str()) {
        ("v1", "Pod") => check_as::<Pod>(checker),
        ("v1", "Service") => check_as::<Service>(checker),
        ("v1", "ConfigMap") => check_as::<ConfigMap>(checker),
        ("v1", "Secret") => check_as::<Secret>(checker),
        ("v1", "PersistentVolumeClaim") => check_as::<PersistentVolumeClaim>(checker),
        ("v1", "ServiceAccount") => check_as::<ServiceAccount>(checker),
        ("v1", "ResourceQuota") => check_as::<ResourceQuota>(checker),
        ("v1", "LimitRange") => check_as::<LimitRange>(checker),
        ("apps/v1", "Deployment") => check_as::<Deployment>(checker),
        ("apps/v1", "StatefulSet") => check_as::<StatefulSet>(checker),
        ("apps/v1", "ReplicaSet") => check_as::<ReplicaSet>(checker),
        ("apps/v1", "DaemonSet") => check_as::<DaemonSet>(checker),
        ("autoscaling/v2", "HorizontalPodAutoscaler") => {
            check_as::<HorizontalPodAutoscaler>(checker)
        }
        ("batch/v1", "Job") => check_as::<Job>(checker),
        ("batch/v1", "CronJob") => check_as::<CronJob>(checker),
        ("networking.k8s.io/v1", "Ingress") => check_as::<Ingress>(checker),
        ("networking.k8s.io/v1", "NetworkPolicy") => check_as::<NetworkPolicy>(checker),
        ("policy/v1", "PodDisruptionBudget") => check_as::<PodDisruptionBudget>(checker),
        ("rbac.authorization.k8s.io/v1", "Role") => check_as::<Role>(checker),
        ("rbac.authorization.k8s.io/v1", "RoleBinding") => check_as::<RoleBinding>(checker),
        _ => None,
    }
}

fn check_as<T: DeserializeOwned + Serialize>(mut checker: FieldChecker<'_>) -> Option<Value> {
    let reader = NodeReader::new(&checker.document.root, &mut checker);
    // The checker has reported each problem.
    let object = T::deserialize(reader).ok()?;
    serde_json::to_value(object).ok()
}
