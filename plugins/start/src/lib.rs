//! `kubectl session start`: makes the workloads of sessions again and attaches the data that was kept.
//!
//! ```text
//! Args ─► Intent ─► Observed: SessionTask per session ─► Started ─► wait, report
//! args    intent    observe, plan                        outcome    outcome
//! ```

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod args;
mod class_room;
mod intent;
mod observe;
mod outcome;
mod plan;

use anyhow::Result;
use session_shared::client::{AccessReviews, DryRun};
use session_shared::ops::verb_forms::{RESTART, START};
use session_shared::prompt::confirmation::{self, Confirmation};
use session_shared::verb::{Environment, Verb};

use crate::observe::SessionTask;

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
        let intent = intent::parse_intent(args, &mut environment.console)?;
        // reads only
        let cluster = environment
            .connect_trusting(&intent.connection, intent.trust)
            .await?;
        let permissions = AccessReviews::new(&cluster);
        let Some(observed) =
            observe::prepare_tasks(&cluster, &permissions, &intent, environment).await?
        else {
            return Ok(());
        };
        let console = &mut environment.console;
        confirmation::note_unchecked_access(&permissions, console);
        let shortage = class_room::describe_shortage(&cluster, &observed).await;
        shortage.iter().for_each(|note| console.note(note));
        // confirmation
        let sessions = observed.sessions();
        let losses: Vec<_> = sessions.filter_map(SessionTask::session_losses).collect();
        let verb = if intent.restart { RESTART } else { START };
        if intent.mutation.dry_run != DryRun::None {
            confirmation::print_dry_run_losses(&losses, console);
        } else if !Confirmation::for_data_loss(verb, intent.yes).ask(&losses, console)? {
            return Ok(());
        }
        // writes, waits and prints
        outcome::start_sessions(&cluster, &permissions, &intent, observed, environment).await
    }
}
