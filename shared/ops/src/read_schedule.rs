//! [`read_schedule`], the snapshot schedule of a session with the Job that fails.

use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::Pod;
use serde::de::DeserializeOwned;
use session_client::{ListOptions, Scope};
use session_model::labels;
use session_model::names::SessionName;
use session_model::objects::resource::{CRON_JOB, JOB, POD};
use session_model::objects::snapshot_schedule::{FailingJob, ScheduleName, SnapshotSchedule};
use session_model::objects::{ResourceType, Untyped, metadata};

use crate::Cluster;

/// Reads the schedule of a session: its CronJob, then its Jobs and their Pods. `None` if there is none, if it cannot be
/// read, or if `owner` is given and the Session of that UID does not own it. Without the right to list Jobs or Pods,
/// their part is missing.
pub async fn read_schedule(
    cluster: &Cluster,
    session: &SessionName,
    owner: Option<&str>,
) -> Option<SnapshotSchedule> {
    let name = ScheduleName::for_session(session);
    let found = cluster.get(&CRON_JOB, cluster.namespace(), name.as_str());
    let cron_job: CronJob = Untyped(&found.await.ok()??).read()?;
    if let Some(owner) = owner
        && !metadata::owner_uids(&cron_job.metadata).any(|one| one == owner)
    {
        return None;
    }
    let uid = metadata::uid_of(&cron_job.metadata)?.to_owned();
    let mut schedule = SnapshotSchedule::from_cron_job(cron_job)?;
    let (mut jobs, pods): (Vec<Job>, Vec<Pod>) = futures::join!(
        list_of_schedule(cluster, &JOB, session),
        list_of_schedule(cluster, &POD, session)
    );
    // The label can be forged.
    jobs.retain(|job| metadata::owner_uids(&job.metadata).any(|one| one == uid));
    schedule.failing_job = FailingJob::find(&jobs, &pods);
    Some(schedule)
}

async fn list_of_schedule<T: DeserializeOwned>(
    cluster: &Cluster,
    resource: &ResourceType,
    session: &SessionName,
) -> Vec<T> {
    let select = ListOptions {
        label_selector: format!("{}={session}", labels::SCHEDULE),
        ..ListOptions::default()
    };
    let scope = Scope::Namespace(cluster.namespace());
    let list = cluster.list(resource, scope, &select).await;
    let items = list.into_iter().flat_map(|list| list.items);
    items
        .filter_map(|item| serde_json::from_value(item).ok())
        .collect()
}
