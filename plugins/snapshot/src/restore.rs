//! `snapshot restore`: restores a snapshot in place or into a new session, or an archive's files into a running one.

use anyhow::Result;
use serde_json::Value;
use session_shared::client::DryRun;
use session_shared::failure::{FailureKind, has_kind, usage_error};
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::list::parse_session_name;
use session_shared::objects::volume_snapshot::source_claim_name;
use session_shared::ops::Cluster;
use session_shared::ops::ObservedSession;
use session_shared::ops::clone_plan::ClonePlan;
use session_shared::ops::session_record::read_recorded_session;
use session_shared::report::format::Format;
use session_shared::verb::Environment;

use crate::args::RestoreArgs;
use crate::observe::get_source_session;
use crate::plan::MutationOptions;
use crate::snapshot_set::{self, SnapshotSet};
use crate::timeouts::TAKE_TIMEOUT;
use crate::{clone_session, import, in_place};

/// Restores a snapshot, or with `--from` the files of an archive.
///
/// # Errors
/// Invalid arguments, before any request; a snapshot that is not ready; a session that is missing or, for `--in-place`,
/// running; a refusal of the server or the CSI driver, with the names of the snapshots that hold the data.
pub(crate) async fn run(
    args: RestoreArgs,
    connection: &ConnectionFlags,
    environment: &mut Environment,
) -> Result<()> {
    if args.file.is_set()? {
        return import::run(args, connection, environment).await;
    }
    match (&args.into, args.in_place) {
        (Some(_), true) => Err(usage_error(
            "--into and --in-place cannot be given together",
        )),
        (Some(_), false) => restore_into_new(args, connection, environment).await,
        (None, true) => in_place::run(args, connection, environment).await,
        (None, false) => Err(usage_error(
            "one of --into, --in-place or --from is required",
        )),
    }
}

/// Creates a new session with the data of a snapshot.
async fn restore_into_new(
    args: RestoreArgs,
    connection: &ConnectionFlags,
    environment: &mut Environment,
) -> Result<()> {
    let RestoreArgs {
        snapshot,
        into,
        in_place: _,
        storage,
        class,
        file: _,
        trust,
        output,
        write_flags,
        wait_flags,
    } = args;
    // no requests: validation of the arguments
    if class.is_some() {
        return Err(usage_error(
            "--class cannot be given with --into: restoring into a new session takes no snapshot",
        ));
    }
    let name = snapshot_set::parse_snapshot_name(&snapshot)?;
    let new = parse_session_name(&into.unwrap_or_default())?;
    let size = clone_session::parse_size(storage.as_deref())?;
    let writes = MutationOptions::from_flags(&write_flags, &wait_flags, TAKE_TIMEOUT)?;
    let format = Format::from_object_flags(&output)?;
    // reads only
    let cluster = environment.connect(connection).await?;
    cluster.known_sessions().trust_all(trust.trust_manifest);
    let all = snapshot_set::list_snapshot_sets(&cluster, None).await?;
    let set = snapshot_set::find_snapshot_set(&cluster, &all, name).await?;
    set.ensure_ready()?;
    let source = source_or_recorded_session(&cluster, &set).await?;
    let claims: Vec<&str> = set.snapshots.iter().filter_map(source_claim_name).collect();
    let clone = ClonePlan::prepare(&cluster, &source, &new, &claims, size, &set.name).await?;
    clone.check_snapshots(&set.snapshots)?;
    // writes
    let copied = if writes.dry_run == DryRun::Client {
        clone_session::dry_run_outcome(&clone)
    } else {
        let _guard = environment.interrupt.guard()?;
        let interrupt = environment.interrupt.clone();
        let with = writes.snapshot_run(&interrupt, writes.wait);
        clone_session::apply_clone(&cluster, &clone, &set.snapshots, &with, environment).await?
    };
    // prints
    clone_session::report_clone(&copied, format, writes.dry_run, &mut environment.console)
}

/// Returns the session the snapshot was taken of. If it has been deleted, the session is rebuilt from the metadata stored
/// in the snapshot.
///
/// # Errors
/// The session belongs to another user, or the snapshot has no metadata of it.
async fn source_or_recorded_session(
    cluster: &Cluster,
    set: &SnapshotSet,
) -> Result<ObservedSession> {
    match get_source_session(cluster, set).await {
        Err(error) if has_kind(&error, FailureKind::NotFound) => {
            let one = set.snapshots.first().unwrap_or(&Value::Null);
            let found = read_recorded_session(cluster, &set.ownership()?, one).await?;
            let found = found.ok_or(error)?;
            snapshot_set::verify_provenance(cluster, set, &found.live.data).await?;
            Ok(found)
        }
        other => other,
    }
}
