//! Objects of a schedule: CronJobs and the ServiceAccount, Role and RoleBinding they run with.
//!
//! Those of one session are owned by the Session and deleted with it. The Pods are not Pods of the session: they carry
//! [`labels::SCHEDULE`] instead of the session's label, so that the session's Services, NetworkPolicies and lists do not select them.

use std::fmt;

use anyhow::Result;
use serde_json::{Map, Value, json};
use session_model::labels;
use session_model::objects::Untyped;
use session_model::objects::cron_schedule::ScheduleName;
use session_model::objects::ownership::Ownership;
use session_model::objects::resource::ROLE;

/// Default image: the one `cargo image` writes for this version. No registry has it.
pub const DEFAULT_IMAGE: &str = concat!("localhost/kubectl-session:", env!("CARGO_PKG_VERSION"));

/// Path of the image in a CronJob.
pub(super) const IMAGE_PATH: &str = "/spec/jobTemplate/spec/template/spec/containers/0/image";
/// Seconds after its scheduled time in which a run may still start; after that it is skipped.
const START_DEADLINE_SECONDS: u32 = 3600;
/// Seconds a terminated run has to finish, so that it can run the resume hook.
const GRACE_SECONDS: u32 = 120;
/// Name of the volume with the file that the runs read.
const FILE_VOLUME: &str = "file";
/// UID and GID of `nobody`.
const NOBODY_ID: u32 = 65534;

/// Owner of a schedule: a session, or a selection of sessions of a namespace.
#[derive(Clone, Copy, Debug)]
pub struct ScheduleOwner<'a> {
    /// Namespace, user and command of the objects, and the session if there is one.
    pub ownership: &'a Ownership,
    /// The flags that select the sessions; `None` for a session.
    pub selection: Option<&'a str>,
}

impl fmt::Display for ScheduleOwner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.selection {
            Some(selection) => write!(f, "the schedule of sessions {selection:?}"),
            None => write!(f, "session {:?}", self.ownership.session.as_str()),
        }
    }
}

impl ScheduleOwner<'_> {
    /// Returns true for an object that belongs to the same session or selection.
    pub fn owns(&self, found: &Value) -> bool {
        let found = Untyped(found);
        match self.selection {
            Some(selection) => {
                found.label(labels::MANAGED_BY) == Some(labels::MANAGER)
                    && found.annotation(labels::SELECTION) == Some(selection)
            }
            None => found.is_owned_by(self.ownership.session_uid.as_deref()),
        }
    }

    /// Sets namespace, labels, annotations and, for a session, the owner reference.
    fn apply_to(&self, object: &mut Value) {
        let Some(selection) = self.selection else {
            return self.ownership.apply_to(object);
        };
        // Without the session's label: cleanup would take them for remains of a session.
        let metadata = &mut object["metadata"];
        metadata["namespace"] = self.ownership.namespace.as_str().into();
        metadata["labels"] = self.labels();
        metadata["annotations"] = json!({
            labels::SELECTION: selection,
            labels::RUN: self.ownership.command_token,
        });
    }

    /// Returns the labels of Jobs and Pods.
    fn labels(&self) -> Value {
        json!({
            labels::MANAGED_BY: labels::MANAGER,
            labels::SCHEDULE: self.ownership.session.as_str(),
        })
    }
}

/// Returns the ownership of a selection's objects: no session owns them. `token` is random.
///
/// # Errors
/// A namespace of an invalid name.
pub fn selection_ownership(
    name: &ScheduleName,
    namespace: &str,
    token: String,
) -> Result<Ownership> {
    Ok(Ownership {
        session: name.as_str().parse()?,
        session_uid: None,
        namespace: namespace.parse()?,
        user_id: "none".parse()?,
        command_token: token,
        template: None,
        primary: None,
    })
}

/// A file that the runs read: the only key of a ConfigMap that is called as the account.
#[derive(Clone, Copy, Debug)]
pub struct MountedFile<'a> {
    /// Folder in the container.
    pub folder: &'a str,
    /// Name of the file, and key of the ConfigMap.
    pub name: &'a str,
    /// Content of the file.
    pub text: &'a str,
}

impl MountedFile<'_> {
    fn config_map(&self, map: &ScheduleName) -> Value {
        let data = Map::from_iter([(self.name.to_owned(), self.text.into())]);
        json!({
            "apiVersion": "v1", "kind": "ConfigMap", "data": data, "metadata": { "name": map.as_str() },
        })
    }
}

/// A command that runs by the clock.
#[derive(Clone, Debug)]
pub struct CronRun {
    /// Name of the CronJob.
    pub name: ScheduleName,
    /// Name of the container.
    pub container: &'static str,
    /// When it runs, in cron's syntax.
    pub cron: String,
    /// Arguments of the program.
    pub args: Vec<String>,
    /// Maximum seconds of one run, including the image pull. Two runs never overlap.
    pub max_seconds: u32,
}

/// Input for rendering a schedule's objects.
#[derive(Clone, Debug)]
pub struct ScheduledRun<'a> {
    /// Owner of the schedule.
    pub owner: ScheduleOwner<'a>,
    /// Name of ServiceAccount, Role and RoleBinding, and of the ConfigMap of `file`.
    pub account: ScheduleName,
    /// A file that the runs read.
    pub file: Option<MountedFile<'a>>,
    /// Rules of the Role.
    pub rules: Vec<Value>,
    /// The commands, one CronJob each.
    pub runs: Vec<CronRun>,
    /// Time zone; `None` for that of the control plane.
    pub time_zone: Option<&'a str>,
    /// Image of the program.
    pub image: &'a str,
}

