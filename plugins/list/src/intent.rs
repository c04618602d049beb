//! The validated command line of `list`.

use anyhow::{Result, bail};
use session_shared::failure::usage_error;
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::list::ListScopeFlags;
use session_shared::flags::non_empty;
use session_shared::flags::output::ListOutputFlags;
use session_shared::flags::session_selection::SelectionFlags;
use session_shared::labels;
use session_shared::names::SessionName;
use session_shared::ops::session_selection::{RosterSelection, SessionQuery, SessionSelection};
use session_shared::report::console::Console;
use session_shared::report::format::Format;
use session_shared::verb::command_line::TYPE_WORDS;

use crate::args::Args;

/// The validated command line.
#[derive(Debug)]
pub(crate) struct Intent {
    /// Names of sessions; empty means all.
    pub(crate) names: Vec<SessionName>,
    /// Conditions that sessions meet; of sessions that are named, none.
    pub(crate) query: SessionQuery,
    /// The roster that names the sessions.
    pub(crate) roster: Option<RosterSelection>,
    pub(crate) all_namespaces: bool,
    /// Label selectors for the server, whose results are combined.
    pub(crate) label_selectors: Vec<String>,
    pub(crate) field_selector: String,
    pub(crate) chunk_size: u32,
    /// Label selector of kept data; `None` unless kept data is listed.
    pub(crate) kept_selector: Option<String>,
    pub(crate) watch: bool,
    pub(crate) ignore_not_found: bool,
    pub(crate) format: Format,
    /// Columns and order of the table.
    pub(crate) output: ListOutputFlags,
    pub(crate) connection: ConnectionFlags,
}

impl Intent {
    /// Returns true for `-o wide`.
    pub(crate) fn is_wide(&self) -> bool {
        matches!(self.format, Format::Text { wide: true })
    }

    /// Returns the names as texts.
    pub(crate) fn name_texts(&self) -> Vec<&str> {
        self.names.iter().map(SessionName::as_str).collect()
    }

    /// Returns the path to sort by, if one is given.
    pub(crate) fn sort_by(&self) -> Option<&str> {
        non_empty(&self.output.sort_by)
    }
}

/// Applies the output flags and validates the command line.
///
/// # Errors
/// Usage errors, with kubectl's messages where kubectl has the same check.
pub(crate) fn parse_intent(args: Args, console: &mut Console) -> Result<Intent> {
    let Args {
        selection,
        kept,
        watch,
        ignore_not_found,
        scope,
        output,
        verbosity,
        connection,
    } = args;
    console.apply_flags(&verbosity);
    let (names, query, roster) = read_selection(selection, console)?;
    let ListScopeFlags {
        all_namespaces,
        field_selector,
        chunk_size,
    } = scope;
    let field_selector = field_selector.unwrap_or_default();
    check_scope(all_namespaces, &field_selector, &names, roster.is_some())?;
    if kept {
        check_kept(watch, &query, roster.is_some(), &field_selector)?;
    }
    Ok(Intent {
        kept_selector: kept.then(|| kept_data_selector(&names, &query)),
        label_selectors: label_selectors(&query),
        names,
        query,
        roster,
        all_namespaces,
        field_selector,
        chunk_size,
        watch,
        ignore_not_found,
        format: Format::from_list_flags(&output)?,
        output,
        connection,
    })
}

impl Intent {
    /// Leaves out the rows of other namespaces, if a roster names the sessions. Returns a note about them.
    ///
    /// # Errors
    /// No row is left.
    pub(crate) fn keep_namespace(&mut self, namespace: &str) -> Result<Option<String>> {
        let Some(roster) = &mut self.roster else {
            return Ok(None);
        };
        let note = roster.keep_namespace(namespace)?;
        let sessions = roster.sessions.iter();
        self.names = sessions.map(|session| session.name.clone()).collect();
        Ok(note)
    }
}

/// Reads the selection: the names, of a roster those in it, or else the conditions of sessions.
///
/// # Errors
/// Flags that exclude each other; an invalid name, phase or roster.
fn read_selection(
    mut flags: SelectionFlags,
    console: &mut Console,
) -> Result<(Vec<SessionName>, SessionQuery, Option<RosterSelection>)> {
    // `list sessions` is kubectl's `get sessions`; a session of such a name is `session/sessions`.
    if let [only] = flags.names.as_slice()
        && TYPE_WORDS.contains(&only.as_str())
    {
        flags.names.clear();
    }
    Ok(match flags.selection_or_all(console.input())? {
        SessionSelection::ByName(names) => (names, SessionQuery::default(), None),
        SessionSelection::BySelector(query) => (Vec::new(), query, None),
        SessionSelection::ByRoster(roster) => {
            let names = roster.sessions.iter().map(|session| session.name.clone());
            (names.collect(), SessionQuery::default(), Some(roster))
        }
    })
}

