//! Plans the action for a session. Pure.

use std::collections::BTreeSet;

use anyhow::Result;
use session_shared::Timestamp;
use session_shared::objects::resource::{SESSION, string_at};
use session_shared::ops::Driver;
use session_shared::ops::deletion::Deletion;
use session_shared::ops::selected_sessions::SelectedSession;
use session_shared::ops::stop::ObservedSession;
use session_shared::quantity::Quantity;
use session_shared::reconcile::{LiveObjects, TargetState, find_losses, is_expired, target_state};
use session_shared::report::age;

use crate::health::unhealthy_reason;
use crate::intent::Intent;
use crate::plan_item::{Action, DataEffect, PlanItem, data_size};

/// Returns the planned action for a session; `None` for none. Called again right before the action, so that a session that
/// was extended in the meantime is left alone.
///
/// # Errors
/// An invalid session.
pub(crate) fn plan_session(
    intent: &Intent,
    chosen: &SelectedSession,
    live: &LiveObjects,
    nodes: Option<&BTreeSet<String>>,
    now: Timestamp,
) -> Result<Option<PlanItem>> {
    let session = &chosen.session;
    if session.is_being_deleted() {
        return Ok(None);
    }
    if intent.expired && is_expired(session, now) {
        let ended = plan_expired(chosen, live, now)?;
        if ended.is_some() {
            return Ok(ended);
        }
    }
    let ill = intent
        .unhealthy
        .then(|| unhealthy_reason(session, live, nodes, now));
    match ill.flatten() {
        Some((since, why)) => plan_delete(chosen, live, since, why).map(Some),
        None => Ok(None),
    }
}

fn plan_expired(
    chosen: &SelectedSession,
    live: &LiveObjects,
    now: Timestamp,
) -> Result<Option<PlanItem>> {
    let since = chosen.session.expires_at().and_then(|at| at.parse().ok());
    let why = format!("expired {} ago", age::age_since(since, now));
    match target_state(&chosen.session, now) {
        TargetState::Deleted { .. } => plan_delete(chosen, live, since, why).map(Some),
        TargetState::Stopped => plan_stop(chosen, live, since, why),
        // A new start has been requested, which sets a new expiry.
        TargetState::Running => Ok(None),
    }
}

fn plan_stop(
    chosen: &SelectedSession,
    live: &LiveObjects,
    since: Option<Timestamp>,
    why: String,
) -> Result<Option<PlanItem>> {
    let observed = ObservedSession::from_parts(chosen.clone(), live.clone(), Driver::Client)?;
    if observed.is_stopped() {
        return Ok(None);
    }
    let size = claims_size(chosen, live);
    let data = match find_losses(&observed.session, &observed.live).is_empty() {
        false => DataEffect::Destroyed,
        true if size.is_some() => DataEffect::Kept,
        true => DataEffect::None,
    };
    let item = session_item(Action::StopSession, chosen, since, why);
    Ok(Some(PlanItem { size, data, ..item }))
}

fn plan_delete(
    chosen: &SelectedSession,
    live: &LiveObjects,
    since: Option<Timestamp>,
    why: String,
) -> Result<PlanItem> {
    let deletion = Deletion::from_parts(chosen.clone(), live.clone(), Driver::Client)?;
    let data = if !deletion.destroyed_data().is_empty() {
        DataEffect::Destroyed
    } else if !deletion.snapshot_claims().is_empty() {
        DataEffect::Snapshotted
    } else if !deletion.kept_claims().is_empty() {
        DataEffect::Kept
    } else {
        DataEffect::None
    };
    let size = claims_size(chosen, live);
    let item = session_item(Action::DeleteSession, chosen, since, why);
    Ok(PlanItem { size, data, ..item })
}

fn session_item(
    deed: Action,
    chosen: &SelectedSession,
    since: Option<Timestamp>,
    why: String,
) -> PlanItem {
    let text = |pointer: &str| string_at(&chosen.object, pointer).to_owned();
    PlanItem {
        action: deed,
        resource: &SESSION,
        namespace: text("/metadata/namespace"),
        name: text("/metadata/name"),
        uid: text("/metadata/uid"),
        due_since: since,
        reason: why,
        size: None,
        owner: chosen.session.owner().to_owned(),
        data: DataEffect::None,
    }
}

/// Returns the total size of the session's claims; the requested size for claims that are not bound.
fn claims_size(chosen: &SelectedSession, live: &LiveObjects) -> Option<Quantity> {
    let sizes = live.own_data(&chosen.session).filter_map(data_size);
    sizes.reduce(|all: Quantity, one: Quantity| all.add(&one))
}
