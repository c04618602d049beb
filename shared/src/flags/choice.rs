//! Which sessions a verb is about: names, a selector, or all of them.

use anyhow::Result;
use clap::Args;

use super::non_empty;
use super::selection::session_name;
use crate::failure::usage;
use crate::names::SessionName;

/// Flags and arguments of verbs that work on several sessions.
#[derive(Args, Clone, Debug, Default)]
pub struct Choosing {
    /// Names of sessions, also as session/NAME
    pub names: Vec<String>,

    /// All sessions in the namespace
    #[arg(long)]
    pub all: bool,

    /// Label query to filter on: '=', '==', '!=', 'in', 'notin', as in -l key1=value1,key2=value2
    #[arg(short = 'l', long, value_name = "QUERY")]
    pub selector: Option<String>,
}

/// Which sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// These, each once.
    Named(Vec<SessionName>),
    /// What the selector finds; an empty one finds all.
    Selected(String),
}

impl Choosing {
    /// What the command line says.
    ///
    /// # Errors
    /// Nothing named, or more than one way of naming, in kubectl's words; a name that cannot be one.
    pub fn which(&self) -> Result<Which> {
        let selector = non_empty(&self.selector);
        match (self.names.is_empty(), selector.is_some(), self.all) {
            (false, true, _) => Err(usage(
                "name cannot be provided when a selector is specified",
            )),
            (false, false, true) => {
                Err(usage("setting 'all' parameter but found a non empty name"))
            }
            (true, true, true) => Err(usage("cannot set --all and --selector at the same time")),
            (true, false, false) => Err(usage(
                "at least one NAME is required, or --all, or --selector",
            )),
            (true, ..) => Ok(Which::Selected(selector.unwrap_or_default().to_owned())),
            (false, false, false) => names(&self.names).map(Which::Named),
        }
    }
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

    #[derive(Parser)]
    struct Verb {
        #[command(flatten)]
        choosing: Choosing,
    }

    fn which(line: &str) -> Result<Which> {
        Verb::parse_from(std::iter::once("verb").chain(line.split_whitespace()))
            .choosing
            .which()
    }

    #[test]
    fn names_are_taken_in_every_form_and_once() {
        let Which::Named(names) = which("a session/b session.streaming.platform/a").unwrap() else {
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
