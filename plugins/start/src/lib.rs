//! `kubectl session start`: makes the workloads of sessions again and attaches the data that was kept.
//!
//! ```text
//! Args ─► Intent ─► SessionTask per session ─► Started ─► wait, report
//! args    plan      outcome                    outcome    outcome
//! ```

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod args;
mod outcome;
mod plan;

use anyhow::Result;
use session_shared::client::{AccessReviews, DryRun};
use session_shared::ops::stop::STOP;
use session_shared::prompt::confirmation::{self, Confirmation};
use session_shared::report::format::Format;
use session_shared::verb::{Environment, Verb};

use crate::outcome::SessionTask;

pub use args::Args;

/// Implementation of the `start` verb.
#[derive(Debug)]
pub struct Start;

impl Verb for Start {
    const NAME: &'static str = "start";
    const ABOUT: &'static str = args::ABOUT;
    type Args = Args;

    async fn run(args: Args, environment: &mut Environment) -> Result<()> {
        // before any request: every mistake that the command line shows
        environment.apply_flags(&args.verbosity, &args.write_flags);
        let intent = plan::parse_intent(&args, environment.console.input())?;
        let format = Format::from_object_flags(&args.output)?;
        let write = args.write_flags.write()?;
        // reads only
        let cluster = environment.connect(&args.connection).await?;
        cluster.known_sessions().trust_all(args.trust_manifest);
        let permissions = AccessReviews::new(&cluster);
        let Some(found) =
            outcome::prepare_tasks(&cluster, &permissions, &intent, environment).await?
        else {
            return Ok(());
        };
        let console = &mut environment.console;
        confirmation::note_unchecked_access(&permissions, console);
        // confirmation
        let ends: Vec<_> = found
            .iter()
            .flatten()
            .filter_map(SessionTask::session_losses)
            .collect();
        if intent.dry_run != DryRun::None {
            confirmation::print_dry_run_losses(&ends, console);
        } else if !Confirmation::for_data_loss(STOP, intent.yes).ask(&ends, console)? {
            return Ok(());
        }
        // writes, waits and prints
        outcome::start_sessions(
            &cluster,
            &permissions,
            &intent,
            found,
            &write,
            format,
            environment,
        )
        .await
    }
}
