//! What a session has used in a window of time: hours, and requests times hours. Exact: whole seconds times whole amounts.
//!
//! ```text
//! Session ─► run_record::recorded_usage ─► SessionUsage ─► count_usage(window) ─► UsageCount ─► sums per user, namespace
//! ```

use std::ops::AddAssign;

use jiff::Timestamp;
use session_model::api::{EarlierRuns, IntOrString, Run, SessionUsage};
use session_model::quantity::Quantity;

/// Bytes in a MiB.
const MEBIBYTE: i128 = 1 << 20;

/// Formats a time as RFC 3339 in UTC, to the second, as Kubernetes does.
pub fn format_rfc3339(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Amounts times seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UsedHours {
    /// Number of runs. One that a resize in place divides counts once.
    pub runs: i128,
    /// Seconds for which sessions ran.
    pub running: i128,
    /// Requested CPU, in millicore-seconds.
    pub cpu: i128,
    /// Requested memory, in byte-seconds.
    pub memory: i128,
    /// Requested GPUs, in GPU-seconds.
    pub gpu: i128,
    /// Requested storage of claims, in byte-seconds, also while the session is stopped.
    pub storage: i128,
}

impl AddAssign for UsedHours {
    fn add_assign(&mut self, other: Self) {
        self.runs += other.runs;
        self.running += other.running;
        self.cpu += other.cpu;
        self.memory += other.memory;
        self.gpu += other.gpu;
        self.storage += other.storage;
    }
}

/// A span of time. Empty where it ends before it begins, as clocks that differ may write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Start.
    pub from: Timestamp,
    /// End.
    pub until: Timestamp,
}

impl Window {
    /// Returns the seconds of the part of `start` to `end` that is in the window; 0 for none.
    fn overlap(&self, start: Timestamp, end: Timestamp) -> i128 {
        let (start, end) = (start.max(self.from), end.min(self.until));
        i128::from((end.as_second() - start.as_second()).max(0))
    }
}

/// How the run that the status records as current goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunEnd {
    /// The run lasts.
    Lasts,
    /// It ended at this time.
    At(Timestamp),
    /// It ended at an unknown time after this one, the last at which the session was known to run.
    After(Timestamp),
}

/// What one session has used in a window, and what could not be counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UsageCount {
    /// What was counted.
    pub used: UsedHours,
    /// Sum of old runs that the window begins in the middle of: not counted.
    pub divided_sum: Option<EarlierRuns>,
    /// True if the end of a counted run is unknown: it counts to the last time at which the session was known to run.
    pub has_unknown_end: bool,
    /// True if a run cannot be read: not counted.
    pub has_unreadable_run: bool,
}

/// A run whose times and amounts have been read.
struct ReadRun {
    start: Timestamp,
    end: Option<Timestamp>,
    cpu: i64,
    memory: i64,
    gpu: i64,
    storage: i64,
}

impl ReadRun {
    fn parse(run: &Run) -> Option<Self> {
        let end = match &run.end_time {
            Some(end) => Some(end.parse().ok()?),
            None => None,
        };
        let amount = |amount: &Option<IntOrString>| match amount {
            Some(amount) => amount.to_string().parse::<Quantity>().ok(),
            None => Some(Quantity::ZERO),
        };
        Some(Self {
            start: run.start_time.parse().ok()?,
            end,
            cpu: amount(&run.cpu)?.multiply(1000).value().max(0),
            memory: amount(&run.memory)?.value().max(0),
            gpu: amount(&run.gpu)?.value().max(0),
            storage: amount(&run.storage)?.value().max(0),
        })
    }

    /// Counts the run in a window. Its claims are there until `next`, the start of the next run.
    fn count(&self, end: Timestamp, next: Timestamp, window: &Window) -> UsedHours {
        let running = window.overlap(self.start, end.min(next));
        // One of less than a second has no hours, but it was.
        let begins_inside = (window.from..=window.until).contains(&self.start);
        UsedHours {
            runs: i128::from((running > 0 || begins_inside) && end != next),
            running,
            cpu: running * i128::from(self.cpu),
            memory: running * i128::from(self.memory),
            gpu: running * i128::from(self.gpu),
            storage: window.overlap(self.start, next) * i128::from(self.storage),
        }
    }
}

