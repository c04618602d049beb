//! `kubectl session resize`: changes CPU, memory and storage of running sessions, in place if possible.
//!
//! ```text
//! Args ─► Intent ─► Observed { ResizePlan, ClaimExpansion } per session ─► in place, or StartPlan ─► report
//! args    intent    observe    plan        claim_expansion                 resize_in_place            outcome, errors
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
mod resize_in_place;
mod scale;
mod workload_count;

use anyhow::Result;
use session_shared::client::AccessReviews;
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
            return scale::scale_sessions(&cluster, &intent, environment).await;
        }
        let permissions = AccessReviews::new(&cluster);
        let observed =
            observe::observe_sessions(&cluster, &permissions, &intent, environment).await?;
        // confirmation
        let console = &mut environment.console;
        confirmation::note_unchecked_access(&permissions, console);
        outcome::print_plan(&observed, console);
        let restarted = observed.sessions().filter(|one| one.start_plan.is_some());
        let restarted: Vec<_> = restarted.map(|one| &one.session).collect();
        if !outcome::confirm_restarts(&intent, observed.len() > 1, &restarted, console)? {
            return Ok(());
        }
        if let ([session], 1) = (restarted.as_slice(), observed.len()) {
            let runs_hooks = session.runs_stored_text(&intent.stop_options);
            let (stored, dry_run) = (&session.session, intent.mutation.dry_run);
            if !trust::confirm_hooks(&cluster, stored, runs_hooks, dry_run, console).await? {
                return Ok(());
            }
        }
        // writes, waits and prints
        outcome::resize_sessions(&cluster, &permissions, &intent, observed, environment).await
    }
}
