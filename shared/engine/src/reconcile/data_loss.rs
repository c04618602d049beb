//! Data that is lost when a session's Pods end: one rule for every verb that ends Pods.

use std::fmt;

use k8s_openapi::api::core::v1::Pod;
use serde_json::Value;

use super::assess_workload::assess_workload;
use super::live_objects::LiveObjects;
use super::owned_claim::OwnedClaim;
use super::workload_state::WorkloadState;
use crate::diagnosis::inspect_pod;
use crate::plan::{Plan, Step};
use session_model::api::{Phase, Session};
use session_model::objects::container_run::are_containers_finished;
use session_model::objects::ephemeral_volumes::{
    EphemeralVolume, ephemeral_volumes, mounted_claims, user_data_volumes,
};
use session_model::objects::pods::pod_spec;
use session_model::objects::{ObjectRef, Untyped};

/// Data that is lost when one Pod ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataLoss {
    /// Name of the Pod.
    pub pod: String,
    /// Ephemeral volumes with data.
    pub volumes: Vec<EphemeralVolume>,
    /// True if files that containers write outside volumes count as data.
    pub container_files: bool,
}

impl fmt::Display for DataLoss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let volumes = self.volumes.iter().map(ToString::to_string);
        let files = self.container_files.then(|| "container files".to_owned());
        let parts: Vec<String> = volumes.chain(files).collect();
        write!(f, "pod/{} ({})", self.pod, parts.join(", "))
    }
}

/// Returns a note for each Pod that its node evicted and that a start replaces: why, and what was lost with it. Other Pods are
/// replaced by their controllers.
pub fn describe_evictions<'a>(
    live: &'a LiveObjects,
    session_uid: Option<&'a str>,
) -> impl Iterator<Item = String> + 'a {
    live.directly_owned_pods(session_uid).filter_map(|pod| {
        let found = inspect_pod(pod, &[]);
        let cause = found.cause().filter(|cause| cause.reason == "Evicted")?;
        let lost = cause.evidence.last().map_or("", String::as_str);
        Some(format!("{}; {lost}", cause.message))
    })
}

/// Returns the data that is lost when every Pod of the session ends. Empty for a session that was never ready, and for one whose
/// Pods have ended.
pub fn find_losses(session: &Session, live: &LiveObjects) -> Vec<DataLoss> {
    match was_ever_ready(session, live) {
        true => find_data_at_risk(session, live),
        false => Vec::new(),
    }
}

/// Returns the data that is lost when `plan` is carried out, which may delete only some of the Pods.
pub fn find_plan_losses(plan: &Plan, session: &Session, live: &LiveObjects) -> Vec<DataLoss> {
    let deleted = deleted_uids(plan);
    let uid = session.uid();
    let ends = |pod: &Pod| {
        let workload = live.workload_of(pod, uid);
        let uid = workload.as_ref().and_then(ObjectRef::uid);
        uid.is_some_and(|uid| deleted.contains(&uid))
    };
    let ending: Vec<&str> = live
        .own_pods(uid)
        .filter(|pod| ends(pod))
        .filter_map(|pod| pod.metadata.name.as_deref())
        .collect();
    let mut losses = find_losses(session, live);
    losses.retain(|loss| ending.contains(&loss.pod.as_str()));
    losses
}

/// Returns the claims that the garbage collector deletes once `plan` is carried out.
pub fn find_claim_losses<'a>(plan: &Plan, live: &'a LiveObjects) -> Vec<&'a OwnedClaim> {
    let deleted = deleted_uids(plan);
    let claims = live.owned_claims.iter();
    claims.filter(|claim| claim.is_below(&deleted)).collect()
}

/// Returns the UIDs of the objects that `plan` deletes.
fn deleted_uids(plan: &Plan) -> Vec<&str> {
    let targets = plan.steps().filter_map(|step| match step {
        Step::Delete { target, .. } => target.uid(),
        _ => None,
    });
    targets.collect()
}

/// Returns the data that the session's Pods hold outside claims, whether it has been used yet or not. Without any claim, all
/// ephemeral volumes and container files count. With a claim, only ephemeral volumes mounted at home and working directories count.
pub fn find_data_at_risk(session: &Session, live: &LiveObjects) -> Vec<DataLoss> {
    let uid = session.uid();
    let pods: Vec<Value> = live
        .own_pods(uid)
        .filter(|pod| !are_containers_finished(pod) && pod.metadata.deletion_timestamp.is_none())
        .filter_map(|pod| serde_json::to_value(pod).ok())
        .collect();
    let specs = || pods.iter().filter_map(|pod| Some((pod, pod_spec(pod)?)));
    let keeps = specs().any(|(_, spec)| mounted_claims(spec).next().is_some());
    let losses = specs().map(|(pod, spec)| {
        let volumes = match keeps {
            true => user_data_volumes(spec, pod["metadata"]["annotations"].as_object()),
            false => ephemeral_volumes(spec),
        };
        DataLoss {
            pod: Untyped(pod).name().to_owned(),
            volumes,
            container_files: !keeps,
        }
    });
    losses
        .filter(|loss| loss.container_files || !loss.volumes.is_empty())
        .collect()
}

