//! `snapshot restore`: restores a snapshot in place or into a new session, or an archive's files into a running one.

use std::time::Duration;

use anyhow::Result;
use serde_json::Value;
use session_shared::client::DryRun;
use session_shared::failure::{FailureKind, has_kind, usage_error};
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::list::parse_session_name;
use session_shared::flags::mutation_options::MutationOptions;
use session_shared::flags::trust_manifest::TrustFlags;
use session_shared::names::SessionName;
use session_shared::objects::volume_snapshot::source_claim_name;
use session_shared::ops::Cluster;
use session_shared::ops::ObservedSession;
use session_shared::ops::clone_plan::ClonePlan;
use session_shared::ops::session_record::read_recorded_session;
use session_shared::ops::snapshot_plan::{SnapshotOptions, parse_class_name};
use session_shared::quantity::Quantity;
use session_shared::report::console::Console;
use session_shared::verb::Environment;

use crate::archive_args::reject_other_flags;
use crate::args::{RestoreArgs, TargetFlags};
use crate::clone_session;
use crate::import::{self, Import, ImportedFiles};
use crate::in_place::{self, InPlaceIntent};
use crate::observe::get_source_session;
use crate::plan::SnapshotWrites;
use crate::snapshot_set::{self, SnapshotSet};
use crate::timeouts::TAKE_TIMEOUT;

/// A validated `snapshot restore`.
enum Intent {
    /// `--into`: a new session with the data of a snapshot.
    Clone(CloneIntent),
    /// `--in-place`.
    InPlace(InPlaceIntent),
    /// `--from`: files of an archive, into a container.
    Import(Import),
}

/// A validated `restore --into`.
struct CloneIntent {
    snapshot: String,
    new: SessionName,
    /// Size of the new claims; `None` for that of the original ones.
    size: Option<Quantity>,
    trust: TrustFlags,
    writes: SnapshotWrites,
}

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
    // no requests: validation of the arguments
    match parse_intent(args, &mut environment.console)? {
        Intent::Clone(intent) => restore_into_new(intent, connection, environment).await,
        Intent::InPlace(intent) => in_place::run(intent, connection, environment).await,
        Intent::Import(import) => import::run(import, connection, environment).await,
    }
}

/// Validates the command line.
///
/// # Errors
/// Every mistake that can be found without a request.
fn parse_intent(args: RestoreArgs, console: &mut Console) -> Result<Intent> {
    let RestoreArgs {
        snapshot,
        target,
        file,
        trust,
        output,
        write_flags,
        wait_flags,
    } = args;
    let is_import = file.is_set()?;
    if is_import {
        reject_other_flags("--from", &target.given())?;
        reject_other_flags("--from", &[("--wait=false", !wait_flags.wait)])?;
    }
    let mutation = MutationOptions::for_objects(&write_flags, &output, console)?;
    if is_import {
        return Ok(Intent::Import(Import {
            files: ImportedFiles::parse(file)?,
            session: parse_session_name(&snapshot)?,
            trust,
            mutation,
            limit: wait_flags.timeout_or(Duration::ZERO),
        }));
    }
    let writes = SnapshotWrites::new(mutation, &wait_flags, TAKE_TIMEOUT);
    target.parse(&snapshot, trust, writes)
}

impl TargetFlags {
    /// Returns the flags, each with whether it is given.
    fn given(&self) -> [(&'static str, bool); 4] {
        let Self {
            into,
            in_place,
            storage,
            class,
        } = self;
        [
            ("--into", into.is_some()),
            ("--in-place", *in_place),
            ("--storage", storage.is_some()),
            ("--class", class.is_some()),
        ]
    }

    /// Checks that a snapshot is restored either into a new session or in place, and the flags that only one of them has.
    ///
    /// # Errors
    /// Both or neither; a flag of the other.
    fn check(&self) -> Result<()> {
        Err(usage_error(match (&self.into, self.in_place) {
            (Some(_), true) => "--into and --in-place cannot be given together",
            (None, false) => "one of --into, --in-place or --from is required",
            (Some(_), false) if self.class.is_some() => {
                "--class cannot be given with --into: restoring into a new session takes no snapshot"
            }
            (None, true) if self.storage.is_some() => {
                "--storage cannot be given with --in-place: claims keep their size"
            }
            _ => return Ok(()),
        }))
    }

    /// Returns the restore of `snapshot`.
    ///
    /// # Errors
    /// As [`TargetFlags::check`]; an invalid name or size.
    fn parse(self, snapshot: &str, trust: TrustFlags, writes: SnapshotWrites) -> Result<Intent> {
        self.check()?;
        let snapshot = snapshot_set::parse_snapshot_name(snapshot)?.to_owned();
        Ok(match self.into {
            Some(new) => Intent::Clone(CloneIntent {
                snapshot,
                new: parse_session_name(&new)?,
                size: clone_session::parse_size(self.storage.as_deref())?,
                trust,
                writes,
            }),
            None => Intent::InPlace(InPlaceIntent {
                snapshot,
                options: SnapshotOptions {
                    class: parse_class_name(self.class.as_deref())?,
                    ..SnapshotOptions::default()
                },
                trust,
                writes,
            }),
        })
    }
}

/// Creates a new session with the data of a snapshot.
async fn restore_into_new(
    intent: CloneIntent,
    connection: &ConnectionFlags,
    environment: &mut Environment,
) -> Result<()> {
    let CloneIntent {
        snapshot,
        new,
        size,
        trust,
        writes,
    } = intent;
    // reads only
    let cluster = environment.connect_trusting(connection, trust).await?;
    let all = snapshot_set::list_snapshot_sets(&cluster, None).await?;
    let set = snapshot_set::find_snapshot_set(&cluster, &all, &snapshot).await?;
    set.ensure_ready()?;
    let source = source_or_recorded_session(&cluster, &set).await?;
    let claims: Vec<&str> = set.snapshots.iter().filter_map(source_claim_name).collect();
    let clone = ClonePlan::prepare(&cluster, &source, &new, &claims, size, &set.name).await?;
    clone.check_snapshots(&set.snapshots)?;
    // writes
    let copied = if writes.mutation.dry_run == DryRun::Client {
        clone_session::dry_run_outcome(&clone)
    } else {
        let _guard = environment.interrupt.guard()?;
        let interrupt = environment.interrupt.clone();
        let with = writes.snapshot_run(&interrupt, writes.wait);
        clone_session::apply_clone(&cluster, &clone, &set.snapshots, &with, environment).await?
    };
    // prints
    clone_session::report_clone(&copied, &writes.mutation, &mut environment.console)
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
