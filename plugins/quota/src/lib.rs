//! `kubectl session quota`: shows, limits and plans what sessions take.
//!
//! ```text
//! Args ─┬─► show ─► ListIntent ─► quotas or sessions and their objects ─► rows ─► table, documents
//!       ├─► nodes ─► PoolRules, active sessions ─► NodePlan ─► table, arithmetic, documents
//!       ├─► cost ─► Prices, SessionObjects (of sessions that exist, or of SourceFlags) ─► CostReport ─► table, documents
//!       ├─► usage ─► RunRecords, Window ─► UsageGroup ─► table, documents
//!       ├─► set ─► Intent ─► Observed ─► QuotaPlan ─► objects, applied and counted
//!       └─► fit ──► SourceFlags ─► objects of two sessions, FitFacts ─► Fit ─► report, document
//! ```

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod args;
mod cost;
mod fit;
mod group_flag;
mod intent;
mod nodes;
mod rendered_sessions;
mod row_output;
mod session_objects;
mod session_source;
mod set;
mod set_hours;
mod show;
mod source_flags;
mod usage;

use anyhow::Result;
use session_shared::verb::{Environment, Verb};

pub use args::{Args, QuotaCommand};

/// The verb `quota`.
#[derive(Debug)]
pub struct Quota;

impl Verb for Quota {
    const NAME: &'static str = "quota";
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
            QuotaCommand::Fit(args) => fit::run(args, &connection, environment).await,
            QuotaCommand::Show(args) => show::run(args, &connection, environment).await,
            QuotaCommand::Nodes(args) => nodes::run(args, &connection, environment).await,
            QuotaCommand::Cost(args) => cost::run(args, &connection, environment).await,
            QuotaCommand::Usage(args) => usage::run(args, &connection, environment).await,
            QuotaCommand::Set(args) => set::run(*args, &connection, environment).await,
        }
    }
}
