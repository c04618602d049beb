//! Claims that another Pod holds: ReadWriteOncePod everywhere, ReadWriteOnce on another node.

use k8s_openapi::api::core::v1::Pod;
use serde_json::Value;

use super::Cause;
use super::fact_query::FactQuery;
use session_model::encode::shell;
use session_model::labels;
use session_model::objects::Untyped;
use session_model::objects::metadata::name_of;
use session_model::objects::pods::is_end_phase;

/// Returns the query for the Pods that mount the claims of `pod`.
pub(super) fn holders_query(pod: &Pod) -> FactQuery {
    let volumes = pod
        .spec
        .iter()
        .flat_map(|spec| spec.volumes.iter().flatten());
    let claims = volumes.filter_map(|volume| volume.persistent_volume_claim.as_ref());
    FactQuery::ClaimHolders {
        pod: name_of(&pod.metadata).to_owned(),
        session: session_of(pod).map(str::to_owned),
        claims: claims.map(|claim| claim.claim_name.clone()).collect(),
    }
}

/// Returns the remedy for a claim that another Pod holds, as long as that Pod is not known: mostly it is the Pod that a
/// Deployment replaces only when the new one is ready.
pub(super) fn release_remedy(pod: &Pod) -> String {
    let recreate = "set strategy.type: Recreate in the Deployment";
    let namespace = pod.metadata.namespace.as_deref();
    match session_of(pod).zip(namespace) {
        Some((session, namespace)) => format!(
            "{recreate}, or stop and start the session: {} && {}",
            session_command("stop", session, namespace),
            session_command("start", session, namespace)
        ),
        None => format!("{recreate}, or stop and start the session"),
    }
}

/// Adds the Pods that hold the claims to a cause: a line of evidence for each, and the way out if it is another session's.
pub(super) fn add_holders(cause: &mut Cause, query: &FactQuery, pods: &[Value]) {
    let FactQuery::ClaimHolders {
        pod: own,
        session,
        claims,
    } = query
    else {
        return;
    };
    for pod in pods.iter().filter_map(|pod| Untyped(pod).read::<Pod>()) {
        let name = name_of(&pod.metadata);
        let phase = pod.status.as_ref().and_then(|s| s.phase.as_deref());
        if name == own || is_end_phase(phase) {
            continue;
        }
        let Some(spec) = &pod.spec else { continue };
        let mounted = spec.volumes.iter().flatten().filter_map(|volume| {
            let mounted = volume.persistent_volume_claim.as_ref()?;
            claims.iter().find(|claim| **claim == mounted.claim_name)
        });
        for claim in mounted {
            let node = spec.node_name.as_deref().unwrap_or(Untyped::NONE);
            let holder = session_of(&pod).filter(|holder| session.as_deref() != Some(holder));
            let of = holder.map_or_else(String::new, |holder| format!(" of session {holder:?}"));
            cause.evidence.push(format!(
                "claim {claim:?} is held by pod {name:?}{of} on node {node:?}"
            ));
            if let Some((holder, namespace)) = holder.zip(pod.metadata.namespace.as_deref()) {
                let stop = session_command("stop", holder, namespace);
                cause.remedy = Some(format!("stop the session that holds the claim: {stop}"));
            }
        }
    }
}

fn session_of(pod: &Pod) -> Option<&str> {
    let labels = pod.metadata.labels.as_ref()?;
    labels.get(labels::SESSION).map(String::as_str)
}

fn session_command(verb: &str, session: &str, namespace: &str) -> String {
    shell::quote_command(&["kubectl", "session", verb, session, "-n", namespace])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::{Fact, inspect_pod, refine};
    use serde_json::json;

    fn pod(name: &str, session: &str, status: Value) -> Value {
        json!({
            "metadata": { "name": name, "namespace": "ns", "uid": name, "labels": { labels::SESSION: session } },
            "spec": { "nodeName": "n1", "containers": [{ "name": "main" }],
                "volumes": [{ "name": "v", "persistentVolumeClaim": { "claimName": "home" } }] },
            "status": status,
        })
    }

    /// The scheduler's words of Kubernetes 1.36 for a claim with access mode ReadWriteOncePod.
    fn held() -> Cause {
        let status = json!({ "phase": "Pending", "conditions": [{ "type": "PodScheduled", "status": "False",
            "message": "0/2 nodes are available: 2 node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod. preemption: 0/2 nodes are available: 2 No preemption victims found for incoming pod." }] });
        let waiting = serde_json::from_value(pod("web-b", "alice", status)).unwrap();
        inspect_pod(&waiting, &[]).cause().unwrap().clone()
    }

    #[test]
    fn the_pod_that_holds_a_claim_is_named_with_the_way_out() {
        let cause = held();
        assert_eq!(
            cause.message,
            "no node fits pod \"web-b\": 2 of 2 nodes closed to it, because another Pod holds its ReadWriteOncePod claim"
        );
        let query = cause.queries[0].clone();
        let with = |pods: Vec<Value>| {
            let answers = [(query.clone(), Fact::Objects(pods))];
            let refined = refine(cause.clone(), &answers);
            (refined.evidence.last().cloned(), refined.remedy)
        };
        let running = || json!({ "phase": "Running" });
        let (evidence, remedy) = with(vec![
            pod("web-a", "alice", running()),
            pod("web-b", "alice", json!({ "phase": "Pending" })),
            pod("old", "alice", json!({ "phase": "Succeeded" })),
        ]);
        assert_eq!(
            evidence.as_deref(),
            Some("claim \"home\" is held by pod \"web-a\" on node \"n1\"")
        );
        assert_eq!(
            remedy.as_deref(),
            Some(
                "set strategy.type: Recreate in the Deployment, or stop and start the session: kubectl session stop alice -n ns && kubectl session start alice -n ns"
            )
        );
        let (evidence, remedy) = with(vec![pod("lab", "bob", running())]);
        assert_eq!(
            evidence.as_deref(),
            Some("claim \"home\" is held by pod \"lab\" of session \"bob\" on node \"n1\"")
        );
        assert_eq!(
            remedy.as_deref(),
            Some("stop the session that holds the claim: kubectl session stop bob -n ns")
        );
    }
}
