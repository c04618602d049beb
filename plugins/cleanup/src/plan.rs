//! From what is there to what is done about it. Pure.

use std::time::Duration;

use anyhow::Result;
use serde_json::Value;
use session_shared::objects::resource::{ResourceType, text};
use session_shared::quantity::Quantity;
use session_shared::report::age;
use session_shared::{Timestamp, labels};

use crate::contents::retained;
use crate::intent::Intent;
use crate::observe::{Looked, Observed};
use crate::orphans::{Living, entry, kept_since, orphaned, taken_at};
use crate::sessions::judge;

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Deed {
    /// An object gets our labels, before it is all there is.
    Label,
    /// A session is stopped.
    Stop,
    /// A session is deleted, by its data policy.
    Delete,
    /// Another object is deleted.
    Remove,
    /// Nothing: it is only told.
    Report,
}

impl Deed {
    /// The word of the table.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Deed::Label => "label",
            Deed::Stop => "stop",
            Deed::Delete | Deed::Remove => "delete",
            Deed::Report => "leave",
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

/// Everything that is to be done, what is due the longest first; labels before everything, what is only told at the end.
///
/// # Errors
/// A session that cannot be read.
pub(crate) fn plan(intent: &Intent, observed: &Observed, now: Timestamp) -> Result<Vec<Item>> {
    let (sessions, nodes) = (observed.sessions.iter(), observed.nodes.as_ref());
    let judged = sessions.map(|Looked { chosen, live }| judge(intent, chosen, live, nodes, now));
    let judged: Result<Vec<Option<Item>>> = judged.collect();
    let mut items: Vec<Item> = judged?.into_iter().flatten().collect();
    let objects = observed.objects.iter();
    items.extend(objects.filter_map(|object| remains(intent, object, &observed.living, now)));
    let contents = observed.contents.iter();
    items.extend(contents.filter_map(|held| retained(intent, held)));
    items.sort_by(|a, b| {
        let turn = |item: &Item| match item.deed {
            Deed::Label => 0,
            Deed::Report => 2,
            _ => 1,
        };
        let place = |item: &Item| (item.namespace.clone(), item.name.clone());
        let (first, second) = ((turn(a), a.since), (turn(b), b.since));
        first.cmp(&second).then_with(|| place(a).cmp(&place(b)))
    });
    Ok(items)
}

/// What is to be done about one object that is no session; `None` for nothing. Asked again before anything is done.
pub(crate) fn remains(
    intent: &Intent,
    object: &Value,
    living: &Living,
    now: Timestamp,
) -> Option<Item> {
    let created = text(object, "/metadata/creationTimestamp").parse().ok();
    let orphan = orphaned(object, living).filter(|_| intent.orphans);
    let (since, why, data) = match orphan {
        Some(why) => (created, why, Data::None),
        None => outlived(intent, object, living, now)?,
    };
    let resource = ResourceType::of_kind(text(object, "/apiVersion"), text(object, "/kind"))?;
    let part = |pointer: &str| text(object, pointer).to_owned();
    let owner = entry(object, "/metadata/annotations", labels::USER_ID)
        .or_else(|| entry(object, "/metadata/labels", labels::USER));
    Some(Item {
        deed: Deed::Remove,
        resource,
        namespace: part("/metadata/namespace"),
        name: part("/metadata/name"),
        uid: part("/metadata/uid"),
        since,
        why,
        size: size_of(object),
        owner: owner.unwrap_or("<unknown>").to_owned(),
        data,
    })
}

/// Since when data is older than it may be, why it goes, and that it does.
fn outlived(
    intent: &Intent,
    object: &Value,
    living: &Living,
    now: Timestamp,
) -> Option<(Option<Timestamp>, String, Data)> {
    let over = |since: &Timestamp, limit: Duration| {
        now.duration_since(*since).as_secs() >= limit.as_secs() as i64
    };
    let told = |word: &str, since: Timestamp| {
        let why = format!("{word} {} ago", age::since(Some(since), now));
        (Some(since), why, Data::Destroyed)
    };
    let kept = intent.kept.and_then(|limit| {
        let since = kept_since(object, living)?;
        over(&since, limit).then(|| told("kept", since))
    });
    kept.or_else(|| {
        let since = taken_at(object, living)?;
        over(&since, intent.snapshots?).then(|| told("taken", since))
    })
}

/// What a claim or a snapshot takes, or asks for as long as it has nothing.
pub(crate) fn size_of(object: &Value) -> Option<Quantity> {
    [
        "/status/capacity/storage",
        "/status/restoreSize",
        "/spec/resources/requests/storage",
    ]
    .iter()
    .find_map(|path| text(object, path).parse().ok())
}
