//! The session or selection that a schedule is for. Pure.

use anyhow::Result;
use session_shared::client::random_token;
use session_shared::encode::shell;
use session_shared::failure::usage_error;
use session_shared::flags::session_selection::SelectionFlags;
use session_shared::names::SessionName;
use session_shared::objects::cron_schedule::ScheduleName;
use session_shared::objects::ownership::Ownership;
use session_shared::ops::Cluster;
use session_shared::ops::session_selection::{SessionQuery, SessionSelection};
use session_shared::report::console::Console;
use session_shared::scheduled_run::{ScheduleOwner, SchedulePart, selection_ownership};
use session_shared::schedules::ScheduleCommands;

/// The session or selection that a schedule is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Session(SessionName),
    Selection(SessionQuery),
}

impl Target {
    /// Reads the flags.
    ///
    /// # Errors
    /// No session, several, or a roster: a run has no file.
    pub(crate) fn parse(flags: &SelectionFlags, console: &mut Console) -> Result<Self> {
        if flags.roster.is_some() {
            return Err(usage_error(
                "--roster cannot be used: a schedule selects its sessions at each run, with --all, -l, --template, --user-id or --phase",
            ));
        }
        if flags.is_empty() {
            return Err(usage_error(
                "a NAME is required, or --all, --selector, --template, --user-id or --phase",
            ));
        }
        match flags.selection(console.input())? {
            SessionSelection::BySelector(query) => Ok(Self::Selection(query)),
            SessionSelection::ByName(mut names) => match (names.pop(), names.is_empty()) {
                (Some(name), true) => Ok(Self::Session(name)),
                _ => Err(usage_error(
                    "exactly one NAME is required; use --all, -l, --template, --user-id or --phase for several sessions",
                )),
            },
            SessionSelection::ByRoster(_) => Err(usage_error("--roster cannot be used")),
        }
    }

    pub(crate) fn selection(&self) -> SessionSelection {
        match self {
            Self::Session(name) => SessionSelection::ByName(vec![name.clone()]),
            Self::Selection(query) => SessionSelection::BySelector(query.clone()),
        }
    }

    /// Returns the words that select the sessions on a command line.
    pub(crate) fn words(&self) -> Vec<String> {
        match self {
            Self::Session(name) => vec![name.to_string()],
            Self::Selection(query) => query.to_flags(),
        }
    }

    /// Returns these words as one text; `None` for a session.
    pub(crate) fn selection_text(&self) -> Option<String> {
        match self {
            Self::Session(_) => None,
            Self::Selection(_) => Some(self.quoted()),
        }
    }

    fn quoted(&self) -> String {
        let words = self.words();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        shell::quote_command(&words)
    }

    /// Returns the name of the schedule's object: `stop` and `start` are CronJobs, `clock` the rest.
    pub(crate) fn object_name(&self, object: &str) -> ScheduleName {
        match self {
            Self::Session(name) => ScheduleName::for_session(name, object),
            Self::Selection(_) => ScheduleName::for_selection(&self.quoted(), object),
        }
    }

    /// Returns the objects that the schedule may have.
    pub(crate) fn parts(&self) -> Vec<SchedulePart> {
        let jobs = ["stop", "start"].map(|object| self.object_name(object));
        SchedulePart::of_schedule(&self.object_name("clock"), &jobs)
    }

    /// Returns the ownership of a selection's objects: no session owns them.
    ///
    /// # Errors
    /// A namespace of an invalid name; no random numbers.
    pub(crate) fn selection_ownership(&self, cluster: &Cluster) -> Result<Ownership> {
        let name = self.object_name("clock");
        selection_ownership(&name, cluster.namespace(), random_token()?)
    }

    pub(crate) fn owner<'a>(
        &self,
        ownership: &'a Ownership,
        selection: Option<&'a str>,
    ) -> ScheduleOwner<'a> {
        ScheduleOwner {
            ownership,
            selection,
        }
    }

    /// Returns the commands that hints name.
    pub(crate) fn commands(&self, namespace: &str, image: &str) -> ScheduleCommands {
        ScheduleCommands::new(&self.quoted(), namespace, image)
    }
}
