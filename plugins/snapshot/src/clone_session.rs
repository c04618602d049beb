//! `snapshot clone` and `snapshot restore --into`: a new session with the data of another one.

use std::time::Duration;

use anyhow::{Result, anyhow};
use serde_json::Value;
use session_shared::client::DryRun;
use session_shared::failure::usage_error;
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::list::parse_session_name;
use session_shared::objects::resource::string_at;
use session_shared::objects::volume_snapshot::source_claim_name;
use session_shared::ops::Cluster;
use session_shared::ops::claim_restore::RestoreOutcome;
use session_shared::ops::clone_plan::{CloneOutcome, ClonePlan};
use session_shared::ops::snapshot_plan::{
    SnapshotOptions, SnapshotPlan, SnapshotRun, parse_class_name,
};
use session_shared::ops::trust::StoredPart;
use session_shared::progress::{ProgressEvent, ProgressSink};
use session_shared::prompt::trust;
use session_shared::quantity::Quantity;
use session_shared::report::console::Console;
use session_shared::report::format::Format;
use session_shared::report::mutation::MutationPrinter;
use session_shared::verb::Environment;

use crate::args::CloneArgs;
use crate::create::observe_session;
use crate::plan::MutationOptions;

/// Default of `--timeout`: a CSI driver that copies the volume takes minutes.
pub(crate) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(600);

/// Creates a new session with a copy of a session's current data.
///
/// # Errors
/// Invalid arguments, before any request; a session without claims, or with a claim that the new session would not have; a
/// failed hook; a refusal of the server or the CSI driver.
pub(crate) async fn run(
    args: &CloneArgs,
    connection: &ConnectionFlags,
    environment: &mut Environment,
) -> Result<()> {
    // no requests: validation of the arguments
    let (old, new) = (
        parse_session_name(&args.session)?,
        parse_session_name(&args.new)?,
    );
    if old == new {
        return Err(usage_error("NAME and NEW must differ"));
    }
    let asked = SnapshotOptions {
        name: None,
        class: parse_class_name(args.class.as_deref())?,
        skip_hooks: args.skip_hooks,
    };
    let size = parse_size(args.storage.as_deref())?;
    let writes = MutationOptions::from_flags(&args.write_flags, &args.wait_flags, DEFAULT_TIMEOUT)?;
    let format = Format::from_object_flags(&args.output)?;
    // reads only
    let cluster = environment.connect(connection).await?;
    cluster
        .known_sessions()
        .trust_all(args.trust.trust_manifest);
    let source = observe_session(&cluster, &old).await?;
    if !trust::confirm_trust(
        &cluster,
        &source.session,
        StoredPart::Copy,
        &mut environment.console,
    )
    .await?
    {
        return Ok(());
    }
    let cutting = SnapshotPlan::prepare(&cluster, &source, &asked, environment.now()).await?;
    let (runs_hooks, console) = (cutting.has_hooks(), &mut environment.console);
    let stored = &source.session;
    if !trust::confirm_hooks(&cluster, stored, runs_hooks, writes.dry_run, console).await? {
        return Ok(());
    }
    let claims: Vec<&str> = cutting.objects.iter().map(source_claim_name).collect();
    let copying = ClonePlan::prepare(&cluster, &source, &new, &claims, size, &cutting.name).await?;
    copying.check_claim_sizes()?;
    // writes
    let copied = if writes.dry_run == DryRun::Client {
        dry_run_outcome(&copying)
    } else {
        let _guard = environment.interrupt.guard()?;
        let interrupt = environment.interrupt.clone();
        let with = writes.snapshot_run(&interrupt, true);
        let mut sink = environment.console.progress();
        let taken = cutting.take(&cluster, &with, &mut sink).await;
        let taken = taken.inspect_err(|_| sink.tell(ProgressEvent::Done))?;
        let with = SnapshotRun {
            wait: args.wait_flags.wait,
            ..with
        };
        apply_clone(&cluster, &copying, &taken, &with, environment).await?
    };
    // prints
    report_clone(&copied, format, writes.dry_run, &mut environment.console)?;
    if writes.dry_run == DryRun::None {
        let set = &cutting.name;
        let note = format!("snapshot {set:?} of the data is kept");
        environment.console.note(&note);
    }
    Ok(())
}

/// Parses the value of `--storage`.
///
/// # Errors
/// An invalid quantity, or one that is not greater than 0.
pub(crate) fn parse_size(given: Option<&str>) -> Result<Option<Quantity>> {
    let Some(text) = given else {
        return Ok(None);
    };
    let size: Quantity = text.parse()?;
    if size.is_zero() || size.is_negative() {
        return Err(anyhow!("invalid size {text:?}: must be greater than 0"));
    }
    Ok(Some(size))
}

/// Returns the outcome that a client-side dry run prints.
pub(crate) fn dry_run_outcome(copying: &ClonePlan) -> CloneOutcome {
    CloneOutcome {
        session: copying.session.clone(),
        restore: RestoreOutcome::default(),
    }
}

/// Creates the new session and its claims from `snapshots`.
///
/// # Errors
/// The failed step, with the snapshot's name and the command to continue with.
pub(crate) async fn apply_clone(
    cluster: &Cluster,
    copying: &ClonePlan,
    snapshots: &[Value],
    with: &SnapshotRun<'_>,
    environment: &mut Environment,
) -> Result<CloneOutcome> {
    let (now, mut sink) = (environment.now(), environment.console.progress());
    let copied = copying.apply(cluster, snapshots, with, now, &mut sink);
    let copied = copied.await;
    sink.tell(ProgressEvent::Done);
    copied
}

/// Prints the new session, and notes about its next start.
///
/// # Errors
/// Standard output is closed; the template of `-o` fails.
pub(crate) fn report_clone(
    copied: &CloneOutcome,
    format: Format,
    dry_run: DryRun,
    console: &mut Console,
) -> Result<()> {
    let mut mutations = MutationPrinter::new(format, dry_run);
    console.print(&mutations.print_result(&copied.session, "created")?)?;
    if dry_run != DryRun::None {
        return Ok(());
    }
    let name = string_at(&copied.session, "/metadata/name");
    let pending = &copied.restore.waiting_for_consumer;
    if !pending.is_empty() {
        let pending = pending.join(", ");
        console.note(&format!(
            "claim {pending} stays Pending until the first start: the StorageClass binds on first use"
        ));
    }
    let namespace = string_at(&copied.session, "/metadata/namespace");
    console.note(&format!(
        "session {name:?} is stopped; start it with: kubectl session start {name} -n {namespace}"
    ));
    Ok(())
}
