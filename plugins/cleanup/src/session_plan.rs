//! Plans the action for a session. Pure.

use std::collections::BTreeSet;

use session_shared::Timestamp;
use session_shared::objects::resource::SESSION;
use session_shared::ops::ObservedSession;
use session_shared::ops::deletion::Deletion;
use session_shared::ops::session_losses::stop_losses;
use session_shared::quantity::Quantity;
use session_shared::reconcile::{TargetState, is_expired, target_state};
use session_shared::report::age;

use crate::health::unhealthy_reason;
use crate::intent::Intent;
use crate::plan_item::{Action, DataEffect, PlanItem, data_size};

/// Returns the planned action for a session; `None` for none. Called again right before the action, so that a session that
/// was extended in the meantime is left alone.
pub(crate) fn plan_session(
    intent: &Intent,
    observed: &ObservedSession,
    nodes: Option<&BTreeSet<String>>,
    now: Timestamp,
) -> Option<PlanItem> {
    let session = &observed.session;
    if session.is_being_deleted() {
        return None;
    }
    if intent.targets.expired && is_expired(session, now) {
        let ended = plan_expired(observed, now);
        if ended.is_some() {
            return ended;
        }
    }
    let (since, why) = intent
        .targets
        .unhealthy
        .then(|| unhealthy_reason(observed, nodes, now))
        .flatten()?;
    plan_delete(observed, since, why)
}

fn plan_expired(observed: &ObservedSession, now: Timestamp) -> Option<PlanItem> {
    let since = observed.session.expires_at().and_then(|at| at.parse().ok());
    let why = format!("expired {} ago", age::age_since(since, now));
    match target_state(&observed.session, now) {
        TargetState::Deleted { .. } => plan_delete(observed, since, why),
        TargetState::Stopped { .. } => plan_stop(observed, since, why),
        // A new start has been requested, which sets a new expiry.
        TargetState::Running => None,
    }
}

fn plan_stop(
    observed: &ObservedSession,
    since: Option<Timestamp>,
    why: String,
) -> Option<PlanItem> {
    if observed.is_stopped() {
        return None;
    }
    let size = claims_size(observed);
    let data = match stop_losses(observed).is_empty() {
        false => DataEffect::Destroyed,
        true if size.is_some() => DataEffect::Kept,
        true => DataEffect::None,
    };
    let item = session_item(Action::StopSession, observed, since, why)?;
    Some(PlanItem { size, data, ..item })
}

fn plan_delete(
    observed: &ObservedSession,
    since: Option<Timestamp>,
    why: String,
) -> Option<PlanItem> {
    let deletion = Deletion::new(observed.clone());
    let data = if !deletion.destroyed_data().is_empty() {
        DataEffect::Destroyed
    } else if !deletion.snapshot_claims().is_empty() {
        DataEffect::Snapshotted
    } else if !deletion.kept_claims().is_empty() {
        DataEffect::Kept
    } else {
        DataEffect::None
    };
    let size = claims_size(observed);
    let owned_claims = observed.live.owned_claims.iter();
    let item = session_item(Action::DeleteSession, observed, since, why)?;
    Some(PlanItem {
        size,
        data,
        owned_claims: owned_claims.map(ToString::to_string).collect(),
        ..item
    })
}

fn session_item(
    action: Action,
    observed: &ObservedSession,
    since: Option<Timestamp>,
    why: String,
) -> Option<PlanItem> {
    Some(PlanItem {
        action,
        resource: &SESSION,
        namespace: observed.namespace().to_owned(),
        name: observed.name().to_owned(),
        uid: observed.uid()?.to_owned(),
        due_since: since,
        reason: why,
        size: None,
        owner: observed.session.owner().to_owned(),
        data: DataEffect::None,
        owned_claims: Vec::new(),
    })
}

/// Returns the total size of the session's claims; the requested size for claims that are not bound.
fn claims_size(observed: &ObservedSession) -> Option<Quantity> {
    let own = observed.live.own_data(&observed.session);
    let sizes = own.filter_map(data_size);
    sizes.reduce(|all: Quantity, one: Quantity| all.add(&one))
}
