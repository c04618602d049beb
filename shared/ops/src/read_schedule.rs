//! The snapshot schedule of a session, and the schedules that stop and start sessions, with the Jobs that fail.

use anyhow::Result;
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::Pod;
use serde::de::DeserializeOwned;
use serde_json::Value;
use session_client::{ListOptions, Scope};
use session_model::api::Session;
use session_model::failure::{self, FailureKind};
use session_model::labels;
use session_model::names::SessionName;
use session_model::objects::cron_schedule::{CronSchedule, FailingJob, ScheduleName};
use session_model::objects::resource::{CRON_JOB, JOB, POD, SESSION};
use session_model::objects::{ResourceType, Untyped, metadata};

use crate::Cluster;
use crate::session_selection::SessionQuery;

/// Reads the schedule of a session: its CronJob, then its Jobs and their Pods. `None` if there is none, if the caller may not
/// read it, or if `owner` is given and the Session of that UID does not own it. Without the right to list Jobs or Pods,
/// their part is missing.
///
/// # Errors
/// Other refusals of the server.
pub async fn read_schedule(
    cluster: &Cluster,
    session: &SessionName,
    owner: Option<&str>,
) -> Result<Option<CronSchedule>> {
    let name = ScheduleName::for_snapshots(session);
    let found = cluster.get(&CRON_JOB, cluster.namespace(), name.as_str());
    let found = match found.await {
        Err(error) if failure::has_kind(&error, FailureKind::Forbidden) => None,
        other => other?,
    };
    let Some(cron_job) = found.and_then(|found| Untyped(&found).read::<CronJob>()) else {
        return Ok(None);
    };
    if let Some(owner) = owner
        && !metadata::owner_uids(&cron_job.metadata).any(|one| one == owner)
    {
        return Ok(None);
    }
    let Some(uid) = metadata::uid_of(&cron_job.metadata).map(str::to_owned) else {
        return Ok(None);
    };
    let Some(mut schedule) = CronSchedule::from_cron_job(cron_job) else {
        return Ok(None);
    };
    let label = format!("{}={session}", labels::SCHEDULE);
    let scope = Scope::Namespace(cluster.namespace());
    let runs = ScheduleRuns::list(cluster, scope, &label).await?;
    schedule.failing_job = runs.failing_job(&uid);
    Ok(Some(schedule))
}

/// A CronJob that stops or starts sessions, or creates those of a roster.
#[derive(Clone, Debug)]
pub struct ClockSchedule {
    /// The CronJob as read.
    pub object: Value,
    /// Its settings.
    pub schedule: CronSchedule,
    /// The sessions it stops or starts; `None` for the Session that owns it, and for those of a roster.
    pub query: Option<SessionQuery>,
}

/// Lists the CronJobs that stop, start or create sessions; none if the caller may not list CronJobs. Without the right to list Jobs or
/// Pods, it is not known which fail.
///
/// # Errors
/// Other refusals of the server.
pub async fn list_clock_schedules(
    cluster: &Cluster,
    scope: Scope<'_>,
    select: &ListOptions,
) -> Result<Vec<ClockSchedule>> {
    let mut select = select.clone();
    let ours = format!("{}={}", labels::MANAGED_BY, labels::MANAGER);
    select.label_selector = match select.label_selector.as_str() {
        "" => ours,
        selector => format!("{ours},{selector}"),
    };
    let found = list_if_allowed(cluster, &CRON_JOB, scope, &select).await?;
    let mut schedules: Vec<ClockSchedule> =
        found.into_iter().filter_map(ClockSchedule::read).collect();
    if !schedules.is_empty() {
        let runs = ScheduleRuns::list(cluster, scope, labels::SCHEDULE).await?;
        for one in &mut schedules {
            let uid = Untyped(&one.object).uid();
            one.schedule.failing_job = uid.and_then(|uid| runs.failing_job(uid));
        }
    }
    Ok(schedules)
}

