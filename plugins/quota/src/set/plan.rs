//! The objects that `quota set` applies, and what becomes of the present use. Pure.

use std::borrow::Cow;
use std::collections::BTreeMap;

use anyhow::{Result, anyhow};
use serde_json::Value;
use session_shared::capacity::container_defaults::keys_without_default;
use session_shared::capacity::quota_change::{
    ExceededKey, find_exceeded, quota_amounts, resource_quota,
};
use session_shared::capacity::quota_key::canonical_key;
use session_shared::failure::with_hint;
use session_shared::labels;
use session_shared::objects::Untyped;
use session_shared::objects::resource::{LIMIT_RANGE, RESOURCE_QUOTA, SESSION_COUNT};
use session_shared::ops::planned_object::PlannedObject;
use session_shared::quantity::Quantity;

use super::intent::Intent;
use super::observe::Observed;
use session_shared::report::name_list::list_names;

/// Sessions that a question names.
const NAMED: usize = 5;

/// What setting a quota does.
#[derive(Debug)]
pub(crate) struct QuotaPlan {
    /// The objects in order: defaults first, so that no Pod between both is refused.
    pub(crate) objects: Vec<PlannedObject>,
    /// Limits below what is used.
    pub(crate) exceeded: Vec<ExceededKey>,
    /// Warning about containers that the quota keeps out, with its remedy.
    pub(crate) warning: Option<(String, String)>,
    /// What was not checked.
    pub(crate) notes: Vec<String>,
}

/// Checks that the objects that are there are this program's.
///
/// # Errors
/// The first one that is not, unless it is to be taken over.
pub(crate) fn check_ownership(intent: &Intent, observed: &Observed) -> Result<()> {
    let found = [
        (&RESOURCE_QUOTA, &observed.quota),
        (&LIMIT_RANGE, &observed.limit_range),
    ];
    for (resource, found) in found {
        let Some(found) = found else { continue };
        if intent.force || Untyped(found).label(labels::MANAGED_BY) == Some(labels::MANAGER) {
            continue;
        }
        let name = Untyped(found).name();
        let error = anyhow!(
            "{} {name:?} already exists and was not made by quota set",
            resource.kind
        );
        let hint = "choose another NAME, or take the object over with --force";
        return Err(with_hint(error, hint));
    }
    Ok(())
}

/// Plans the objects of a request.
pub(crate) fn plan_quota(intent: &Intent, namespace: &str, observed: Observed) -> QuotaPlan {
    let Observed {
        quota,
        limit_range,
        limit_ranges,
        used,
        mut notes,
    } = observed;
    let exceeded = newly_exceeded(&intent.hard, quota.as_ref(), &used);
    let mut objects = Vec::new();
    if !intent.defaults.is_empty() {
        objects.push(PlannedObject {
            resource: Cow::Borrowed(&LIMIT_RANGE),
            object: intent.defaults.limit_range(&intent.limits_name, namespace),
            before: limit_range,
        });
    }
    let planned = objects.iter().map(|planned| planned.object.clone());
    let warning = match limit_ranges {
        Some(ranges) => {
            let is_replaced = |range: &Value| {
                !intent.defaults.is_empty() && Untyped(range).name() == intent.limits_name
            };
            let others = ranges.into_iter().filter(|range| !is_replaced(range));
            let ranges: Vec<Value> = others.chain(planned).collect();
            defaults_warning(intent, namespace, &ranges)
        }
        None => {
            let planned: Vec<Value> = planned.collect();
            if !keys_without_default(intent.hard.keys(), &planned).is_empty() {
                let note = "defaults of containers not checked: no permission to list limitranges";
                notes.push(note.to_owned());
            }
            None
        }
    };
    if !intent.hard.is_empty() {
        objects.push(PlannedObject {
            resource: Cow::Borrowed(&RESOURCE_QUOTA),
            object: resource_quota(&intent.name, namespace, &intent.hard),
            before: quota,
        });
    }
    QuotaPlan {
        objects,
        exceeded,
        warning,
        notes,
    }
}

/// Returns the limits below use that the present quota does not have yet. One that stays as it is or is raised takes nothing away.
fn newly_exceeded(
    hard: &BTreeMap<String, Quantity>,
    present: Option<&Value>,
    used: &BTreeMap<String, Quantity>,
) -> Vec<ExceededKey> {
    let present = present.map(|quota| quota_amounts(quota, "/spec/hard"));
    let present = present.unwrap_or_default();
    let mut exceeded = find_exceeded(hard, used);
    exceeded.retain(|one| {
        let before = present.get(canonical_key(&one.key));
        before.is_none_or(|before| one.hard < *before)
    });
    exceeded
}

/// Returns a warning if containers without requests or limits would be refused, with the flag that gives them defaults.
fn defaults_warning(
    intent: &Intent,
    namespace: &str,
    ranges: &[Value],
) -> Option<(String, String)> {
    let missing = keys_without_default(intent.hard.keys(), ranges);
    if missing.is_empty() {
        return None;
    }
    let names: Vec<&str> = missing.iter().map(|key| canonical_key(key)).collect();
    let mut flags: Vec<String> = Vec::new();
    for (part, resource) in names.iter().filter_map(|name| name.split_once('.')) {
        // A default limit is a default request, too.
        let has_limit = names.contains(&format!("limits.{resource}").as_str());
        if part == "limits" || !has_limit {
            let field = if has_limit {
                "default"
            } else {
                "defaultRequest"
            };
            flags.push(format!("{field}.{resource}=QUANTITY"));
        }
    }
    Some((
        format!(
            "Pods with a container that does not set {} are refused: no LimitRange in namespace {namespace:?} has defaults",
            names.join(", ")
        ),
        format!("add defaults with --limit-range {}", flags.join(",")),
    ))
}

/// Returns a line for each limit below use: `requests.cpu: used 6, hard 4`.
pub(crate) fn exceeded_lines(exceeded: &[ExceededKey]) -> Vec<String> {
    let lines = exceeded.iter();
    lines
        .map(|one| format!("{}: used {}, hard {}", one.key, one.used, one.hard))
        .collect()
}

/// Returns what a quota below use means; `running` are the names of the sessions that run, `None` if they could not be listed.
pub(crate) fn consequence(exceeded: &[ExceededKey], running: Option<&[String]>) -> String {
    let kept = match running.unwrap_or_default() {
        [] => "what runs keeps running".to_owned(),
        [only] => format!("session {only:?} keeps running"),
        several => {
            let names = list_names(several, NAMED);
            format!("{} sessions keep running ({names})", several.len())
        }
    };
    match exceeded {
        [only] if only.key == SESSION_COUNT => {
            let excess = only.used.value() - only.hard.value() + 1;
            let are = if excess == 1 {
                "1 is"
            } else {
                &format!("{excess} are")
            };
            match only.hard.is_zero() {
                true => format!("{kept}; no session can be created"),
                false => format!("{kept}; no session can be created until {are} deleted"),
            }
        }
        _ => format!(
            "{kept}; no session that needs more of this can be created or started until less is used"
        ),
    }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
