//! `kubectl session extend`: extends the lifetime of running sessions.
//!
//! ```text
//! Args ─► Intent ─► Observed, Extension per session ─► result per session ─► report
//! args    plan      outcome, plan                      outcome               outcome
//! ```

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod args;
mod outcome;
mod plan;

use anyhow::Result;
use session_shared::report::format::Format;
use session_shared::verb::{Environment, Verb};

pub use args::Args;

/// Implementation of the `extend` verb.
#[derive(Debug)]
pub struct Extend;

impl Verb for Extend {
    const NAME: &'static str = "extend";
    const ABOUT: &'static str = args::ABOUT;
    type Args = Args;

    async fn run(args: Args, environment: &mut Environment) -> Result<()> {
        // before any request: every mistake that the command line shows
        environment.apply_flags(&args.verbosity, &args.write_flags);
        let now = environment.now();
        let intent = plan::parse_intent(&args, now)?;
        let format = Format::from_object_flags(&args.output)?;
        let write = args.write_flags.write()?;
        // reads only, and the extension of each session
        let cluster = environment.connect(&args.connection).await?;
        let found = outcome::plan_extensions(&cluster, &intent, now).await?;
        // writes
        let extended = outcome::extend_sessions(&cluster, &intent, &found, &write, now).await;
        // prints
        outcome::print_results(
            &intent,
            found,
            extended,
            format,
            &mut environment.console,
            now,
        )
    }
}
