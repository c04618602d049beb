//! Schedules: their names, and their settings as read from their CronJobs.

use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::Pod;
use serde::Serialize;

use super::metadata;
use crate::labels;
use crate::names::SessionName;

/// Verbs that the CronJobs of `schedule set` and `create --at` run.
const CLOCK_VERBS: [&str; 3] = ["stop", "start", CREATE];
/// Action of a schedule that creates the sessions of a roster, once.
pub const CREATE: &str = "create";

/// Longest name of a CronJob, in bytes: the names of its Jobs are 11 bytes longer.
const CRON_JOB_NAME_MAX: usize = 52;

/// Flag of `snapshot run-schedule` with the number of snapshots to keep.
pub const KEEP_FLAG: &str = "--keep";

/// Name of a CronJob and the other objects of a schedule, at most 52 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleName(String);

impl ScheduleName {
    /// Returns the name for a session's snapshots; it depends on nothing else.
    pub fn for_snapshots(session: &SessionName) -> Self {
        Self::new("session", session.as_str(), "snapshots")
    }

    /// Returns the name of an object of a session's stop-and-start schedule: `stop` and `start` are its CronJobs, `clock` the rest.
    pub fn for_session(session: &SessionName, object: &str) -> Self {
        Self::new("session", session.as_str(), object)
    }

    /// Returns the same name for the sessions of a selection.
    pub fn for_selection(selection: &str, object: &str) -> Self {
        Self::new("sessions", selection, object)
    }

    /// Returns the name of every object of a schedule that creates the sessions of a roster; `file` is the file's name without extension.
    pub fn for_roster(file: &str) -> Self {
        Self::new("sessions", file, CREATE)
    }

    /// Returns the name of a CronJob that exists.
    pub fn of_cron_job(name: &str) -> Self {
        Self(name.to_owned())
    }

