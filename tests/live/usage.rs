//! `quota usage` and budgets of running hours: the server keeps the record of two runs, and a start is refused by a ResourceQuota without
//! limits.

use std::time::UNIX_EPOCH;

use anyhow::{Result, ensure};
use serde_json::Value;

use crate::world::World;
use crate::{Live, kubelet};

pub(crate) fn tests() -> Vec<Live> {
    vec![kubelet(
        "usage_shows_two_runs_and_a_budget_refuses_the_third",
        shows_two_runs_and_a_budget_refuses_the_third,
    )]
}

/// Times are kept in seconds: a run that begins in the second in which another ends counts as one with it, as after a resize.
fn await_next_second() {
    let second = || UNIX_EPOCH.elapsed().map_or(0, |time| time.as_secs());
    let before = second();
    while second() == before {
        std::thread::yield_now();
    }
}

fn shows_two_runs_and_a_budget_refuses_the_third() -> Result<()> {
    let world = World::installed("usage")?;
    let session = |words: &[&str]| world.session(words);
    session(&["create", "alice", "--template", "shell"])?.exits(0)?;
    session(&["stop", "alice", "-y"])?.exits(0)?;
    await_next_second();
    session(&["start", "alice"])?.exits(0)?;
    let told = session(&["quota", "usage", "-o", "json", "-q"])?.exits(0)?;
    let report: Value = serde_json::from_str(&told.stdout)?;
    let used = &report["usage"][0];
    let is_used = |field: &str| used[field].as_f64().is_some_and(|hours| hours > 0.0);
    let record = ["get", "session", "alice", "-o", "jsonpath={.status.usage}"];
    let record = world.namespace.kubectl(&record, None)?;
    ensure!(
        used["runs"] == 2 && used["running"] == 1,
        "{report}\n{record}"
    );
    // The CPU of a run of seconds is less than the report shows.
    ensure!(is_used("hours"), "{report}");
    let budget = ["quota", "set", "--hours", "user=*:0/day"];
    session(&budget)?.exits(0)?;
    let restart = ["start", "alice", "--restart", "-y"];
    let refused = session(&restart)?.exits(1)?;
    let text = "has a budget of 0 hours per day";
    ensure!(refused.stderr.contains(text), "{refused:?}");
    session(&["quota", "set", "--hours", "user=*:none"])?.exits(0)?;
    session(&restart)?.exits(0)?;
    Ok(())
}
