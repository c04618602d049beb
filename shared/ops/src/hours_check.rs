//! Budgets of running hours: the check of a start, and how much of each is used.

use std::collections::BTreeMap;

use anyhow::{Result, anyhow};
use jiff::Timestamp;
use serde_json::Value;

use crate::Cluster;
use crate::run_records::{RecordedSession, RunRecords};
use session_client::{ListOptions, Scope};
use session_engine::capacity::hours_budget::{
    BudgetUse, EVERY_USER, HoursBudget, budgets_of_user, read_budgets,
};
use session_engine::capacity::run_hours::{Window, running_seconds_at_most};
use session_model::failure::{self, FailureKind, with_hint};
use session_model::objects::Untyped;
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
    let listed = Box::pin(cluster.list_run_records(scope, &every_session));
    let key = format!("run records {scope:?}");
    let every = match cluster.read_shared(key, listed).await {
        Ok(records) => records,
        Err(error) if failure::has_kind(&error, FailureKind::Forbidden) => {
            note("running hours not checked: no permission to list sessions".to_owned());
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    let own = (every.sessions.iter()).filter(|one| one.session.owner() == user);
    let mut records = RunRecords {
        sessions: own.cloned().collect(),
        ..RunRecords::default()
    };
    let mut uses = budget_uses(&budgets, &records.sessions, now)?;
    if uses.iter().any(BudgetUse::is_used_up) {
        // A run that ended by itself may not be recorded yet.
        cluster.find_run_ends(scope, &mut records).await?;
        uses = budget_uses(&budgets, &records.sessions, now)?;
    }
    let used_up = uses.iter().filter(|one| one.is_used_up());
    if let Some(refused) = used_up.max_by_key(|one| (one.budget.hours == 0, one.free_again)) {
        let (session, namespace) = (ownership.session.as_str(), ownership.namespace.as_str());
        let refusal = refused.refusal(user);
        let error = anyhow!("cannot start session {session:?}: {refusal}");
        return Err(with_hint(
            error,
            format!("inspect the budgets: kubectl session quota show -n {namespace}"),
        ));
    }
    let low = uses.iter().filter_map(|one| one.low_note(user));
    low.for_each(note);
    Ok(())
}

/// A budget of a ResourceQuota.
#[derive(Clone, Debug)]
pub struct ShownBudget {
    /// User, or [`EVERY_USER`].
    pub user: String,
    /// Budget.
    pub budget: HoursBudget,
    /// Use of the budget; `None` if it is not known, and for the budget of every user.
    pub used: Option<BudgetUse>,
}

/// Reads how much of the budgets of each ResourceQuota is used: of users with a budget of their own, and of those with sessions in its
/// namespace that have the budget of every user. The sessions are listed only if there is a budget.
///
/// # Errors
/// Refusals of the server. That the caller may not list sessions is a note, as are budgets that cannot be read.
pub async fn read_budgets_in_use(
    cluster: &Cluster,
    scope: Scope<'_>,
    quotas: &[Value],
    now: Timestamp,
    sink: &mut dyn ProgressSink,
) -> Result<Vec<Vec<ShownBudget>>> {
    let mut note = |text: String| sink.tell(ProgressEvent::Note(text));
    let mut budgets = Vec::new();
    for quota in quotas {
        let read = read_budgets(quota);
        budgets.push(read.unwrap_or_else(|error| {
            note(error.to_string());
            BTreeMap::new()
        }));
    }
    if budgets.iter().all(BTreeMap::is_empty) {
        return Ok(vec![Vec::new(); quotas.len()]);
    }
    let every_session = ListOptions::default();
    let listed = cluster.list_run_records(scope, &every_session).await;
    let records = match listed {
        Ok(mut records) => {
            cluster.find_run_ends(scope, &mut records).await?;
            Some(records)
        }
        Err(error) if failure::has_kind(&error, FailureKind::Forbidden) => {
            note("used hours not known: no permission to list sessions".to_owned());
            None
        }
        Err(error) => return Err(error),
    };
    let quotas = quotas.iter().zip(&budgets);
    let shown = quotas.map(|(quota, budgets)| {
        show_budgets(
            Untyped(quota).home_namespace(),
            budgets,
            records.as_ref(),
            now,
        )
    });
    shown.collect()
}

/// Returns the budgets of the users in a namespace, and last that of every user.
fn show_budgets(
    namespace: &str,
    budgets: &BTreeMap<String, HoursBudget>,
    records: Option<&RunRecords>,
    now: Timestamp,
) -> Result<Vec<ShownBudget>> {
    let mut users: BTreeMap<&str, Vec<RecordedSession>> = BTreeMap::new();
    let own = budgets.keys().filter(|user| *user != EVERY_USER);
    users.extend(own.map(|user| (user.as_str(), Vec::new())));
    for one in records.iter().flat_map(|records| &records.sessions) {
        if one.session.namespace() == namespace {
            users
                .entry(one.session.owner())
                .or_default()
                .push(one.clone());
        }
    }
    let every = budgets.get(EVERY_USER);
    let mut shown = Vec::new();
    for (user, sessions) in users {
        let Some(budget) = budgets.get(user).or(every) else {
            continue;
        };
        let used = records.map(|_| budget_uses(&[*budget], &sessions, now));
        shown.push(ShownBudget {
            user: user.to_owned(),
            budget: *budget,
            used: used.transpose()?.and_then(|uses| uses.first().copied()),
        });
    }
    shown.extend(every.map(|budget| ShownBudget {
        user: EVERY_USER.to_owned(),
        budget: *budget,
        used: None,
    }));
    Ok(shown)
}

/// Returns how much of each budget the sessions have used.
fn budget_uses(
    budgets: &[HoursBudget],
    sessions: &[RecordedSession],
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
            used_seconds: sessions.iter().map(seconds).sum(),
            free_again: period.until,
        })
    };
    budgets.iter().map(used).collect()
}