/// Checks that sessions that are named are neither looked for in all namespaces nor selected by their fields.
///
/// # Errors
/// They are.
fn check_scope(
    all_namespaces: bool,
    field_selector: &str,
    names: &[SessionName],
    has_roster: bool,
) -> Result<()> {
    if all_namespaces && has_roster {
        return Err(usage_error(
            "--roster and --all-namespaces cannot be specified together: name the namespaces in the roster",
        ));
    }
    if all_namespaces && !names.is_empty() {
        bail!("a resource cannot be retrieved by name across all namespaces");
    }
    if !field_selector.is_empty() && !names.is_empty() {
        return Err(usage_error(
            "name cannot be provided when a selector is specified",
        ));
    }
    Ok(())
}

/// Checks that no flag comes with `--kept` that only sessions have.
///
/// # Errors
/// The first such flag.
fn check_kept(
    watch: bool,
    query: &SessionQuery,
    has_roster: bool,
    field_selector: &str,
) -> Result<()> {
    let only_sessions = [
        (watch, "--watch"),
        (!query.phases.is_empty(), "--phase"),
        (has_roster, "--roster"),
        (!field_selector.is_empty(), "--field-selector"),
    ];
    match only_sessions.iter().find(|(given, _)| *given) {
        Some((_, flag)) => Err(usage_error(format!(
            "--kept and {flag} cannot be given together"
        ))),
        None => Ok(()),
    }
}

/// Returns the label selector of the data of sessions.
fn kept_data_selector(names: &[SessionName], query: &SessionQuery) -> String {
    let mut parts = vec![format!("{}={}", labels::MANAGED_BY, labels::MANAGER)];
    let names: Vec<&str> = names.iter().map(SessionName::as_str).collect();
    parts.push(labels::session_selector(&names));
    if let Some(owner) = &query.user_id {
        let value = labels::to_label_value(owner.as_str());
        parts.push(format!("{}={value}", labels::USER));
    }
    parts.extend((!query.selector.is_empty()).then(|| query.selector.clone()));
    parts.join(",")
}

/// Returns the label selectors of a query. Sessions of an owner carry a label made from the owner's user ID, unless they were created
/// by `kubectl apply`: those are found by spec.userId among the sessions without the label.
fn label_selectors(query: &SessionQuery) -> Vec<String> {
    let selector = &query.selector;
    let Some(owner) = &query.user_id else {
        return vec![selector.clone()];
    };
    let and = |condition: String| match selector.is_empty() {
        true => condition,
        false => format!("{selector},{condition}"),
    };
    let value = labels::to_label_value(owner.as_str());
    vec![
        and(format!("{}={value}", labels::USER)),
        and(format!("!{}", labels::USER)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    fn intent(line: &str) -> Result<Intent> {
        let words = std::iter::once("list").chain(line.split_whitespace());
        let (mut console, _) = Console::for_test("", false);
        parse_intent(Args::parse_from(words), &mut console)
    }

    #[test]
    fn an_owner_is_looked_for_with_and_without_the_label() {
        let found = intent("--user-id alice -l a=b").unwrap().label_selectors;
        assert_eq!(found[0], "a=b,streaming.platform/user=alice");
        assert_eq!(found[1], "a=b,!streaming.platform/user");
        assert_eq!(intent("").unwrap().label_selectors.len(), 1);
    }

    #[test]
    fn kept_data_is_selected_by_the_labels_that_data_carries() {
        let kept = |line: &str| intent(line).unwrap().kept_selector.unwrap();
        let ours = "app.kubernetes.io/managed-by=kubectl-session,streaming.platform/session";
        assert_eq!(kept("--kept"), ours);
        assert_eq!(
            kept("--kept --user-id alice -l a=b"),
            format!("{ours},streaming.platform/user=alice,a=b")
        );
        assert_eq!(kept("--kept alice bob"), format!("{ours} in (alice,bob)"));
    }

    #[test]
    fn mistakes_are_said_before_anything_is_asked() {
        for (line, text) in [
            (
                "-A alice",
                "a resource cannot be retrieved by name across all namespaces",
            ),
            (
                "alice -l a=b",
                "name cannot be provided when a selector is specified",
            ),
            (
                "--kept --watch",
                "--kept and --watch cannot be given together",
            ),
            (
                "--phase broken",
                "invalid --phase \"broken\": must be one of pending, running, stopped, terminating, failed",
            ),
        ] {
            assert_eq!(intent(line).unwrap_err().to_string(), text, "{line:?}");
        }
        assert!(
            intent("-o bogus")
                .unwrap_err()
                .to_string()
                .contains("unable to match a printer")
        );
    }
}
