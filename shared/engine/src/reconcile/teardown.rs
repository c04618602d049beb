//! Plan of a stop or a deletion: sync hook, workload, data, Session, in this order, because each step relies on the one before.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::hook_run::HookRun;
use super::live_objects::{LiveObjects, is_terminated, pod_ref};
use super::workload_state::WorkloadState;
use crate::plan::{Plan, PropagationPolicy, Step};
use session_model::api::{DataPolicy, Session};
use session_model::labels;
use session_model::objects::Untyped;
use session_model::objects::kept_data::{is_claim, is_snapshot, was_bound};
use session_model::objects::resource::{PERSISTENT_VOLUME_CLAIM, POD, SESSION};
use session_model::objects::rest_method::{RestMethod, is_at_rest, is_finished_job};
use session_model::objects::{ObjectRef, ResourceType};

/// Scope of a teardown: a stop or a deletion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Teardown {
    /// Stop: workloads that can rest are scaled to 0 or suspended, and other workloads are deleted.
    Stop {
        /// If true, the sync hook is not run.
        skip_sync: bool,
    },
    /// Deletion of the session, with its data by the data policy.
    Delete {
        /// If true, the sync hook is not run.
        skip_sync: bool,
    },
}

/// Returns the plan of a stop or deletion. With the data policy `snapshot`, only claims listed in `live.saved` and claims without
/// data are deleted: the caller takes the snapshots first and lists the claims there.
pub(super) fn plan_teardown(
    session: &Session,
    live: &LiveObjects,
    state: &WorkloadState,
    what: Teardown,
    now: Timestamp,
) -> Plan {
    let uid = session.uid();
    let mut plan = Plan::default();
    let (Teardown::Stop { skip_sync } | Teardown::Delete { skip_sync }) = what;
    if !skip_sync {
        plan.push_stage(sync_step(session, live, state).into_iter().collect());
    }
    let mut steps = match what {
        Teardown::Stop { .. } => rest_steps(session, live),
        Teardown::Delete { .. } => delete_workload_steps(live, uid),
    };
    steps.extend(ended_pod_steps(&steps, live, uid));
    plan.push_stage(steps);
    let pods: Vec<ObjectRef> = live.own_pods(uid).map(pod_ref).collect();
    if !pods.is_empty() {
        plan.push_stage(vec![Step::WaitDeleted {
            targets: pods,
            resource: POD.clone(),
        }]);
    }
    if matches!(what, Teardown::Delete { .. }) {
        let data = data_steps(session, live, now);
        let going = deleted_claims(&data);
        plan.push_stage(data);
        let api_version = session_model::api::API_VERSION;
        let target = ObjectRef::new(api_version, "Session", session.name(), uid);
        plan.push_stage(
            delete_step(&target, PropagationPolicy::Background)
                .into_iter()
                .collect(),
        );
        plan.push_stage(vec![Step::WaitDeleted {
            targets: vec![target],
            resource: SESSION.clone(),
        }]);
        // The next session of that name would find a claim that is still being deleted.
        if !going.is_empty() {
            plan.push_stage(vec![Step::WaitDeleted {
                targets: going,
                resource: PERSISTENT_VOLUME_CLAIM.clone(),
            }]);
        }
    }
    plan
}

/// Returns the claims that `steps` delete.
fn deleted_claims(steps: &[Step]) -> Vec<ObjectRef> {
    let claims = steps.iter().filter_map(|step| match step {
        Step::Delete {
            target, resource, ..
        } if *resource == PERSISTENT_VOLUME_CLAIM => Some(target.clone()),
        _ => None,
    });
    claims.collect()
}

/// Returns the step that runs the sync hook. Only a ready workload has something to synchronise and a Pod to run it in.
fn sync_step(session: &Session, live: &LiveObjects, state: &WorkloadState) -> Option<Step> {
    let HookRun {
        pod,
        container,
        command,
        timeout: limit,
        ..
    } = HookRun::find(session, state, live, "sync")?;
    Some(Step::RunHook {
        pod,
        container,
        command,
        timeout: limit,
    })
}

/// Returns the steps that bring the workloads to rest. The next start restores counts. A workload that cannot rest is deleted; so is
/// a Job that has ended, which runs nothing more.
fn rest_steps(session: &Session, live: &LiveObjects) -> Vec<Step> {
    let step = |workload: &ObjectRef| {
        if let Some(custom) = live.custom_of(workload) {
            return custom.rest_step(session.primary());
        }
        let object = live.owner(&workload.uid);
        let method = RestMethod::of_kind(&workload.kind);
        let (Some(method), Some(object)) = (method, object.filter(|job| !is_finished_job(job)))
        else {
            return delete_step(workload, PropagationPolicy::Background);
        };
        if is_at_rest(object) {
            return None;
        }
        Some(Step::Patch {
            target: workload.clone(),
            resource: ResourceType::find_known(&workload.api_version, &workload.kind)?.clone(),
            patch: method.patch(),
        })
    };
    live.workloads(session.uid())
        .iter()
        .filter_map(step)
        .collect()
}

