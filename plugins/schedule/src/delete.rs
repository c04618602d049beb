//! `schedule delete`.

use anyhow::Result;
use session_shared::client::random_token;
use session_shared::failure::{FailureKind, has_kind, with_hint};
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::mutation_options::MutationOptions;
use session_shared::names::SessionName;
use session_shared::objects::cron_schedule::{CREATE, ScheduleName};
use session_shared::objects::ownership::Ownership;
use session_shared::objects::resource::CRON_JOB;
use session_shared::ops::Cluster;
use session_shared::ops::read_schedule::ClockSchedule;
use session_shared::scheduled_run::{SchedulePart, selection_ownership};
use session_shared::schedules::{observe_schedule, remove_schedule};
use session_shared::verb::Environment;

use crate::args::ScheduleDeleteArgs;
use crate::target::Target;

/// Deletes the objects of a schedule.
///
/// # Errors
/// Invalid arguments, before any request; a session that does not exist; the server's refusal.
pub(crate) async fn run(
    args: ScheduleDeleteArgs,
    connection: &ConnectionFlags,
    environment: &mut Environment,
) -> Result<()> {
    let ScheduleDeleteArgs {
        selection,
        output,
        write_flags,
    } = args;
    // no requests: validation of the arguments
    let target = Target::parse(&selection, &mut environment.console)?;
    let mutation = MutationOptions::for_names(&write_flags, &output, &mut environment.console)?;
    // reads only
    let cluster = environment.connect(connection).await?;
    let deletion = match &target {
        Target::Session(name) => find_named(&cluster, &target, name).await?,
        Target::Selection(_) => Deletion {
            ownership: target.selection_ownership(&cluster)?,
            selection: target.selection_text(),
            parts: target.parts(),
        },
    };
    let observed = observe_schedule(&cluster, deletion.parts).await?;
    // writes and prints
    let owner = target.owner(&deletion.ownership, deletion.selection.as_deref());
    remove_schedule(&cluster, &observed, &owner, &mutation, environment).await
}

/// A schedule to delete: its owner, and the objects that it may have.
struct Deletion {
    ownership: Ownership,
    selection: Option<String>,
    parts: Vec<SchedulePart>,
}

/// Finds the schedule of a session, or the one that creates the sessions of a roster: that is named as `schedule list` shows it.
async fn find_named(cluster: &Cluster, target: &Target, name: &SessionName) -> Result<Deletion> {
    let namespace = cluster.namespace();
    let error = match cluster.get_selected_session(namespace, name).await {
        Ok(found) => {
            return Ok(Deletion {
                ownership: Ownership::of_session(&found.session)?,
                selection: None,
                parts: target.parts(),
            });
        }
        Err(error) if has_kind(&error, FailureKind::NotFound) => error,
        Err(error) => return Err(error),
    };
    let found = cluster.get(&CRON_JOB, namespace, name.as_str()).await;
    let found = found.ok().flatten().and_then(ClockSchedule::read);
    let Some(found) = found else {
        return Err(error);
    };
    if found.schedule.action.as_deref() != Some(CREATE) {
        return Err(with_hint(error, owner_hint(&found, namespace)));
    }
    let name = ScheduleName::of_cron_job(name.as_str());
    Ok(Deletion {
        ownership: selection_ownership(&name, namespace, random_token()?)?,
        selection: found.schedule.sessions,
        parts: SchedulePart::of_schedule_with_file(&name),
    })
}

/// Returns how to delete a schedule of a session or a selection, which is not named like its CronJob.
fn owner_hint(found: &ClockSchedule, namespace: &str) -> String {
    let sessions = found.schedule.sessions.as_deref().unwrap_or_default();
    format!(
        "delete the schedule by its sessions: kubectl session schedule delete {sessions} -n {namespace}"
    )
}
