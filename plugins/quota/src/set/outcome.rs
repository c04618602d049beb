//! Carries out a plan: asks where a limit is below use, applies the objects, and waits until the server counts them.

use std::collections::BTreeSet;

use anyhow::{Result, anyhow};
use serde_json::Value;
use session_shared::client::DryRun;
use session_shared::failure::{self, FailureKind, with_evidence, with_hint};
use session_shared::objects::Untyped;
use session_shared::objects::resource::RESOURCE_QUOTA;
use session_shared::ops::Cluster;
use session_shared::ops::planned_object::PlannedObject;
use session_shared::report::console::{Console, DELETION_QUESTION, cancelled_text};
use session_shared::report::mutation::{MutationPrinter, apply_verb};
use session_shared::verb::Environment;

use super::intent::Intent;
use super::plan::{QuotaPlan, consequence, exceeded_lines};

/// Asks for confirmation if a limit is below use; false if the user declined. A dry run and `--yes` say it and go on.
///
/// # Errors
/// There is neither a terminal nor `--yes`.
pub(crate) fn confirm_below_use(
    plan: &QuotaPlan,
    running: Option<&[String]>,
    intent: &Intent,
    console: &mut Console,
) -> Result<bool> {
    if plan.exceeded.is_empty() {
        return Ok(true);
    }
    let quota = format!("{}/{}", RESOURCE_QUOTA.singular(), intent.name);
    let mut lines = exceeded_lines(&plan.exceeded);
    let meaning = consequence(&plan.exceeded, running);
    if intent.yes || intent.mutation.dry_run != DryRun::None {
        let figures = lines.join("; ");
        console.warn(&format!(
            "{quota} is below what is used: {figures}; {meaning}"
        ));
        return Ok(true);
    }
    lines.push(meaning);
    if !console.can_prompt() {
        let error = anyhow!("cannot set {quota} below what is used");
        let error = with_evidence(error, lines);
        return Err(with_hint(
            error,
            "confirm with --yes; nothing has been changed",
        ));
    }
    lines.insert(
        0,
        format!("You are about to set {quota} below what is used:"),
    );
    let confirmed = console.confirm(&lines, DELETION_QUESTION)?;
    if !confirmed {
        console.print_line(&cancelled_text("change"))?;
    }
    Ok(confirmed)
}

/// Applies the objects and prints each. Returns the ResourceQuota as the server has it now, if there is one in the plan. A client-side
/// dry run sends no writes and reports every existing object as configured, because only the server knows whether it would change.
///
/// # Errors
/// A request fails; Interrupted between two writes.
pub(crate) async fn apply_objects(
    cluster: &Cluster,
    plan: &QuotaPlan,
    intent: &Intent,
    printer: &mut MutationPrinter,
    environment: &mut Environment,
) -> Result<Option<Value>> {
    let mut quota = None;
    for planned in &plan.objects {
        let (after, change) = if intent.mutation.dry_run == DryRun::Client {
            let change = match planned.before {
                Some(_) => "configured",
                None => "created",
            };
            (planned.object.clone(), change)
        } else {
            let applied = cluster.apply_planned(planned, &intent.mutation.write);
            let after =
                environment.interrupt.race(applied).await.map_err(
                    |error| match failure::has_kind(&error, FailureKind::Interrupted) {
                        true => with_hint(error, "run the command again to finish it"),
                        false => error,
                    },
                )?;
            let change = apply_verb(planned.before.as_ref(), &after);
            (after, change)
        };
        let console = &mut environment.console;
        console.print(&printer.print_result(&after, change)?)?;
        if *planned.resource == RESOURCE_QUOTA {
            let now = match intent.mutation.dry_run {
                DryRun::Client => keys_after(planned, &intent.mutation.write.field_manager),
                _ => hard_keys(&after),
            };
            for note in hard_notes(planned, &now) {
                console.note(&note);
            }
            quota = Some(after);
        }
    }
    Ok(quota)
}

/// Returns notes on resources that are limited no longer, and on limits of others, which are kept; `now` are the keys after the apply.
fn hard_notes(planned: &PlannedObject, now: &BTreeSet<String>) -> Vec<String> {
    let before = planned.before.as_ref().map(hard_keys).unwrap_or_default();
    let wanted = hard_keys(&planned.object);
    let list = |keys: &BTreeSet<String>, others: &BTreeSet<String>| {
        let keys: Vec<&str> = keys.difference(others).map(String::as_str).collect();
        (!keys.is_empty()).then(|| keys.join(", "))
    };
    let gone = list(&before, now).map(|keys| format!("no longer limited: {keys}"));
    let kept = list(now, &wanted).map(|keys| format!("limits of another manager are kept: {keys}"));
    gone.into_iter().chain(kept).collect()
}

/// Returns the keys of `spec.hard`.
fn hard_keys(quota: &Value) -> BTreeSet<String> {
    let hard = quota.pointer("/spec/hard").and_then(Value::as_object);
    hard.into_iter()
        .flatten()
        .map(|(key, _)| key.clone())
        .collect()
}

/// Returns the keys that an apply would leave: those of the plan, and those that not `manager` alone owns.
fn keys_after(planned: &PlannedObject, manager: &str) -> BTreeSet<String> {
    let mut keys = hard_keys(&planned.object);
    if let Some(before) = &planned.before {
        let mut kept = hard_keys(before);
        kept.retain(|key| !is_owned_alone(before, key, manager));
        keys.append(&mut kept);
    }
    keys
}

/// Returns true if only `manager` owns a key of `spec.hard`.
fn is_owned_alone(quota: &Value, key: &str, manager: &str) -> bool {
    let field = format!("f:{key}");
    let entries = Untyped(quota).items_at("/metadata/managedFields");
    let mut owners = entries
        .map(|entry| entry.0)
        .filter(|entry| entry["fieldsV1"]["f:spec"]["f:hard"].get(&field).is_some())
        .peekable();
    owners.peek().is_some() && owners.all(|entry| entry["manager"] == manager)
}
