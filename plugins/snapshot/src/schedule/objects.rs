//! Command and permissions of the CronJob of a snapshot schedule. Pure.

use serde_json::Value;
use session_shared::objects::cron_schedule::{CronSchedule, KEEP_FLAG, ScheduleName};
use session_shared::objects::ownership::Ownership;
use session_shared::objects::resource::VOLUME_SNAPSHOT;
use session_shared::scheduled_run::{CronRun, DEFAULT_IMAGE, ScheduleOwner, ScheduledRun, rule};

use super::intent::ScheduleOptions;

/// Maximum seconds of one run, including the image pull.
const MAX_RUN_SECONDS: u32 = 3600;

/// Input for rendering a schedule's objects.
#[derive(Clone, Debug)]
pub(crate) struct ScheduleInput<'a> {
    pub(crate) ownership: &'a Ownership,
    pub(crate) options: &'a ScheduleOptions,
    /// VolumeSnapshotClass of all snapshots, if they share one.
    pub(crate) class: Option<&'a str>,
    /// Digest of the hooks to run; `None` if no hook is run.
    pub(crate) hooks: Option<&'a str>,
}

impl ScheduleInput<'_> {
    /// Renders the objects in order of creation. A null value means that the field must be absent.
    pub(crate) fn render(&self) -> Vec<Value> {
        let name = ScheduleName::for_snapshots(&self.ownership.session);
        let options = self.options;
        let run = CronRun {
            name: name.clone(),
            container: "snapshot",
            cron: options.cron.to_string(),
            args: self.container_args(),
            max_seconds: MAX_RUN_SECONDS,
        };
        let scheduled = ScheduledRun {
            owner: ScheduleOwner {
                ownership: self.ownership,
                selection: None,
            },
            account: name,
            file: None,
            rules: self.role_rules(),
            runs: vec![run],
            time_zone: options.time_zone.as_deref(),
            image: options.image.as_deref().unwrap_or(DEFAULT_IMAGE),
        };
        scheduled.render()
    }

    /// Returns the permissions of a run: exactly those that the requests of `snapshot run-schedule` need.
    fn role_rules(&self) -> Vec<Value> {
        let session = self.ownership.session.as_str();
        let snapshots = ["get", "list", "watch", "create", "delete"];
        let mut rules = vec![
            rule("streaming.platform", &["sessions"], &["get"], Some(session)),
            rule("", &["persistentvolumeclaims"], &["list"], None),
            rule(
                &VOLUME_SNAPSHOT.group,
                &["volumesnapshots"],
                &snapshots,
                None,
            ),
        ];
        if self.hooks.is_some() {
            let sets = ["statefulsets", "deployments", "replicasets", "daemonsets"];
            // The name of a Pod that a workload controller makes is not known.
            let primary = self.ownership.primary.as_ref();
            let pod = primary.filter(|primary| primary.kind == "Pod");
            let pod = pod.map(|pod| pod.name.as_str());
            rules.extend([
                rule("", &["pods"], &["list"], None),
                rule("apps", &sets, &["list"], None),
                rule("batch", &["jobs"], &["list"], None),
                rule("", &["pods/exec"], &["create", "get"], pod),
            ]);
        }
        rules
    }

    /// Returns the arguments of the container.
    fn container_args(&self) -> Vec<String> {
        let (session, keep) = (
            self.ownership.session.to_string(),
            self.options.keep.to_string(),
        );
        let mut words = ["snapshot", "run-schedule", &session, KEEP_FLAG, &keep]
            .map(str::to_owned)
            .to_vec();
        if let Some(class) = self.class {
            words.extend(["--class".to_owned(), class.to_owned()]);
        }
        if self.options.skip_hooks {
            words.push("--skip-hooks".to_owned());
        }
        if let Some(digest) = self.hooks {
            words.push(format!("--known-hooks={digest}"));
        }
        words
    }
}

/// Describes an existing schedule in one line.
pub(crate) fn describe_schedule(schedule: &CronSchedule) -> String {
    let so_far = match (schedule.suspended, &schedule.last_successful_time) {
        (true, _) => "schedule is suspended".to_owned(),
        (false, Some(at)) => format!("last success at {at}"),
        (false, None) => "no success yet".to_owned(),
    };
    let failing = schedule.failing_job.as_ref();
    let failing = failing.map(|job| format!("; Job/{} fails: {}", job.name, job.reason));
    format!(
        "snapshots are taken by schedule {}; {so_far}{}",
        schedule.describe(),
        failing.unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn asked() -> ScheduleOptions {
        ScheduleOptions {
            cron: "30 3 * * *".parse().unwrap(),
            time_zone: Some("Europe/Berlin".into()),
            keep: 7,
            class: None,
            skip_hooks: false,
            image: Some("localhost/kubectl-session:1".into()),
        }
    }

    fn ownership(session: &str, primary: Option<(&str, &str)>) -> Ownership {
        let primary = primary.map(|(kind, name)| {
            serde_json::from_value(json!({ "kind": kind, "name": name })).unwrap()
        });
        Ownership {
            session: session.parse().unwrap(),
            user_id: "alice@example.com".parse().unwrap(),
            primary,
            ..session_support::session_fixture::ownership()
        }
    }

    fn objects(ownership: &Ownership, hooks: bool) -> Vec<Value> {
        let asked = asked();
        let (class, ownership, asked) = (Some("fast"), ownership, &asked);
        let scheduling = ScheduleInput {
            ownership,
            options: asked,
            class,
            hooks: hooks.then_some("ab12"),
        };
        scheduling.render()
    }

    #[test]
    fn without_hooks_no_pod_is_looked_at_and_with_hooks_one_is_entered() {
        let resources = |rules: &Value| {
            let all = rules.as_array().unwrap().iter();
            all.map(|rule| rule["resources"][0].as_str().unwrap().to_owned())
                .collect::<Vec<_>>()
        };
        let all = objects(&ownership("alice", None), false);
        assert_eq!(
            resources(&all[1]["rules"]),
            ["sessions", "persistentvolumeclaims", "volumesnapshots"]
        );
        let pod = objects(&ownership("alice", Some(("Pod", "lab-alice"))), true);
        let exec = &pod[1]["rules"][6];
        assert_eq!(exec["resources"], json!(["pods/exec"]));
        assert_eq!(exec["resourceNames"], json!(["lab-alice"]));
        let set = objects(
            &ownership("alice", Some(("StatefulSet", "lab-alice"))),
            true,
        );
        assert_eq!(set[1]["rules"][6].get("resourceNames"), None);
        for rule in pod[1]["rules"].as_array().unwrap() {
            let text = rule.to_string();
            assert!(!text.contains('*') && !text.contains("secrets"), "{text}");
        }
    }

    #[test]
    fn a_schedule_is_told_in_a_line() {
        let describe = |job: &Value| {
            let job = serde_json::from_value(job.clone()).unwrap();
            describe_schedule(&CronSchedule::from_cron_job(job).unwrap())
        };
        let mut job = objects(&ownership("alice", None), false).remove(3);
        let so_far = "snapshots are taken by schedule \"30 3 * * *\" (Europe/Berlin), keeps 7; ";
        assert_eq!(describe(&job), format!("{so_far}no success yet"));
        job["status"] = json!({ "lastSuccessfulTime": "2026-03-01T03:30:09Z" });
        assert_eq!(
            describe(&job),
            format!("{so_far}last success at 2026-03-01T03:30:09Z")
        );
        job["spec"]["suspend"] = true.into();
        assert_eq!(describe(&job), format!("{so_far}schedule is suspended"));
    }
}
