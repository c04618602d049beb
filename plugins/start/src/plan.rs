//! The validated request of a start, and the action it takes on each session. Pure.

use std::io::BufRead;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use session_shared::api::{DesiredState, Phase, Session};
use session_shared::client::DryRun;
use session_shared::duration::Lifetime;
use session_shared::failure::{usage_error, with_hint};
use session_shared::ops::selected_sessions::SessionSelection;
use session_shared::ops::start_plan::StartOptions;
use session_shared::ops::stop_options::StopOptions;
use session_shared::reconcile::{WorkloadState, is_start_requested};

use crate::args::Args;

/// Default timeout of `start`.
pub(crate) const USUAL_WAIT: Duration = Duration::from_secs(300);

/// A validated start request.
#[derive(Clone, Debug)]
pub(crate) struct Intent {
    pub(crate) selection: SessionSelection,
    pub(crate) start_options: StartOptions,
    pub(crate) restart: bool,
    /// Options of the stop of a restart.
    pub(crate) stop_options: StopOptions,
    pub(crate) yes: bool,
    pub(crate) dry_run: DryRun,
    /// Timeout of the wait for ready; `None` does not wait.
    pub(crate) wait: Option<Duration>,
}

/// Validates the command line and reads the files it names.
///
/// # Errors
/// Usage errors, unreadable files and invalid values.
pub(crate) fn parse_intent(args: &Args, input: &mut dyn BufRead) -> Result<Intent> {
    let which = args.selection.selection()?;
    if args.trust_manifest && matches!(which, SessionSelection::BySelector(_)) {
        return Err(usage_error(
            "--trust-manifest requires a NAME, and cannot be used with --all or --selector",
        ));
    }
    let dry_run = args.write_flags.dry_run()?;
    Ok(Intent {
        selection: which,
        start_options: StartOptions {
            values: args.values.read_values(None, input)?,
            preset: args.preset.clone(),
            lifetime: args.expires_in.as_deref().map(parse_lifetime).transpose()?,
            use_existing: args.existing.objects()?,
            trust_manifest: args.trust_manifest,
            skip_checks: args.skip_checks,
        },
        restart: args.restart,
        stop_options: StopOptions::for_restart(args.wait_flags.given(), args.skip_sync),
        yes: args.yes,
        dry_run,
        wait: args
            .wait_flags
            .wait
            .then(|| args.wait_flags.timeout_or(USUAL_WAIT)),
    })
}

fn parse_lifetime(text: &str) -> Result<Lifetime> {
    text.parse()
        .with_context(|| format!("invalid lifetime {text:?}"))
}

/// The action taken on one session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// None: the session is running.
    Unchanged,
    /// The session is starting already: only wait for ready.
    WaitOnly,
    /// The session is started, and existing objects are used again.
    Start,
    /// The session is stopped and started.
    Restart,
}

impl Action {
    pub(crate) fn of(intent: &Intent, session: &Session, state: &WorkloadState) -> Self {
        let there = matches!(
            state,
            WorkloadState::Ready { .. }
                | WorkloadState::NotReady(_)
                | WorkloadState::Unrecoverable(_)
        );
        let settled =
            !is_start_requested(session) && session.spec.state != Some(DesiredState::Stopped);
        // A command that was interrupted during its wait has not written that the session is ready.
        let told = session.phase() == Some(Phase::Running);
        match (there, state) {
            (true, _) if intent.restart => Action::Restart,
            (true, WorkloadState::Ready { .. }) if settled && told => Action::Unchanged,
            (true, _) if settled => Action::WaitOnly,
            // Stopped, ended, lost or incomplete: what is missing is created.
            _ => Action::Start,
        }
    }

    /// Checks that no new values are given for a session that is left running, where they would have no effect.
    ///
    /// # Errors
    /// A running session and a value that differs from the session's own.
    pub(crate) fn check_values_apply(self, intent: &Intent, session: &Session) -> Result<()> {
        if !matches!(self, Action::Unchanged | Action::WaitOnly) {
            return Ok(());
        }
        let (wish, spec) = (&intent.start_options, &session.spec);
        let has = |(name, value): (&String, &String)| spec.parameters.get(name) == Some(value);
        let same = wish.values.from_arguments.iter().all(has)
            && wish.values.from_files.is_empty()
            && (wish.preset.is_none() || wish.preset == spec.preset)
            && wish.lifetime.is_none();
        if same {
            return Ok(());
        }
        let name = session.name();
        let error = anyhow!("cannot change values of session {name:?}: session is running");
        Err(with_hint(
            error,
            "add --restart to stop the session and start it with the new values",
        ))
    }

    /// Returns the words of the result line.
    pub(crate) fn operation(self) -> &'static str {
        match self {
            Action::Unchanged => "already running",
            Action::WaitOnly => "already starting",
            Action::Start => "started",
            Action::Restart => "restarted",
        }
    }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