fn delete_workload_steps(live: &LiveObjects, uid: Option<&str>) -> Vec<Step> {
    let workloads = live.workloads(uid);
    let step = |workload: &ObjectRef| match live.custom_of(workload) {
        Some(custom) => Some(custom.delete_step()),
        None => delete_step(workload, PropagationPolicy::Background),
    };
    workloads.iter().filter_map(step).collect()
}

/// Returns deletions of Pods that have ended and whose Job is suspended by `steps`: its controller leaves them.
fn ended_pod_steps(steps: &[Step], live: &LiveObjects, uid: Option<&str>) -> Vec<Step> {
    let is_suspended = |workload: &ObjectRef| {
        workload.kind == "Job"
            && steps
                .iter()
                .any(|step| matches!(step, Step::Patch { target, .. } if target == workload))
    };
    let ended = live.own_pods(uid).filter(|pod| {
        is_terminated(pod)
            && live
                .workload_of(pod, uid)
                .is_some_and(|job| is_suspended(&job))
    });
    ended
        .filter_map(|pod| delete_step(&pod_ref(pod), PropagationPolicy::Background))
        .collect()
}

fn delete_step(target: &ObjectRef, propagation: PropagationPolicy) -> Option<Step> {
    let resource = ResourceType::find_known(&target.api_version, &target.kind)?.clone();
    Some(Step::Delete {
        target: target.clone(),
        resource,
        propagation,
    })
}

/// Returns the effective data policy: the Session's, else the template's at the last start, else `keep`.
pub fn effective_data_policy(session: &Session) -> DataPolicy {
    let at_start = session
        .status
        .as_ref()
        .and_then(|status| status.data_policy);
    session.spec.data_policy.or(at_start).unwrap_or_default()
}

/// Returns the steps for data, by the data policy.
///
/// - A claim that was never bound holds no data and is always deleted. Kept, it would be found by the next session of that name,
///   with the same StorageClass that never provisioned it.
/// - Snapshots are kept under every policy: they were taken on purpose, and `snapshot delete` deletes them.
/// - The parameters Secret is kept while data that needs it exists or may exist: a kept or restored database needs its old
///   password.
fn data_steps(session: &Session, live: &LiveObjects, now: Timestamp) -> Vec<Step> {
    let policy = effective_data_policy(session);
    let stays = |claim: &Value| is_claim_kept(claim, policy, live);
    let secret_stays = is_secret_kept(session, live);
    let steps = live.own_data(session).filter(|object| !is_snapshot(object));
    let steps = steps.filter_map(|object| {
        let kept = if is_claim(object) {
            stays(object)
        } else {
            secret_stays
        };
        if kept {
            keep_step(object, now)
        } else {
            delete_step(
                &ObjectRef::from_object(object),
                PropagationPolicy::Background,
            )
        }
    });
    steps.collect()
}

/// Returns true if the snapshot of this deletion has saved the claim.
fn is_claim_saved(claim: &Value, live: &LiveObjects) -> bool {
    let mut saved = live.snapshotted_claims.iter();
    saved.any(|uid| Untyped(claim).has_uid(uid))
}

fn is_claim_kept(claim: &Value, policy: DataPolicy, live: &LiveObjects) -> bool {
    match policy {
        DataPolicy::Keep => was_bound(claim),
        DataPolicy::Snapshot => was_bound(claim) && !is_claim_saved(claim, live),
        DataPolicy::Delete => false,
    }
}

/// Returns true if a deletion keeps the Secret of secret parameters: a claim or a snapshot that stays may need its values.
pub fn is_secret_kept(session: &Session, live: &LiveObjects) -> bool {
    let policy = effective_data_policy(session);
    let needs_values = |object: &Value| {
        let stays = is_claim_kept(object, policy, live) || is_claim_saved(object, live);
        is_snapshot(object) || (is_claim(object) && stays)
    };
    live.snapshots_unlistable || live.own_data(session).any(needs_values)
}

/// Returns the step that records the time since which an object is kept.
fn keep_step(object: &Value, now: Timestamp) -> Option<Step> {
    let target = ObjectRef::from_object(object);
    let resource = ResourceType::find_known(&target.api_version, &target.kind)?.clone();
    Some(Step::Patch {
        target,
        resource,
        patch: kept_since_patch(now),
    })
}

/// Returns the merge patch that marks data as kept since `now`.
pub fn kept_since_patch(now: Timestamp) -> Value {
    let since = now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    json!({ "metadata": { "annotations": { labels::KEPT_SINCE: since } } })
}
