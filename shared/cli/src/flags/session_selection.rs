//! Flags that select the sessions of a command: names, a query, a roster, or all.

use std::collections::HashSet;
use std::io::BufRead;

use anyhow::{Result, anyhow, bail};
use clap::Args;

use super::list::parse_session_name;
use super::non_empty;
use crate::roster::problems::{RowProblems, describe_invalid};
use crate::roster::reader::Roster;
use session_model::api::Phase;
use session_model::failure::{combine_errors, usage_error};
use session_model::names::SessionName;
use session_ops::session_selection::{
    RosterSelection, RosterSession, SessionQuery, SessionSelection,
};

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

    /// Template of the sessions
    #[arg(help_heading = "Selection", long, value_name = "NAME")]
    pub template: Option<String>,

    /// Owner of the sessions (alice@example.com)
    #[arg(help_heading = "Selection", long, value_name = "ID")]
    pub user_id: Option<String>,

    /// Phases of the sessions, as status shows them: pending, running, stopped, terminating or failed; may be repeated or comma-separated
    #[arg(
        help_heading = "Selection",
        long,
        value_name = "PHASE,...",
        value_delimiter = ','
    )]
    pub phase: Vec<String>,

    /// Roster (CSV) of the sessions, as for create; "-" means standard input. Each must belong to the user of its line
    #[arg(help_heading = "Selection", long, value_name = "FILENAME", conflicts_with_all = ["names", "all", "selector", "template", "user_id", "phase"])]
    pub roster: Option<String>,
}

impl SelectionFlags {
    /// Reads the flags, and the roster if one is named.
    ///
    /// # Errors
    /// kubectl's usage errors for no selection and for more than one, an invalid name or phase, an invalid roster.
    pub fn selection(&self, input: &mut dyn BufRead) -> Result<SessionSelection> {
        if self.is_empty() {
            return Err(usage_error(
                "at least one NAME is required, or --all, --selector, --template, --user-id, --phase or --roster",
            ));
        }
        self.selection_or_all(input)
    }

    /// As [`SelectionFlags::selection`], but without a selection, all sessions are selected.
    ///
    /// # Errors
    /// As [`SelectionFlags::selection`].
    pub fn selection_or_all(&self, input: &mut dyn BufRead) -> Result<SessionSelection> {
        if let Some(file) = &self.roster {
            return read_roster(file, input).map(SessionSelection::ByRoster);
        }
        let selector = non_empty(&self.selector);
        match (self.names.is_empty(), selector.is_some(), self.all) {
            (false, true, _) => Err(usage_error(
                "name cannot be provided when a selector is specified",
            )),
            (false, false, true) => Err(usage_error(
                "setting 'all' parameter but found a non empty name",
            )),
            (false, false, false) if self.has_filters() => Err(usage_error(
                "name cannot be provided when --template, --user-id or --phase is specified",
            )),
            (true, true, true) => Err(usage_error(
                "cannot set --all and --selector at the same time",
            )),
            (true, ..) => Ok(SessionSelection::BySelector(SessionQuery {
                selector: selector.unwrap_or_default().to_owned(),
                template: self.template.as_deref().map(str::parse).transpose()?,
                user_id: self.user_id.as_deref().map(str::parse).transpose()?,
                phases: parse_phases(&self.phase)?,
            })),
            (false, false, false) => parse_names(&self.names).map(SessionSelection::ByName),
        }
    }

    fn has_filters(&self) -> bool {
        self.template.is_some() || self.user_id.is_some() || !self.phase.is_empty()
    }

    /// Returns true if nothing selects sessions.
    pub fn is_empty(&self) -> bool {
        let names_or_all = !self.names.is_empty() || self.all;
        let selects = non_empty(&self.selector).is_some() || self.has_filters();
        !(names_or_all || selects || self.roster.is_some())
    }
}

/// Parses phases, each once.
fn parse_phases(words: &[String]) -> Result<Vec<Phase>> {
    let mut phases = Vec::new();
    for word in words {
        let mut all = Phase::ALL.into_iter();
        let Some(phase) = all.find(|phase| phase.as_str() == word) else {
            let known: Vec<&str> = Phase::ALL.iter().map(|phase| phase.as_str()).collect();
            return Err(usage_error(format!(
                "invalid --phase {word:?}: must be one of {}",
                known.join(", ")
            )));
        };
        if !phases.contains(&phase) {
            phases.push(phase);
        }
    }
    Ok(phases)
}

