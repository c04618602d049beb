//! `quota set --hours`: budgets of running hours, as an annotation on a ResourceQuota of its own. It has no limits: `quota set` applies
//! those of its ResourceQuota whole, and would take budgets along that its command line does not name.
//!
//! ```text
//! --hours ─► parse_hours ─► UserBudget ─► set_hours: GET, POST or PATCH of ResourceQuota session-hours
//! ```

use anyhow::Result;
use serde_json::{Value, json};
use session_shared::capacity::hours_budget::{UserBudget, changed_annotation, read_budgets};
use session_shared::client::DryRun;
use session_shared::failure::{self, FailureKind, usage_error, with_hint};
use session_shared::flags::mutation_options::MutationOptions;
use session_shared::labels::{MANAGED_BY, MANAGER, SESSION_HOURS};
use session_shared::objects::Untyped;
use session_shared::objects::resource::RESOURCE_QUOTA;
use session_shared::ops::Cluster;
use session_shared::ops::planned_object::read_or_absent;
use session_shared::report::console::Console;
use session_shared::report::mutation::{MutationPrinter, apply_verb};

/// Name of the ResourceQuota with the budgets.
pub(crate) const NAME: &str = "session-hours";
const NOTE: &str = "budgets of running hours are checked at each start by kubectl session, not by the server; running sessions are \
not stopped";

const UNREAD_NOTE: &str =
    "budgets of users that --hours does not name are not in the object: applying it removes them";

/// Destination of the budgets: the write options, and the printer.
pub(crate) struct HoursOutput<'a> {
    pub(crate) mutation: &'a MutationOptions,
    /// The printer of all objects of the command.
    pub(crate) printer: &'a mut MutationPrinter,
    pub(crate) console: &'a mut Console,
}

/// Reads the values of `--hours`.
///
/// # Errors
/// An invalid value; a user given twice.
pub(crate) fn parse_hours(values: &[String]) -> Result<Vec<UserBudget>> {
    let mut changes: Vec<UserBudget> = Vec::new();
    for value in values {
        let change: UserBudget = value.parse()?;
        if changes.iter().any(|other| other.user == change.user) {
            return Err(usage_error(format!(
                "--hours names user {:?} more than once",
                change.user
            )));
        }
        changes.push(change);
    }
    Ok(changes)
}

/// Writes the budgets, keeps those of other users, and prints the ResourceQuota.
///
/// # Errors
/// Refusals of the server; an annotation that cannot be read; a ResourceQuota that somebody changed at the same time.
pub(crate) async fn set_hours(
    changes: &[UserBudget],
    cluster: &Cluster,
    namespace: &str,
    output: HoursOutput<'_>,
) -> Result<()> {
    let HoursOutput {
        mutation,
        printer,
        console,
    } = output;
    let found = cluster.get(&RESOURCE_QUOTA, namespace, NAME).await;
    let mut notes = Vec::new();
    let before = read_or_absent(found, mutation.dry_run, &mut notes)?;
    if !notes.is_empty() {
        notes.push(UNREAD_NOTE.to_owned());
    }
    let new = json!({
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": { "name": NAME, "namespace": namespace, "labels": { MANAGED_BY: MANAGER } },
        "spec": {},
    });
    let (annotation, absent) = plan_annotation(before.as_ref().unwrap_or(&new), changes)?;
    notes.extend(absent);
    notes.iter().for_each(|note| console.note(note));
    let (after, change) = match before {
        None => {
            let Some(annotation) = annotation else {
                return Ok(());
            };
            let mut new = new;
            new["metadata"]["annotations"][SESSION_HOURS] = annotation.into();
            let created = match mutation.dry_run {
                DryRun::Client => new,
                _ => {
                    let write = &mutation.write;
                    let created = cluster.create(&RESOURCE_QUOTA, namespace, &new, write);
                    created.await?
                }
            };
            (created, "created")
        }
        Some(before) => {
            let after = patch_hours(cluster, &before, annotation, mutation).await?;
            let change = apply_verb(Some(&before), &after);
            (after, change)
        }
    };
    console.print(&printer.print_result(&after, change)?)?;
    console.note(NOTE);
    Ok(())
}

/// Returns the annotation after `changes`, and a note for each budget that is to be removed and does not exist.
///
/// # Errors
/// An annotation that cannot be read.
fn plan_annotation(quota: &Value, changes: &[UserBudget]) -> Result<(Option<String>, Vec<String>)> {
    let budgets = read_budgets(quota).map_err(|error| {
        let namespace = Untyped(quota).home_namespace();
        let hint = format!(
            "delete all budgets and set them again: kubectl annotate resourcequota {NAME} {SESSION_HOURS}- -n {namespace}"
        );
        with_hint(error, hint)
    })?;
    let absent = changes
        .iter()
        .filter(|change| change.budget.is_none() && !budgets.contains_key(&change.user));
    let notes = absent.map(|change| format!("no budget of user {:?} to remove", change.user));
    Ok((changed_annotation(quota, changes)?, notes.collect()))
}

/// Writes the annotation of an existing ResourceQuota; `None` removes it.
async fn patch_hours(
    cluster: &Cluster,
    before: &Value,
    annotation: Option<String>,
    mutation: &MutationOptions,
) -> Result<Value> {
    if Untyped(before).annotation(SESSION_HOURS) == annotation.as_deref() {
        return Ok(before.clone());
    }
    // The annotation holds the budgets of all users: a change since the read would be lost.
    let patch = json!({ "metadata": {
        "uid": Untyped(before).require_uid()?,
        "resourceVersion": Untyped(before).resource_version(),
        "annotations": { SESSION_HOURS: annotation },
    } });
    if mutation.dry_run == DryRun::Client {
        let mut after = before.clone();
        after["metadata"]["annotations"][SESSION_HOURS] = json!(annotation);
        return Ok(after);
    }
    let namespace = Untyped(before).home_namespace();
    let (write, quotas) = (&mutation.write, &RESOURCE_QUOTA);
    let patched = cluster.merge_patch(quotas, namespace, NAME, None, &patch, write);
    patched.await.map_err(
        |error| match failure::has_kind(&error, FailureKind::Conflict) {
            true => with_hint(
                error,
                "run the command again: somebody changed the budgets at the same time",
            ),
            false => error,
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_has_one_budget_in_a_command() {
        let parse = |values: &[&str]| {
            let values: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
            parse_hours(&values)
        };
        let two = parse(&["user=alice:40/week", "user=*:8/day"]).unwrap();
        assert_eq!(two.len(), 2);
        let twice = parse(&["user=alice:40/week", "user=alice:8/day"]).unwrap_err();
        assert_eq!(
            twice.to_string(),
            "--hours names user \"alice\" more than once"
        );
    }
}