/// Counts what a session has used in a window; `end` tells how its current run goes on.
pub fn count_usage(usage: &SessionUsage, window: &Window, end: RunEnd) -> UsageCount {
    let mut count = UsageCount::default();
    if let Some(earlier) = &usage.earlier {
        count_earlier(earlier, window, &mut count);
    }
    let runs = usage.runs.iter().chain(&usage.current);
    let read: Vec<(&Run, ReadRun)> = runs
        .filter_map(|run| {
            let read = ReadRun::parse(run);
            count.has_unreadable_run |= read.is_none();
            Some((run, read?))
        })
        .collect();
    for (index, (run, read_run)) in read.iter().enumerate() {
        let (ended, is_known) = match (read_run.end, end) {
            (Some(at), _) => (at, run.end_unknown != Some(true)),
            (None, RunEnd::Lasts) => (window.until, true),
            (None, RunEnd::At(at)) => (at, true),
            (None, RunEnd::After(at)) => (at, false),
        };
        let next = read.get(index + 1).map(|(_, next)| next.start);
        let used = read_run.count(ended, next.unwrap_or(Timestamp::MAX), window);
        count.has_unknown_end |= !is_known && ended > window.from && read_run.start < window.until;
        count.used += used;
    }
    count
}

fn count_earlier(earlier: &EarlierRuns, window: &Window, count: &mut UsageCount) {
    let (Ok(since), Ok(until)) = (
        earlier.since.parse::<Timestamp>(),
        earlier.until.parse::<Timestamp>(),
    ) else {
        count.has_unreadable_run = true;
        return;
    };
    if since >= window.from {
        count.used += earlier_hours(earlier);
    } else if until > window.from {
        count.divided_sum = Some(earlier.clone());
    }
}

fn earlier_hours(earlier: &EarlierRuns) -> UsedHours {
    UsedHours {
        runs: earlier.runs.max(0).into(),
        running: earlier.running_seconds.max(0).into(),
        cpu: earlier.cpu_millicore_seconds.max(0).into(),
        memory: i128::from(earlier.memory_mebibyte_seconds.max(0)) * MEBIBYTE,
        gpu: earlier.gpu_seconds.max(0).into(),
        storage: i128::from(earlier.storage_mebibyte_seconds.max(0)) * MEBIBYTE,
    }
}

/// Returns the seconds for which a session ran in a window, and for a sum of old runs that the window divides the most that they can
/// have run in it: many short runs must not make a budget forget others.
pub fn running_seconds_at_most(usage: &SessionUsage, window: &Window, end: RunEnd) -> i128 {
    let count = count_usage(usage, window, end);
    let divided = count.divided_sum.and_then(|sum| {
        let overlap = window.overlap(sum.since.parse().ok()?, sum.until.parse().ok()?);
        Some(overlap.min(sum.running_seconds.max(0).into()))
    });
    count.used.running + divided.unwrap_or_default()
}

/// Adds an ended run to the sum of old ones; `next` is the start of the run after it. A run that cannot be read is left out.
pub(super) fn add_to_earlier(earlier: &mut Option<EarlierRuns>, run: &Run, next: Timestamp) {
    let Some(read) = ReadRun::parse(run) else {
        return;
    };
    let all = Window {
        from: Timestamp::MIN,
        until: Timestamp::MAX,
    };
    let used = read.count(read.end.unwrap_or(next), next, &all);
    let sum = earlier.get_or_insert_with(|| EarlierRuns {
        since: run.start_time.clone(),
        ..EarlierRuns::default()
    });
    let add = |sum: &mut i64, more: i128| {
        *sum = sum.saturating_add(i64::try_from(more).unwrap_or(i64::MAX));
    };
    sum.until = format_rfc3339(next);
    add(&mut sum.runs, used.runs);
    add(&mut sum.running_seconds, used.running);
    add(&mut sum.cpu_millicore_seconds, used.cpu);
    let mebibytes = |amount: i128| (amount + MEBIBYTE / 2) / MEBIBYTE;
    add(&mut sum.memory_mebibyte_seconds, mebibytes(used.memory));
    add(&mut sum.gpu_seconds, used.gpu);
    add(&mut sum.storage_mebibyte_seconds, mebibytes(used.storage));
}

#[cfg(test)]
#[path = "run_hours_tests.rs"]
mod tests;
