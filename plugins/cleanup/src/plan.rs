//! From what is there to what is done about it. Pure.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::Result;
use serde_json::Value;
use session_shared::names::parameters_secret;
use session_shared::objects::kept::{holds_data, is_claim, size_of};
use session_shared::objects::resource::{ResourceType, SECRET, annotation, label, text};
use session_shared::quantity::Quantity;
use session_shared::report::age;
use session_shared::{Timestamp, labels};

use crate::contents::retained;
use crate::intent::Intent;
use crate::observe::{Looked, Observed};
use crate::orphans::{Kept, Living, kept, orphaned, taken_at};
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
    /// It is written on kept data that it was seen today: nothing says since when it is kept, and it is destroyed by its age.
    Date,
}

impl Deed {
    /// The word of the table.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Deed::Label => "label",
            Deed::Stop => "stop",
            Deed::Delete | Deed::Remove => "delete",
            Deed::Report => "leave",
            Deed::Date => "date",
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
    /// It goes once a snapshot of it is ready.
    Saved,
    /// It is lost.
    Destroyed,
}

impl Data {
    /// The word of the table.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Data::None => "<none>",
            Data::Kept => "kept",
            Data::Saved => "snapshot",
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

/// Leaves parameters out that a claim needs which stays: a kept database needs its old password. They go with the last of their
/// claims, so this is asked of what is left of a plan once it is complete.
pub(crate) fn without_needed_secrets(items: Vec<Item>, observed: &Observed) -> Vec<Item> {
    let going: BTreeSet<String> = items
        .iter()
        .filter(|item| item.deed == Deed::Remove)
        .map(|item| item.uid.clone())
        .collect();
    let stays = |object: &&Value| {
        is_claim(object) && holds_data(object) && !going.contains(text(object, "/metadata/uid"))
    };
    let of = |object: &Value| {
        let session = label(object, labels::SESSION).unwrap_or_default();
        let namespace = text(object, "/metadata/namespace");
        (namespace.to_owned(), parameters_secret(session))
    };
    let needed: BTreeSet<(String, String)> =
        observed.objects.iter().filter(stays).map(of).collect();
    let is_needed = |item: &Item| {
        let key = (item.namespace.clone(), item.name.clone());
        *item.resource == SECRET && item.deed == Deed::Remove && needed.contains(&key)
    };
    items.into_iter().filter(|item| !is_needed(item)).collect()
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
    let (deed, since, why, data) = match orphan {
        Some(why) => (Deed::Remove, created, why, Data::None),
        None => outlived(intent, object, living, now)?,
    };
    let resource = ResourceType::of_kind(text(object, "/apiVersion"), text(object, "/kind"))?;
    let part = |pointer: &str| text(object, pointer).to_owned();
    let owner = annotation(object, labels::USER_ID).or_else(|| label(object, labels::USER));
    Some(Item {
        deed,
        resource,
        namespace: part("/metadata/namespace"),
        name: part("/metadata/name"),
        uid: part("/metadata/uid"),
        since,
        why,
        size: quantity_of(object),
        owner: owner.unwrap_or("<unknown>").to_owned(),
        data,
    })
}

/// What becomes of data that outlived its session, since when it is due, and why.
fn outlived(
    intent: &Intent,
    object: &Value,
    living: &Living,
    now: Timestamp,
) -> Option<(Deed, Option<Timestamp>, String, Data)> {
    let over = |since: &Timestamp, limit: Duration| {
        now.duration_since(*since).as_secs() >= limit.as_secs() as i64
    };
    let told = |word: &str, since: Timestamp| {
        let why = format!("{word} {} ago", age::since(Some(since), now));
        (Deed::Remove, Some(since), why, Data::Destroyed)
    };
    if let Some(limit) = intent.kept {
        match kept(object, living) {
            Some(Kept::Since(since)) if over(&since, limit) => return Some(told("kept", since)),
            Some(Kept::Undated) => {
                let why = "kept, and nothing says since when: its age counts from now".to_owned();
                return Some((Deed::Date, None, why, Data::Kept));
            }
            _ => {}
        }
    }
    let since = taken_at(object, living)?;
    over(&since, intent.snapshots?).then(|| told("taken", since))
}

/// What a claim or a snapshot takes, or asks for as long as it has nothing.
pub(crate) fn quantity_of(object: &Value) -> Option<Quantity> {
    size_of(object).parse().ok()
}
