//! Plans the action for a session. Pure.

use std::collections::BTreeSet;

use anyhow::Result;
use session_shared::Timestamp;
use session_shared::objects::resource::{SESSION, string_at};
use session_shared::ops::chosen::Chosen;
use session_shared::ops::deleting::Deletion;
use session_shared::ops::stopping::ObservedSession;
use session_shared::quantity::Quantity;
use session_shared::reconcile::{LiveObjects, TargetState, is_expired, find_losses, target_state};
use session_shared::report::age;

use crate::health::ailment;
use crate::intent::Intent;
use crate::plan::{Data, Deed, Item, quantity_of};

/// Returns the planned action for a session; `None` for none. Called again right before the action, so that a session that
/// was extended in the meantime is left alone.
///
/// # Errors
/// An invalid session.
pub(crate) fn judge(
    intent: &Intent,
    chosen: &Chosen,
    live: &LiveObjects,
    nodes: Option<&BTreeSet<String>>,
    now: Timestamp,
) -> Result<Option<Item>> {
    let session = &chosen.session;
    if session.metadata.deletion_timestamp.is_some() {
        return Ok(None);
    }
    if intent.expired && is_expired(session, now) {
        let ended = expired(chosen, live, now)?;
        if ended.is_some() {
            return Ok(ended);
        }
    }
    let ill = intent.unhealthy.then(|| ailment(session, live, nodes, now));
    match ill.flatten() {
        Some((since, why)) => delete(chosen, live, since, why).map(Some),
        None => Ok(None),
    }
}

fn expired(chosen: &Chosen, live: &LiveObjects, now: Timestamp) -> Result<Option<Item>> {
    let since = string_at(&chosen.object, "/status/expiresAt").parse().ok();
    let why = format!("expired {} ago", age::age_since(since, now));
    match target_state(&chosen.session, now) {
        TargetState::Deleted { .. } => delete(chosen, live, since, why).map(Some),
        TargetState::Stopped => stop(chosen, live, since, why),
        // A new start has been requested, which sets a new expiry.
        TargetState::Running => Ok(None),
    }
}

fn stop(
    chosen: &Chosen,
    live: &LiveObjects,
    since: Option<Timestamp>,
    why: String,
) -> Result<Option<Item>> {
    let present = ObservedSession::from_parts(chosen.clone(), live.clone(), false)?;
    if present.is_stopped() {
        return Ok(None);
    }
    let size = size(chosen, live);
    let data = match find_losses(&present.session, &present.live).is_empty() {
        false => Data::Destroyed,
        true if size.is_some() => Data::Kept,
        true => Data::None,
    };
    let item = item(Deed::Stop, chosen, since, why);
    Ok(Some(Item { size, data, ..item }))
}

fn delete(chosen: &Chosen, live: &LiveObjects, since: Option<Timestamp>, why: String) -> Result<Item> {
    let doomed = Deletion::from_parts(chosen.clone(), live.clone(), false)?;
    let data = if !doomed.destroyed_data().is_empty() {
        Data::Destroyed
    } else if !doomed.snapshot_claims().is_empty() {
        Data::Saved
    } else if !doomed.kept_claims().is_empty() {
        Data::Kept
    } else {
        Data::None
    };
    let size = size(chosen, live);
    let item = item(Deed::Delete, chosen, since, why);
    Ok(Item { size, data, ..item })
}

fn item(deed: Deed, chosen: &Chosen, since: Option<Timestamp>, why: String) -> Item {
    let text = |pointer: &str| string_at(&chosen.object, pointer).to_owned();
    Item {
        deed,
        resource: &SESSION,
        namespace: string_at("/metadata/namespace"),
        name: string_at("/metadata/name"),
        uid: string_at("/metadata/uid"),
        since,
        why,
        size: None,
        owner: chosen.session.spec.user_id.clone(),
        data: Data::None,
    }
}

/// Returns the total size of the session's claims; the requested size for claims that are not bound.
fn size(chosen: &Chosen, live: &LiveObjects) -> Option<Quantity> {
    let sizes = live.own_data(&chosen.session).filter_map(quantity_of);
    sizes.reduce(|all: Quantity, one: Quantity| all.add(&one))
}