/// Returns true if the session was ready at any time, as far as is known. A running container counts, because it may have been.
fn was_ever_ready(session: &Session, live: &LiveObjects) -> bool {
    let mut conditions = session.conditions().iter();
    let ready = session.phase() == Some(Phase::Running)
        || conditions.any(|c| c.r#type == "Ready" && c.status == "True");
    let runs = |pod: &Pod| {
        let status = pod.status.iter();
        let mut all = status.flat_map(|status| status.container_statuses.iter().flatten());
        all.any(|container| {
            container
                .state
                .as_ref()
                .is_some_and(|state| state.running.is_some())
        })
    };
    let uid = session.uid();
    ready
        || matches!(assess_workload(session, live), WorkloadState::Ready { .. })
        || live.own_pods(uid).any(runs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn session(phase: &str) -> Session {
        serde_json::from_value(json!({
            "apiVersion": "streaming.platform/v1", "kind": "Session", "metadata": {"name": "a", "uid": "s-1"},
            "spec": {"userId": "u"}, "status": {"phase": phase},
        }))
        .unwrap()
    }

    fn pod(name: &str, volumes: Value, mounts: Value) -> Value {
        json!({
            "metadata": {"name": name, "uid": name, "labels": {"streaming.platform/primary": "true"},
                "ownerReferences": [{"apiVersion": "streaming.platform/v1", "kind": "Session", "name": "a", "uid": "s-1"}]},
            "spec": {"containers": [{"name": "main", "volumeMounts": mounts}], "volumes": volumes},
            "status": {"phase": "Running"},
        })
    }

    fn live(pods: &[Value]) -> LiveObjects {
        let typed = |pod: &Value| serde_json::from_value(pod.clone()).unwrap();
        LiveObjects {
            pods: pods.iter().map(typed).collect(),
            ..LiveObjects::default()
        }
    }

    fn lost(session: &Session, pods: &[Value]) -> Vec<String> {
        let losses = find_losses(session, &live(pods));
        losses.iter().map(ToString::to_string).collect()
    }

    fn home() -> Value {
        json!([{"name": "home", "emptyDir": {}}])
    }

    fn mount(path: &str) -> Value {
        json!([{"name": "home", "mountPath": path}])
    }

    #[test]
    fn without_a_claim_everything_in_its_pods_is_lost() {
        let running = session("running");
        assert_eq!(
            lost(&running, &[pod("p", home(), mount("/tmp"))]),
            ["pod/p (emptyDir home, container files)"]
        );
        assert_eq!(
            lost(&running, &[pod("p", json!([]), json!([]))]),
            ["pod/p (container files)"]
        );
    }

    #[test]
    fn beside_a_claim_only_places_of_work_are_asked_about() {
        let running = session("running");
        let claim = json!([{"name": "data", "persistentVolumeClaim": {"claimName": "c"}}]);
        let with_claim = pod("db", claim, json!([{"name": "data", "mountPath": "/data"}]));
        let scratch = pod("web", home(), mount("/tmp"));
        assert!(lost(&running, &[with_claim.clone(), scratch]).is_empty());
        let work = pod("web", home(), mount("/home/me"));
        assert_eq!(
            lost(&running, &[with_claim, work]),
            ["pod/web (emptyDir home)"]
        );
    }

    #[test]
    fn what_never_came_up_has_ended_or_is_going_has_nothing_to_lose() {
        let mut one = pod("p", home(), mount("/home"));
        assert!(lost(&session("pending"), std::slice::from_ref(&one)).is_empty());
        one["status"]["containerStatuses"] = json!([{"name": "main", "state": {"running": {}},
            "image": "i", "imageID": "", "ready": false, "restartCount": 0}]);
        assert_eq!(
            lost(&session("pending"), std::slice::from_ref(&one)).len(),
            1
        );
        for phase in ["Succeeded", "Failed"] {
            one["status"]["phase"] = phase.into();
            assert!(lost(&session("running"), std::slice::from_ref(&one)).is_empty());
        }
        one["status"]["phase"] = "Running".into();
        one["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
        assert!(lost(&session("running"), std::slice::from_ref(&one)).is_empty());
    }

    #[test]
    fn others_pods_are_no_loss() {
        let mut others = pod("p", home(), mount("/home"));
        others["metadata"]["ownerReferences"][0]["uid"] = "another".into();
        assert!(lost(&session("running"), &[others]).is_empty());
    }

    #[test]
    fn a_plan_loses_what_its_deletions_mean() {
        let (running, pods) = (
            session("running"),
            [
                pod("p", home(), mount("/home")),
                pod("q", home(), mount("/home")),
            ],
        );
        let mut plan = Plan::default();
        let live = live(&pods);
        let target = super::super::live_objects::pod_ref(&live.pods[1]);
        plan.push_stage(vec![Step::Delete {
            target,
            resource: session_model::objects::resource::POD.clone(),
            propagation: crate::plan::PropagationPolicy::Background,
        }]);
        let losses = find_plan_losses(&plan, &running, &live);
        assert_eq!(losses.len(), 1);
        assert_eq!(losses[0].pod, "q");
        assert!(find_plan_losses(&Plan::default(), &running, &live).is_empty());
    }
}
