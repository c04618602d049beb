//! `kubectl session stop`: ends the workloads of sessions and keeps their PersistentVolumeClaims.
//!
//! ```text
//! Args ─► Intent ─► Observed ─► Action per session ─► Outcome ─► report
//! args    intent    observe     plan                  outcome    outcome
//! ```
//!
//! With `--after-extension`, the road is taken again for sessions that have been extended, when their extension is over.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod args;
mod intent;
mod observe;
mod outcome;
mod plan;

use std::time::Duration;

use anyhow::{Error, Result};
use session_shared::Timestamp;
use session_shared::client::{AccessReviews, DryRun};
use session_shared::failure;
use session_shared::names::SessionName;
use session_shared::ops::session_losses::SessionLosses;
use session_shared::ops::session_selection::SessionSelection;
use session_shared::ops::trust::trust_hooks;
use session_shared::ops::verb_forms::STOP;
use session_shared::ops::{Cluster, ObservedSession};
use session_shared::prompt::confirmation::{self, Confirmation};
use session_shared::prompt::trust;
use session_shared::verb::{Environment, Verb};

use crate::intent::Intent;
use crate::plan::Action;

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
        let mut intent = intent::parse_intent(args, &mut environment.console)?;
        let cluster = environment
            .connect_trusting(&intent.connection, intent.trust)
            .await?;
        let (mut now, mut errors) = (environment.now(), Vec::new());
        // once, and again for sessions that have been extended
        while let Some(postponed) =
            stop_selected(&cluster, &intent, now, &mut errors, environment).await?
        {
            postponed.wait(environment).await?;
            now = postponed.until.max(environment.now());
            intent.selection = SessionSelection::ByName(postponed.sessions);
        }
        failure::combine_errors(errors)
    }
}

/// Stops the selected sessions, and returns those whose stop is postponed.
async fn stop_selected(
    cluster: &Cluster,
    intent: &Intent,
    now: Timestamp,
    errors: &mut Vec<Error>,
    environment: &mut Environment,
) -> Result<Option<Postponed>> {
    // reads only
    let permissions = AccessReviews::new(cluster);
    let observed = observe::read_sessions(cluster, &permissions, intent).await?;
    let action = |session: &ObservedSession| {
        let until = session.session.extended_until();
        Action::of(intent, session.is_stopped(), until, now)
    };
    let console = &mut environment.console;
    confirmation::note_unchecked_access(&permissions, console);
    // confirmation
    let losses: Vec<SessionLosses> = observed
        .sessions()
        .filter(|session| action(session).is_stop())
        .map(SessionLosses::of_stop)
        .collect();
    if intent.mutation.dry_run != DryRun::None {
        confirmation::print_dry_run_losses(&losses, console);
    } else if !Confirmation::for_data_loss(STOP, intent.yes).ask(&losses, console)? {
        return Ok(None);
    }
    if let Some(observed) = observed.single() {
        let runs_hooks = observed.runs_stored_text(&intent.stop_options);
        let (session, dry_run) = (&observed.session, intent.mutation.dry_run);
        if let Some(digest) = &intent.known_hooks {
            trust_hooks(cluster, session, digest);
        }
        if !trust::confirm_hooks(cluster, session, runs_hooks, dry_run, console).await? {
            return Ok(None);
        }
    }
    let postponed = Postponed::of(observed.sessions(), intent, action);
    // writes
    let stopped =
        outcome::stop_sessions(cluster, &permissions, intent, action, observed, environment)
            .await?;
    // prints
    let console = &mut environment.console;
    errors.extend(outcome::print_results(intent, action, stopped, console)?);
    Ok(postponed)
}

/// Sessions that are stopped when their extension is over.
struct Postponed {
    /// The earliest end of an extension.
    until: Timestamp,
    sessions: Vec<SessionName>,
}

impl Postponed {
    /// Finds the sessions whose stop is postponed; `None` without any, and in a dry run.
    fn of<'a>(
        sessions: impl Iterator<Item = &'a ObservedSession>,
        intent: &Intent,
        action: impl Fn(&ObservedSession) -> Action,
    ) -> Option<Self> {
        if intent.mutation.dry_run != DryRun::None {
            return None;
        }
        let postponed = sessions.filter_map(|session| match action(session) {
            Action::Postponed(until) => Some((until, session.name().parse().ok()?)),
            _ => None,
        });
        let (ends, sessions): (Vec<Timestamp>, Vec<SessionName>) = postponed.unzip();
        let until = ends.into_iter().min()?;
        Some(Self { until, sessions })
    }

    /// Waits for the earliest end of an extension.
    ///
    /// # Errors
    /// Interrupted.
    async fn wait(&self, environment: &Environment) -> Result<()> {
        let left = self.until.duration_since(environment.now());
        let left = Duration::try_from(left).unwrap_or_default();
        let _guard = environment.interrupt.guard()?;
        environment.interrupt.sleep(left).await
    }
}
