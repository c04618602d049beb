//! How a stop brings a workload to rest without deleting it, by its kind.

use serde_json::{Value, json};

use super::conditions::has_condition;
use super::untyped::Untyped;

/// The field of a built-in workload that ends its Pods and keeps the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestMethod {
    /// `spec.replicas: 0`.
    Replicas,
    /// `spec.suspend: true`, of a Job. Its controller deletes the running Pods; those that have ended stay.
    Suspend,
}

impl RestMethod {
    /// Returns the method of a built-in kind; `None` for kinds that a stop deletes and a start creates anew.
    pub fn of_kind(kind: &str) -> Option<Self> {
        match kind {
            "StatefulSet" | "Deployment" | "ReplicaSet" => Some(RestMethod::Replicas),
            "Job" => Some(RestMethod::Suspend),
            _ => None,
        }
    }

    /// Returns the merge patch that brings the workload to rest.
    pub fn patch(self) -> Value {
        match self {
            RestMethod::Replicas => json!({ "spec": { "replicas": 0 } }),
            RestMethod::Suspend => json!({ "spec": { "suspend": true } }),
        }
    }
}

/// Returns true for a workload that wants no Pods: 0 replicas, or suspended.
pub fn is_at_rest(workload: &Value) -> bool {
    match RestMethod::of_kind(Untyped(workload).kind()) {
        Some(RestMethod::Replicas) => workload.pointer("/spec/replicas") == Some(&json!(0)),
        Some(RestMethod::Suspend) => workload.pointer("/spec/suspend") == Some(&json!(true)),
        None => false,
    }
}

/// Returns true for a Job that is complete or has failed for good. It runs no Pod again.
pub fn is_finished_job(object: &Value) -> bool {
    let mut ends = ["Complete", "Failed"].iter();
    Untyped(object).kind() == "Job" && ends.any(|end| has_condition(object, end, "True"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workload_rests_by_the_field_of_its_kind() {
        for kind in ["StatefulSet", "Deployment", "ReplicaSet", "Job"] {
            let mut workload = json!({ "kind": kind, "spec": { "replicas": 2, "suspend": false } });
            assert!(!is_at_rest(&workload), "{kind}");
            let patch = RestMethod::of_kind(kind).unwrap().patch();
            let (field, value) = patch["spec"].as_object().unwrap().iter().next().unwrap();
            workload["spec"][field] = value.clone();
            assert!(is_at_rest(&workload), "{kind}");
        }
        assert_eq!(RestMethod::of_kind("Pod"), None);
        assert!(!is_at_rest(
            &json!({ "kind": "DaemonSet", "spec": { "replicas": 0 } })
        ));
    }

    #[test]
    fn a_job_is_finished_by_its_condition() {
        let job = |r#type: &str, status: &str| json!({ "kind": "Job", "status": { "conditions": [{ "type": r#type, "status": status }] } });
        assert!(is_finished_job(&job("Complete", "True")));
        assert!(is_finished_job(&job("Failed", "True")));
        assert!(!is_finished_job(&job("Failed", "False")));
        assert!(!is_finished_job(&job("Suspended", "True")));
        assert!(!is_finished_job(&json!({ "kind": "Job" })));
    }
}
