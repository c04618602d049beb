//! The validated request of a stop. Pure.

use anyhow::Result;
use session_shared::api::{DesiredState, Phase, Session};
use session_shared::client::DryRun;
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::mutation_options::MutationOptions;
use session_shared::flags::pace::PaceFlags;
use session_shared::flags::trust_manifest::TrustFlags;
use session_shared::objects::access::Access;
use session_shared::ops::session_selection::SessionSelection;
use session_shared::ops::stop_options::StopOptions;
use session_shared::reconcile::{Teardown, teardown_accesses};
use session_shared::report::console::Console;

use crate::args::Args;

/// A validated stop request.
#[derive(Clone, Debug)]
pub(crate) struct Intent {
    pub(crate) selection: SessionSelection,
    pub(crate) pace: PaceFlags,
    pub(crate) stop_options: StopOptions,
    /// True if an extended session is stopped only when its extension is over.
    pub(crate) after_extension: bool,
    /// Digest of hooks that are trusted.
    pub(crate) known_hooks: Option<String>,
    pub(crate) yes: bool,
    pub(crate) trust: TrustFlags,
    pub(crate) mutation: MutationOptions,
    pub(crate) connection: ConnectionFlags,
}

/// Applies the output flags and validates the command line.
///
/// # Errors
/// Usage errors, worded as kubectl words them.
pub(crate) fn parse_intent(args: Args, console: &mut Console) -> Result<Intent> {
    let Args {
        selection,
        skip_sync,
        after_extension,
        known_hooks,
        yes,
        trust,
        pace,
        output,
        verbosity,
        write_flags,
        wait_flags,
        connection,
    } = args;
    console.apply_flags(&verbosity);
    Ok(Intent {
        selection: selection.selection(console.input())?,
        pace,
        after_extension,
        known_hooks,
        stop_options: StopOptions::new(wait_flags.wait, wait_flags.given(), skip_sync),
        yes,
        trust,
        mutation: MutationOptions::for_objects(&write_flags, &output, console)?,
        connection,
    })
}

impl Intent {
    /// Returns the access rights that a stop of `session` needs; none for a dry run or a session that is stopped already.
    pub(crate) fn needed_accesses(&self, session: &Session) -> Vec<Access> {
        let phase = session.phase();
        let stopped = session.spec.state == Some(DesiredState::Stopped)
            && matches!(phase, Some(Phase::Stopped | Phase::Failed));
        if stopped || self.mutation.dry_run != DryRun::None {
            return Vec::new();
        }
        let skip_sync = self.stop_options.skip_sync;
        teardown_accesses(
            session,
            Teardown::Stop { skip_sync },
            self.stop_options.wait,
        )
    }
}
