//! `snapshot create`.

use std::time::Duration;

use anyhow::{Result, anyhow};
use session_shared::encode::shell;
use session_shared::failure::{usage_error, with_hint};
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::list::parse_session_name;
use session_shared::flags::mutation_options::MutationOptions;
use session_shared::flags::trust_manifest::TrustFlags;
use session_shared::names::{SessionName, check_dns_subdomain};
use session_shared::ops::snapshot_plan::{
    SnapshotClasses, SnapshotOptions, SnapshotPlan, parse_class_name, read_snapshot_source,
};
use session_shared::report::console::Console;
use session_shared::verb::Environment;

use crate::archive_args::reject_other_flags;
use crate::args::CreateArgs;
use crate::export::{self, Export, ExportedFiles};
use crate::observe::get_session;
use crate::plan::SnapshotWrites;
use crate::take::{confirm_hooks, take_snapshots};
use crate::timeouts::TAKE_TIMEOUT;

/// A validated `snapshot create`.
enum Intent {
    /// A snapshot of every claim.
    Snapshot(SnapshotIntent),
    /// `--to`: files of a container, to an archive.
    Export(Export),
}

/// A validated `snapshot create` without `--to`.
struct SnapshotIntent {
    session: SessionName,
    options: SnapshotOptions,
    trust: TrustFlags,
    writes: SnapshotWrites,
}

/// Takes a snapshot of every claim of a session, or with `--to` copies its files to an archive.
///
/// # Errors
/// Invalid arguments, before any request; a session without claims; a missing VolumeSnapshotClass; a failed hook; an error of
/// the CSI driver; those of [`export::run`].
pub(crate) async fn run(
    args: CreateArgs,
    connection: &ConnectionFlags,
    environment: &mut Environment,
) -> Result<()> {
    // no requests: validation of the arguments
    match parse_intent(args, &mut environment.console)? {
        Intent::Snapshot(intent) => create_snapshot(intent, connection, environment).await,
        Intent::Export(export) => export::run(export, connection, environment).await,
    }
}

async fn create_snapshot(
    intent: SnapshotIntent,
    connection: &ConnectionFlags,
    environment: &mut Environment,
) -> Result<()> {
    let SnapshotIntent {
        session,
        options,
        trust,
        writes,
    } = intent;
    // reads only
    let cluster = environment.connect_trusting(connection, trust).await?;
    let read = get_session(&cluster, &session);
    let observed = read_snapshot_source(&cluster, &session, read, options.skip_hooks);
    let (observed, classes) = futures::join!(observed, SnapshotClasses::list(&cluster));
    let (observed, now) = (observed?, environment.now());
    let plan =
        SnapshotPlan::prepare_with_classes(&cluster, &observed, &options, classes, now).await?;
    let (console, dry_run) = (&mut environment.console, writes.mutation.dry_run);
    if !confirm_hooks(&cluster, &observed, &plan, dry_run, console).await? {
        return Ok(());
    }
    // writes
    let taken = take_snapshots(&cluster, &plan, &writes, environment).await?;
    // prints
    let mut mutations = writes.mutation.printer();
    for snapshot in &taken {
        let line = mutations.print_result(snapshot, "created")?;
        environment.console.print(&line)?;
    }
    Ok(())
}

/// Validates the command line.
///
/// # Errors
/// Every mistake that can be found without a request.
fn parse_intent(args: CreateArgs, console: &mut Console) -> Result<Intent> {
    let CreateArgs {
        session,
        name,
        class,
        skip_hooks,
        keep,
        known_hooks,
        file,
        trust,
        output,
        write_flags,
        wait_flags,
    } = args;
    if file.is_set()? {
        let others = [
            ("--name", name.is_some()),
            ("--class", class.is_some()),
            ("--keep", keep.is_some()),
            ("--known-hooks", known_hooks.is_some()),
            ("--wait=false", !wait_flags.wait),
        ];
        reject_other_flags("--to", &others)?;
        return Ok(Intent::Export(Export {
            files: ExportedFiles::parse(file, &output, console)?,
            session: parse_session_name(&session)?,
            skip_hooks,
            trust,
            mutation: MutationOptions::for_objects(&write_flags, &output, console)?,
            limit: wait_flags.timeout_or(Duration::ZERO),
        }));
    }
    refuse_old_schedule(&session, keep.is_some() || known_hooks.is_some())?;
    let session = parse_session_name(&session)?;
    let options = parse_options(name, class.as_deref(), skip_hooks)?;
    let mutation = MutationOptions::for_objects(&write_flags, &output, console)?;
    Ok(Intent::Snapshot(SnapshotIntent {
        session,
        options,
        trust,
        writes: SnapshotWrites::new(mutation, &wait_flags, TAKE_TIMEOUT),
    }))
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
