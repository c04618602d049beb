//! What is to be started, complete and legal; and what is to be done with each session. Pure.

use std::io::BufRead;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use session_shared::api::{Phase, Session, State};
use session_shared::client::DryRun;
use session_shared::duration::Lifetime;
use session_shared::failure::{hinted, usage};
use session_shared::ops::chosen::Which;
use session_shared::ops::manner::Manner;
use session_shared::ops::starting::Wish;
use session_shared::reconcile::{Seen, is_start_asked};

use crate::args::Args;

/// How long `start` waits when it is not told.
const USUAL_WAIT: Duration = Duration::from_secs(300);

/// What is wanted.
#[derive(Clone, Debug)]
pub(crate) struct Intent {
    pub(crate) which: Which,
    pub(crate) wish: Wish,
    pub(crate) restart: bool,
    /// How a restart stops.
    pub(crate) manner: Manner,
    pub(crate) yes: bool,
    pub(crate) dry_run: DryRun,
    /// How long to wait; `None` does not.
    pub(crate) wait: Option<Duration>,
}

/// Reads the command line and the files it names.
///
/// # Errors
/// Every mistake that can be seen from here.
pub(crate) fn read(args: &Args, input: &mut dyn BufRead) -> Result<Intent> {
    let which = args.choosing.which()?;
    if args.trust_manifest && matches!(which, Which::Selected(_)) {
        return Err(usage(
            "--trust-manifest is a word about one manifest: it needs a NAME",
        ));
    }
    let dry_run = args.writing.dry_run()?;
    Ok(Intent {
        which,
        wish: Wish {
            assigned: args.values.assigned(None, input)?,
            preset: args.preset.clone(),
            lifetime: args.expires_in.as_deref().map(lifetime).transpose()?,
            use_existing: args.existing.objects()?,
            trust_manifest: args.trust_manifest,
            skip_checks: args.skip_checks,
        },
        restart: args.restart,
        manner: Manner::before_start(args.waiting.given(), args.skip_sync),
        yes: args.yes,
        dry_run,
        wait: args.waiting.wait.then(|| args.waiting.limit(USUAL_WAIT)),
    })
}

fn lifetime(text: &str) -> Result<Lifetime> {
    text.parse()
        .with_context(|| format!("invalid lifetime {text:?}"))
}

/// What is done with a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    /// Nothing: it runs.
    Nothing,
    /// It comes up already: that is waited for.
    Wait,
    /// It is started, whatever there is of it.
    Start,
    /// It is stopped and started.
    Restart,
}

impl Deed {
    pub(crate) fn of(intent: &Intent, session: &Session, seen: &Seen) -> Self {
        let there = matches!(
            seen,
            Seen::Ready { .. } | Seen::NotReady(_) | Seen::Hopeless(_)
        );
        let settled = !is_start_asked(session) && session.spec.state != Some(State::Stopped);
        // A run that was cut off while it waited has not written down that it is ready.
        let told = session.status.as_ref().and_then(|status| status.phase) == Some(Phase::Running);
        match (there, seen) {
            (true, _) if intent.restart => Deed::Restart,
            (true, Seen::Ready { .. }) if settled && told => Deed::Nothing,
            (true, _) if settled => Deed::Wait,
            // Stopped, ended, lost or left half made: what is missing is made.
            _ => Deed::Start,
        }
    }

    /// Values for a session that runs would be forgotten: an error, unless it has them already.
    ///
    /// # Errors
    /// When it has not.
    pub(crate) fn heeds(self, intent: &Intent, session: &Session) -> Result<()> {
        if !matches!(self, Deed::Nothing | Deed::Wait) {
            return Ok(());
        }
        let (wish, spec) = (&intent.wish, &session.spec);
        let has = |(name, value): (&String, &String)| spec.parameters.get(name) == Some(value);
        let same = wish.assigned.set.iter().all(has)
            && wish.assigned.files.is_empty()
            && (wish.preset.is_none() || wish.preset == spec.preset)
            && wish.lifetime.is_none();
        if same {
            return Ok(());
        }
        let name = session.metadata.name.as_deref().unwrap_or_default();
        let error = anyhow!("session {name:?} runs, and takes new values only when it is started");
        Err(hinted(error, "stop it and start it with them: --restart"))
    }

    /// The word of the line that is printed.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Deed::Nothing => "already running",
            Deed::Wait => "already starting",
            Deed::Start => "started",
            Deed::Restart => "restarted",
        }
    }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
