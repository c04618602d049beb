//! Decides whether a session is unhealthy. Pure.

use std::collections::BTreeSet;

use session_shared::api::{DesiredState, Phase, Session};
use session_shared::ops::ObservedSession;
use session_shared::reconcile::{
    WorkloadState, current_phase, is_primary_pod, is_start_requested, phase_since,
};
use session_shared::report::age;
use session_shared::{Pod, Timestamp};

/// Seconds after which a session that was ready is unhealthy, and after which a start counts as abandoned.
const UNHEALTHY_AFTER_SECONDS: i64 = 600;
/// Seconds after a start in which its Pod may be missing: Pods are listed before sessions.
const START_GRACE_SECONDS: i64 = 60;

/// Returns since when and why a session is unhealthy; `None` for one that is healthy, stopped, or may still become ready.
pub(crate) fn unhealthy_reason(
    observed: &ObservedSession,
    nodes: Option<&BTreeSet<String>>,
    now: Timestamp,
) -> Option<(Option<Timestamp>, String)> {
    let (session, live, state) = (&observed.session, &observed.live, &observed.state);
    if session.spec.state == Some(DesiredState::Stopped) {
        return None;
    }
    if is_start_requested(session) {
        // Only an abandoned create is unhealthy: a session that was started before may be started again by its owner.
        let first = session.applied().is_none();
        let asked = session.spec.start_request.as_deref().filter(|_| first);
        let since: Timestamp = asked?.parse().ok()?;
        let abandoned = is_long(since, now) && !matches!(state, WorkloadState::Ready { .. });
        return abandoned.then(|| (Some(since), "creation was never finished".to_owned()));
    }
    let uid = session.uid();
    let own = || live.own_pods(uid).filter(|pod| is_primary_pod(pod));
    if let Some((pod, node)) = own().find_map(|pod| Some((pod, missing_node(pod, nodes)?))) {
        return Some((
            pod_readiness(pod).1,
            format!("node {node:?} no longer exists"),
        ));
    }
    if matches!(state, WorkloadState::Lost) && is_just_started(session, now) {
        return None;
    }
    let standing = current_phase(session, state);
    if standing.phase == Phase::Failed {
        return Some((
            phase_since(session, live, state, standing.phase),
            format!("failed: {}", standing.reason),
        ));
    }
    if !matches!(state, WorkloadState::NotReady(_)) || !has_been_ready(session) {
        return None;
    }
    let unready = own().filter_map(|pod| match pod_readiness(pod) {
        (false, Some(since)) if is_long(since, now) => Some(since),
        _ => None,
    });
    let since = unready.min()?;
    let why = format!("not ready for {}", age::age_since(Some(since), now));
    Some((Some(since), why))
}

fn is_long(since: Timestamp, now: Timestamp) -> bool {
    now.duration_since(since).as_secs() >= UNHEALTHY_AFTER_SECONDS
}

fn is_just_started(session: &Session, now: Timestamp) -> bool {
    let made = session.start_time();
    let made = made.and_then(|made| made.parse::<Timestamp>().ok());
    made.is_some_and(|made| now.duration_since(made).as_secs() < START_GRACE_SECONDS)
}

fn missing_node<'a>(pod: &'a Pod, nodes: Option<&BTreeSet<String>>) -> Option<&'a str> {
    let node = pod.spec.as_ref()?.node_name.as_deref()?;
    (!nodes?.contains(node)).then_some(node)
}

/// Returns whether a Pod is ready, and since when.
fn pod_readiness(pod: &Pod) -> (bool, Option<Timestamp>) {
    let conditions = pod
        .status
        .iter()
        .flat_map(|status| status.conditions.iter().flatten());
    let mut conditions = conditions.filter(|condition| condition.type_ == "Ready");
    let Some(condition) = conditions.next() else {
        return (false, None);
    };
    let since = condition.last_transition_time.as_ref().map(|time| time.0);
    (condition.status == "True", since)
}

/// Returns true if the session's status records that it was ready.
fn has_been_ready(session: &Session) -> bool {
    let mut conditions = session.conditions().iter();
    session.phase() == Some(Phase::Running)
        || conditions.any(|condition| condition.r#type == "Ready" && condition.status == "True")
}
