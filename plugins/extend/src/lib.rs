//! `kubectl session extend`: extends the lifetime of running sessions.
//!
//! ```text
//! Args ─► Intent ─► Observed: Extension per session ─► Outcome ─► report
//! args    intent    observe, plan                      outcome    outcome
//! ```

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod args;
mod intent;
mod observe;
mod outcome;
mod plan;

use anyhow::Result;
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
        let now = environment.now();
        let intent = intent::parse_intent(args, &mut environment.console, now)?;
        // reads only, and the extension of each session
        let cluster = environment.connect(&intent.connection).await?;
        let observed = observe::plan_extensions(&cluster, &intent, now).await?;
        // writes
        let extended = outcome::extend_sessions(&cluster, &intent, observed, environment).await?;
        // prints
        outcome::print_results(&intent, extended, &mut environment.console, now)
    }
}
