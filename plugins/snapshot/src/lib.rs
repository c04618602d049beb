//! `kubectl session snapshot`: snapshots of a session's data.
//!
//! Volume snapshots (one VolumeSnapshot for each claim, grouped as a `SnapshotSet`):
//!
//! ```text
//! create    flags ─► SnapshotOptions ─► SnapshotPlan ─► created ─► pruned (with --keep)
//! restore   SnapshotSet ─► in_place (claims replaced)  or  clone (new session)
//! delete    SnapshotSets by name ─► confirmed ─► deleted
//! prune     SnapshotSets ─► RetentionRule ─► confirmed ─► deleted
//! schedule  args ─► Intent ─► observed objects ─► plan ─► outcome (a CronJob that runs `create --keep`)
//! ```
//!
//! Files of a container, without volume snapshots:
//!
//! ```text
//! create --to     container ─► export ─► tarball check ─► gzip ─► archive with a footer
//! restore --from  archive ─► footer and tarball check ─► plain copy ─► import ─► container
//! ```

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod archive;
mod archive_args;
mod archive_target;
mod args;
mod clone_session;
mod container_path;
mod create;
mod delete;
mod deletion;
mod export;
mod import;
mod in_place;
mod list;
mod plan;
mod prune;
mod restore;
mod schedule;
mod snapshot_set;
pub mod tarball;
mod transfer;
mod view;

use anyhow::Result;
use session_shared::verb::{Environment, Verb};

pub use archive_args::{ExportFlags, ImportFlags};
pub use args::{Args, SnapshotCommand};
pub use schedule::cron_expression::CronExpression;

/// The `snapshot` verb.
#[derive(Debug)]
pub struct Snapshot;

impl Verb for Snapshot {
    const NAME: &'static str = "snapshot";
    const ABOUT: &'static str = args::ABOUT;
    type Args = Args;

    async fn run(args: Args, environment: &mut Environment) -> Result<()> {
        let write_flags = args.command.write_flags();
        environment
            .console
            .apply_flags(&args.verbosity, write_flags);
        let connection = &args.connection;
        match &args.command {
            SnapshotCommand::Create(args) => create::run(args, connection, environment).await,
            SnapshotCommand::List(args) => list::run(args, connection, environment).await,
            SnapshotCommand::Restore(args) => restore::run(args, connection, environment).await,
            SnapshotCommand::Clone(args) => clone_session::run(args, connection, environment).await,
            SnapshotCommand::Delete(args) => delete::run(args, connection, environment).await,
            SnapshotCommand::Prune(args) => prune::run(args, connection, environment).await,
            SnapshotCommand::Schedule(args) => schedule::run(args, connection, environment).await,
        }
    }
}
