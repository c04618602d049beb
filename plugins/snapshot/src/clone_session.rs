//! `snapshot clone` and `snapshot restore --into`: a new session with the data of another one.

use anyhow::{Result, anyhow};
use serde_json::Value;
use session_shared::client::{DryRun, WriteOptions};
use session_shared::failure::usage_error;
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::list::parse_session_name;
use session_shared::flags::mutation_options::MutationOptions;
use session_shared::flags::trust_manifest::TrustFlags;
use session_shared::names::SessionName;
use session_shared::objects::Untyped;
use session_shared::objects::resource::SESSION;
use session_shared::objects::volume_snapshot::source_claim_name;
use session_shared::ops::Cluster;
use session_shared::ops::claim_restore::RestoreOutcome;
use session_shared::ops::clone_plan::{CloneOutcome, ClonePlan};
use session_shared::ops::snapshot_plan::{
    SnapshotOptions, SnapshotPlan, SnapshotRun, parse_class_name,
};
use session_shared::ops::trust::StoredPart;
use session_shared::progress::{ProgressEvent, ProgressSink};
use session_shared::prompt::trust::confirm_trust;
use session_shared::quantity::Quantity;
use session_shared::report::console::Console;
use session_shared::verb::Environment;

use crate::args::CloneArgs;
use crate::observe::observe_session;
use crate::plan::SnapshotWrites;
use crate::take::confirm_hooks;

/// A validated `snapshot clone`.
struct Intent {
    old: SessionName,
    new: SessionName,
    options: SnapshotOptions,
    /// Size of the new claims; `None` for that of the original ones.
    size: Option<Quantity>,
    trust: TrustFlags,
    writes: SnapshotWrites,
}

/// Creates a new session with a copy of a session's current data.
///
/// # Errors
/// Invalid arguments, before any request; a session without claims, or with a claim that the new session would not have; a
/// failed hook; a refusal of the server or the CSI driver.
pub(crate) async fn run(
    args: CloneArgs,
    connection: &ConnectionFlags,
    environment: &mut Environment,
) -> Result<()> {
    // no requests: validation of the arguments
    let intent = parse_intent(args, &mut environment.console)?;
    let (mutation, new) = (&intent.writes.mutation, &intent.new);
    // reads only
    let cluster = environment
        .connect_trusting(connection, intent.trust)
        .await?;
    let source = observe_session(&cluster, &intent.old).await?;
    let console = &mut environment.console;
    if !confirm_trust(&cluster, &source.session, StoredPart::Copy, console).await? {
        return Ok(());
    }
    let plan = SnapshotPlan::prepare(&cluster, &source, &intent.options, environment.now()).await?;
    let console = &mut environment.console;
    if !confirm_hooks(&cluster, &source, &plan, mutation.dry_run, console).await? {
        return Ok(());
    }
    let (claims, size) = (
        plan.objects.iter().filter_map(source_claim_name),
        intent.size,
    );
    let claims: Vec<&str> = claims.collect();
    let clone = ClonePlan::prepare(&cluster, &source, new, &claims, size, &plan.name).await?;
    clone.check_claim_sizes()?;
    // writes
    let copied = if mutation.dry_run == DryRun::Client {
        dry_run_outcome(&clone)
    } else {
        take_and_clone(&cluster, &plan, &clone, &intent.writes, environment).await?
    };
    // prints
    report_clone(&copied, mutation, &mut environment.console)?;
    if mutation.dry_run == DryRun::None {
        let set = &plan.name;
        let note = format!("snapshot {set:?} of the data is kept");
        environment.console.note(&note);
    }
    Ok(())
}

/// Validates the command line.
///
/// # Errors
/// Every mistake that can be found without a request.
fn parse_intent(args: CloneArgs, console: &mut Console) -> Result<Intent> {
    let CloneArgs {
        session,
        new,
        class,
        skip_hooks,
        storage,
        trust,
        output,
        write_flags,
        wait_flags,
    } = args;
    let (old, new) = (parse_session_name(&session)?, parse_session_name(&new)?);
    if old == new {
        return Err(usage_error("NAME and NEW must differ"));
    }
    let options = SnapshotOptions {
        name: None,
        class: parse_class_name(class.as_deref())?,
        skip_hooks,
    };
    let size = parse_size(storage.as_deref())?;
    Ok(Intent {
        old,
        new,
        options,
        size,
        trust,
        writes: SnapshotWrites::parse(&write_flags, &output, &wait_flags, console)?,
    })
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
pub(crate) fn dry_run_outcome(clone: &ClonePlan) -> CloneOutcome {
    CloneOutcome {
        session: clone.session.clone(),
        restore: RestoreOutcome::default(),
    }
}

/// Lets the server judge the new Session before hooks run and a snapshot is taken for it: an admission policy may refuse a session of
/// another user. Sends nothing in a dry run, which sends the Session itself.
///
/// # Errors
/// Refusals of the server.
async fn check_creation(cluster: &Cluster, clone: &ClonePlan, write: &WriteOptions) -> Result<()> {
    if write.dry_run {
        return Ok(());
    }
    let rehearsal = write.as_dry_run();
    let (session, namespace) = (&clone.session, cluster.namespace());
    let checked = cluster.create(&SESSION, namespace, session, &rehearsal);
    checked.await.map(drop)
}

/// Takes the snapshot and creates the new session from it. The snapshot is waited for in any case: the claims need it.
///
/// # Errors
/// The server's refusal of the new Session; a failed hook; an error of the CSI driver.
async fn take_and_clone(
    cluster: &Cluster,
    plan: &SnapshotPlan,
    clone: &ClonePlan,
    writes: &SnapshotWrites,
    environment: &mut Environment,
) -> Result<CloneOutcome> {
    let _guard = environment.interrupt.guard()?;
    let interrupt = environment.interrupt.clone();
    let with = writes.snapshot_run(&interrupt, true);
    check_creation(cluster, clone, with.write).await?;
    let mut sink = environment.console.progress();
    let taken = plan.take(cluster, &with, &mut sink).await;
    let taken = taken.inspect_err(|_| sink.tell(ProgressEvent::Done))?;
    let with = SnapshotRun {
        wait: writes.wait,
        ..with
    };
    apply_clone(cluster, clone, &taken, &with, environment).await
}

/// Creates the new session and its claims from `snapshots`.
///
/// # Errors
/// The failed step, with the snapshot's name and the command to continue with.
pub(crate) async fn apply_clone(
    cluster: &Cluster,
    clone: &ClonePlan,
    snapshots: &[Value],
    with: &SnapshotRun<'_>,
    environment: &mut Environment,
) -> Result<CloneOutcome> {
    let (now, mut sink) = (environment.now(), environment.console.progress());
    let copied = clone.apply(cluster, snapshots, with, now, &mut sink);
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
    mutation: &MutationOptions,
    console: &mut Console,
) -> Result<()> {
    let mut mutations = mutation.printer();
    console.print(&mutations.print_result(&copied.session, "created")?)?;
    if mutation.dry_run != DryRun::None {
        return Ok(());
    }
    let name = Untyped(&copied.session).name();
    let pending = &copied.restore.waiting_for_consumer;
    if !pending.is_empty() {
        let pending = pending.join(", ");
        console.note(&format!(
            "claim {pending} stays Pending until the first start: the StorageClass binds on first use"
        ));
    }
    let namespace = Untyped(&copied.session).home_namespace();
    console.note(&format!(
        "session {name:?} is stopped; start it with: kubectl session start {name} -n {namespace}"
    ));
    Ok(())
}
