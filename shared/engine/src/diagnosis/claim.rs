//! Why a claim has no volume: from the events about it.

use super::facts::Ask;
use super::{Cause, EventNote};

/// What a claim waits for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Claim {
    /// For its Pod to be put on a node: nothing is wrong with it.
    Consumer,
    /// For what takes its time or may heal.
    Held(Cause),
    /// For somebody to change something.
    Hopeless(Cause),
}

/// Reads the newest event about claim `event.name` of pod `pod`; `None` where it says nothing.
pub(super) fn read(pod: &str, event: &EventNote) -> Option<Claim> {
    let place = format!("claim {:?} of pod {pod:?}", event.name);
    let made = |message: String, remedy: &str| Cause {
        reason: event.reason.clone(),
        message: format!("{place} {message}"),
        evidence: vec![event.evidence()],
        remedy: Some(remedy.to_owned()),
        asks: vec![Ask::Claim {
            name: event.name.clone(),
        }],
    };
    match event.reason.as_str() {
        "WaitForFirstConsumer" | "WaitForPodScheduled" => Some(Claim::Consumer),
        "ProvisioningFailed" => Some(provisioning(event, made)),
        "FailedBinding" if event.message.contains("no storage class is set") => {
            let mut cause = made(
                "names no StorageClass, and no volume fits it".into(),
                "name a StorageClass in the claim, or have one made the cluster's default",
            );
            cause.reason = "NoStorageClass".into();
            cause.asks.push(Ask::StorageClasses);
            Some(Claim::Hopeless(cause))
        }
        "ExternalProvisioning" => {
            let provisioner = event.message.split('\'').nth(1).unwrap_or_default();
            let mut cause = made(
                format!("waits for a volume that provisioner {provisioner:?} has not made yet"),
                "see that the provisioner runs, or name another StorageClass",
            );
            cause.asks.push(Ask::Driver {
                name: provisioner.to_owned(),
            });
            Some(Claim::Held(cause))
        }
        _ if event.warning => {
            let mut cause = made("has no volume, for a reason not known here".into(), "");
            cause.remedy = None;
            Some(Claim::Held(cause))
        }
        _ => None,
    }
}

fn provisioning(event: &EventNote, made: impl Fn(String, &str) -> Cause) -> Claim {
    let class = event
        .message
        .split_once("storageclass.storage.k8s.io \"")
        .and_then(|(_, rest)| rest.split_once('"'))
        .filter(|(_, rest)| rest.contains("not found"));
    match class {
        Some((class, _)) => {
            let mut cause = made(
                format!("names StorageClass {class:?}, which does not exist"),
                "name a StorageClass that the cluster has: kubectl get storageclasses",
            );
            cause.reason = "StorageClassNotFound".into();
            cause.asks.push(Ask::StorageClasses);
            Claim::Hopeless(cause)
        }
        None => Claim::Held(made(
            "gets no volume: its provisioner failed".into(),
            "see what the provisioner said; it is tried again",
        )),
    }
}

/// Claims of a Pod that are not bound, where no event says why.
pub(super) fn unbound(pod: &str, claims: &[&str]) -> Cause {
    let named: Vec<String> = claims.iter().map(|claim| format!("{claim:?}")).collect();
    let asks = claims.iter().map(|claim| Ask::Claim {
        name: (*claim).to_owned(),
    });
    Cause {
        reason: "Unbound".into(),
        message: format!(
            "a claim of pod {pod:?} has no volume yet: {}",
            named.join(", ")
        ),
        asks: asks.collect(),
        ..Cause::default()
    }
}

/// The reason of a claim that the scheduler does not know; it may only have been made a moment ago.
pub const CLAIM_NOT_FOUND: &str = "ClaimNotFound";

/// A claim that a Pod names and that is not there.
pub(super) fn missing(pod: &str, message: &str) -> Option<Cause> {
    let (_, rest) = message.split_once("persistentvolumeclaim \"")?;
    let (name, rest) = rest.split_once('"')?;
    rest.trim_start().starts_with("not found").then(|| Cause {
        reason: CLAIM_NOT_FOUND.into(),
        message: format!("pod {pod:?} mounts claim {name:?}, which does not exist"),
        remedy: Some(format!(
            "make claim {name:?} in the session's namespace, or correct its name"
        )),
        asks: vec![Ask::Claim {
            name: name.to_owned(),
        }],
        ..Cause::default()
    })
}
