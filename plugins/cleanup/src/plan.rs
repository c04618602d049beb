//! Plans the actions for the observed state. Pure.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;
use session_shared::names::{UserId, parameters_secret_name};
use session_shared::objects::Untyped;
use session_shared::objects::kept_data::{holds_data, is_claim};
use session_shared::objects::resource::{ResourceType, SECRET};
use session_shared::report::age;
use session_shared::{Timestamp, labels};

use crate::contents::plan_content;
use crate::intent::Intent;
use crate::observe::Observed;
use crate::orphans::{KeptSince, SessionIndex, kept_data_since, orphan_reason, snapshot_time};
use crate::plan_item::{Action, DataEffect, PlanItem, data_size};
use crate::session_plan::plan_session;

/// Returns all planned actions, oldest first; `AddLabels` before all others, `Report` after them.
pub(crate) fn plan(intent: &Intent, observed: &Observed, now: Timestamp) -> Vec<PlanItem> {
    let (sessions, nodes) = (observed.sessions.iter(), observed.nodes.as_ref());
    let planned = sessions.filter_map(|session| plan_session(intent, session, nodes, now));
    let mut items: Vec<PlanItem> = planned.collect();
    let objects = observed.objects.iter();
    items.extend(objects.filter_map(|object| plan_object(intent, object, &observed.index, now)));
    let contents = observed.contents.iter();
    items.extend(contents.filter_map(|held| plan_content(intent, held)));
    items.retain(|item| {
        intent
            .owner
            .as_ref()
            .is_none_or(|owner| belongs_to(item, owner))
    });
    items.sort_by(|a, b| {
        let rank = |item: &PlanItem| match item.action {
            Action::AddLabels => 0,
            Action::Report => 2,
            _ => 1,
        };
        let place = |item: &PlanItem| (item.namespace.clone(), item.name.clone());
        let (first, second) = ((rank(a), a.due_since), (rank(b), b.due_since));
        first.cmp(&second).then_with(|| place(a).cmp(&place(b)))
    });
    items
}

/// Returns true if an item belongs to an owner. An object without the annotation names its owner by the label only.
fn belongs_to(item: &PlanItem, owner: &UserId) -> bool {
    item.owner == owner.as_str() || item.owner == labels::to_label_value(owner.as_str())
}

/// Removes deletions of parameters that a remaining claim needs: a kept database needs its old password. Parameters are
/// deleted with the last of their claims, so this is applied to the final plan, after selectors and `--max`.
pub(crate) fn exclude_needed_secrets(items: Vec<PlanItem>, observed: &Observed) -> Vec<PlanItem> {
    let going: BTreeSet<String> = items
        .iter()
        .filter(|item| item.action == Action::DeleteObject)
        .map(|item| item.uid.clone())
        .collect();
    let stays = |object: &&Value| {
        is_claim(object)
            && holds_data(object)
            && Untyped(object).uid().is_none_or(|uid| !going.contains(uid))
    };
    let of = |object: &Value| {
        let session = Untyped(object).label(labels::SESSION)?;
        let namespace = Untyped(object).home_namespace();
        Some((namespace.to_owned(), parameters_secret_name(session)))
    };
    let needed: BTreeSet<(String, String)> = observed
        .objects
        .iter()
        .filter(stays)
        .filter_map(of)
        .collect();
    let is_needed = |item: &PlanItem| {
        let key = (item.namespace.clone(), item.name.clone());
        *item.resource == SECRET && item.action == Action::DeleteObject && needed.contains(&key)
    };
    items.into_iter().filter(|item| !is_needed(item)).collect()
}

/// Returns the planned action for an object other than a Session; `None` for none. Called again right before the action.
pub(crate) fn plan_object(
    intent: &Intent,
    object: &Value,
    living: &SessionIndex,
    now: Timestamp,
) -> Option<PlanItem> {
    let created = Untyped(object).created();
    let orphan = orphan_reason(object, living).filter(|_| intent.targets.orphans);
    let (action, since, reason, data) = match orphan {
        Some(why) => (Action::DeleteObject, created, why, DataEffect::None),
        None => plan_outlived_data(intent, object, living, now)?,
    };
    let resource = ResourceType::find_known(Untyped(object).api_version(), Untyped(object).kind())?;
    let namespace = Untyped(object).home_namespace();
    let owner = Untyped(object)
        .annotation(labels::USER_ID)
        .or_else(|| Untyped(object).label(labels::USER));
    Some(PlanItem {
        action,
        resource,
        namespace: namespace.to_owned(),
        name: Untyped(object).name().to_owned(),
        uid: Untyped(object).uid()?.to_owned(),
        due_since: since,
        reason,
        size: data_size(object),
        owner: owner.unwrap_or("<unknown>").to_owned(),
        data,
        owned_claims: Vec::new(),
    })
}

/// Returns action, due time, reason and effect for kept data and old snapshots.
fn plan_outlived_data(
    intent: &Intent,
    object: &Value,
    living: &SessionIndex,
    now: Timestamp,
) -> Option<(Action, Option<Timestamp>, String, DataEffect)> {
    let over = |since: &Timestamp, limit: Duration| {
        now.duration_since(*since).as_secs() >= limit.as_secs() as i64
    };
    let delete = |before: &str, after: &str, since: Timestamp| {
        let why = format!("{before}{}{after}", age::age_since(Some(since), now));
        (
            Action::DeleteObject,
            Some(since),
            why,
            DataEffect::Destroyed,
        )
    };
    if let Some(limit) = intent.targets.kept_older_than {
        match kept_data_since(object, living) {
            Some(KeptSince::Known(since)) if over(&since, limit) => {
                return Some(delete("kept for ", "", since));
            }
            Some(KeptSince::Unknown) => {
                let why = "kept since an unknown time; age counts from now".to_owned();
                return Some((Action::RecordKeptSince, None, why, DataEffect::Kept));
            }
            _ => {}
        }
    }
    let since = snapshot_time(object, living)?;
    if !over(&since, intent.targets.snapshots_older_than?) {
        return None;
    }
    Some(match living.doubt(object) {
        None => delete("taken ", " ago", since),
        Some(doubt) => {
            let why = format!("not counted: {}", doubt.describe());
            (Action::Report, Some(since), why, DataEffect::Kept)
        }
    })
}
