//! Objects of a schedule: a CronJob and the ServiceAccount, Role and RoleBinding it runs with. Pure.
//!
//! All four are owned by the Session and deleted with it. The Pods of the CronJob are not Pods of the session: they carry
//! [`labels::SCHEDULE`] instead of the session's label, so that the session's Services, NetworkPolicies and lists do not select them.

use serde_json::{Value, json};
use session_shared::labels;
use session_shared::objects::ResourceType;
use session_shared::objects::ownership::Ownership;
use session_shared::objects::resource::{
    CRON_JOB, ROLE, ROLE_BINDING, SERVICE_ACCOUNT, VOLUME_SNAPSHOT,
};
use session_shared::objects::snapshot_schedule::{KEEP_FLAG, ScheduleName, SnapshotSchedule};

use super::intent::{DEFAULT_IMAGE, ScheduleOptions};

/// Seconds after its scheduled time in which a run may still start; after that it is skipped.
const START_DEADLINE_SECONDS: u32 = 3600;
/// Maximum seconds of one run, including the image pull. Two runs never overlap.
const MAX_RUN_SECONDS: u32 = 3600;
/// Seconds a terminated run has to finish, so that it can run the resume hook.
const GRACE_SECONDS: u32 = 120;
/// UID and GID of `nobody`.
const NOBODY_ID: u32 = 65534;
/// API group of RBAC.
const RBAC_GROUP: &str = "rbac.authorization.k8s.io";

