//! `kubectl session snapshot`: snapshots of a session's data.
//!
//! Volume snapshots (one VolumeSnapshot for each claim, grouped as a `SnapshotSet`):
//!
//! ```text
//! create    flags ─► SnapshotOptions ─► SnapshotPlan ─► created
//! restore   SnapshotSet ─► in_place (claims replaced)  or  clone (new session)
//! delete    SnapshotSets by name ─► confirmed ─► deleted
//! prune     SnapshotSets ─► RetentionRule ─► confirmed ─► deleted
//! schedule  args ─► Intent ─► observed objects ─► plan ─► outcome (a CronJob that runs `run-schedule`)
//! run-schedule  flags ─► SnapshotPlan, marked as scheduled ─► created ─► scheduled ones pruned
//! ```
//!
//! Files of a container, without volume snapshots, by `session_shared::ops::container_archive`:
//!
//! ```text
//! create --to     flags ─► Export ─► ContainerExport ─► ArchiveTarget
//! restore --from  flags ─► Import, CheckedArchive ─► confirmed ─► ContainerImport
//! ```

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod archive_args;
mod archive_target;
mod args;
mod clone_session;
mod create;
mod delete;
mod deletion;
mod export;
mod import;
mod in_place;
mod list;
mod observe;
mod plan;
mod prune;
mod restore;
mod schedule;
mod schedule_args;
mod snapshot_set;
mod take;
mod timeouts;
mod view;

use anyhow::Result;
use session_shared::verb::{Environment, Verb};

pub use archive_args::{ExportFlags, ImportFlags};
pub use args::{Args, SnapshotCommand};

/// The `snapshot` verb.
#[derive(Debug)]
pub struct Snapshot;

impl Verb for Snapshot {
    const NAME: &'static str = "snapshot";
    const ABOUT: &'static str = args::ABOUT;
    type Args = Args;

    async fn run(args: Args, environment: &mut Environment) -> Result<()> {
        let Args {
            command,
            verbosity,
            connection,
        } = args;
        environment.console.apply_flags(&verbosity);
        let connection = &connection;
        match command {
            SnapshotCommand::Create(args) => create::run(args, connection, environment).await,
            SnapshotCommand::List(args) => list::run(args, connection, environment).await,
            SnapshotCommand::Restore(args) => restore::run(args, connection, environment).await,
            SnapshotCommand::Clone(args) => clone_session::run(args, connection, environment).await,
            SnapshotCommand::Delete(args) => delete::run(args, connection, environment).await,
            SnapshotCommand::Prune(args) => prune::run(args, connection, environment).await,
            SnapshotCommand::Schedule(args) => schedule::run(args, connection, environment).await,
            SnapshotCommand::RunSchedule(args) => {
                schedule::run::run(args, connection, environment).await
            }
        }
    }
}