    fn new(before: &str, raw: &str, after: &str) -> Self {
        let room = CRON_JOB_NAME_MAX - before.len() - after.len() - 2;
        let part = labels::to_name_part_within(raw, room);
        Self(format!("{before}-{part}-{after}"))
    }

    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An existing schedule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CronSchedule {
    /// Name of its CronJob.
    pub name: String,
    /// Schedule in cron's syntax.
    pub schedule: String,
    /// Time zone of the schedule; `None` for that of the control plane.
    pub time_zone: Option<String>,
    /// Verb that runs: `stop`, `start` or `create`; `None` for snapshots.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// The sessions that it acts on: a name, or flags as `-l course=42` and `--roster class.csv`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sessions: Option<String>,
    /// Number of snapshots to keep.
    #[serde(skip_serializing_if = "Option::is_none")]
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
    pub fn find(jobs: &[Job], pods: &[Pod]) -> Option<Self> {
        let job = jobs
            .iter()
            .max_by_key(|job| &job.metadata.creation_timestamp)?;
        let uid = metadata::uid_of(&job.metadata)?;
        let of_job = |pod: &&Pod| metadata::owner_uids(&pod.metadata).any(|owner| owner == uid);
        let pod = pods.iter().filter(of_job);
        let pod = pod.max_by_key(|pod| &pod.metadata.creation_timestamp);
        let status = job.status.as_ref();
        let conditions = status.and_then(|s| s.conditions.as_ref()).into_iter();
        let failed = conditions
            .flatten()
            .find(|one| one.type_ == "Failed" && one.status == "True");
        let is_done = status.is_some_and(|status| status.completion_time.is_some());
        let reason = match pod.and_then(pod_failure) {
            _ if is_done => None,
            Some(reason) => Some(reason),
            None => failed.map(|failed| {
                let reason = failed.reason.as_deref().unwrap_or("Failed");
                reason_and_message(reason, failed.message.as_deref())
            }),
        };
        Some(Self {
            name: metadata::name_of(&job.metadata).to_owned(),
            reason: reason?,
        })
    }
}

/// Returns why the Pod's container does not run, or how it ended; `None` while it starts or runs.
fn pod_failure(pod: &Pod) -> Option<String> {
    let statuses = pod.status.as_ref()?.container_statuses.as_ref()?;
    let container = statuses.first()?;
    let states = [&container.state, &container.last_state];
    let mut ended = states
        .into_iter()
        .filter_map(|state| state.as_ref()?.terminated.as_ref());
    if let Some(ended) = ended.next()
        && ended.exit_code != 0
    {
        // The end of the log: an error stands before its hints.
        let lines = || ended.message.iter().flat_map(|message| message.lines());
        let error = lines().rev().find(|line| line.starts_with("error: "));
        let last = error.or_else(|| lines().next_back());
        let code = format!("exit code {}", ended.exit_code);
        return Some(last.map_or(code.clone(), |line| format!("{code}: {line}")));
    }
    let waiting = container.state.as_ref()?.waiting.as_ref()?;
    match waiting.reason.as_deref()? {
        "ContainerCreating" | "PodInitializing" => None,
        reason => Some(reason_and_message(reason, waiting.message.as_deref())),
    }
}

/// Returns `REASON: MESSAGE` of a condition or state.
fn reason_and_message(reason: &str, message: Option<&str>) -> String {
    match message.filter(|message| !message.is_empty()) {
        Some(message) => format!("{reason}: {message}"),
        None => reason.to_owned(),
    }
}

impl CronSchedule {
    /// Reads the schedule from its CronJob, without its Jobs. `None` for a CronJob without spec, which the API server refuses.
    pub fn from_cron_job(cron_job: CronJob) -> Option<Self> {
        let name = metadata::name_of(&cron_job.metadata).to_owned();
        let annotations = cron_job.metadata.annotations.unwrap_or_default();
        let spec = cron_job.spec?;
        let job = spec.job_template.spec;
        let pod = job.as_ref().and_then(|job| job.template.spec.as_ref());
        let container = pod.and_then(|pod| pod.containers.first());
        let mut words = container.iter().flat_map(|one| one.args.iter().flatten());
        let action = words
            .next()
            .filter(|verb| CLOCK_VERBS.contains(&verb.as_str()));
        let sessions = action.and_then(|_| match annotations.get(labels::SELECTION) {
            Some(selection) => Some(selection.clone()),
            None => words.next().cloned(),
        });
        let keep = words
            .find(|word| *word == KEEP_FLAG)
            .and_then(|_| words.next());
        let last = cron_job
            .status
            .and_then(|status| status.last_successful_time);
        Some(Self {
            name,
            action: action.cloned(),
            sessions,
            schedule: spec.schedule,
            time_zone: spec.time_zone.filter(|zone| !zone.is_empty()),
            keep: keep.and_then(|keep| keep.parse().ok()),
            suspended: spec.suspend == Some(true),
            last_successful_time: last.map(|time| time.0.to_string()),
            failing_job: None,
        })
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
    use serde_json::{Value, json};

    #[test]
    fn names_leave_room_for_the_jobs() {
        let name = |session: &str| ScheduleName::for_snapshots(&session.parse().unwrap());
        assert_eq!(name("alice").as_str(), "session-alice-snapshots");
        let stop = ScheduleName::for_session(&"alice".parse().unwrap(), "stop");
        assert_eq!(stop.as_str(), "session-alice-stop");
        let of = |selection| ScheduleName::for_selection(selection, "stop");
        assert!(of("-l a=b").as_str().starts_with("sessions-l-a-b-"));
        assert_ne!(of("-l a=b"), of("-l a-b"));
        let class = ScheduleName::for_roster("class");
        assert_eq!(class.as_str(), "sessions-class-create");
        let (one, other) = ("a".repeat(63), format!("{}b", "a".repeat(62)));
        assert_eq!(name(&one).as_str().len(), CRON_JOB_NAME_MAX);
        assert_ne!(name(&one), name(&other));
    }

    #[test]
    fn what_a_cron_job_does_not_say_is_not_there() {
        let read = |value| CronSchedule::from_cron_job(serde_json::from_value(value).unwrap());
        let schedule = read(json!({ "spec": { "schedule": "@daily" } })).unwrap();
        assert_eq!(schedule.describe(), "\"@daily\"");
        assert!(!schedule.suspended);
        let nothing = (
            schedule.time_zone,
            schedule.keep,
            schedule.action,
            schedule.sessions,
        );
        assert_eq!(nothing, (None, None, None, None));
        assert_eq!(read(json!({ "metadata": { "name": "c" } })), None);
    }

    #[test]
    fn a_stop_says_which_sessions() {
        let read = |annotations: Value| {
            let words = ["stop", "alice", "--yes"];
            let pod = json!({ "spec": { "containers": [{ "name": "stop", "args": words }] } });
            let spec =
                json!({ "schedule": "@daily", "jobTemplate": { "spec": { "template": pod } } });
            let job = json!({ "metadata": { "annotations": annotations }, "spec": spec });
            let schedule =
                CronSchedule::from_cron_job(serde_json::from_value(job).unwrap()).unwrap();
            (schedule.action.unwrap(), schedule.sessions.unwrap())
        };
        let stop = |sessions: &str| ("stop".to_owned(), sessions.to_owned());
        assert_eq!(read(json!({})), stop("alice"));
        assert_eq!(read(json!({ labels::SELECTION: "-l a=b" })), stop("-l a=b"));
    }

    fn job(name: &str, hour: u32, status: Value) -> Job {
        let job = json!({ "metadata": { "name": name, "uid": format!("uid-{name}"),
            "creationTimestamp": format!("2026-03-01T{hour:02}:00:00Z") }, "status": status });
        serde_json::from_value(job).unwrap()
    }

    fn pod(job: &str, container: Value) -> Pod {
        let pod = json!({ "metadata": { "name": format!("{job}-x"), "ownerReferences": [
            { "apiVersion": "batch/v1", "kind": "Job", "name": job, "uid": format!("uid-{job}") }] },
            "status": { "containerStatuses": [container] } });
        serde_json::from_value(pod).unwrap()
    }

    #[test]
    fn the_newest_job_is_named_with_its_cause() {
        let find = |jobs: &[Job], pods: &[Pod]| {
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
