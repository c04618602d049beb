//! `kubectl session stop`: ends the workloads of sessions and keeps their PersistentVolumeClaims.
//!
//! ```text
//! Args ─► Intent ─► Observed ─► Action per session ─► Outcome ─► report
//! args    plan      outcome     plan                  outcome    outcome
//! ```

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod args;
mod outcome;
mod plan;

use anyhow::Result;
use session_shared::client::{AccessReviews, DryRun};
use session_shared::ops::session_losses::SessionLosses;
use session_shared::ops::stop::STOP;
use session_shared::ops::trust::StoredPart;
use session_shared::prompt::confirmation::{self, Confirmation};
use session_shared::prompt::trust;
use session_shared::report::format::Format;
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
        environment.apply_flags(&args.verbosity, &args.write_flags);
        let intent = plan::parse_intent(&args)?;
        let format = Format::from_object_flags(&args.output)?;
        let write = args.write_flags.write()?;
        // reads only
        let cluster = environment.connect(&args.connection).await?;
        cluster
            .known_sessions()
            .trust_all(args.trust.trust_manifest);
        let permissions = AccessReviews::new(&cluster);
        let found = outcome::read_sessions(&cluster, &permissions, &intent).await?;
        let console = &mut environment.console;
        confirmation::note_unchecked_access(&permissions, console);
        // confirmation
        let ending: Vec<SessionLosses> = found
            .sessions_to_stop()
            .map(SessionLosses::of_stop)
            .collect();
        if intent.dry_run != DryRun::None {
            confirmation::print_dry_run_losses(&ending, console);
        } else if !Confirmation::for_data_loss(STOP, intent.yes).ask(&ending, console)? {
            return Ok(());
        }
        if let [one] = found.sessions.as_slice()
            && intent.dry_run == DryRun::None
            && one.runs_sync(&intent.stop_options)
            && !trust::confirm_trust(
                &cluster,
                &one.session,
                StoredPart::Hooks,
                &mut environment.console,
            )
            .await?
        {
            return Ok(());
        }
        // writes
        let present = &found.sessions;
        let stopped = outcome::stop_sessions(
            &cluster,
            &permissions,
            &intent,
            present,
            &write,
            environment,
        )
        .await?;
        // prints
        outcome::print_results(&intent, found, stopped, format, &mut environment.console)
    }
}
