//! Snapshot schedule of a session: its name, and its settings as read from its CronJob.

use serde::Serialize;
use serde_json::Value;

use super::untyped::Untyped;
use crate::labels;
use crate::names::SessionName;

/// Longest name of a CronJob, in bytes: the names of its Jobs are 11 bytes longer.
const CRON_JOB_NAME_MAX: usize = 52;

/// Flag of `snapshot run-schedule` with the number of snapshots to keep.
pub const KEEP_FLAG: &str = "--keep";

/// Name of the CronJob and the other objects of a session's schedule, at most 52 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleName(String);

impl ScheduleName {
    /// Returns the name for a session; it depends on nothing else.
    pub fn for_session(session: &SessionName) -> Self {
        let (before, after) = ("session-", "-snapshots");
        let room = CRON_JOB_NAME_MAX - before.len() - after.len();
        let part = labels::to_name_part_within(session.as_str(), room);
        Self(format!("{before}{part}{after}"))
    }

    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An existing schedule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotSchedule {
    /// Name of its CronJob.
    pub name: String,
    /// Schedule in cron's syntax.
    pub schedule: String,
    /// Time zone of the schedule; `None` for that of the control plane.
    pub time_zone: Option<String>,
    /// Number of snapshots to keep; `None` keeps all.
    pub keep: Option<u32>,
    /// True if the CronJob is suspended.
    pub suspended: bool,
    /// Time of the last successful run, RFC 3339.
    pub last_successful_time: Option<String>,
}

impl SnapshotSchedule {
    /// Reads the schedule from its CronJob.
    pub fn from_cron_job(cron_job: &Value) -> Self {
        let some = |path| Untyped(cron_job).str_at(path).map(str::to_owned);
        let words = cron_job.pointer("/spec/jobTemplate/spec/template/spec/containers/0/args");
        let words = words.and_then(Value::as_array).into_iter().flatten();
        let mut words = words.filter_map(Value::as_str);
        let keep = words
            .find(|word| *word == KEEP_FLAG)
            .and_then(|_| words.next());
        Self {
            name: Untyped(cron_job).name().to_owned(),
            schedule: Untyped(cron_job)
                .str_at("/spec/schedule")
                .unwrap_or_default()
                .to_owned(),
            time_zone: some("/spec/timeZone"),
            keep: keep.and_then(|keep| keep.parse().ok()),
            suspended: cron_job["spec"]["suspend"] == true,
            last_successful_time: some("/status/lastSuccessfulTime"),
        }
    }

    /// Describes the schedule for people: `"30 3 * * *" (Europe/Berlin), keeps 7`.
    pub fn describe(&self) -> String {
        let mut line = format!("{:?}", self.schedule);
        if let Some(zone) = &self.time_zone {
            line.push_str(&format!(" ({zone})"));
        }
        if let Some(keep) = self.keep {
            line.push_str(&format!(", keeps {keep}"));
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_leave_room_for_the_jobs() {
        let name = |session: &str| ScheduleName::for_session(&session.parse().unwrap());
        assert_eq!(name("alice").as_str(), "session-alice-snapshots");
        let (one, other) = ("a".repeat(63), format!("{}b", "a".repeat(62)));
        assert_eq!(name(&one).as_str().len(), CRON_JOB_NAME_MAX);
        assert_ne!(name(&one), name(&other));
    }

    #[test]
    fn what_a_cron_job_does_not_say_is_not_there() {
        let schedule =
            SnapshotSchedule::from_cron_job(&json!({ "spec": { "schedule": "@daily" } }));
        assert_eq!(schedule.describe(), "\"@daily\"");
        assert!(!schedule.suspended);
        let nothing = (schedule.time_zone, schedule.keep);
        assert_eq!(nothing, (None, None));
    }
}
