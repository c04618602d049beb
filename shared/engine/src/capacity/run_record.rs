//! Changes of the record of a session's runs: a run begins, gets other amounts, ends. The writer of each status patch calls these.
//!
//! ```text
//! Session (status.usage, annotation of resizes) ─► recorded_usage ─► begin_run, change_amounts, end_run ─► status_patch
//! ```

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};
use session_model::api::{IntOrString, Run, Session, SessionUsage};
use session_model::labels::RESIZED;
use session_model::quantity::Quantity;

use super::run_hours::{RunEnd, add_to_earlier, format_rfc3339};

/// Ended runs that are kept one by one. Older ones are summed.
pub const MAX_RUNS: usize = 50;

/// What all Pods and claims of a run request. `None` stands for nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunAmounts {
    /// CPU.
    pub cpu: Option<Quantity>,
    /// Memory.
    pub memory: Option<Quantity>,
    /// GPUs of all kinds.
    pub gpu: Option<Quantity>,
    /// Storage of claims.
    pub storage: Option<Quantity>,
}

impl RunAmounts {
    /// Reads the amounts out of what objects count against a quota (`demand::sum_quota_demand`).
    pub fn of_demand(demand: &BTreeMap<String, Quantity>) -> Self {
        let requests = |name: &str| demand.get(&format!("requests.{name}")).copied();
        let extended = demand
            .iter()
            .filter_map(|(key, amount)| Some((key.strip_prefix("requests.")?, amount)));
        let gpus = extended.filter(|(name, _)| is_gpu(name));
        let gpu = gpus.map(|(_, amount)| *amount);
        Self {
            cpu: requests("cpu"),
            memory: requests("memory"),
            gpu: gpu.reduce(|sum, amount| sum.add(&amount)),
            storage: requests("storage"),
        }
    }

    fn of_run(run: &Run) -> Self {
        let amount = |amount: &Option<IntOrString>| amount.as_ref()?.to_string().parse().ok();
        Self {
            cpu: amount(&run.cpu),
            memory: amount(&run.memory),
            gpu: amount(&run.gpu),
            storage: amount(&run.storage),
        }
    }

    fn run_from(&self, start: Timestamp) -> Run {
        let text = |amount: &Option<Quantity>| {
            let amount = amount.filter(|amount| !amount.is_zero())?;
            Some(IntOrString::Text(amount.to_string()))
        };
        Run {
            start_time: format_rfc3339(start),
            cpu: text(&self.cpu),
            memory: text(&self.memory),
            gpu: text(&self.gpu),
            storage: text(&self.storage),
            ..Run::default()
        }
    }

    fn or_else(&self, other: &Self) -> Self {
        Self {
            cpu: self.cpu.or(other.cpu),
            memory: self.memory.or(other.memory),
            gpu: self.gpu.or(other.gpu),
            storage: self.storage.or(other.storage),
        }
    }

    fn is_same(&self, other: &Self) -> bool {
        let amounts = |all: &Self| {
            let all = [all.cpu, all.memory, all.gpu, all.storage];
            all.map(|amount| amount.unwrap_or(Quantity::ZERO))
        };
        amounts(self) == amounts(other)
    }
}

/// Returns true for an extended resource of GPUs: nvidia.com/gpu, nvidia.com/gpu.shared, amd.com/gpu, gpu.intel.com/i915, MIG.
fn is_gpu(resource: &str) -> bool {
    let Some((vendor, name)) = resource.split_once('/') else {
        return false;
    };
    vendor.starts_with("gpu.") || name.starts_with("gpu") || name.starts_with("mig-")
}

/// Returns the record of a session's runs, with the resizes that an annotation tells and no status yet.
pub fn recorded_usage(session: &Session) -> SessionUsage {
    let mut usage = session.usage().cloned().unwrap_or_default();
    for resize in resizes(session) {
        let Ok(at) = resize.start_time.parse::<Timestamp>() else {
            continue;
        };
        let current = usage.current.as_ref();
        let started = current.and_then(|run| run.start_time.parse::<Timestamp>().ok());
        if started.is_some_and(|started| at > started) {
            change_amounts(&mut usage, &RunAmounts::of_run(&resize), at);
        }
    }
    usage
}

fn resizes(session: &Session) -> Vec<Run> {
    let annotations = session.metadata.annotations.as_ref();
    let text = annotations.and_then(|all| all.get(RESIZED));
    let read = text.and_then(|text| serde_json::from_str(text).ok());
    read.unwrap_or_default()
}