/// Resource types of a schedule's objects, in order of creation.
pub(crate) static SCHEDULE_RESOURCES: [&ResourceType; 4] =
    [&SERVICE_ACCOUNT, &ROLE, &ROLE_BINDING, &CRON_JOB];

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
    /// Renders the objects in the order of `SCHEDULE_RESOURCES`. A null value means that the field must be absent.
    pub(crate) fn render(&self) -> Vec<Value> {
        let name = ScheduleName::for_session(&self.ownership.session);
        let account = json!({ "apiVersion": "v1", "kind": "ServiceAccount" });
        let role = json!({ "apiVersion": format!("{RBAC_GROUP}/v1"), "kind": "Role", "rules": self.role_rules() });
        let binding = json!({
            "apiVersion": format!("{RBAC_GROUP}/v1"),
            "kind": "RoleBinding",
            "roleRef": { "apiGroup": RBAC_GROUP, "kind": "Role", "name": name.as_str() },
            "subjects": [{
                "kind": "ServiceAccount",
                "name": name.as_str(),
                "namespace": self.ownership.namespace.as_str(),
            }],
        });
        let mut objects = vec![account, role, binding, self.cron_job(&name)];
        for object in &mut objects {
            object["metadata"]["name"] = name.as_str().into();
            self.ownership.apply_to(object);
        }
        let marked = json!({ "labels": {
            labels::MANAGED_BY: labels::MANAGER,
            labels::SCHEDULE: self.ownership.session.as_str(),
        } });
        let job = &mut objects[3]["spec"]["jobTemplate"];
        job["metadata"] = marked.clone();
        job["spec"]["template"]["metadata"] = marked;
        objects
    }

    /// Returns the permissions of a run: exactly those that the requests of `snapshot run-schedule` need.
    fn role_rules(&self) -> Vec<Value> {
        let session = self.ownership.session.as_str();
        let rule = |group: &str, resources: &[&str], verbs: &[&str]| json!({ "apiGroups": [group], "resources": resources, "verbs": verbs });
        let mut own = rule("streaming.platform", &["sessions"], &["get"]);
        own["resourceNames"] = json!([session]);
        let snapshots = ["get", "list", "watch", "create", "delete"];
        let mut rules = vec![
            own,
            rule("", &["persistentvolumeclaims"], &["list"]),
            rule(&VOLUME_SNAPSHOT.group, &["volumesnapshots"], &snapshots),
        ];
        if self.hooks.is_some() {
            let sets = ["statefulsets", "deployments", "replicasets", "daemonsets"];
            rules.push(rule("", &["pods"], &["list"]));
            rules.push(rule("apps", &sets, &["list"]));
            rules.push(rule("batch", &["jobs"], &["list"]));
            rules.push(self.exec_rule());
        }
        rules
    }

    /// Returns the permission to run hooks in the primary Pod. It is limited to that Pod's name, except where a workload
    /// controller chooses the name.
    fn exec_rule(&self) -> Value {
        let primary = self.ownership.primary.as_ref();
        let mut rule =
            json!({ "apiGroups": [""], "resources": ["pods/exec"], "verbs": ["create", "get"] });
        if let Some(pod) = primary.filter(|primary| primary.kind == "Pod") {
            rule["resourceNames"] = json!([pod.name]);
        }
        rule
    }

    fn cron_job(&self, name: &ScheduleName) -> Value {
        let asked = self.options;
        json!({
            "apiVersion": "batch/v1",
            "kind": "CronJob",
            "spec": {
                "schedule": asked.cron.to_string(),
                "timeZone": asked.time_zone,
                "suspend": false,
                "concurrencyPolicy": "Forbid",
                "startingDeadlineSeconds": START_DEADLINE_SECONDS,
                "successfulJobsHistoryLimit": 1,
                "failedJobsHistoryLimit": 3,
                "jobTemplate": { "spec": {
                    "backoffLimit": 1,
                    "activeDeadlineSeconds": MAX_RUN_SECONDS,
                    "template": { "spec": self.pod_spec(name) },
                } },
            },
        })
    }

    fn pod_spec(&self, name: &ScheduleName) -> Value {
        json!({
            "serviceAccountName": name.as_str(),
            "automountServiceAccountToken": true,
            "enableServiceLinks": false,
            "restartPolicy": "OnFailure",
            "terminationGracePeriodSeconds": GRACE_SECONDS,
            "securityContext": {
                "runAsNonRoot": true,
                "runAsUser": NOBODY_ID,
                "runAsGroup": NOBODY_ID,
                "seccompProfile": { "type": "RuntimeDefault" },
            },
            "containers": [{
                "name": "snapshot",
                "image": self.options.image.as_deref().unwrap_or(DEFAULT_IMAGE),
                "imagePullPolicy": "IfNotPresent",
                "args": self.container_args(),
                "terminationMessagePolicy": "FallbackToLogsOnError",
                "resources": {
                    "requests": { "cpu": "10m", "memory": "32Mi" },
                    "limits": { "cpu": "1", "memory": "128Mi" },
                },
                "securityContext": {
                    "allowPrivilegeEscalation": false,
                    "readOnlyRootFilesystem": true,
                    "capabilities": { "drop": ["ALL"] },
                },
            }],
        })
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
pub(crate) fn describe_schedule(schedule: &SnapshotSchedule) -> String {
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
    fn everything_is_the_sessions_but_the_pods_are_not() {
        let all = objects(&ownership("alice", None), false);
        for (object, resource) in all.iter().zip(SCHEDULE_RESOURCES) {
            assert_eq!(object["kind"], resource.kind.as_ref());
            let metadata = &object["metadata"];
            assert_eq!(metadata["name"], "session-alice-snapshots");
            assert_eq!(metadata["ownerReferences"][0]["uid"], "u-1");
            assert_eq!(metadata["labels"][labels::SESSION], "alice");
        }
        let job = &all[3]["spec"]["jobTemplate"];
        for metadata in [&job["metadata"], &job["spec"]["template"]["metadata"]] {
            let labels = json!({ labels::MANAGED_BY: labels::MANAGER, labels::SCHEDULE: "alice" });
            assert_eq!(*metadata, json!({ "labels": labels }));
        }
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
            describe_schedule(&SnapshotSchedule::from_cron_job(job).unwrap())
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
