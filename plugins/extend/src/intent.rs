//! The validated request of an extension. Pure.

use std::time::Duration;

use anyhow::{Context, Result};
use session_shared::Timestamp;
use session_shared::duration::Lifetime;
use session_shared::failure::usage_error;
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::mutation_options::MutationOptions;
use session_shared::flags::pace::PaceFlags;
use session_shared::ops::session_selection::SessionSelection;
use session_shared::reconcile::status_patch::format_rfc3339;
use session_shared::report::console::Console;
use session_shared::session_batch::RUN_AGAIN;

use crate::args::Args;

/// A validated extend request.
#[derive(Clone, Debug)]
pub(crate) struct Intent {
    pub(crate) selection: SessionSelection,
    pub(crate) pace: PaceFlags,
    pub(crate) expiry: NewExpiry,
    pub(crate) mutation: MutationOptions,
    pub(crate) connection: ConnectionFlags,
}

/// The wanted expiry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NewExpiry {
    /// The present expiry plus this time.
    After(Duration),
    /// This time.
    At(Timestamp),
    /// No expiry.
    Never,
}

/// Applies the output flags and validates the command line.
///
/// # Errors
/// Usage errors, and a time that is in the past.
pub(crate) fn parse_intent(args: Args, console: &mut Console, now: Timestamp) -> Result<Intent> {
    let Args {
        selection,
        by,
        until,
        no_expiry,
        pace,
        output,
        verbosity,
        write_flags,
        connection,
    } = args;
    console.apply_flags(&verbosity);
    Ok(Intent {
        selection: selection.selection(console.input())?,
        pace,
        expiry: parse_expiry(by.as_deref(), until.as_deref(), no_expiry, now)?,
        mutation: MutationOptions::for_objects(&write_flags, &output, console)?,
        connection,
    })
}

impl Intent {
    /// Returns the remedy for the sessions that Ctrl-C leaves.
    pub(crate) fn left_hint(&self) -> &'static str {
        match self.expiry {
            NewExpiry::After(_) => {
                "extend only these: the same command would extend the others again"
            }
            _ => RUN_AGAIN,
        }
    }
}

fn parse_expiry(
    by: Option<&str>,
    until: Option<&str>,
    no_expiry: bool,
    now: Timestamp,
) -> Result<NewExpiry> {
    match (by, until, no_expiry) {
        (Some(text), None, false) => {
            let by: Lifetime = text.parse().context("invalid value of --by")?;
            let by = by.duration();
            by.map(NewExpiry::After).ok_or_else(|| {
                usage_error("--by requires a duration: use --no-expiry to remove the expiry")
            })
        }
        (None, Some(text), false) => {
            let Ok(at) = text.parse::<Timestamp>() else {
                return Err(usage_error(format!(
                    "invalid value of --until {text:?}: expected a time such as {}",
                    format_rfc3339(now + Duration::from_secs(3600))
                )));
            };
            if at <= now {
                return Err(usage_error(format!(
                    "invalid value of --until {text:?}: time is in the past"
                )));
            }
            Ok(NewExpiry::At(at))
        }
        (None, None, true) => Ok(NewExpiry::Never),
        (None, None, false) => Err(usage_error(
            "one of --by, --until and --no-expiry is required",
        )),
        _ => Err(usage_error(
            "only one of --by, --until and --no-expiry can be specified",
        )),
    }
}