/// Reads the sessions of a roster, each once.
fn read_roster(file: &str, input: &mut dyn BufRead) -> Result<RosterSelection> {
    let roster = Roster::read(file, input)?;
    let (mut sessions, mut problems) = (Vec::new(), RowProblems::new(&roster.label));
    let mut seen = HashSet::new();
    let mut rows = 0;
    for (line, row) in roster.rows() {
        rows += 1;
        match row {
            Ok(row) if seen.insert((row.namespace.clone(), row.name.clone())) => {
                sessions.push(RosterSession {
                    line,
                    name: row.name,
                    user: row.user,
                    namespace: row.namespace,
                });
            }
            Ok(row) => {
                let name = row.name.as_str();
                problems.add(line, &anyhow!("session {name:?} is there twice"));
            }
            Err(error) => problems.add(line, &error),
        }
    }
    if rows == 0 {
        bail!("roster {:?} has no rows", roster.label);
    }
    combine_errors(problems.into_errors(|count| {
        format!("no session was selected: {}", describe_invalid(count, rows))
    }))?;
    Ok(RosterSelection {
        label: roster.label,
        sessions,
    })
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
        which_of(line, "")
    }

    fn which_of(line: &str, input: &str) -> Result<SessionSelection> {
        Verb::parse_from(std::iter::once("verb").chain(line.split_whitespace()))
            .selection
            .selection(&mut input.as_bytes())
    }

    #[test]
    fn template_and_owner_narrow_a_selection() {
        let SessionSelection::BySelector(query) =
            which("--template lab --user-id a@b -l x=y").unwrap()
        else {
            panic!("no query")
        };
        assert_eq!(query.selector, "x=y");
        assert_eq!(query.template.unwrap().as_str(), "lab");
        assert_eq!(query.user_id.unwrap().as_str(), "a@b");
        let all = SessionSelection::BySelector(SessionQuery::default());
        assert_eq!(which("--all").unwrap(), all);
        assert_ne!(which("--template lab").unwrap(), all);
    }

    #[test]
    fn phases_are_a_selection_of_their_own_and_each_counts_once() {
        let SessionSelection::BySelector(query) =
            which("--phase failed,stopped --phase failed").unwrap()
        else {
            panic!("no query")
        };
        assert_eq!(query.phases, [Phase::Failed, Phase::Stopped]);
        assert!(query.has_phase(Phase::Failed) && !query.has_phase(Phase::Running));
        assert!(SessionQuery::default().has_phase(Phase::Running));
    }

    #[test]
    fn a_list_without_a_selection_has_all_sessions() {
        let flags = SelectionFlags::default();
        let all = SessionSelection::BySelector(SessionQuery::default());
        assert_eq!(flags.selection_or_all(&mut "".as_bytes()).unwrap(), all);
    }

    #[test]
    fn a_roster_names_sessions_and_their_users() {
        let text = "user,name,SIZE\nalice,lab-1,1Gi\nbob,,\n";
        let SessionSelection::ByRoster(sessions) = which_of("--roster -", text).unwrap() else {
            panic!("no roster")
        };
        let pairs: Vec<(&str, &str)> = sessions
            .sessions
            .iter()
            .map(|session| (session.name.as_str(), session.user.as_str()))
            .collect();
        assert_eq!(pairs, [("lab-1", "alice"), ("bob", "bob")]);
        for (text, reason) in [
            ("user\n", "has no rows"),
            (
                "user,name\na,x\nb,x\n",
                "standard input:3: session \"x\" is there twice",
            ),
            (
                "user,name\na,X\n",
                "no session was selected: 1 of 1 row is invalid",
            ),
        ] {
            let error = which_of("--roster -", text).unwrap_err();
            assert!(format!("{error:#}").contains(reason), "{error:#}");
        }
        let refused = |line: &str| {
            let words = std::iter::once("verb").chain(line.split_whitespace());
            Verb::try_parse_from(words).is_err()
        };
        for line in [
            "a --roster f",
            "--all --roster f",
            "-l a=b --roster f",
            "--template t --roster f",
            "--phase running --roster f",
        ] {
            assert!(refused(line), "{line}");
        }
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
            (
                "",
                "at least one NAME is required, or --all, --selector, --template, --user-id, --phase or --roster",
            ),
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
                "a --template lab",
                "name cannot be provided when --template, --user-id or --phase is specified",
            ),
            (
                "a --phase running",
                "name cannot be provided when --template, --user-id or --phase is specified",
            ),
            (
                "--phase running,broken",
                "invalid --phase \"broken\": must be one of pending, running, stopped, terminating, failed",
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
