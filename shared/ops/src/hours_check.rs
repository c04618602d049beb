//! The check of a start against the owner's budget of running hours.

use anyhow::{Result, anyhow};
use jiff::Timestamp;
use serde_json::Value;

use crate::Cluster;
use crate::run_records::{RecordedSession, RunRecords};
use session_client::{ListOptions, Scope};
use session_engine::capacity::hours_budget::{BudgetUse, HoursBudget, budgets_of_user};
use session_engine::capacity::run_hours::{Window, running_seconds_at_most};
use session_model::failure::{self, FailureKind, with_hint};
use session_model::objects::ownership::Ownership;
use session_model::progress::{ProgressEvent, ProgressSink};

/// Note of a start that skips its checks.
pub const SKIPPED_CHECKS_NOTE: &str = "quotas, classes and budgets of running hours not checked";

/// Checks that the owner's budgets of running hours in `quotas`, the ResourceQuotas of the namespace, are not used up. The sessions of
/// the namespace are listed only if there is a budget, and their Pods only before a refusal. Notes a budget that is nearly used up, and
/// what could not be checked.
///
/// # Errors
/// A budget that is used up; refusals of the server.
pub async fn check_hours(
    cluster: &Cluster,
    ownership: &Ownership,
    quotas: Option<&[Value]>,
    now: Timestamp,
    sink: &mut dyn ProgressSink,
) -> Result<()> {
    let user = ownership.user_id.as_str();
    let mut notes = Vec::new();
    let budgets = budgets_of_user(quotas.unwrap_or_default(), user, &mut notes);
    let mut note = |text: String| sink.tell(ProgressEvent::Note(text));
    for problem in notes {
        note(format!("running hours not checked: {problem}"));
    }
    if budgets.is_empty() {
        return Ok(());
    }
    let scope = Scope::Namespace(ownership.namespace.as_str());
    // Anybody may take the owner's label off a Session: the spec decides.
    let every_session = ListOptions::default();
    let listed = cluster.list_run_records(scope, &every_session).await;
    let mut records = match listed {
        Ok(records) => records,
        Err(error) if failure::has_kind(&error, FailureKind::Forbidden) => {
            note("running hours not checked: no permission to list sessions".to_owned());
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    records.sessions.retain(|one| one.session.owner() == user);
    let mut uses = budget_uses(&budgets, &records, now)?;
    if uses.iter().any(BudgetUse::is_used_up) {
        // A run that ended by itself may not be recorded yet.
        cluster.find_run_ends(scope, &mut records).await?;
        uses = budget_uses(&budgets, &records, now)?;
    }
    let used_up = uses.iter().filter(|one| one.is_used_up());
    if let Some(refused) = used_up.max_by_key(|one| one.free_again) {
        let (session, namespace) = (ownership.session.as_str(), ownership.namespace.as_str());
        let refusal = refused.refusal(user);
        let error = anyhow!("cannot start session {session:?}: {refusal}");
        return Err(with_hint(
            error,
            format!(
                "inspect what the sessions have used: kubectl session quota usage -n {namespace}"
            ),
        ));
    }
    let low = uses.iter().filter_map(|one| one.low_note(user));
    low.for_each(note);
    Ok(())
}

/// Returns how much of each budget the sessions have used.
fn budget_uses(
    budgets: &[HoursBudget],
    records: &RunRecords,
    now: Timestamp,
) -> Result<Vec<BudgetUse>> {
    let used = |budget: &HoursBudget| {
        let period = budget.period.window(now)?;
        let so_far = Window {
            until: now,
            ..period
        };
        let seconds = |one: &RecordedSession| running_seconds_at_most(&one.usage, &so_far, one.end);
        Ok(BudgetUse {
            budget: *budget,
            used_seconds: records.sessions.iter().map(seconds).sum(),
            free_again: period.until,
        })
    };
    budgets.iter().map(used).collect()
}
