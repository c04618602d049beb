//! What is to be deleted, complete and legal. Pure.

use std::time::Duration;

use anyhow::Result;
use session_shared::flags::choice::Which;
use session_shared::flags::writing::DryRun;
use session_shared::lifecycle::stopping::Manner;

use crate::args::Args;

/// How long `delete` waits when it is not told: a sync hook may take five minutes, a Pod's grace period some more.
const USUAL_WAIT: Duration = Duration::from_secs(600);

/// What is to be done.
#[derive(Clone, Debug)]
pub(crate) struct Intent {
    pub(crate) which: Which,
    pub(crate) manner: Manner,
    pub(crate) delete_data: bool,
    pub(crate) ignore_not_found: bool,
    pub(crate) yes: bool,
    pub(crate) interactive: bool,
    pub(crate) dry_run: DryRun,
}

/// Reads the command line.
///
/// # Errors
/// In kubectl's words.
pub(crate) fn read(args: &Args) -> Result<Intent> {
    Ok(Intent {
        which: args.choosing.which()?,
        manner: Manner {
            skip_sync: args.skip_sync,
            wait: args.waiting.wait,
            limit: args.waiting.limit(USUAL_WAIT),
        },
        delete_data: args.delete_data,
        ignore_not_found: args.ignore_not_found || args.choosing.names.is_empty(),
        yes: args.yes,
        interactive: args.interactive,
        dry_run: args.writing.dry_run()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    fn intent(line: &str) -> Result<Intent> {
        read(
            &Args::try_parse_from(std::iter::once("delete").chain(line.split_whitespace()))
                .unwrap(),
        )
    }

    #[test]
    fn a_selection_that_finds_nothing_is_no_error() {
        assert!(intent("--all").unwrap().ignore_not_found);
        assert!(!intent("a").unwrap().ignore_not_found);
    }
}
