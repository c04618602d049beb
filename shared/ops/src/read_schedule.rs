//! [`read_schedule`], the snapshot schedule of a session with the Job that fails.

use anyhow::Result;
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::Pod;
use serde::de::DeserializeOwned;
use session_client::{ListOptions, Scope};
use session_model::failure::{self, FailureKind};
use session_model::labels;
use session_model::names::SessionName;
use session_model::objects::resource::{CRON_JOB, JOB, POD};
use session_model::objects::snapshot_schedule::{FailingJob, ScheduleName, SnapshotSchedule};
use session_model::objects::{ResourceType, Untyped, metadata};

use crate::Cluster;

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
) -> Result<Option<SnapshotSchedule>> {
    let name = ScheduleName::for_session(session);
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
    let Some(mut schedule) = SnapshotSchedule::from_cron_job(cron_job) else {
        return Ok(None);
    };
    let (mut jobs, pods): (Vec<Job>, Vec<Pod>) = futures::try_join!(
        list_of_schedule(cluster, &JOB, session),
        list_of_schedule(cluster, &POD, session)
    )?;
    // The label can be forged.
    jobs.retain(|job| metadata::owner_uids(&job.metadata).any(|one| one == uid));
    schedule.failing_job = FailingJob::find(&jobs, &pods);
    Ok(Some(schedule))
}

async fn list_of_schedule<T: DeserializeOwned>(
    cluster: &Cluster,
    resource: &ResourceType,
    session: &SessionName,
) -> Result<Vec<T>> {
    let select = ListOptions {
        label_selector: format!("{}={session}", labels::SCHEDULE),
        ..ListOptions::default()
    };
    let scope = Scope::Namespace(cluster.namespace());
    let items = match cluster.list(resource, scope, &select).await {
        Err(error) if failure::has_kind(&error, FailureKind::Forbidden) => Vec::new(),
        other => other?.items,
    };
    let items = items.into_iter();
    Ok(items
        .filter_map(|item| serde_json::from_value(item).ok())
        .collect())
}
