//! Carries out a plan: asks where a limit is below use, applies the objects, and waits until the server counts them.

use anyhow::{Result, anyhow};
use serde_json::Value;
use session_shared::client::DryRun;
use session_shared::failure::{self, FailureKind, with_evidence, with_hint};
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
    environment: &mut Environment,
) -> Result<Option<Value>> {
    printer: &mut MutationPrinter,
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
            for note in hard_notes(planned, &after) {
                console.note(&note);
            }
            quota = Some(after);
        }
    }
    Ok(quota)
}

/// Returns notes on resources that are limited no longer, and on limits of others, which are kept.
fn hard_notes(planned: &PlannedObject, after: &Value) -> Vec<String> {
    let hard = |object: &Value| {
        let hard = object.pointer("/spec/hard").and_then(Value::as_object);
        hard.cloned().unwrap_or_default()
    };
    let (before, wanted) = (planned.before.as_ref().map(hard), hard(&planned.object));
    let now = hard(after);
    let gone = before.iter().flatten().map(|(key, _)| key.as_str());
    let gone: Vec<&str> = gone.filter(|key| !now.contains_key(*key)).collect();
    let kept = now.keys().filter(|key| !wanted.contains_key(*key));
    let kept: Vec<&str> = kept.map(String::as_str).collect();
    let mut notes = Vec::new();
    if !gone.is_empty() {
        notes.push(format!("no longer limited: {}", gone.join(", ")));
    }
    if !kept.is_empty() {
        notes.push(format!(
            "limits of another manager are kept: {}",
            kept.join(", ")
        ));
    }
    notes
}