/// Adds to a patch of the Session what its run requests from `now` on, as the annotation [`RESIZED`]; amounts that are `None` stay as
/// they were. A session without a run has nothing to divide, nor has a run that requests as much already.
pub fn add_resize(patch: &mut Value, session: &Session, amounts: &RunAmounts, now: Timestamp) {
    let current = session.usage().and_then(|usage| usage.current.as_ref());
    let started = current.and_then(|run| run.start_time.parse::<Timestamp>().ok());
    let Some(started) = started else { return };
    let recorded = recorded_usage(session).current;
    let before = recorded
        .as_ref()
        .map(RunAmounts::of_run)
        .unwrap_or_default();
    if amounts.or_else(&before).is_same(&before) {
        return;
    }
    let is_of_run = |resize: &Run| {
        let at = resize.start_time.parse::<Timestamp>();
        at.is_ok_and(|at| at > started)
    };
    let mut all: Vec<Run> = resizes(session).into_iter().filter(is_of_run).collect();
    all.push(amounts.run_from(now));
    // As many as the status would keep one by one.
    let surplus = all.len().saturating_sub(MAX_RUNS);
    all.drain(..surplus);
    patch["metadata"]["annotations"][RESIZED] = json!(all).to_string().into();
}

/// Begins a run, or goes on with the current one where the amounts are the same.
pub fn begin_run(usage: &mut SessionUsage, amounts: &RunAmounts, now: Timestamp) {
    match &usage.current {
        None => {
            usage.current = Some(amounts.run_from(now));
            sum_old_runs(usage);
        }
        Some(_) => {
            let none = |amount: Option<Quantity>| amount.or(Some(Quantity::ZERO));
            // An amount that the start no longer requests is 0: without one, it would stay as before.
            let all = RunAmounts {
                cpu: none(amounts.cpu),
                memory: none(amounts.memory),
                gpu: none(amounts.gpu),
                storage: none(amounts.storage),
            };
            change_amounts(usage, &all, now);
        }
    }
}

/// Divides the current run where its amounts change; amounts that are `None` stay.
pub fn change_amounts(usage: &mut SessionUsage, amounts: &RunAmounts, now: Timestamp) {
    let Some(current) = &usage.current else {
        return;
    };
    let before = RunAmounts::of_run(current);
    let after = amounts.or_else(&before);
    if !after.is_same(&before) {
        end_run(usage, RunEnd::At(now), now);
        usage.current = Some(after.run_from(now));
    }
}

/// Corrects what the current run requests, from its start on: the server and controllers have completed its Pods since.
pub fn correct_amounts(usage: &mut SessionUsage, amounts: &RunAmounts) {
    let Some(current) = &mut usage.current else {
        return;
    };
    let before = RunAmounts::of_run(current);
    let after = amounts.or_else(&before);
    if let (false, Ok(start)) = (after.is_same(&before), current.start_time.parse()) {
        *current = after.run_from(start);
    }
}

/// Ends the current run, if there is one.
pub fn end_run(usage: &mut SessionUsage, end: RunEnd, now: Timestamp) {
    let Some(mut run) = usage.current.take() else {
        return;
    };
    let (at, is_known) = match end {
        RunEnd::Lasts => (now, true),
        RunEnd::At(at) => (at, true),
        RunEnd::After(at) => (at, false),
    };
    // Clocks differ: no run ends before it begins.
    let at = match run.start_time.parse::<Timestamp>() {
        Ok(start) => at.max(start),
        Err(_) => at,
    };
    run.end_time = Some(format_rfc3339(at));
    run.end_unknown = (!is_known).then_some(true);
    usage.runs.push(run);
    sum_old_runs(usage);
}

/// Sums the oldest runs if there are more than [`MAX_RUNS`].
fn sum_old_runs(usage: &mut SessionUsage) {
    while usage.runs.len() > MAX_RUNS {
        let run = usage.runs.remove(0);
        let next = usage.runs.iter().chain(&usage.current);
        let mut next = next.filter_map(|run| run.start_time.parse::<Timestamp>().ok());
        if let Some(next) = next.next() {
            add_to_earlier(&mut usage.earlier, &run, next);
        }
    }
}

#[cfg(test)]
#[path = "run_record_tests.rs"]
mod tests;
