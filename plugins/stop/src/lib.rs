//! `kubectl session stop`: ends the workloads of sessions and keeps their PersistentVolumeClaims.
//!
//! ```text
//! Args ─► Intent ─► Observed ─► Action per session ─► Outcome ─► report
//! args    intent    observe     plan                  outcome    outcome
//! ```

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod args;
mod intent;
mod observe;
mod outcome;
mod plan;

use anyhow::Result;
use session_shared::client::{AccessReviews, DryRun};
use session_shared::ops::session_losses::SessionLosses;
use session_shared::ops::stop::STOP;
use session_shared::prompt::confirmation::{self, Confirmation};
use session_shared::prompt::trust;
use session_shared::verb::{Environment, Verb};

pub use args::Args;

/// Implementation of the `stop` verb.
#[derive(Debug)]
pub struct Stop;

impl Verb for Stop {
    const NAME: &'static str = "stop";
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
        let observed = observe::read_sessions(&cluster, &permissions, &intent).await?;
        let console = &mut environment.console;
        confirmation::note_unchecked_access(&permissions, console);
        // confirmation
        let losses: Vec<SessionLosses> = observed
            .sessions()
            .filter(|session| !session.is_stopped())
            .map(SessionLosses::of_stop)
            .collect();
        if intent.mutation.dry_run != DryRun::None {
            confirmation::print_dry_run_losses(&losses, console);
        } else if !Confirmation::for_data_loss(STOP, intent.yes).ask(&losses, console)? {
            return Ok(());
        }
        if let Some(observed) = observed.single() {
            let runs_hooks = observed.runs_sync(&intent.stop_options);
            let (session, dry_run) = (&observed.session, intent.mutation.dry_run);
            if !trust::confirm_hooks(&cluster, session, runs_hooks, dry_run, console).await? {
                return Ok(());
            }
        }
        // writes
        let stopped =
            outcome::stop_sessions(&cluster, &permissions, &intent, observed, environment).await?;
        // prints
        outcome::print_results(&intent, stopped, &mut environment.console)
    }
}
