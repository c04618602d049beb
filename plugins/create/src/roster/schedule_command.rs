//! The command that the CronJob of a roster runs: its words, its permissions, and how it begins.
//!
//! The run suspends its CronJob before anything else, because a CronJob's schedule names no year.

use anyhow::{Result, anyhow};
use serde_json::{Value, json};
use session_shared::Timestamp;
use session_shared::api::IntOrString;
use session_shared::client::WriteOptions;
use session_shared::failure::with_hint;
use session_shared::flags::pace::PaceFlags;
use session_shared::objects::ResourceType;
use session_shared::objects::cron_schedule::CREATE;
use session_shared::objects::resource::{CRON_JOB, SESSION};
use session_shared::ops::Cluster;
use session_shared::scheduled_run::{creation_rules, rule};

use super::schedule::ScheduleRun;
use crate::intent::Intent;

/// Folder of the roster in the container.
pub(super) const FOLDER: &str = "/roster";
/// Name of the roster in the container, and key of the ConfigMap.
pub(super) const FILE: &str = "roster.csv";
/// Hours after its time in which a run, or one that is started by hand, creates the sessions.
const MAX_LATE_HOURS: i64 = 24;

impl ScheduleRun {
    /// Suspends the CronJob. It is done first: whatever becomes of the run, none follows it, but the Job repeats one that fails.
    ///
    /// # Errors
    /// The server's refusal; a time that is long past, because the control plane missed it a year ago.
    pub(super) async fn begin(
        &self,
        cluster: &Cluster,
        now: Timestamp,
        write: &WriteOptions,
    ) -> Result<()> {
        let (namespace, name) = (cluster.namespace(), &self.cron_job);
        let patch = json!({ "spec": { "suspend": true } });
        cluster
            .merge_patch(&CRON_JOB, namespace, name, None, &patch, write)
            .await?;
        if now.duration_since(self.time).as_hours() < MAX_LATE_HOURS {
            return Ok(());
        }
        let error = anyhow!("schedule {name:?} was for {}, which is over", self.time);
        let hint =
            format!("delete the schedule: kubectl session schedule delete {name} -n {namespace}");
        Err(with_hint(error, hint))
    }
}

/// Returns the words of the run: this command line without its time.
pub(super) fn words(
    base: &Intent,
    has_template: bool,
    pace: &PaceFlags,
    run: &ScheduleRun,
) -> Vec<String> {
    let mut words = vec![
        CREATE.to_owned(),
        format!("--roster={FOLDER}/{FILE}"),
        format!("--schedule-run={run}"),
    ];
    let template = base.session.spec.template.clone();
    let given = [
        ("--template", template.filter(|_| has_template)),
        ("--rate", pace.rate.map(|rate| rate.to_string())),
        ("--parallel", pace.parallel.map(|number| number.to_string())),
    ];
    let given = given.into_iter();
    words.extend(given.filter_map(|(flag, value)| Some(format!("{flag}={}", value?))));
    words.extend(row_words(base));
    words
}

/// Returns the flags that hold for every row, as words. Values of files become words, too: none of them is secret.
fn row_words(base: &Intent) -> Vec<String> {
    let spec = &base.session.spec;
    let (resources, storage) = (
        spec.resources.clone().unwrap_or_default(),
        spec.storage.clone().unwrap_or_default(),
    );
    let text = |value: Option<IntOrString>| value.map(|value| value.to_string());
    let driver = base.driver.map(|driver| match driver.is_controller() {
        true => "controller".to_owned(),
        false => "client".to_owned(),
    });
    let one = [
        ("--preset", spec.preset.clone()),
        ("--cpu", text(resources.cpu)),
        ("--memory", text(resources.memory)),
        ("--gpu", text(resources.gpu)),
        ("--storage", text(storage.size)),
        ("--storage-class", storage.class),
        ("--expires-in", text(spec.timeout.clone())),
        (
            "--data-policy",
            spec.data_policy.map(|policy| policy.as_str().to_owned()),
        ),
        ("--reconcile", driver),
        (
            "--timeout",
            base.wait.map(|limit| format!("{}s", limit.as_secs())),
        ),
    ];
    let one = one
        .into_iter()
        .filter_map(|(flag, value)| Some(format!("{flag}={}", value?)));
    let mut values = base.values.from_files.clone();
    values.extend(base.values.from_arguments.clone());
    let values = values
        .into_iter()
        .map(|(name, value)| format!("--set={name}={value}"));
    let existing = base
        .use_existing
        .iter()
        .map(|object| format!("--use-existing={object}"));
    let yes = [
        ("--wait", base.wait.is_some()),
        ("--skip-checks", base.skip_checks),
        (
            "--skip-missing-kinds",
            spec.skip_missing_kinds == Some(true),
        ),
    ];
    let yes = yes
        .into_iter()
        .filter(|(_, given)| *given)
        .map(|(flag, _)| flag.to_owned());
    one.chain(values).chain(existing).chain(yes).collect()
}

/// Returns the permissions of a run.
pub(super) fn rules(name: &str, made: &[ResourceType]) -> Vec<Value> {
    // `assign` and `manage`: the sessions belong to the users of the roster. `delete` takes back a session that fails.
    let session = [
        "get", "list", "watch", "create", "patch", "delete", "assign", "manage",
    ];
    let sets = ["statefulsets", "deployments", "replicasets", "daemonsets"];
    let read = ["get", "list", "watch"];
    let mut rules = vec![
        rule(&CRON_JOB.group, &["cronjobs"], &["patch"], Some(name)),
        rule(&SESSION.group, &["sessions"], &session, None),
        rule(&SESSION.group, &["sessions/status"], &["patch"], None),
        rule("", &["pods", "persistentvolumeclaims"], &read, None),
        rule("apps", &sets, &read, None),
        rule("batch", &["jobs"], &read, None),
    ];
    rules.extend(creation_rules(made));
    rules
}

#[cfg(test)]
mod tests {
    use super::*;
    use session_shared::objects::resource::CONFIG_MAP;

    #[test]
    fn a_run_may_suspend_its_own_cron_job_and_has_no_wildcard() {
        let rules = super::rules("sessions-class-create", std::slice::from_ref(&CONFIG_MAP));
        let suspend = json!({"apiGroups": ["batch"], "resources": ["cronjobs"], "verbs": ["patch"],
        "resourceNames": ["sessions-class-create"]});
        assert_eq!(rules[0], suspend);
        assert!(rules.iter().all(|rule| !rule.to_string().contains('*')));
        let text = Value::from(rules).to_string();
        assert!(
            text.contains("\"assign\"") && text.contains("\"configmaps\""),
            "{text}"
        );
    }
}
