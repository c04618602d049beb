//! How long sessions are to live, complete and legal; and what that comes to for each. Pure.

use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use session_shared::Timestamp;
use session_shared::api::{Phase, Session, SessionTemplate, State};
use session_shared::client::DryRun;
use session_shared::duration::Lifetime;
use session_shared::failure::{hinted, usage};
use session_shared::ops::chosen::Which;
use session_shared::reconcile::record::rfc3339;

use crate::args::Args;

/// What is wanted.
#[derive(Clone, Debug)]
pub(crate) struct Intent {
    pub(crate) which: Which,
    pub(crate) end: End,
    pub(crate) dry_run: DryRun,
}

/// When the session is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// So much later than it would.
    Later(Duration),
    /// At this time.
    At(Timestamp),
    /// Never.
    Never,
}

/// Reads the command line.
///
/// # Errors
/// Every mistake that can be seen from here.
pub(crate) fn read(args: &Args, now: Timestamp) -> Result<Intent> {
    Ok(Intent {
        which: args.choosing.which()?,
        end: end(args, now)?,
        dry_run: args.writing.dry_run()?,
    })
}

fn end(args: &Args, now: Timestamp) -> Result<End> {
    match (&args.by, &args.until, args.no_expiry) {
        (Some(text), None, false) => {
            let by: Lifetime = text
                .parse()
                .with_context(|| format!("invalid value of --by {text:?}"))?;
            let by = by.duration();
            by.map(End::Later)
                .ok_or_else(|| usage("--by adds time: for no end say --no-expiry"))
        }
        (None, Some(text), false) => {
            let Ok(at) = text.parse::<Timestamp>() else {
                return Err(usage(format!(
                    "invalid value of --until {text:?}: a time is written as {}",
                    rfc3339(now)
                )));
            };
            if at <= now {
                return Err(usage(format!("--until {text:?} is over already")));
            }
            Ok(End::At(at))
        }
        (None, None, true) => Ok(End::Never),
        (None, None, false) => Err(usage("one of --by, --until and --no-expiry is required")),
        _ => Err(usage(
            "only one of --by, --until and --no-expiry can be specified",
        )),
    }
}

/// What becomes of one session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Extension {
    /// Its lifetime, from its start on.
    pub(crate) lifetime: Lifetime,
    /// When it expires; `None` for never.
    pub(crate) at: Option<Timestamp>,
}

/// What `end` comes to for a session; `None` where it ends then already.
///
/// # Errors
/// A session that does not run, has no end, ends later already, or would live longer than its template allows.
pub(crate) fn extension(
    session: &Session,
    template: Option<&SessionTemplate>,
    end: End,
    now: Timestamp,
) -> Result<Option<Extension>> {
    let name = session.metadata.name.as_deref().unwrap_or_default();
    let start = started(session, name)?;
    let status = session.status.as_ref();
    let expires = status.and_then(|status| status.expires_at.as_deref());
    let expires = expires.and_then(|at| at.parse::<Timestamp>().ok());
    let endless = || anyhow!("session {name:?} never expires");
    let at = match (end, expires) {
        (End::Never, None) => return Ok(None),
        (End::Never, Some(_)) => None,
        (_, None) => return Err(endless()),
        // What is over already gets its time from now on.
        (End::Later(by), Some(expires)) => Some(
            expires
                .max(now)
                .checked_add(by)
                .with_context(|| format!("the time is too long for session {name:?}"))?,
        ),
        (End::At(at), Some(expires)) if at == expires => return Ok(None),
        (End::At(at), Some(expires)) if at < expires => {
            return Err(anyhow!(
                "session {name:?} expires at {}, which is later",
                rfc3339(expires)
            ));
        }
        (End::At(at), Some(_)) => Some(at),
    };
    let lifetime = match at {
        Some(at) => Lifetime::from_seconds(at.as_second() - start.as_second())?,
        None => Lifetime::never(),
    };
    allowed(name, &lifetime, template, start)?;
    Ok(Some(Extension { lifetime, at }))
}

/// When the session was started, if its time runs.
fn started(session: &Session, name: &str) -> Result<Timestamp> {
    let status = session.status.as_ref();
    let phase = status.and_then(|status| status.phase);
    if session.spec.state == Some(State::Stopped) || phase == Some(Phase::Stopped) {
        let error = anyhow!("session {name:?} is stopped: its time begins with its next start");
        let namespace = session.metadata.namespace.as_deref().unwrap_or_default();
        let hint = format!(
            "give it another lifetime then: kubectl session start {name} -n {namespace} --expires-in DURATION"
        );
        return Err(hinted(error, hint));
    }
    let start = status.and_then(|status| status.start_time.as_deref());
    let start = start.and_then(|at| at.parse().ok());
    start.ok_or_else(|| anyhow!("session {name:?} has not been started yet"))
}

fn allowed(
    name: &str,
    lifetime: &Lifetime,
    template: Option<&SessionTemplate>,
    start: Timestamp,
) -> Result<()> {
    let said = template.and_then(|template| template.spec.lifetime.as_ref()?.maximum.as_ref());
    let Some(said) = said else { return Ok(()) };
    let maximum: Lifetime = said
        .to_string()
        .parse()
        .with_context(|| format!("invalid lifetime.maximum of the template of session {name:?}"))?;
    if !lifetime.exceeds(&maximum) {
        return Ok(());
    }
    let error = anyhow!(
        "session {name:?} would live longer than its template allows, which is {maximum} from its start"
    );
    let last = maximum
        .duration()
        .and_then(|most| start.checked_add(most).ok());
    Err(match last {
        Some(last) => hinted(error, format!("the latest is --until {}", rfc3339(last))),
        None => error,
    })
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
