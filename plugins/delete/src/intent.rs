//! The validated request of a deletion. Pure.

use anyhow::Result;
use session_shared::api::{DataPolicy, Session};
use session_shared::client::DryRun;
use session_shared::failure::usage_error;
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::mutation_options::MutationOptions;
use session_shared::flags::pace::PaceFlags;
use session_shared::flags::trust_manifest::TrustFlags;
use session_shared::objects::access::Access;
use session_shared::ops::session_selection::SessionSelection;
use session_shared::ops::snapshot_plan::parse_class_name;
use session_shared::ops::stop_options::StopOptions;
use session_shared::reconcile::{Teardown, teardown_accesses};
use session_shared::report::console::Console;

use crate::args::Args;

/// A validated delete request.
#[derive(Clone, Debug)]
pub(crate) struct Intent {
    pub(crate) selection: SessionSelection,
    pub(crate) pace: PaceFlags,
    pub(crate) stop_options: StopOptions,
    /// Data policy that overrides those of the sessions.
    pub(crate) data_policy: Option<DataPolicy>,
    /// VolumeSnapshotClass of the snapshot; `None` for the default of the driver.
    pub(crate) snapshot_class: Option<String>,
    pub(crate) ignore_not_found: bool,
    pub(crate) yes: bool,
    pub(crate) interactive: bool,
    pub(crate) trust: TrustFlags,
    pub(crate) mutation: MutationOptions,
    pub(crate) connection: ConnectionFlags,
}

impl Intent {
    /// Returns the access rights that a deletion of `session` needs; none for a dry run.
    pub(crate) fn needed_accesses(&self, session: &Session) -> Vec<Access> {
        if self.mutation.dry_run != DryRun::None {
            return Vec::new();
        }
        let mut session = session.clone();
        session.spec.data_policy = self.data_policy.or(session.spec.data_policy);
        let skip_sync = self.stop_options.skip_sync;
        teardown_accesses(
            &session,
            Teardown::Delete { skip_sync },
            self.stop_options.wait,
        )
    }
}

/// Applies the output flags and validates the command line.
///
/// # Errors
/// Usage errors, worded as kubectl words them.
pub(crate) fn parse_intent(args: Args, console: &mut Console) -> Result<Intent> {
    let Args {
        selection,
        skip_sync,
        keep_data,
        snapshot_data,
        delete_data,
        class,
        ignore_not_found,
        yes,
        interactive,
        trust,
        pace,
        output,
        verbosity,
        write_flags,
        wait_flags,
        connection,
    } = args;
    console.apply_flags(&verbosity);
    let selection = selection.selection(console.input())?;
    // A session of the roster that is gone is passed over, so that a second run ends as the first.
    let is_named = matches!(selection, SessionSelection::ByName(_));
    Ok(Intent {
        selection,
        pace,
        stop_options: StopOptions::new(wait_flags.wait, wait_flags.given(), skip_sync),
        data_policy: parse_data_policy(keep_data, snapshot_data, delete_data)?,
        snapshot_class: parse_class_name(class.as_deref())?,
        ignore_not_found: ignore_not_found || !is_named,
        yes,
        interactive,
        trust,
        mutation: MutationOptions::for_names(&write_flags, &output, console)?,
        connection,
    })
}

fn parse_data_policy(keep: bool, snapshot: bool, delete: bool) -> Result<Option<DataPolicy>> {
    let given = [
        (keep, "--keep-data", DataPolicy::Keep),
        (snapshot, "--snapshot-data", DataPolicy::Snapshot),
        (delete, "--delete-data", DataPolicy::Delete),
    ];
    let mut given = given.into_iter().filter(|(given, ..)| *given);
    match (given.next(), given.next()) {
        (Some((_, flag, _)), Some((_, other, _))) => Err(usage_error(format!(
            "{flag} and {other} cannot be given together"
        ))),
        (Some((.., policy)), None) => Ok(Some(policy)),
        (None, _) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    fn intent(line: &str) -> Result<Intent> {
        let words = std::iter::once("delete").chain(line.split_whitespace());
        let (mut console, _) = Console::for_test("", false);
        parse_intent(Args::parse_from(words), &mut console)
    }

    #[test]
    fn a_selection_that_finds_nothing_is_no_error() {
        assert!(intent("--all").unwrap().ignore_not_found);
        assert!(!intent("a").unwrap().ignore_not_found);
    }

    #[test]
    fn one_word_about_data_and_no_more() {
        assert_eq!(intent("a").unwrap().data_policy, None);
        let policy = intent("a --snapshot-data").unwrap().data_policy;
        assert_eq!(policy, Some(DataPolicy::Snapshot));
        assert!(intent("a --keep-data --delete-data").is_err());
    }
}
