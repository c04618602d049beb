//! `kubectl session quota`: shows, sets and computes what sessions may take and what they take.
//!
//! ```text
//! args ─► show: observe ─► QuotaUsage of each quota ─► view
//! ```

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod args;
mod nodes;
mod row_output;
mod show;

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
            QuotaCommand::Show(args) => show::run(args, &connection, environment).await,
            QuotaCommand::Nodes(args) => nodes::run(args, &connection, environment).await,
        }
    }
}
