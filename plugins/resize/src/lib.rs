//! `kubectl session resize`: changes CPU, memory and storage of a running session, in place if possible.
//!
//! ```text
//! Args ─► Intent ─► Observed { ResizePlan, ClaimExpansion } ─► in place, or StartPlan ─► report
//! args    intent    observe    plan        claim_expansion     outcome      restart      outcome, errors
//! ```
//!
//! `scale` is the road of `--replicas` and `--min-replicas`.
//!
//! Claims are expanded first: they cannot shrink again, so nothing after them may be refused. The size is written into the
//! Session last when resized in place, and first when restarted, so that every later start has it.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod args;
mod claim_expansion;
mod in_place_errors;
mod intent;
mod observe;
mod outcome;
mod plan;
mod scale;
mod workload_count;

use anyhow::Result;
use session_shared::prompt::confirmation;
use session_shared::prompt::trust;
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
        let intent = intent::parse_intent(args, &mut environment.console)?;
        // reads, and a server dry run of the resize
        let cluster = environment
            .connect_trusting(&intent.connection, intent.trust)
            .await?;
        if intent.is_scaling() {
            return scale::scale_session(&cluster, &intent, environment).await;
        }
        let observed = observe::observe_session(&cluster, &intent, environment).await?;
        // confirmation
        let console = &mut environment.console;
        confirmation::note_unchecked_access(&observed.permissions, console);
        if observed.start_plan.is_some() {
            let session = &observed.session;
            let runs_hooks = session.runs_stored_text(&intent.stop_options);
            let (stored, dry_run) = (&session.session, intent.mutation.dry_run);
            if !outcome::confirm_restart(&intent, session, console)?
                || !trust::confirm_hooks(&cluster, stored, runs_hooks, dry_run, console).await?
            {
                return Ok(());
            }
        }
        // writes, waits and prints
        outcome::resize_session(&cluster, &intent, observed, environment).await
    }
}
