//! `snapshot create`.

use anyhow::{Result, anyhow};
use session_shared::encode::shell;
use session_shared::failure::{usage_error, with_hint};
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::list::parse_session_name;
use session_shared::names::check_dns_subdomain;
use session_shared::ops::snapshot_plan::{
    SnapshotClasses, SnapshotOptions, SnapshotPlan, parse_class_name, read_snapshot_source,
};
use session_shared::report::format::Format;
use session_shared::report::mutation::MutationPrinter;
use session_shared::verb::Environment;

use crate::args::CreateArgs;
use crate::export;
use crate::observe::get_session;
use crate::plan::MutationOptions;
use crate::take::{confirm_hooks, take_snapshots};
use crate::timeouts::TAKE_TIMEOUT;

/// Takes a snapshot of every claim of a session, or with `--to` copies its files to an archive.
///
/// # Errors
/// Invalid arguments, before any request; a session without claims; a missing VolumeSnapshotClass; a failed hook; an error of
/// the CSI driver.
pub(crate) async fn run(
    args: CreateArgs,
    connection: &ConnectionFlags,
    environment: &mut Environment,
) -> Result<()> {
    if args.file.is_set()? {
        return export::run(args, connection, environment).await;
    }
    let CreateArgs {
        session,
        name,
        class,
        skip_hooks,
        keep,
        known_hooks,
        file: _,
        trust,
        output,
        write_flags,
        wait_flags,
    } = args;
    // no requests: validation of the arguments
    refuse_old_schedule(&session, keep.is_some() || known_hooks.is_some())?;
    let session = parse_session_name(&session)?;
    let options = parse_options(name, class.as_deref(), skip_hooks)?;
    let writes = MutationOptions::from_flags(&write_flags, &wait_flags, TAKE_TIMEOUT)?;
    let format = Format::from_object_flags(&output)?;
    // reads only
    let cluster = environment.connect(connection).await?;
    cluster.known_sessions().trust_all(trust.trust_manifest);
    let read = get_session(&cluster, &session);
    let observed = read_snapshot_source(&cluster, &session, read, options.skip_hooks);
    let (observed, classes) = futures::join!(observed, SnapshotClasses::list(&cluster));
    let (observed, now) = (observed?, environment.now());
    let plan =
        SnapshotPlan::prepare_with_classes(&cluster, &observed, &options, classes, now).await?;
    let console = &mut environment.console;
    if !confirm_hooks(&cluster, &observed, &plan, writes.dry_run, console).await? {
        return Ok(());
    }
    // writes
    let taken = take_snapshots(&cluster, &plan, &writes, environment).await?;
    // prints
    let mut mutations = MutationPrinter::new(format, writes.dry_run);
    for snapshot in &taken {
        let line = mutations.print_result(snapshot, "created")?;
        environment.console.print(&line)?;
    }
    Ok(())
}

/// Refuses what the CronJobs of schedules ran before there was `run-schedule`.
///
/// # Errors
/// One of its flags is given.
fn refuse_old_schedule(session: &str, is_given: bool) -> Result<()> {
    if !is_given {
        return Ok(());
    }
    let session = shell::quote_word(session);
    Err(with_hint(
        usage_error("--keep cannot be given with create: only schedules of older versions used it"),
        format!(
            "create the schedule again: kubectl session snapshot schedule {session} --cron CRON --keep NUMBER; to delete old snapshots, run kubectl session snapshot prune {session} --keep NUMBER"
        ),
    ))
}

fn parse_options(
    name: Option<String>,
    class: Option<&str>,
    skip_hooks: bool,
) -> Result<SnapshotOptions> {
    if let Some(name) = &name {
        check_dns_subdomain(name)
            .map_err(|why| anyhow!("invalid snapshot name {name:?}: {why}"))?;
    }
    Ok(SnapshotOptions {
        name,
        class: parse_class_name(class)?,
        skip_hooks,
    })
}
