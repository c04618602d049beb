//! `kubectl session schedule`: stops and starts sessions by the clock.
//!
//! ```text
//! Args ─┬─► set ─► SetIntent ─► sessions, existing objects ─► ScheduledRun ─► SchedulePlan ─► objects, applied
//!       ├─► list ─► ClockSchedules ─► table, documents
//!       └─► delete ─► Target ─► existing objects ─► deleted
//! ```
//!
//! The CronJobs run `kubectl session stop` and `kubectl session start`.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod args;
mod delete;
mod intent;
mod list;
mod permissions;
mod set;
mod target;

use anyhow::Result;
use session_shared::verb::{Environment, Verb};

pub use args::{Args, ScheduleCommand};

/// The verb `schedule`.
#[derive(Debug)]
pub struct Schedule;

impl Verb for Schedule {
    const NAME: &'static str = "schedule";
    const ABOUT: &'static str = args::ABOUT;
    type Args = Args;

    async fn run(args: Args, environment: &mut Environment) -> Result<()> {
        let Args {
            command,
            verbosity,
            connection,
        } = args;
        environment.console.apply_flags(&verbosity);
        match command {
            ScheduleCommand::Set(args) => set::run(*args, &connection, environment).await,
            ScheduleCommand::List(args) => list::run(args, &connection, environment).await,
            ScheduleCommand::Delete(args) => delete::run(args, &connection, environment).await,
        }
    }
}
