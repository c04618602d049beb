//! The validated request of a start.

use std::time::Duration;

use anyhow::{Context, Result};
use session_shared::duration::Lifetime;
use session_shared::failure::usage_error;
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::mutation_options::MutationOptions;
use session_shared::flags::pace::PaceFlags;
use session_shared::flags::trust_manifest::TrustFlags;
use session_shared::ops::room_wait::RoomLimit;
use session_shared::ops::session_selection::SessionSelection;
use session_shared::ops::start_plan::StartOptions;
use session_shared::ops::stop_options::StopOptions;
use session_shared::report::console::Console;

use crate::args::{Args, USUAL_WAIT};

/// A validated start request.
#[derive(Clone, Debug)]
pub(crate) struct Intent {
    pub(crate) selection: SessionSelection,
    pub(crate) pace: PaceFlags,
    pub(crate) start_options: StartOptions,
    /// How long a start waits for room; `None` to be refused without it.
    pub(crate) room: Option<RoomLimit>,
    pub(crate) restart: bool,
    /// Options of the stop of a restart.
    pub(crate) stop_options: StopOptions,
    pub(crate) yes: bool,
    pub(crate) trust: TrustFlags,
    /// Digest of what a start runs that is trusted.
    pub(crate) known_values: Option<String>,
    pub(crate) mutation: MutationOptions,
    /// Timeout of the wait for ready; `None` does not wait.
    pub(crate) wait: Option<Duration>,
    pub(crate) connection: ConnectionFlags,
}

/// Applies the output flags, validates the command line and reads the files it names.
///
/// # Errors
/// Usage errors, unreadable files and invalid values.
pub(crate) fn parse_intent(args: Args, console: &mut Console) -> Result<Intent> {
    let Args {
        selection,
        values,
        expires_in,
        existing,
        restart,
        skip_sync,
        yes,
        trust_manifest,
        known_values,
        skip_checks,
        pace,
        output,
        verbosity,
        write_flags,
        wait_flags,
        room_flags,
        connection,
    } = args;
    console.apply_flags(&verbosity);
    let selection = selection.selection(console.input())?;
    if trust_manifest && !matches!(selection, SessionSelection::ByName(_)) {
        return Err(usage_error(
            "--trust-manifest requires a NAME, and cannot be used with --all or --selector",
        ));
    }
    let mutation = MutationOptions::for_objects(&write_flags, &output, console)?;
    let room = room_flags.limit(mutation.dry_run)?;
    Ok(Intent {
        selection,
        pace,
        start_options: StartOptions {
            values: values.read_values(None, console.input())?,
            preset: values.preset,
            lifetime: expires_in.as_deref().map(parse_lifetime).transpose()?,
            use_existing: existing.objects()?,
            trust_manifest,
            skip_checks,
            waits_for_room: room.is_some(),
        },
        room,
        restart,
        stop_options: StopOptions::for_restart(wait_flags.given(), skip_sync),
        yes,
        trust: TrustFlags { trust_manifest },
        known_values,
        mutation,
        wait: wait_flags.wait.then(|| wait_flags.timeout_or(USUAL_WAIT)),
        connection,
    })
}

fn parse_lifetime(text: &str) -> Result<Lifetime> {
    text.parse().context("invalid value of --expires-in")
}