impl ScheduledRun<'_> {
    /// Renders the objects in order of creation. A null value means that the field must be absent.
    pub fn render(&self) -> Vec<Value> {
        let name = self.account.as_str();
        let account = json!({
            "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": name },
        });
        let role = json!({
            "apiVersion": ROLE.api_version(),
            "kind": "Role",
            "rules": self.rules,
            "metadata": { "name": name },
        });
        let binding = json!({
            "apiVersion": ROLE.api_version(),
            "kind": "RoleBinding",
            "roleRef": { "apiGroup": ROLE.group, "kind": "Role", "name": name },
            "subjects": [{
                "kind": "ServiceAccount",
                "name": name,
                "namespace": self.owner.ownership.namespace.as_str(),
            }],
            "metadata": { "name": name },
        });
        let file = self.file.map(|file| file.config_map(&self.account));
        let mut objects: Vec<Value> = file.into_iter().chain([account, role, binding]).collect();
        objects.extend(self.runs.iter().map(|run| self.cron_job(run)));
        for object in &mut objects {
            self.owner.apply_to(object);
            // The Pods are none of the session's.
            if let Some(job) = object.pointer_mut("/spec/jobTemplate") {
                let marked = json!({ "labels": self.owner.labels() });
                job["metadata"] = marked.clone();
                job["spec"]["template"]["metadata"] = marked;
            }
        }
        objects
    }

    fn cron_job(&self, run: &CronRun) -> Value {
        json!({
            "apiVersion": "batch/v1",
            "kind": "CronJob",
            "spec": {
                "schedule": run.cron,
                "timeZone": self.time_zone,
                "suspend": false,
                "concurrencyPolicy": "Forbid",
                "startingDeadlineSeconds": START_DEADLINE_SECONDS,
                "successfulJobsHistoryLimit": 1,
                "failedJobsHistoryLimit": 3,
                "jobTemplate": { "spec": {
                    "backoffLimit": 1,
                    "activeDeadlineSeconds": run.max_seconds,
                    "template": { "spec": self.pod_spec(run) },
                } },
            },
            "metadata": { "name": run.name.as_str() },
        })
    }

    fn pod_spec(&self, run: &CronRun) -> Value {
        let mut spec = json!({
            "serviceAccountName": self.account.as_str(),
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
                "name": run.container,
                "image": self.image,
                "imagePullPolicy": "IfNotPresent",
                "args": run.args,
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
        });
        if let Some(file) = &self.file {
            let map = json!({ "name": self.account.as_str() });
            spec["volumes"] = json!([{ "name": FILE_VOLUME, "configMap": map }]);
            let mount = json!({ "name": FILE_VOLUME, "mountPath": file.folder, "readOnly": true });
            spec["containers"][0]["volumeMounts"] = json!([mount]);
        }
        spec
    }
}

#[cfg(test)]
mod tests {
    use super::super::rule;
    use super::*;

    fn ownership() -> Ownership {
        Ownership {
            session: "alice".parse().unwrap(),
            session_uid: Some("u-1".into()),
            namespace: "default".parse().unwrap(),
            user_id: "alice@example.com".parse().unwrap(),
            command_token: "run".into(),
            template: None,
            primary: None,
        }
    }

    fn objects(selection: Option<&str>) -> Vec<Value> {
        let ownership = ownership();
        let name = |object| ScheduleName::for_session(&ownership.session, object);
        let run = |verb: &'static str| CronRun {
            name: name(verb),
            container: verb,
            cron: "0 20 * * *".into(),
            args: vec![verb.into(), "alice".into()],
            max_seconds: 60,
        };
        let owner = ScheduleOwner {
            ownership: &ownership,
            selection,
        };
        let scheduled = ScheduledRun {
            owner,
            account: name("clock"),
            file: None,
            rules: vec![rule("", &["pods"], &["list"], None)],
            runs: vec![run("stop"), run("start")],
            time_zone: Some("Europe/Berlin"),
            image: DEFAULT_IMAGE,
        };
        let objects = scheduled.render();
        assert!(objects.iter().all(|object| owner.owns(object)));
        objects
    }

    #[test]
    fn everything_is_the_sessions_but_the_pods_are_not() {
        let all = objects(None);
        let names = ["clock", "clock", "clock", "stop", "start"];
        for (object, name) in all.iter().zip(names) {
            let metadata = &object["metadata"];
            assert_eq!(metadata["name"], format!("session-alice-{name}"));
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
    fn what_is_for_a_selection_belongs_to_no_session() {
        let ownership = ownership();
        let other = ScheduleOwner {
            ownership: &ownership,
            selection: Some("-l a=c"),
        };
        for object in objects(Some("-l a=b")) {
            let metadata = &object["metadata"];
            assert_eq!(metadata.get("ownerReferences"), None);
            assert_eq!(metadata["labels"].get(labels::SESSION), None);
            assert_eq!(metadata["annotations"][labels::SELECTION], "-l a=b");
            assert!(!other.owns(&object));
        }
    }
}
