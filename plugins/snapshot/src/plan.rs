//! Options of writes, and the rule that decides which snapshots are old. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use session_shared::Timestamp;
use session_shared::client::interrupt::Interrupt;
use session_shared::flags::mutation_options::MutationOptions;
use session_shared::flags::output::ObjectOutputFlags;
use session_shared::flags::wait::WaitFlags;
use session_shared::flags::write::WriteFlags;
use session_shared::ops::snapshot_plan::SnapshotRun;
use session_shared::report::console::Console;

use crate::snapshot_set::SnapshotSet;
use crate::timeouts::TAKE_TIMEOUT;

/// Options of the writes of one command, and how long it waits for what it has written.
#[derive(Clone, Debug)]
pub(crate) struct SnapshotWrites {
    pub(crate) mutation: MutationOptions,
    pub(crate) wait: bool,
    pub(crate) limit: Duration,
}

impl SnapshotWrites {
    /// Adds the flags of the wait; `usual` is the time limit if `--timeout` is not given.
    pub(crate) fn new(mutation: MutationOptions, wait_flags: &WaitFlags, usual: Duration) -> Self {
        Self {
            mutation,
            wait: wait_flags.wait,
            limit: wait_flags.timeout_or(usual),
        }
    }

    /// Reads the flags of a command that takes a snapshot.
    ///
    /// # Errors
    /// An invalid output format; flags that exclude each other.
    pub(crate) fn parse(
        write_flags: &WriteFlags,
        output: &ObjectOutputFlags,
        wait_flags: &WaitFlags,
        console: &mut Console,
    ) -> Result<Self> {
        let mutation = MutationOptions::for_objects(write_flags, output, console)?;
        Ok(Self::new(mutation, wait_flags, TAKE_TIMEOUT))
    }

    /// Returns the options for taking or deleting a snapshot; `wait` takes the place of `--wait`.
    pub(crate) fn snapshot_run<'a>(
        &'a self,
        interrupt: &'a Interrupt,
        wait: bool,
    ) -> SnapshotRun<'a> {
        SnapshotRun {
            write: &self.mutation.write,
            interrupt,
            wait,
            timeout: self.limit,
        }
    }
}

/// Retention rule of `snapshot prune`: a snapshot is deleted only if every given condition holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RetentionRule {
    /// Number of newest ready snapshots to keep for each session and user.
    pub(crate) keep: Option<usize>,
    /// Minimum age of a snapshot to delete.
    pub(crate) older_than: Option<Duration>,
}

impl RetentionRule {
    /// Returns the snapshots to delete, decided separately for each session of each user. A snapshot that is not ready
    /// cannot be restored: it does not count towards `keep`, and is deleted only by age.
    pub(crate) fn select_for_deletion(
        self,
        all: Vec<SnapshotSet>,
        now: Timestamp,
    ) -> Vec<SnapshotSet> {
        let mut sessions: BTreeMap<(String, String), Vec<SnapshotSet>> = BTreeMap::new();
        for set in all {
            let session = (set.session.clone(), set.user.clone());
            sessions.entry(session).or_default().push(set);
        }
        sessions
            .into_values()
            .flat_map(|sets| self.select_of_session(sets, now))
            .collect()
    }

    fn select_of_session(self, mut sets: Vec<SnapshotSet>, now: Timestamp) -> Vec<SnapshotSet> {
        sets.sort_by(|one, other| {
            (other.created_at(), &other.name).cmp(&(one.created_at(), &one.name))
        });
        let mut ready = 0;
        sets.retain(|set| {
            let old = self.older_than.is_none_or(|age| is_older(set, age, now));
            if !set.is_ready() {
                return self.older_than.is_some() && old;
            }
            ready += 1;
            old && self.keep.is_none_or(|keep| ready > keep)
        });
        sets
    }
}

fn is_older(set: &SnapshotSet, age: Duration, now: Timestamp) -> bool {
    let made = set.created_at();
    made.and_then(|made| made.checked_add(age).ok())
        .is_some_and(|until| until < now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn set(name: &str, made: &str, ready: bool) -> SnapshotSet {
        let one = json!({ "metadata": { "name": name, "creationTimestamp": made }, "status": { "readyToUse": ready, "boundVolumeSnapshotContentName": "c" } });
        SnapshotSet {
            name: name.to_owned(),
            session: name.chars().take(1).collect(),
            user: "alice".into(),
            snapshots: vec![one],
        }
    }

    fn doomed(keep: Option<usize>, hours: Option<u64>) -> Vec<String> {
        let all = vec![
            set("a1", "2026-03-01T01:00:00Z", true),
            set("a2", "2026-03-01T02:00:00Z", false),
            set("a3", "2026-03-01T03:00:00Z", true),
            set("a4", "2026-03-01T04:00:00Z", true),
            set("a5", "2026-03-01T11:00:00Z", false),
            set("b1", "2026-03-01T01:00:00Z", true),
        ];
        let older_than = hours.map(|hours| Duration::from_secs(hours * 3600));
        let now = "2026-03-01T12:00:00Z".parse().unwrap();
        let gone = RetentionRule { keep, older_than }.select_for_deletion(all, now);
        gone.into_iter().map(|set| set.name).collect()
    }

    #[test]
    fn the_newest_of_each_session_stay() {
        assert_eq!(doomed(Some(1), None), ["a3", "a1"]);
        assert_eq!(doomed(Some(2), None), ["a1"]);
        assert_eq!(doomed(Some(0), None), ["a4", "a3", "a1", "b1"]);
    }

    #[test]
    fn what_is_young_stays_and_both_conditions_have_to_hold() {
        assert_eq!(doomed(None, Some(9)), ["a2", "a1", "b1"]);
        assert_eq!(doomed(Some(1), Some(9)), ["a2", "a1"]);
        assert_eq!(doomed(Some(3), Some(9)), ["a2"]);
        assert!(doomed(None, Some(20)).is_empty());
    }
}
