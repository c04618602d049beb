//! `kubectl session delete`: deletes sessions and keeps, snapshots or deletes their data as the data policy says.
//!
//! ```text
//! Args ─► Intent ─► Observed ─► confirmation ─► result per session ─► report
//! args    plan      observe     confirm         outcome               outcome
//! ```

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod args;
mod confirm;
mod observe;
mod outcome;
mod plan;

use anyhow::Result;
use session_shared::client::{AccessReviews, DryRun};
use session_shared::ops::trust::StoredPart;
use session_shared::prompt::confirmation;
use session_shared::prompt::trust;
use session_shared::report::format::{Format, FormatSet};
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
        environment.apply_flags(&args.verbosity, &args.write_flags);
        let intent = plan::parse_intent(&args)?;
        let format = Format::parse(args.output.output.as_deref(), FormatSet::Name, false, false)?;
        let write = args.write_flags.write()?;
        // reads only
        let cluster = environment.connect(&args.connection).await?;
        cluster
            .known_sessions()
            .trust_all(args.trust.trust_manifest);
        let permissions = AccessReviews::new(&cluster);
        let now = environment.now();
        let found = observe::prepare_deletions(&cluster, &permissions, &intent, now).await?;
        let console = &mut environment.console;
        confirmation::note_unchecked_access(&permissions, console);
        // confirmation
        confirm::note_skipped_snapshots(&found.deletions, &mut environment.console);
        if !confirm::confirm_deletion(&intent, &found.deletions, &mut environment.console)? {
            return Ok(());
        }
        if let [one] = found.deletions.as_slice()
            && intent.dry_run == DryRun::None
            && one.runs_hooks(&intent.stop_options)
            && !trust::confirm_trust(
                &cluster,
                &one.observed.session,
                StoredPart::Hooks,
                &mut environment.console,
            )
            .await?
        {
            return Ok(());
        }
        // writes
        let doomed = &found.deletions;
        let done =
            outcome::delete_sessions(&cluster, &permissions, &intent, doomed, &write, environment)
                .await?;
        // prints
        let console = &mut environment.console;
        outcome::print_results(&cluster, &intent, found, done, format, console)
    }
}
