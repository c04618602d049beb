//! `snapshot schedule`: periodic snapshots, taken by a CronJob that runs this program.
//!
//! ```text
//! args ─► intent ─► observed ─► plan ─► outcome
//!         Intent    Observed    SchedulePlan  Outcome
//! ```
//!
//! `objects` renders the ServiceAccount, Role, RoleBinding and CronJob; `cron_expression` validates the expression. `run` is what
//! the CronJob runs (`run-schedule`): `pruning` decides which snapshots it deletes, `stopped` whether a stopped session needs a
//! new one.

pub(crate) mod cron_expression;
mod intent;
mod objects;
mod outcome;
mod plan;
mod pruning;
pub(crate) mod run;
mod stopped;

use std::future::ready;

use anyhow::Result;
use serde_json::Value;
use session_shared::client::{DryRun, random_token};
use session_shared::flags::connection::ConnectionFlags;
use session_shared::names::SessionName;
use session_shared::objects::ownership::Ownership;
use session_shared::objects::volume_snapshot::VolumeSnapshot;
use session_shared::ops::Cluster;
use session_shared::ops::apply_plan::ApplyOptions;
use session_shared::ops::snapshot_plan::{self, SnapshotPlan, has_snapshot_hooks};
use session_shared::ops::trust::{self, StoredPart};
use session_shared::progress::{ProgressEvent, ProgressSink};
use session_shared::report::mutation::no_resources_message;
use session_shared::verb::Environment;

use crate::observe::get_session;
use crate::schedule_args::ScheduleArgs;
use intent::{Intent, ScheduleOptions};
use objects::ScheduleInput;
pub(crate) use objects::describe_schedule;
use plan::{Observed, SchedulePlan};

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
    let mut intent = intent::parse_intent(args, &mut environment.console)?;
    let cluster = environment
        .connect_trusting(connection, intent.trust)
        .await?;
    match intent.schedule.take() {
        Some(options) => create_schedule(&cluster, intent, &options, environment).await,
        None => remove_schedule(&cluster, intent, environment).await,
    }
}

async fn create_schedule(
    cluster: &Cluster,
    intent: Intent,
    options: &ScheduleOptions,
    environment: &mut Environment,
) -> Result<()> {
    // reads only
    let (ownership, mut planned) =
        plan_schedule(cluster, &intent.session, options, environment).await?;
    if intent.mutation.dry_run != DryRun::Client
        && let Some(image) = &planned.new_image
        && outcome::has_image_run(cluster, image).await
    {
        planned.new_image = None;
    }
    // writes
    let made = if intent.mutation.dry_run == DryRun::Client {
        outcome::dry_run_outcome(&planned)
    } else {
        let _guard = environment.interrupt.guard()?;
        let interrupt = environment.interrupt.clone();
        let with = ApplyOptions {
            ownership: &ownership,
            write: intent.mutation.write.clone(),
            interrupt: &interrupt,
            wait_limit: outcome::REPLACE_TIMEOUT,
        };
        let mut sink = environment.console.progress();
        let made = outcome::apply_schedule(cluster, &planned, &with, &mut sink).await;
        sink.tell(ProgressEvent::Done);
        made?
    };
    // prints
    outcome::report(&made, &intent.mutation, &mut environment.console)?;
    if intent.mutation.dry_run == DryRun::None
        && made.for_admin.is_empty()
        && let Some(image) = &planned.new_image
    {
        let namespace = cluster.namespace();
        outcome::print_new_image(image, &intent.session, namespace, &mut environment.console);
    }
    Ok(())
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
        outcome::observe(cluster, session),
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
    let options = &plan::complete_options(options, &objects);
    let input = ScheduleInput {
        ownership: &ownership,
        options,
        class: shared_class(&snapshot.objects),
        hooks: hooks.as_deref(),
    };
    let planned = plan::plan_changes(input.render(), &objects, &ownership)?;
    Ok((ownership, planned))
}

/// Returns the VolumeSnapshotClass if all snapshots share one. It is passed to the run, whose Role cannot read classes;
/// with several classes the run has to find them itself.
fn shared_class(snapshots: &[Value]) -> Option<&str> {
    let mut classes = snapshots.iter().map(|one| VolumeSnapshot::of(one).class());
    let first = classes.next()??;
    classes.all(|class| class == Some(first)).then_some(first)
}

async fn remove_schedule(
    cluster: &Cluster,
    intent: Intent,
    environment: &mut Environment,
) -> Result<()> {
    // reads only
    let found = get_session(cluster, &intent.session).await?;
    let objects = outcome::observe(cluster, &intent.session).await?;
    let ownership = Ownership::of_session(&found.session)?;
    let plan = plan::plan_removal(&objects, &ownership)?;
    // writes
    let _guard = environment.interrupt.guard()?;
    let interrupt = environment.interrupt.clone();
    let with = ApplyOptions {
        ownership: &ownership,
        write: intent.mutation.write.clone(),
        interrupt: &interrupt,
        wait_limit: outcome::REPLACE_TIMEOUT,
    };
    let mut sink = environment.console.progress();
    let done =
        outcome::delete_schedule_objects(cluster, &plan, intent.mutation.dry_run, &with, &mut sink)
            .await;
    sink.tell(ProgressEvent::Done);
    done?;
    // prints
    let namespace = cluster.namespace();
    if plan.is_empty() {
        environment
            .console
            .print_error_line(&no_resources_message(Some(namespace)));
        return Ok(());
    }
    let mutations = intent.mutation.printer();
    let hidden = objects
        .iter()
        .any(|object| matches!(object, Observed::Forbidden));
    outcome::report_removal(
        &plan,
        hidden,
        &mutations,
        namespace,
        &mut environment.console,
    )
}
