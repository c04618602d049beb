//! The validated command line of `list`.

use anyhow::{Result, bail};
use session_shared::api::Phase;
use session_shared::failure::usage_error;
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::list::parse_session_name;
use session_shared::flags::non_empty;
use session_shared::flags::output::ListOutputFlags;
use session_shared::labels;
use session_shared::names::{SessionName, UserId};
use session_shared::report::console::Console;
use session_shared::report::format::Format;
use session_shared::verb::command_line::TYPE_WORDS;

use crate::args::Args;

/// The validated command line.
#[derive(Debug)]
pub(crate) struct Intent {
    /// Names of sessions; empty means all.
    pub(crate) names: Vec<SessionName>,
    pub(crate) all_namespaces: bool,
    /// Selections for the server, whose results are combined.
    pub(crate) selections: Vec<OwnerSelection>,
    pub(crate) field_selector: String,
    pub(crate) chunk_size: u32,
    /// Phases to list, as computed from the Pods; empty means all.
    pub(crate) phases: Vec<Phase>,
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
    /// Returns the owner whose sessions are listed; `None` means all.
    pub(crate) fn owner(&self) -> Option<&UserId> {
        self.selections
            .iter()
            .find_map(|selection| selection.owner.as_ref())
    }

    /// Returns true for `-o wide`.
    pub(crate) fn is_wide(&self) -> bool {
        matches!(self.format, Format::Text { wide: true })
    }

    /// Returns the path to sort by, if one is given.
    pub(crate) fn sort_by(&self) -> Option<&str> {
        non_empty(&self.output.sort_by)
    }
}

/// A label selector, with the owner by which its results are filtered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OwnerSelection {
    pub(crate) labels: String,
    pub(crate) owner: Option<UserId>,
}

/// Applies the output flags and validates the command line.
///
/// # Errors
/// Usage errors, with kubectl's messages where kubectl has the same check.
pub(crate) fn parse_intent(args: Args, console: &mut Console) -> Result<Intent> {
    let Args {
        names,
        user_id,
        phase,
        kept,
        watch,
        ignore_not_found,
        selecting,
        output,
        verbosity,
        connection,
    } = args;
    // `list sessions` is kubectl's `get sessions`; a session of such a name is `session/sessions`.
    let names = match names.as_slice() {
        [only] if TYPE_WORDS.contains(&only.as_str()) => Vec::new(),
        _ => names,
    };
    console.apply_flags(&verbosity);
    let all_namespaces = selecting.all_namespaces;
    if all_namespaces && !names.is_empty() {
        bail!("a resource cannot be retrieved by name across all namespaces");
    }
    let (selector, field_selector) = (selecting.label_selector(), selecting.field_selector());
    let selects = !selector.is_empty() || !field_selector.is_empty();
    if selects && !names.is_empty() {
        return Err(usage_error(
            "name cannot be provided when a selector is specified",
        ));
    }
    if kept {
        let only_sessions = [
            (watch, "--watch"),
            (!phase.is_empty(), "--phase"),
            (!field_selector.is_empty(), "--field-selector"),
        ];
        if let Some((_, flag)) = only_sessions.iter().find(|(given, _)| *given) {
            return Err(usage_error(format!(
                "--kept and {flag} cannot be given together"
            )));
        }
    }
    let names = names.iter().map(|name| parse_session_name(name));
    let names = names.collect::<Result<Vec<SessionName>>>()?;
    let kept_selector = || kept_data_selector(&names, user_id.as_deref(), selector);
    Ok(Intent {
        kept_selector: kept.then(kept_selector).transpose()?,
        names,
        all_namespaces,
        selections: owner_selections(selector, user_id.as_deref())?,
        field_selector: field_selector.to_owned(),
        chunk_size: selecting.chunk_size,
        phases: phase
            .iter()
            .map(|word| parse_phase(word))
            .collect::<Result<_>>()?,
        watch,
        ignore_not_found,
        format: Format::from_list_flags(&output)?,
        output,
        connection,
    })
}

/// Returns the label selector of the data of sessions.
fn kept_data_selector(
    names: &[SessionName],
    user_id: Option<&str>,
    selector: &str,
) -> Result<String> {
    let mut parts = vec![format!("{}={}", labels::MANAGED_BY, labels::MANAGER)];
    let names: Vec<&str> = names.iter().map(SessionName::as_str).collect();
    parts.push(labels::session_selector(&names));
    if let Some(user_id) = user_id {
        let owner: UserId = user_id.parse()?;
        let value = labels::to_label_value(owner.as_str());
        parts.push(format!("{}={value}", labels::USER));
    }
    parts.extend((!selector.is_empty()).then(|| selector.to_owned()));
    Ok(parts.join(","))
}

/// Returns the selections of the flags. Sessions of an owner carry a label made from the owner's user ID, unless they were created by
/// `kubectl apply`: those are found by spec.userId among the sessions without the label.
fn owner_selections(selector: &str, user_id: Option<&str>) -> Result<Vec<OwnerSelection>> {
    let Some(user_id) = user_id else {
        return Ok(vec![OwnerSelection {
            labels: selector.to_owned(),
            owner: None,
        }]);
    };
    let owner: UserId = user_id.parse()?;
    let and = |condition: String| {
        if selector.is_empty() {
            condition
        } else {
            format!("{selector},{condition}")
        }
    };
    let labelled = and(format!(
        "{}={}",
        labels::USER,
        labels::to_label_value(owner.as_str())
    ));
    let bare = and(format!("!{}", labels::USER));
    Ok([labelled, bare]
        .map(|labels| OwnerSelection {
            labels,
            owner: Some(owner.clone()),
        })
        .to_vec())
}

fn parse_phase(word: &str) -> Result<Phase> {
    match Phase::ALL.into_iter().find(|phase| phase.as_str() == word) {
        Some(phase) => Ok(phase),
        None => {
            let words: Vec<&str> = Phase::ALL.iter().map(|phase| phase.as_str()).collect();
            bail!(
                "invalid --phase {word:?}: must be one of {}",
                words.join(", ")
            )
        }
    }
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
        let found = intent("--user-id alice -l a=b").unwrap().selections;
        assert_eq!(found[0].labels, "a=b,streaming.platform/user=alice");
        assert_eq!(found[1].labels, "a=b,!streaming.platform/user");
        assert_eq!(intent("").unwrap().selections.len(), 1);
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
