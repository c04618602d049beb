//! Reasons why a claim has no volume, read from its events.

use super::fact_query::FactQuery;
use super::{Cause, EventNote};

/// Reason of a cause for a claim that the scheduler does not know. It may have been created only a moment ago.
pub const CLAIM_NOT_FOUND: &str = "ClaimNotFound";

/// State of a claim that is not bound.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ClaimState {
    /// Waits for its Pod to be scheduled (binding mode WaitForFirstConsumer); no problem of the claim.
    WaitsForConsumer,
    /// Waits for something that may still happen without any change.
    Recoverable(Cause),
    /// Cannot be bound unless somebody changes the claim or the cluster.
    Unrecoverable(Cause),
}

/// Reads an event about claim `event.name` of pod `pod`; `None` where the event reports no problem.
pub(super) fn parse_claim_event(pod: &str, event: &EventNote) -> Option<ClaimState> {
    let place = format!("claim {:?} of pod {pod:?}", event.object_name);
    let made = |message: String, remedy: &str| Cause {
        reason: event.reason.clone(),
        message: format!("{place} {message}"),
        evidence: vec![event.evidence_line()],
        remedy: Some(remedy.to_owned()),
        queries: vec![FactQuery::PersistentVolumeClaim {
            name: event.object_name.clone(),
        }],
    };
    match event.reason.as_str() {
        "WaitForFirstConsumer" | "WaitForPodScheduled" => Some(ClaimState::WaitsForConsumer),
        "ProvisioningFailed" => Some(provisioning_failure(event, made)),
        "FailedBinding" if event.message.contains("no storage class is set") => {
            let mut cause = made(
                "names no StorageClass, and no volume matches the claim".into(),
                "set storageClassName in the claim, or make a StorageClass the cluster's default",
            );
            cause.reason = "NoStorageClass".into();
            cause.queries.push(FactQuery::StorageClasses);
            Some(ClaimState::Unrecoverable(cause))
        }
        "ExternalProvisioning" => {
            let provisioner = event.message.split('\'').nth(1).unwrap_or_default();
            let mut cause = made(
                format!("waits for provisioner {provisioner:?} to create its volume"),
                "check that the provisioner runs, or use another StorageClass",
            );
            cause.queries.push(FactQuery::CsiDriver {
                name: provisioner.to_owned(),
            });
            Some(ClaimState::Recoverable(cause))
        }
        _ if event.is_warning => {
            let mut cause = made("has no volume, for an unknown reason".into(), "");
            cause.remedy = None;
            Some(ClaimState::Recoverable(cause))
        }
        _ => None,
    }
}

fn provisioning_failure(event: &EventNote, made: impl Fn(String, &str) -> Cause) -> ClaimState {
    let class = event
        .message
        .split_once("storageclass.storage.k8s.io \"")
        .and_then(|(_, rest)| rest.split_once('"'))
        .filter(|(_, rest)| rest.contains("not found"));
    match class {
        Some((class, _)) => {
            let mut cause = made(
                format!("names StorageClass {class:?}, which does not exist"),
                "use an existing StorageClass: kubectl get storageclasses",
            );
            cause.reason = "StorageClassNotFound".into();
            cause.queries.push(FactQuery::StorageClasses);
            ClaimState::Unrecoverable(cause)
        }
        None => ClaimState::Recoverable(made(
            "has no volume: its provisioner failed".into(),
            "check the provisioner's message; provisioning is retried",
        )),
    }
}

/// Returns the cause for claims that are not bound and have no event that explains why.
pub(super) fn unbound_claims_cause(pod: &str, claims: &[&str]) -> Cause {
    let named: Vec<String> = claims.iter().map(|claim| format!("{claim:?}")).collect();
    let asks = claims.iter().map(|claim| FactQuery::PersistentVolumeClaim {
        name: (*claim).to_owned(),
    });
    Cause {
        reason: "Unbound".into(),
        message: format!(
            "pod {pod:?} waits for claims to be bound: {}",
            named.join(", ")
        ),
        queries: asks.collect(),
        ..Cause::default()
    }
}

/// Reads the scheduler's message about a claim that does not exist.
pub(super) fn missing_claim_cause(pod: &str, message: &str) -> Option<Cause> {
    let (_, rest) = message.split_once("persistentvolumeclaim \"")?;
    let (name, rest) = rest.split_once('"')?;
    rest.trim_start().starts_with("not found").then(|| Cause {
        reason: CLAIM_NOT_FOUND.into(),
        message: format!("pod {pod:?} mounts claim {name:?}, which does not exist"),
        remedy: Some(format!(
            "create claim {name:?} in the session's namespace, or correct the name"
        )),
        queries: vec![FactQuery::PersistentVolumeClaim {
            name: name.to_owned(),
        }],
        ..Cause::default()
    })
}
