//! [`read_schedule`], the snapshot schedule of a session with the Job that fails.

use serde_json::Value;
use session_client::{ListOptions, Scope};
use session_model::labels;
use session_model::names::SessionName;
use session_model::objects::resource::{CRON_JOB, JOB, POD};
use session_model::objects::snapshot_schedule::{FailingJob, ScheduleName, SnapshotSchedule};
use session_model::objects::{ResourceType, Untyped};

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
    let cron_job = found.await.ok()??;
    if let Some(owner) = owner
        && !Untyped(&cron_job).owners().any(|one| one.uid == owner)
    {
        return None;
    }
    let mut schedule = SnapshotSchedule::from_cron_job(&cron_job);
    let uid = Untyped(&cron_job).uid()?;
    let (mut jobs, pods) = futures::join!(
        list_of_schedule(cluster, &JOB, session),
        list_of_schedule(cluster, &POD, session)
    );
    // The label can be forged.
    jobs.retain(|job| Untyped(job).owners().any(|one| one.uid == uid));
    schedule.failing_job = FailingJob::find(&jobs, &pods);
    Some(schedule)
}

async fn list_of_schedule(
    cluster: &Cluster,
    resource: &ResourceType,
    session: &SessionName,
) -> Vec<Value> {
    let select = ListOptions {
        label_selector: format!("{}={session}", labels::SCHEDULE),
        ..ListOptions::default()
    };
    let scope = Scope::Namespace(cluster.namespace());
    let list = cluster.list(resource, scope, &select).await;
    list.map(|list| list.items).unwrap_or_default()
}
