//! The lifetime that an extension gives each session. Pure.

use anyhow::{Context, Result, anyhow};
use session_shared::Timestamp;
use session_shared::api::{DesiredState, Phase, Session, SessionTemplate};
use session_shared::duration::Lifetime;
use session_shared::failure::with_hint;
use session_shared::reconcile::status_patch::format_rfc3339;

use crate::intent::NewExpiry;

/// The new lifetime of one session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Extension {
    /// Lifetime, counted from the session's start; `None` leaves a session without an expiry, and only scheduled stops wait.
    pub(crate) lifetime: Option<Lifetime>,
    /// Time to which the session is extended; `None` for never.
    pub(crate) until: Option<Timestamp>,
}

/// Computes the lifetime that makes a session expire at `end`. Returns `None` if the session expires then already. With
/// `has_stops`, a session without an expiry is extended, too: its scheduled stops wait.
///
/// # Errors
/// A session that is not running, never expires, expires later already, or would exceed its template's maximum lifetime.
pub(crate) fn plan_extension(
    session: &Session,
    template: Option<&SessionTemplate>,
    end: NewExpiry,
    has_stops: bool,
    now: Timestamp,
) -> Result<Option<Extension>> {
    let name = session.name();
    let start = running_since(session, name)?;
    let expires = session.expires_at();
    let expires = expires.and_then(|at| at.parse::<Timestamp>().ok());
    let endless = || anyhow!("cannot extend session {name:?}: session never expires");
    let add = |time: Timestamp, by| {
        let end = time.checked_add(by);
        end.with_context(|| format!("cannot extend session {name:?}: time is out of range"))
    };
    let postpone = |until| {
        Ok(Some(Extension {
            lifetime: None,
            until: Some(until),
        }))
    };
    let at = match (end, expires) {
        (NewExpiry::Never, None) => return Ok(None),
        (NewExpiry::Never, Some(_)) => None,
        (NewExpiry::After(by), None) if has_stops => return postpone(add(now, by)?),
        (NewExpiry::At(at), None) if has_stops => return postpone(at),
        (_, None) => return Err(endless()),
        // A session that is over its expiry gets the time from now on.
        (NewExpiry::After(by), Some(expires)) => Some(add(expires.max(now), by)?),
        (NewExpiry::At(at), Some(expires)) if at == expires => return Ok(None),
        (NewExpiry::At(at), Some(expires)) if at < expires => {
            return Err(anyhow!(
                "cannot extend session {name:?}: session expires later already, at {}",
                format_rfc3339(expires)
            ));
        }
        (NewExpiry::At(at), Some(_)) => Some(at),
    };
    let lifetime = match at {
        Some(at) => Lifetime::from_seconds(at.as_second() - start.as_second())?,
        None => Lifetime::never(),
    };
    check_maximum(name, &lifetime, template, start)?;
    Ok(Some(Extension {
        lifetime: Some(lifetime),
        until: at,
    }))
}

/// Returns the time of the session's last start, from which its lifetime counts.
fn running_since(session: &Session, name: &str) -> Result<Timestamp> {
    let phase = session.phase();
    if session.spec.state == Some(DesiredState::Stopped) || phase == Some(Phase::Stopped) {
        let error = anyhow!("cannot extend session {name:?}: session is stopped");
        let namespace = session.namespace();
        let hint = format!(
            "set the lifetime of the next start: kubectl session start {name} -n {namespace} --expires-in DURATION"
        );
        return Err(with_hint(error, hint));
    }
    let start = session.start_time();
    let start = start.and_then(|at| at.parse().ok());
    start.ok_or_else(|| anyhow!("cannot extend session {name:?}: session has not been started yet"))
}

fn check_maximum(
    name: &str,
    lifetime: &Lifetime,
    template: Option<&SessionTemplate>,
    start: Timestamp,
) -> Result<()> {
    let said = template.and_then(|template| template.spec.lifetime.as_ref()?.maximum.as_ref());
    let Some(said) = said else { return Ok(()) };
    let maximum: Lifetime = said.to_string().parse().with_context(|| {
        format!("cannot extend session {name:?}: invalid lifetime.maximum of its template")
    })?;
    if !lifetime.exceeds(&maximum) {
        return Ok(());
    }
    let error = anyhow!(
        "cannot extend session {name:?}: maximum lifetime of its template is {maximum} from the start"
    );
    let last = maximum
        .duration()
        .and_then(|most| start.checked_add(most).ok());
    Err(match last {
        Some(last) => with_hint(
            error,
            format!(
                "use the latest time allowed: --until {}",
                format_rfc3339(last)
            ),
        ),
        None => error,
    })
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
