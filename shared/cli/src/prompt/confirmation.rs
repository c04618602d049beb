//! Confirmation before an operation that ends sessions destroys data: one rule and one wording for every verb.

use anyhow::{Result, anyhow};

use crate::report::console::{Console, DELETION_QUESTION, cancelled_text};
use crate::report::name_list::{SHOWN_NAMES, list_names};
use session_client::AccessReviews;
use session_model::failure::with_hint;
use session_model::objects::resource::SESSION;
use session_ops::session_losses::SessionLosses;
use session_ops::verb_forms::VerbForms;

/// The rules by which a verb asks for confirmation.
#[derive(Clone, Copy, Debug)]
pub struct Confirmation {
    /// Forms of the verb.
    pub verb: VerbForms,
    /// `--yes`: never asks.
    pub yes: bool,
    /// `--interactive`: always asks, also without a terminal.
    pub interactive: bool,
    /// Asks on a terminal before several sessions, even if no data is destroyed.
    pub asks_for_several: bool,
    /// Several sessions are selected, and the work in them is interrupted: asks even if no data is destroyed, and requires `--yes`
    /// without a terminal.
    pub interrupts_work: bool,
}

impl Confirmation {
    /// Returns the rules of verbs that ask only if data would be destroyed.
    pub fn for_data_loss(words: VerbForms, yes: bool) -> Self {
        Self {
            verb: words,
            yes,
            interactive: false,
            asks_for_several: false,
            interrupts_work: false,
        }
    }

    /// Asks if the rules require it and returns the answer; true if there is nothing to ask.
    ///
    /// # Errors
    /// Data would be destroyed, and there is neither a terminal nor `--yes`.
    pub fn ask(&self, sessions: &[SessionLosses], console: &mut Console) -> Result<bool> {
        if self.yes || sessions.is_empty() {
            return Ok(true);
        }
        let destroyed: Vec<&str> = sessions
            .iter()
            .flat_map(|one| &one.destroyed)
            .map(String::as_str)
            .collect();
        let terminal = console.can_prompt();
        let VerbForms {
            verb,
            participle: done,
            gerund: doing,
            noun,
            ..
        } = self.verb;
        if !destroyed.is_empty() && !terminal && !self.interactive {
            let error = anyhow!(
                "{doing} would destroy data: {}",
                list_names(&destroyed, SHOWN_NAMES)
            );
            let confirm = format!("confirm with --yes; nothing has been {done}");
            return Err(with_hint(error, confirm));
        }
        if self.interrupts_work && !terminal && !self.interactive {
            let names: Vec<&str> = sessions.iter().map(|one| one.name.as_str()).collect();
            let s = if names.len() == 1 { "" } else { "s" };
            let error = anyhow!(
                "{doing} would interrupt the work in {} session{s}: {}",
                names.len(),
                list_names(&names, SHOWN_NAMES)
            );
            let confirm = format!("confirm with --yes; nothing has been {done}");
            return Err(with_hint(error, confirm));
        }
        let several = self.interrupts_work || self.asks_for_several && sessions.len() > 1;
        if !self.interactive && !(terminal && (several || !destroyed.is_empty())) {
            return Ok(true);
        }
        if console.confirm(&confirmation_lines(verb, sessions), DELETION_QUESTION)? {
            return Ok(true);
        }
        console.print_line(&cancelled_text(noun))?;
        Ok(false)
    }
}

/// Prints a note that names the rights which the server could not be asked about. They do not stop the operation.
pub fn note_unchecked_access(permissions: &AccessReviews, console: &mut Console) {
    if let Some(unchecked) = permissions.unchecked_note() {
        console.note(&unchecked);
    }
}

/// Prints the data that a dry run would destroy, a line each on standard error.
pub fn print_dry_run_losses(sessions: &[SessionLosses], console: &mut Console) {
    for what in sessions.iter().flat_map(|one| &one.destroyed) {
        console.print_error_line(&format!("destroyed: {what}"));
    }
}

/// Returns the lines that are shown before the question: sessions first, then their data. Of a class of hundreds, which would not fit on
/// a screen, the first of both and the number of the others.
fn confirmation_lines(verb: &str, sessions: &[SessionLosses]) -> Vec<String> {
    let names = sessions
        .iter()
        .map(|one| format!("{}/{}", SESSION.singular(), one.name));
    let data = sessions.iter().flat_map(|one| {
        let destroyed = one.destroyed.iter();
        let destroyed = destroyed.map(|what| format!("{what}: data is destroyed"));
        destroyed.chain(one.saved.iter().cloned())
    });
    let (names, data) = (first_lines(names.collect()), first_lines(data.collect()));
    let first = format!(
        "You are about to {verb} the following {} resource(s):",
        sessions.len()
    );
    std::iter::once(first).chain(names).chain(data).collect()
}

fn first_lines(mut lines: Vec<String>) -> Vec<String> {
    let more = lines.len().saturating_sub(SHOWN_NAMES);
    lines.truncate(SHOWN_NAMES);
    lines.extend((more > 0).then(|| format!("and {more} more")));
    lines
}
