//! From what is there to what is done about it. Pure.

use anyhow::Result;
use session_shared::Timestamp;
use session_shared::cluster::chosen::Chosen;
use session_shared::lifecycle::deleting::Doomed;
use session_shared::lifecycle::stopping::Present;
use session_shared::objects::resource::{ResourceType, SESSION, text};
use session_shared::quantity::Quantity;
use session_shared::reconcile::{Live, Wanted, is_expired, wanted};
use session_shared::report::age;

use crate::intent::Intent;
use crate::observe::{Looked, Observed};

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Deed {
    /// A session is stopped.
    Stop,
    /// A session is deleted, by its data policy.
    Delete,
}

impl Deed {
    /// The word of the table.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Deed::Stop => "stop",
            Deed::Delete => "delete",
        }
    }
}

/// What becomes of data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Data {
    /// There is none.
    None,
    /// It stays.
    Kept,
    /// It is lost.
    Destroyed,
}

impl Data {
    /// The word of the table.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Data::None => "<none>",
            Data::Kept => "kept",
            Data::Destroyed => "destroyed",
        }
    }
}

/// One thing to do.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) deed: Deed,
    pub(crate) resource: &'static ResourceType,
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) uid: String,
    /// Since when it is due; the oldest goes first.
    pub(crate) since: Option<Timestamp>,
    pub(crate) why: String,
    /// What its claims take.
    pub(crate) size: Option<Quantity>,
    /// Whose it is, as the organisation writes it.
    pub(crate) owner: String,
    pub(crate) data: Data,
}

/// Everything that is to be done, what is due the longest first.
///
/// # Errors
/// A session that cannot be read.
pub(crate) fn plan(intent: &Intent, observed: &Observed, now: Timestamp) -> Result<Vec<Item>> {
    let sessions = observed.sessions.iter();
    let judged = sessions.map(|Looked { chosen, live }| judge(intent, chosen, live, now));
    let judged: Result<Vec<Option<Item>>> = judged.collect();
    let mut items: Vec<Item> = judged?.into_iter().flatten().collect();
    items.sort_by(|a, b| {
        let place = |item: &Item| (item.since, item.namespace.clone(), item.name.clone());
        place(a).cmp(&place(b))
    });
    Ok(items)
}

/// What is to be done about one session; `None` for nothing. Asked again before anything is done: who has got more time in the
/// meantime is left alone.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn judge(
    intent: &Intent,
    chosen: &Chosen,
    live: &Live,
    now: Timestamp,
) -> Result<Option<Item>> {
    let session = &chosen.session;
    if session.metadata.deletion_timestamp.is_some() {
        return Ok(None);
    }
    if !intent.expired || !is_expired(session, now) {
        return Ok(None);
    }
    let since = text(&chosen.object, "/status/expiresAt").parse().ok();
    let why = format!("expired {} ago", age::since(since, now));
    match wanted(session, now) {
        Wanted::Gone { .. } => delete(chosen, live, since, why).map(Some),
        Wanted::Stopped => stop(chosen, live, since, why),
        // A new start is asked for: its time begins anew.
        Wanted::Running => Ok(None),
    }
}

fn stop(
    chosen: &Chosen,
    live: &Live,
    since: Option<Timestamp>,
    why: String,
) -> Result<Option<Item>> {
    let present = Present::with(chosen.clone(), live.clone(), false)?;
    if present.is_at_rest() {
        return Ok(None);
    }
    let size = size(chosen, live);
    let data = match present.destroyed().is_empty() {
        false => Data::Destroyed,
        true if size.is_some() => Data::Kept,
        true => Data::None,
    };
    let item = item(Deed::Stop, chosen, since, why);
    Ok(Some(Item { size, data, ..item }))
}

fn delete(chosen: &Chosen, live: &Live, since: Option<Timestamp>, why: String) -> Result<Item> {
    let doomed = Doomed::with(chosen.session.clone(), live.clone(), false)?;
    let present = Present::with(chosen.clone(), live.clone(), false)?;
    let data = if !doomed.destroyed().is_empty() || !present.destroyed().is_empty() {
        Data::Destroyed
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

/// What the session's claims take, or ask for as long as they have nothing.
fn size(chosen: &Chosen, live: &Live) -> Option<Quantity> {
    let sizes = live.own_data(&chosen.session).filter_map(|object| {
        let given = text(object, "/status/capacity/storage").parse().ok();
        given.or_else(|| {
            text(object, "/spec/resources/requests/storage")
                .parse()
                .ok()
        })
    });
    sizes.reduce(|all: Quantity, one: Quantity| all.plus(&one))
}
