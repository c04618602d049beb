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
    /// The newest Job, if it fails.
    pub failing_job: Option<FailingJob>,
}

/// A Job of a schedule that has failed, or whose Pod does not run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FailingJob {
    /// Name of the Job.
    pub name: String,
    /// Cause, in the words of the kubelet, the Job controller or the container.
    pub reason: String,
}

impl FailingJob {
    /// Finds the newest of a schedule's Jobs, and returns it if it fails. `pods` are those of the Jobs.
    pub fn find(jobs: &[Value], pods: &[Value]) -> Option<Self> {
        let job = jobs.iter().max_by_key(|job| Untyped(job).created())?;
        let uid = Untyped(job).uid()?;
        let of_job = |pod: &&Value| Untyped(pod).owners().any(|owner| owner.uid == uid);
        let pod = pods.iter().filter(of_job);
        let pod = pod.max_by_key(|pod| Untyped(pod).created());
        let failed = Untyped(job).items_at("/status/conditions").find(|one| {
            one.str_at("/type") == Some("Failed") && one.str_at("/status") == Some("True")
        });
        let is_done = job.pointer("/status/completionTime").is_some();
        let reason = match pod.and_then(pod_failure) {
            _ if is_done => None,
            Some(reason) => Some(reason),
            None => failed.map(|failed| reason_and_message(failed, "Failed")),
        };
        Some(Self {
            name: Untyped(job).name().to_owned(),
            reason: reason?,
        })
    }
}

/// Returns why the Pod's container does not run, or how it ended; `None` while it starts or runs.
fn pod_failure(pod: &Value) -> Option<String> {
    let container = Untyped(pod).items_at("/status/containerStatuses").next()?;
    let waiting = container.str_at("/state/waiting/reason");
    let ended = ["/state/terminated", "/lastState/terminated"].map(|state| container.at(state));
    if let Some(ended) = ended.into_iter().flatten().next()
        && ended["exitCode"] != 0
    {
        let message = Untyped(ended).str_at("/message").unwrap_or_default();
        // The end of the log: an error stands before its hints.
        let lines = message.lines();
        let error = lines.rev().find(|line| line.starts_with("error: "));
        let last = error.or_else(|| message.lines().next_back());
        let last = last.map(|line| format!(": {line}")).unwrap_or_default();
        return Some(format!("exit code {}{last}", ended["exitCode"]));
    }
    match waiting? {
        "ContainerCreating" | "PodInitializing" => None,
        reason => Some(reason_and_message(
            Untyped(container.at("/state/waiting")?),
            reason,
        )),
    }
}

/// Returns `REASON: MESSAGE` of a condition or state.
fn reason_and_message(object: Untyped<'_>, default: &str) -> String {
    let reason = object.str_at("/reason").unwrap_or(default);
    match object.str_at("/message") {
        Some(message) => format!("{reason}: {message}"),
        None => reason.to_owned(),
    }
}

impl SnapshotSchedule {
    /// Reads the schedule from its CronJob, without its Jobs.
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
            failing_job: None,
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

    fn job(name: &str, hour: u32, status: Value) -> Value {
        json!({ "metadata": { "name": name, "uid": format!("uid-{name}"),
            "creationTimestamp": format!("2026-03-01T{hour:02}:00:00Z") }, "status": status })
    }

    fn pod(job: &str, container: Value) -> Value {
        json!({ "metadata": { "name": format!("{job}-x"), "ownerReferences": [
            { "apiVersion": "batch/v1", "kind": "Job", "name": job, "uid": format!("uid-{job}") }] },
            "status": { "containerStatuses": [container] } })
    }

    #[test]
    fn the_newest_job_is_named_with_its_cause() {
        let find = |jobs: &[Value], pods: &[Value]| {
            FailingJob::find(jobs, pods).map(|job| format!("{}: {}", job.name, job.reason))
        };
        let active = job("b", 2, json!({ "active": 1 }));
        let failed = job(
            "a",
            1,
            json!({ "conditions": [{ "type": "Failed", "status": "True",
            "reason": "BackoffLimitExceeded", "message": "Job has reached the specified backoff limit" }] }),
        );
        let pulls = pod(
            "b",
            json!({ "state": { "waiting": { "reason": "ImagePullBackOff", "message": "Back-off pulling image" } } }),
        );
        let text = Some("b: ImagePullBackOff: Back-off pulling image".to_owned());
        assert_eq!(find(&[active.clone(), failed.clone()], &[pulls]), text);
        let limit = "a: BackoffLimitExceeded: Job has reached the specified backoff limit";
        assert_eq!(
            find(std::slice::from_ref(&failed), &[]).as_deref(),
            Some(limit)
        );
        let ended = pod(
            "a",
            json!({ "state": { "waiting": { "reason": "CrashLoopBackOff" } },
            "lastState": { "terminated": { "exitCode": 1, "message": "error: no class\nhint: x" } } }),
        );
        let text = "a: exit code 1: error: no class";
        assert_eq!(find(&[failed], &[ended]).as_deref(), Some(text));
        let starting = pod(
            "b",
            json!({ "state": { "waiting": { "reason": "ContainerCreating" } } }),
        );
        assert_eq!(find(&[active], &[starting]), None);
        let done = job("c", 3, json!({ "completionTime": "2026-03-01T03:00:09Z" }));
        assert_eq!(find(&[done], &[]), None);
        assert_eq!(find(&[], &[]), None);
    }
}
