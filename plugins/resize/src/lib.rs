//! `kubectl session resize`: changes CPU, memory and storage of a running session, in place if possible.
//!
//! ```text
//! Args ─► Intent ─► Observed { ResizePlan, ClaimExpansion } ─► in place, or StartPlan ─► report
//! args    plan      observe    plan        storage             outcome      restart      outcome, errors
//! ```
//!
//! Claims are expanded first: they cannot shrink again, so nothing after them may be refused. The size is written into the
//! Session last when resized in place, and first when restarted, so that every later start has it.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod args;
mod claim_expansion;
mod in_place_errors;
mod observe;
mod outcome;
mod plan;

use anyhow::Result;
use session_shared::client::DryRun;
use session_shared::ops::trust::StoredPart;
use session_shared::prompt::confirmation;
use session_shared::prompt::trust;
use session_shared::report::format::Format;
use session_shared::verb::{Environment, Verb};

pub use args::Args;

/// Implementation of the `resize` verb.
#[derive(Debug)]
pub struct Resize;

impl Verb for Resize {
    const NAME: &'static str = "resize";
    const ABOUT: &'static str = args::ABOUT;
    type Args = Args;

    async fn run(args: Args, environment: &mut Environment) -> Result<()> {
        // before any request: every mistake that the command line shows
        environment.apply_flags(&args.verbosity, &args.write_flags);
        let intent = plan::parse_intent(&args)?;
        let format = Format::from_object_flags(&args.output)?;
        let write = args.write_flags.write()?;
        // reads, and a server dry run of the resize
        let cluster = environment.connect(&args.connection).await?;
        cluster
            .known_sessions()
            .trust_all(args.trust.trust_manifest);
        let found = observe::observe_session(&cluster, &intent, environment).await?;
        // confirmation
        let console = &mut environment.console;
        confirmation::note_unchecked_access(&found.permissions, console);
        if found.start_plan.is_some()
            && !outcome::confirm_restart(&intent, &found.session, console)?
        {
            return Ok(());
        }
        if found.start_plan.is_some()
            && intent.dry_run == DryRun::None
            && found.session.runs_sync(&intent.stop_options)
            && !trust::confirm_trust(
                &cluster,
                &found.session.session,
                StoredPart::Hooks,
                &mut environment.console,
            )
            .await?
        {
            return Ok(());
        }
        // writes, waits and prints
        outcome::resize_session(&cluster, &intent, found, &write, format, environment).await
    }
}
