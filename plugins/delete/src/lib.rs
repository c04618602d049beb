//! `kubectl session delete`: deletes sessions and keeps, snapshots or deletes their data as the data policy says.
//!
//! ```text
//! Args ─► Intent ─► Observed ─► confirmation ─► result per session ─► report
//! args    intent    observe     confirm         outcome               outcome
//! ```

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod args;
mod confirm;
mod intent;
mod observe;
mod outcome;

use anyhow::Result;
use session_shared::client::AccessReviews;
use session_shared::prompt::confirmation;
use session_shared::prompt::trust;
use session_shared::verb::{Environment, Verb};

pub use args::Args;

/// Implementation of the `delete` verb.
#[derive(Debug)]
pub struct Delete;

impl Verb for Delete {
    const NAME: &'static str = "delete";
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
        let now = environment.now();
        let observed = observe::prepare_deletions(&cluster, &permissions, &intent, now).await?;
        let console = &mut environment.console;
        confirmation::note_unchecked_access(&permissions, console);
        // confirmation
        confirm::note_skipped_snapshots(&observed, console);
        if !confirm::confirm_deletion(&intent, &observed, console)? {
            return Ok(());
        }
        if let Some(deletion) = observed.single() {
            let runs_hooks = deletion.runs_hooks(&intent.stop_options);
            let (session, dry_run) = (&deletion.observed.session, intent.mutation.dry_run);
            if !trust::confirm_hooks(&cluster, session, runs_hooks, dry_run, console).await? {
                return Ok(());
            }
        }
        // writes
        let deleted =
            outcome::delete_sessions(&cluster, &permissions, &intent, observed, environment)
                .await?;
        // prints
        outcome::print_results(&cluster, &intent, deleted, &mut environment.console)
    }
}
