//! How a session ends: sync, workload, data, Session, in this order, because each step relies on the one before.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::hook::HookRun;
use super::live::{Live, pod_ref};
use super::seen::Seen;
use crate::plan::{Plan, Propagation, Step};
use session_model::api::{DataPolicy, Session};
use session_model::labels;
use session_model::objects::kept::{is_claim, is_snapshot, was_bound};
use session_model::objects::pods::SCALED;
use session_model::objects::resource::{PERSISTENT_VOLUME_CLAIM, POD, SESSION, text};
use session_model::objects::{ObjectRef, ResourceType};

/// What is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The workload alone: what can rest with no Pods does, everything else goes.
    Workload {
        /// Goes on without the sync hook.
        skip_sync: bool,
    },
    /// The session, its data by the data policy.
    Everything {
        /// Goes on without the sync hook.
        skip_sync: bool,
    },
}

/// The plan of an ending. With the data policy `snapshot` the claims go that were saved, and those that never held anything:
/// whoever carries it out takes the snapshot first, and says so in `live.saved`.
pub fn ending(session: &Session, live: &Live, seen: &Seen, what: Ending, now: Timestamp) -> Plan {
    let uid = session.metadata.uid.clone().unwrap_or_default();
    let mut plan = Plan::default();
    let (Ending::Workload { skip_sync } | Ending::Everything { skip_sync }) = what;
    if !skip_sync {
        plan.stage(sync(session, seen).into_iter().collect());
    }
    let counts = live.replicas(&uid);
    let rests = |workload: &ObjectRef| {
        matches!(what, Ending::Workload { .. }) && SCALED.contains(&workload.kind.as_str())
    };
    let workloads = live.workloads(&uid);
    let steps = workloads.iter().filter_map(|workload| {
        if !rests(workload) {
            return delete(workload, Propagation::Background);
        }
        let key = format!("{}/{}", workload.kind, workload.name);
        counts.contains_key(&key).then(|| to_rest(workload))?
    });
    plan.stage(steps.collect());
    let pods: Vec<ObjectRef> = live.own_pods(&uid).map(pod_ref).collect();
    if !pods.is_empty() {
        plan.stage(vec![Step::AwaitGone {
            targets: pods,
            resource: POD.clone(),
        }]);
    }
    if matches!(what, Ending::Everything { .. }) {
        let data = data(session, live, now);
        let going = claims_going(&data);
        plan.stage(data);
        let target = ObjectRef {
            api_version: session_model::api::API_VERSION.into(),
            kind: "Session".into(),
            name: session.metadata.name.clone().unwrap_or_default(),
            uid,
        };
        plan.stage(
            delete(&target, Propagation::Background)
                .into_iter()
                .collect(),
        );
        plan.stage(vec![Step::AwaitGone {
            targets: vec![target],
            resource: SESSION.clone(),
        }]);
        // A claim that is on its way out would be found by the next session of that name.
        if !going.is_empty() {
            plan.stage(vec![Step::AwaitGone {
                targets: going,
                resource: PERSISTENT_VOLUME_CLAIM.clone(),
            }]);
        }
    }
    plan
}

/// The claims that `steps` delete.
fn claims_going(steps: &[Step]) -> Vec<ObjectRef> {
    let claims = steps.iter().filter_map(|step| match step {
        Step::Delete {
            target, resource, ..
        } if *resource == PERSISTENT_VOLUME_CLAIM => Some(target.clone()),
        _ => None,
    });
    claims.collect()
}

/// Only a workload that is ready has anything to synchronise, and a Pod that can be entered.
fn sync(session: &Session, seen: &Seen) -> Option<Step> {
    let HookRun {
        pod,
        container,
        command,
        limit,
        ..
    } = HookRun::of(session, seen, "sync")?;
    Some(Step::Sync {
        pod,
        container,
        command,
        limit,
    })
}

/// No Pods any more; the count comes back with the next start.
fn to_rest(target: &ObjectRef) -> Option<Step> {
    let resource = ResourceType::of_kind(&target.api_version, &target.kind)?.clone();
    Some(Step::Patch {
        target: target.clone(),
        resource,
        patch: json!({ "spec": { "replicas": 0 } }),
    })
}

fn delete(target: &ObjectRef, propagation: Propagation) -> Option<Step> {
    let resource = ResourceType::of_kind(&target.api_version, &target.kind)?.clone();
    Some(Step::Delete {
        target: target.clone(),
        resource,
        propagation,
    })
}

/// The data policy that holds: the Session's, else the template's at the last start, else keep.
pub fn data_policy(session: &Session) -> DataPolicy {
    let at_start = session
        .status
        .as_ref()
        .and_then(|status| status.data_policy);
    session.spec.data_policy.or(at_start).unwrap_or_default()
}

/// Data by the policy. A claim that never had a volume holds none, and is never kept: the next session would find it by its
/// name, with the class that it waits for in vain. Snapshots stay whatever it is: they were taken on purpose, and go by a verb of
/// their own. The parameters Secret stays as long as there is, or may be, anything that it opens: a kept database needs its old
/// password, a restored one too.
fn data(session: &Session, live: &Live, now: Timestamp) -> Vec<Step> {
    let own: Vec<&Value> = live.own_data(session).collect();
    let policy = data_policy(session);
    let saved = |claim: &Value| {
        let uid = text(claim, "/metadata/uid");
        live.saved.iter().any(|saved| saved == uid)
    };
    let stays = |claim: &Value| match policy {
        DataPolicy::Keep => was_bound(claim),
        DataPolicy::Snapshot => was_bound(claim) && !saved(claim),
        DataPolicy::Delete => false,
    };
    let is_opened = |object: &&Value| {
        is_snapshot(object) || (is_claim(object) && (stays(object) || saved(object)))
    };
    let secret_stays = live.hidden_snapshots || own.iter().any(is_opened);
    let steps = own.into_iter().filter(|object| !is_snapshot(object));
    let steps = steps.filter_map(|object| {
        let kept = if is_claim(object) {
            stays(object)
        } else {
            secret_stays
        };
        if kept {
            keep(object, now)
        } else {
            delete(&ObjectRef::of(object), Propagation::Background)
        }
    });
    steps.collect()
}

/// Writes since when it is kept.
fn keep(object: &Value, now: Timestamp) -> Option<Step> {
    let target = ObjectRef::of(object);
    let resource = ResourceType::of_kind(&target.api_version, &target.kind)?.clone();
    Some(Step::Patch {
        target,
        resource,
        patch: kept_since(now),
    })
}

/// What is written on data that is kept, as a merge patch.
pub fn kept_since(now: Timestamp) -> Value {
    let since = now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    json!({ "metadata": { "annotations": { labels::KEPT_SINCE: since } } })
}
