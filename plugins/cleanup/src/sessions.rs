//! Plans the action for a session. Pure.

use std::collections::BTreeSet;

use anyhow::Result;
use session_shared::Timestamp;
use session_shared::objects::resource::{SESSION, text};
use session_shared::ops::Driver;
use session_shared::ops::chosen::Chosen;
use session_shared::ops::deleting::Doomed;
use session_shared::ops::stopping::Present;
use session_shared::quantity::Quantity;
use session_shared::reconcile::{Live, Wanted, is_expired, losses, wanted};
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
    live: &Live,
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

fn expired(chosen: &Chosen, live: &Live, now: Timestamp) -> Result<Option<Item>> {
    let since = text(&chosen.object, "/status/expiresAt").parse().ok();
    let why = format!("expired {} ago", age::since(since, now));
    match wanted(&chosen.session, now) {
        Wanted::Gone { .. } => delete(chosen, live, since, why).map(Some),
        Wanted::Stopped => stop(chosen, live, since, why),
        // A new start has been requested, which sets a new expiry.
        Wanted::Running => Ok(None),
    }
}

fn stop(
    chosen: &Chosen,
    live: &Live,
    since: Option<Timestamp>,
    why: String,
) -> Result<Option<Item>> {
    let present = Present::with(chosen.clone(), live.clone(), Driver::Client)?;
    if present.is_at_rest() {
        return Ok(None);
    }
    let size = size(chosen, live);
    let data = match losses(&present.session, &present.live).is_empty() {
        false => Data::Destroyed,
        true if size.is_some() => Data::Kept,
        true => Data::None,
    };
    let item = item(Deed::Stop, chosen, since, why);
    Ok(Some(Item { size, data, ..item }))
}

fn delete(chosen: &Chosen, live: &Live, since: Option<Timestamp>, why: String) -> Result<Item> {
    let doomed = Doomed::with(chosen.clone(), live.clone(), Driver::Client)?;
    let data = if !doomed.destroyed().is_empty() {
        Data::Destroyed
    } else if !doomed.saved().is_empty() {
        Data::Saved
    } else if !doomed.kept().is_empty() {
        Data::Kept
    } else {
        Data::None
    };
    let size = size(chosen, live);
    let item = item(Deed::Delete, chosen, since, why);
    Ok(Item { size, data, ..item })
}

fn item(deed: Deed, chosen: &Chosen, since: Option<Timestamp>, why: String) -> Item {
    let text = |pointer: &str| text(&chosen.object, pointer).to_owned();
    Item {
        deed,
        resource: &SESSION,
        namespace: text("/metadata/namespace"),
        name: text("/metadata/name"),
        uid: text("/metadata/uid"),
        since,
        why,
        size: None,
        owner: chosen.session.spec.user_id.clone(),
        data: Data::None,
    }
}

/// Returns the total size of the session's claims; the requested size for claims that are not bound.
fn size(chosen: &Chosen, live: &Live) -> Option<Quantity> {
    let sizes = live.own_data(&chosen.session).filter_map(quantity_of);
    sizes.reduce(|all: Quantity, one: Quantity| all.plus(&one))
}
