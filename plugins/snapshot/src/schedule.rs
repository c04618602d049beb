//! `snapshot schedule`: periodic snapshots, taken by a CronJob that runs this program.
//!
//! ```text
//! args ─► intent ─► observed ─► plan ─► outcome
//!         Intent    ObservedParts    SchedulePlan
//! ```
//!
//! `objects` says what the CronJob runs and what it may do; `session_shared::schedules` reads and writes the objects. `run` is what
//! the CronJob runs (`run-schedule`): `pruning` decides which snapshots it deletes, `stopped` whether a stopped session needs a
//! new one.

mod intent;
mod objects;
mod pruning;
pub(crate) mod run;
mod stopped;

use std::future::ready;

use anyhow::Result;
use serde_json::Value;
use session_shared::client::random_token;
use session_shared::flags::connection::ConnectionFlags;
use session_shared::names::SessionName;
use session_shared::objects::cron_schedule::ScheduleName;
use session_shared::objects::ownership::Ownership;
use session_shared::objects::volume_snapshot::VolumeSnapshot;
use session_shared::ops::Cluster;
use session_shared::ops::snapshot_plan::{self, SnapshotPlan, has_snapshot_hooks};
use session_shared::ops::trust::{self, StoredPart};
use session_shared::scheduled_run::{
    ScheduleOwner, SchedulePart, SchedulePlan, existing_image, existing_time_zone, plan_changes,
};
use session_shared::schedules::{
    ScheduleCommands, observe_schedule, remove_schedule, set_schedule,
};
use session_shared::verb::Environment;

use crate::observe::get_session;
use crate::schedule_args::ScheduleArgs;
use intent::ScheduleOptions;
use objects::ScheduleInput;
pub(crate) use objects::describe_schedule;

/// Creates, changes or removes a schedule.
///
/// # Errors
/// Invalid arguments, before any request; a session whose claims do not support snapshots; the server's refusal.
pub(crate) async fn run(
    args: ScheduleArgs,
    connection: &ConnectionFlags,
    environment: &mut Environment,
) -> Result<()> {
    // no requests: validation of the arguments
    let intent = intent::parse_intent(args, &mut environment.console)?;
    let cluster = environment
        .connect_trusting(connection, intent.trust)
        .await?;
    let (session, mutation) = (&intent.session, &intent.mutation);
    match &intent.schedule {
        Some(options) => {
            // reads only
            let (ownership, planned) =
                plan_schedule(&cluster, session, options, environment).await?;
            // writes and prints
            let (owner, commands) = (of_session(&ownership), commands(session, &cluster));
            set_schedule(&cluster, planned, &owner, &commands, mutation, environment).await
        }
        None => {
            let found = get_session(&cluster, session).await?;
            let observed = observe_schedule(&cluster, parts(session)).await?;
            let ownership = Ownership::of_session(&found.session)?;
            let owner = of_session(&ownership);
            remove_schedule(&cluster, &observed, &owner, mutation, environment).await
        }
    }
}

fn of_session(ownership: &Ownership) -> ScheduleOwner<'_> {
    ScheduleOwner {
        ownership,
        selection: None,
    }
}

fn parts(session: &SessionName) -> Vec<SchedulePart> {
    let name = ScheduleName::for_snapshots(session);
    SchedulePart::of_schedule(&name, std::slice::from_ref(&name))
}

fn commands(session: &SessionName, cluster: &Cluster) -> ScheduleCommands {
    let namespace = cluster.namespace();
    let job = ScheduleName::for_snapshots(session);
    let job = job.as_str();
    ScheduleCommands {
        try_image: format!("kubectl create job {job}-test --from=cronjob/{job} -n {namespace}"),
        remove: format!("kubectl session snapshot schedule {session} -n {namespace} --remove"),
        look: format!("kubectl session snapshot list {session} -n {namespace}"),
    }
}

/// Reads the session and the schedule's existing objects, and plans the changes.
async fn plan_schedule(
    cluster: &Cluster,
    session: &SessionName,
    options: &ScheduleOptions,
    environment: &Environment,
) -> Result<(Ownership, SchedulePlan)> {
    let found = get_session(cluster, session).await?;
    let hooks = has_snapshot_hooks(&found.session) && !options.skip_hooks;
    if hooks {
        trust::check_trust(cluster, &found.session, StoredPart::Hooks).await?;
    }
    // A run has no trust record of this machine: the digest lets it run exactly the hooks the user has agreed to.
    let hooks = hooks.then(|| trust::hooks_digest(&found.session)).flatten();
    let (source, objects) = futures::try_join!(
        snapshot_plan::read_snapshot_source(cluster, session, ready(Ok(found)), true),
        observe_schedule(cluster, parts(session)),
    )?;
    // A missing class or driver is reported now, not at the first run.
    let wanted = snapshot_plan::SnapshotOptions {
        name: Some(session.to_string()),
        class: options.class.clone(),
        skip_hooks: true,
    };
    let snapshot = SnapshotPlan::prepare(cluster, &source, &wanted, environment.now()).await?;
    let ownership = Ownership {
        command_token: random_token()?,
        ..source.ownership()?.clone()
    };
    // Time zone and image that are not given stay as they are.
    let existing = |text: Option<&str>| text.map(str::to_owned);
    let options = &ScheduleOptions {
        time_zone: (options.time_zone.clone()).or_else(|| existing(existing_time_zone(&objects))),
        image: (options.image.clone()).or_else(|| existing(existing_image(&objects))),
        ..options.clone()
    };
    let input = ScheduleInput {
        ownership: &ownership,
        options,
        class: shared_class(&snapshot.objects),
        hooks: hooks.as_deref(),
    };
    let planned = plan_changes(input.render(), &objects, &of_session(&ownership))?;
    Ok((ownership, planned))
}

/// Returns the VolumeSnapshotClass if all snapshots share one. It is passed to the run, whose Role cannot read classes;
/// with several classes the run has to find them itself.
fn shared_class(snapshots: &[Value]) -> Option<&str> {
    let mut classes = snapshots.iter().map(|one| VolumeSnapshot::of(one).class());
    let first = classes.next()??;
    classes.all(|class| class == Some(first)).then_some(first)
}
