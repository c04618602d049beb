//! Plans the actions for the observed state. Pure.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::Result;
use serde_json::Value;
use session_shared::names::parameters_secret_name;
use session_shared::objects::kept::{holds_data, is_claim, storage_size};
use session_shared::objects::resource::{ResourceType, SECRET, annotation, label, string_at};
use session_shared::quantity::Quantity;
use session_shared::report::age;
use session_shared::{Timestamp, labels};

use crate::contents::retained;
use crate::intent::Intent;
use crate::observe::{Looked, Observed};
use crate::orphans::{Kept, Living, kept, orphaned, taken_at};
use crate::sessions::judge;

/// Action of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Deed {
    /// Add session labels to a content while its snapshot still proves where it belongs.
    Label,
    /// Stop a session.
    Stop,
    /// Delete a session; its data policy applies.
    Delete,
    /// Delete another object.
    Remove,
    /// Only report the object.
    Report,
    /// Record the current time on kept data that has no kept-since time, so that its age counts from now.
    Date,
}

impl Deed {
    /// Returns the word shown in the table.
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

/// Effect of an action on data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Data {
    /// There is no data.
    None,
    /// The data is kept.
    Kept,
    /// The data is deleted once a snapshot of it is ready.
    Saved,
    /// The data is lost.
    Destroyed,
}

impl Data {
    /// Returns the word shown in the table.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Data::None => "<none>",
            Data::Kept => "kept",
            Data::Saved => "snapshot",
            Data::Destroyed => "destroyed",
        }
    }
}

/// One planned action on one object.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) deed: Deed,
    pub(crate) resource: &'static ResourceType,
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) uid: String,
    /// Time since which the action is due; the oldest is carried out first.
    pub(crate) since: Option<Timestamp>,
    pub(crate) why: String,
    /// Size of the object's data.
    pub(crate) size: Option<Quantity>,
    /// User id of the owner.
    pub(crate) owner: String,
    pub(crate) data: Data,
}

/// Returns all planned actions, oldest first; `Label` before all others, `Report` after them.
///
/// # Errors
/// An invalid session.
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

/// Removes deletions of parameters that a remaining claim needs: a kept database needs its old password. Parameters are
/// deleted with the last of their claims, so this is applied to the final plan, after selectors and `--max`.
pub(crate) fn without_needed_secrets(items: Vec<Item>, observed: &Observed) -> Vec<Item> {
    let going: BTreeSet<String> = items
        .iter()
        .filter(|item| item.deed == Deed::Remove)
        .map(|item| item.uid.clone())
        .collect();
    let stays = |object: &&Value| {
        is_claim(object) && holds_data(object) && !going.contains(string_at(object, "/metadata/uid"))
    };
    let of = |object: &Value| {
        let session = label(object, labels::SESSION).unwrap_or_default();
        let namespace = string_at(object, "/metadata/namespace");
        (namespace.to_owned(), parameters_secret_name(session))
    };
    let needed: BTreeSet<(String, String)> =
        observed.objects.iter().filter(stays).map(of).collect();
    let is_needed = |item: &Item| {
        let key = (item.namespace.clone(), item.name.clone());
        *item.resource == SECRET && item.deed == Deed::Remove && needed.contains(&key)
    };
    items.into_iter().filter(|item| !is_needed(item)).collect()
}

/// Returns the planned action for an object other than a Session; `None` for none. Called again right before the action.
pub(crate) fn remains(
    intent: &Intent,
    object: &Value,
    living: &Living,
    now: Timestamp,
) -> Option<Item> {
    let created = string_at(object, "/metadata/creationTimestamp").parse().ok();
    let orphan = orphaned(object, living).filter(|_| intent.orphans);
    let (deed, since, why, data) = match orphan {
        Some(why) => (Deed::Remove, created, why, Data::None),
        None => outlived(intent, object, living, now)?,
    };
    let resource = ResourceType::find_known(string_at(object, "/apiVersion"), string_at(object, "/kind"))?;
    let part = |pointer: &str| string_at(object, pointer).to_owned();
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

/// Returns action, due time, reason and effect for kept data and old snapshots.
fn outlived(
    intent: &Intent,
    object: &Value,
    living: &Living,
    now: Timestamp,
) -> Option<(Deed, Option<Timestamp>, String, Data)> {
    let over = |since: &Timestamp, limit: Duration| {
        now.duration_since(*since).as_secs() >= limit.as_secs() as i64
    };
    let told = |before: &str, after: &str, since: Timestamp| {
        let why = format!("{before}{}{after}", age::age_since(Some(since), now));
        (Deed::Remove, Some(since), why, Data::Destroyed)
    };
    if let Some(limit) = intent.kept {
        match kept(object, living) {
            Some(Kept::Since(since)) if over(&since, limit) => {
                return Some(told("kept for ", "", since));
            }
            Some(Kept::Undated) => {
                let why = "kept since an unknown time; age counts from now".to_owned();
                return Some((Deed::Date, None, why, Data::Kept));
            }
            _ => {}
        }
    }
    let since = taken_at(object, living)?;
    if !over(&since, intent.snapshots?) {
        return None;
    }
    Some(match living.doubt(object) {
        None => told("taken ", " ago", since),
        Some(doubt) => {
            let why = format!("not counted: {}", doubt.describe());
            (Deed::Report, Some(since), why, Data::Kept)
        }
    })
}

/// Returns the size of a claim or snapshot, or the requested size until it is bound.
pub(crate) fn quantity_of(object: &Value) -> Option<Quantity> {
    storage_size(object).parse().ok()
}
