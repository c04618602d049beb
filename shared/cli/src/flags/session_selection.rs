//! Flags that select the sessions of a command: names, a label selector, or all.

use anyhow::Result;
use clap::Args;

use super::list::parse_session_name;
use super::non_empty;
use session_model::failure::usage_error;
use session_model::names::SessionName;
use session_ops::selected_sessions::SessionSelection;

/// Flags and arguments of verbs that act on several sessions.
#[derive(Args, Clone, Debug, Default)]
pub struct SelectionFlags {
    /// Names of the sessions; session/NAME and the output of -o name are accepted, too
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,

    /// If true, select all sessions of the namespace
    #[arg(help_heading = "Selection", long)]
    pub all: bool,

    /// Label selector of the sessions (-l key1=value1,key2=value2); supports =, ==, !=, in and notin
    #[arg(help_heading = "Selection", short = 'l', long, value_name = "QUERY")]
    pub selector: Option<String>,
}

impl SelectionFlags {
    /// Reads the flags.
    ///
    /// # Errors
    /// kubectl's usage errors for no selection and for more than one, and an invalid name.
    pub fn selection(&self) -> Result<SessionSelection> {
        let selector = non_empty(&self.selector);
        match (self.names.is_empty(), selector.is_some(), self.all) {
            (false, true, _) => Err(usage_error(
                "name cannot be provided when a selector is specified",
            )),
            (false, false, true) => Err(usage_error(
                "setting 'all' parameter but found a non empty name",
            )),
            (true, true, true) => Err(usage_error(
                "cannot set --all and --selector at the same time",
            )),
            (true, false, false) => Err(usage_error(
                "at least one NAME is required, or --all, or --selector",
            )),
            (true, ..) => Ok(SessionSelection::BySelector(
                selector.unwrap_or_default().to_owned(),
            )),
            (false, false, false) => parse_names(&self.names).map(SessionSelection::ByName),
        }
    }
}

/// Parses names, which may be written as `list -o name` prints them.
fn parse_names(words: &[String]) -> Result<Vec<SessionName>> {
    let mut names: Vec<SessionName> = Vec::new();
    for word in words {
        let name = parse_session_name(word)?;
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

    #[derive(Parser)]
    struct Verb {
        #[command(flatten)]
        selection: SelectionFlags,
    }

    fn which(line: &str) -> Result<SessionSelection> {
        Verb::parse_from(std::iter::once("verb").chain(line.split_whitespace()))
            .selection
            .selection()
    }

    #[test]
    fn names_are_taken_in_every_form_and_once() {
        let SessionSelection::ByName(names) =
            which("a session/b session.streaming.platform/a").unwrap()
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
            assert_eq!(which(line).unwrap_err().to_string(), text, "{line:?}");
        }
    }
}
