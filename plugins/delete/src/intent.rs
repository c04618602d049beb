//! What is to be deleted, complete and legal.

use std::time::Duration;

use anyhow::Result;
use session_shared::failure::usage;
use session_shared::flags::selection::session_name;
use session_shared::flags::writing::DryRun;
use session_shared::names::SessionName;

use crate::args::Args;

/// How long `delete` waits when it is not told: a sync hook may take five minutes, a Pod's grace period some more.
const USUAL_WAIT: Duration = Duration::from_secs(600);

/// Which sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    /// These, each once.
    Named(Vec<SessionName>),
    /// What the selector finds; an empty one finds all.
    Selected(String),
}

/// What is to be done.
#[derive(Clone, Debug)]
pub(crate) struct Intent {
    pub(crate) which: Which,
    pub(crate) skip_sync: bool,
    pub(crate) delete_data: bool,
    pub(crate) ignore_not_found: bool,
    pub(crate) yes: bool,
    pub(crate) interactive: bool,
    pub(crate) dry_run: DryRun,
    /// Whether to wait until everything is gone.
    pub(crate) wait: bool,
    /// How long.
    pub(crate) limit: Duration,
}

/// Reads the command line.
///
/// # Errors
/// In kubectl's words.
pub(crate) fn read(args: &Args) -> Result<Intent> {
    let selected = !args.selector.is_empty();
    let which = match (args.names.is_empty(), selected, args.all) {
        (false, true, _) => {
            return Err(usage(
                "name cannot be provided when a selector is specified",
            ));
        }
        (false, false, true) => {
            return Err(usage("setting 'all' parameter but found a non empty name"));
        }
        (true, true, true) => {
            return Err(usage("cannot set --all and --selector at the same time"));
        }
        (true, false, false) => {
            return Err(usage(
                "at least one NAME is required, or --all, or --selector",
            ));
        }
        (true, ..) => Which::Selected(args.selector.clone()),
        (false, false, false) => Which::Named(names(&args.names)?),
    };
    Ok(Intent {
        which,
        skip_sync: args.skip_sync,
        delete_data: args.delete_data,
        ignore_not_found: args.ignore_not_found || args.names.is_empty(),
        yes: args.yes,
        interactive: args.interactive,
        dry_run: args.writing.dry_run()?,
        wait: args.waiting.wait,
        limit: args.waiting.limit(USUAL_WAIT),
    })
}

/// Names as `list -o name` prints them are taken, too.
fn names(words: &[String]) -> Result<Vec<SessionName>> {
    let mut names: Vec<SessionName> = Vec::new();
    for word in words {
        let name = session_name(word)?;
        if !names.contains(&name) {
            names.push(name);
        }
    }
    Ok(names)
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
    fn names_are_taken_in_every_form_and_once() {
        let Which::Named(names) = intent("a session/b session.streaming.platform/a")
            .unwrap()
            .which
        else {
            panic!("no names")
        };
        assert_eq!(
            names.iter().map(SessionName::as_str).collect::<Vec<_>>(),
            ["a", "b"]
        );
    }

    #[test]
    fn names_selectors_and_all_exclude_each_other() {
        for (line, text) in [
            ("", "at least one NAME is required, or --all, or --selector"),
            (
                "a -l x=y",
                "name cannot be provided when a selector is specified",
            ),
            (
                "a --all",
                "setting 'all' parameter but found a non empty name",
            ),
            (
                "--all -l x=y",
                "cannot set --all and --selector at the same time",
            ),
            (
                "pod/a",
                "the resource type \"pod\" is not a session: \"pod/a\"",
            ),
        ] {
            assert_eq!(intent(line).unwrap_err().to_string(), text, "{line:?}");
        }
    }

    #[test]
    fn a_selection_that_finds_nothing_is_no_error() {
        assert!(intent("--all").unwrap().ignore_not_found);
        assert!(!intent("a").unwrap().ignore_not_found);
    }
}