/// Reads the schedules that stop or start a session: its own, and those of selections that it belongs to.
///
/// # Errors
/// Refusals of the server, except the one to list CronJobs.
pub async fn read_stop_start_schedules(
    cluster: &Cluster,
    session: &Session,
) -> Result<Vec<CronSchedule>> {
    let scope = Scope::Namespace(session.namespace());
    let all = ListOptions::default();
    let list = Box::pin(list_clock_schedules(cluster, scope, &all));
    let key = format!("schedules {scope:?}");
    let found = cluster.read_shared(key, list).await?;
    let mut own = Vec::new();
    for one in found.iter() {
        let is_selected = match &one.query {
            None => Untyped(&one.object).is_owned_by(session.uid()),
            Some(query) => query.matches(session) && has_labels(cluster, session, query).await?,
        };
        if is_selected {
            own.push(one.schedule.clone());
        }
    }
    Ok(own)
}

/// Asks the server whether the session has the labels that the query selects.
async fn has_labels(cluster: &Cluster, session: &Session, query: &SessionQuery) -> Result<bool> {
    if query.selector.is_empty() {
        return Ok(true);
    }
    let select = ListOptions {
        field_selector: format!("metadata.name={}", session.name()),
        ..ListOptions::with_labels(query.selector.clone())
    };
    let scope = Scope::Namespace(session.namespace());
    Ok(!cluster
        .list(&SESSION, scope, &select)
        .await?
        .items
        .is_empty())
}

impl ClockSchedule {
    /// Reads a CronJob; `None` if it does nothing of this.
    pub fn read(object: Value) -> Option<Self> {
        let cron_job = Untyped(&object).read::<CronJob>()?;
        let words = cron_job.spec.as_ref()?.job_template.spec.as_ref()?;
        let container = words.template.spec.as_ref()?.containers.first()?;
        let query = SessionQuery::from_flags(container.args.as_deref()?.get(1..)?);
        let schedule = CronSchedule::from_cron_job(cron_job)?;
        schedule.action.is_some().then_some(Self {
            object,
            schedule,
            query,
        })
    }
}

/// Jobs of schedules and their Pods.
struct ScheduleRuns {
    jobs: Vec<Job>,
    pods: Vec<Pod>,
}

impl ScheduleRuns {
    /// Lists those with a label; none if the caller may not list them.
    async fn list(cluster: &Cluster, scope: Scope<'_>, label: &str) -> Result<Self> {
        let select = ListOptions::with_labels(label.to_owned());
        let (jobs, pods) = futures::try_join!(
            list_if_allowed(cluster, &JOB, scope, &select),
            list_if_allowed(cluster, &POD, scope, &select)
        )?;
        Ok(Self {
            jobs: read_all(jobs),
            pods: read_all(pods),
        })
    }

    /// Returns the newest Job of the CronJob with that UID, if it fails. The label of a Job can be forged.
    fn failing_job(&self, cron_job: &str) -> Option<FailingJob> {
        let is_own = |job: &&Job| metadata::owner_uids(&job.metadata).any(|one| one == cron_job);
        let own: Vec<Job> = self.jobs.iter().filter(is_own).cloned().collect();
        FailingJob::find(&own, &self.pods)
    }
}

fn read_all<T: DeserializeOwned>(items: Vec<Value>) -> Vec<T> {
    let items = items.into_iter();
    items
        .filter_map(|item| serde_json::from_value(item).ok())
        .collect()
}

async fn list_if_allowed(
    cluster: &Cluster,
    resource: &ResourceType,
    scope: Scope<'_>,
    select: &ListOptions,
) -> Result<Vec<Value>> {
    match cluster.list(resource, scope, select).await {
        Err(error) if failure::has_kind(&error, FailureKind::Forbidden) => Ok(Vec::new()),
        other => Ok(other?.items),
    }
}
