//! What ails a session. Pure.

use std::collections::BTreeSet;

use session_shared::api::{Phase, Session, State};
use session_shared::reconcile::{Live, Seen, Wanted, is_primary, is_start_asked, look, standing};
use session_shared::report::age;
use session_shared::{Pod, Timestamp};

/// How long a session may be not ready after having been, and a start may take before nobody can be at work on it any more.
const PATIENCE_SECONDS: i64 = 600;
/// So long after a start its Pod may be missing in what was listed, as Pods are listed before sessions.
const JUST_MADE_SECONDS: i64 = 60;

/// Since when something ails a session, and what; `None` for one that is well, rests, or may still come up.
pub(crate) fn ailment(
    session: &Session,
    live: &Live,
    nodes: Option<&BTreeSet<String>>,
    now: Timestamp,
) -> Option<(Option<Timestamp>, String)> {
    if session.spec.state == Some(State::Stopped) {
        return None;
    }
    let seen = look(session, live, &[]);
    if is_start_asked(session) {
        // One that has been started before is its owner's to start again, and one that nobody has asked for may wait.
        let first = session
            .status
            .as_ref()
            .is_none_or(|status| status.applied.is_none());
        let asked = session.spec.start_request.as_deref().filter(|_| first);
        let since: Timestamp = asked?.parse().ok()?;
        let abandoned = is_long(since, now) && !matches!(seen, Seen::Ready { .. });
        return abandoned.then(|| (Some(since), "its create was never finished".to_owned()));
    }
    let uid = session.metadata.uid.as_deref().unwrap_or_default();
    let own = || live.own_pods(uid).filter(|pod| is_primary(pod));
    if let Some((pod, node)) = own().find_map(|pod| Some((pod, lost_node(pod, nodes)?))) {
        return Some((readiness(pod).1, format!("its node {node:?} is gone")));
    }
    if matches!(seen, Seen::Lost) && is_just_made(session, now) {
        return None;
    }
    let standing = standing(session, Wanted::Running, &seen);
    if standing.phase == Phase::Failed {
        return Some((since_ready(session), format!("failed: {}", standing.reason)));
    }
    if !matches!(seen, Seen::NotReady(_)) || !has_been_ready(session) {
        return None;
    }
    let unready = own().filter_map(|pod| match readiness(pod) {
        (false, Some(since)) if is_long(since, now) => Some(since),
        _ => None,
    });
    let since = unready.min()?;
    let why = format!("not ready for {}", age::since(Some(since), now));
    Some((Some(since), why))
}

fn is_long(since: Timestamp, now: Timestamp) -> bool {
    now.duration_since(since).as_secs() >= PATIENCE_SECONDS
}

fn is_just_made(session: &Session, now: Timestamp) -> bool {
    let made = session
        .status
        .as_ref()
        .and_then(|status| status.start_time.as_deref());
    let made = made.and_then(|made| made.parse::<Timestamp>().ok());
    made.is_some_and(|made| now.duration_since(made).as_secs() < JUST_MADE_SECONDS)
}

fn lost_node<'a>(pod: &'a Pod, nodes: Option<&BTreeSet<String>>) -> Option<&'a str> {
    let node = pod.spec.as_ref()?.node_name.as_deref()?;
    (!nodes?.contains(node)).then_some(node)
}

/// Whether a Pod is ready, and since when it is or is not.
fn readiness(pod: &Pod) -> (bool, Option<Timestamp>) {
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

/// As the last who looked has written it down.
fn has_been_ready(session: &Session) -> bool {
    let status = session.status.as_ref();
    status.is_some_and(|status| {
        let mut conditions = status.conditions.iter();
        status.phase == Some(Phase::Running)
            || conditions.any(|condition| condition.r#type == "Ready" && condition.status == "True")
    })
}

/// Since when the session's status says what it says of its readiness.
fn since_ready(session: &Session) -> Option<Timestamp> {
    let status = session.status.as_ref()?;
    let ready = status
        .conditions
        .iter()
        .find(|condition| condition.r#type == "Ready");
    let since = ready.and_then(|condition| condition.last_transition_time.parse().ok());
    since.or_else(|| status.start_time.as_deref()?.parse().ok())
}
