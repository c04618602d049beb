//! Forms of the verbs that end sessions, for messages that several verbs share.

use session_model::encode::shell;

/// A verb that ends sessions, in the forms that messages need.
#[derive(Clone, Copy, Debug)]
pub struct VerbForms {
    /// `stop`, `delete`.
    pub verb: &'static str,
    /// `stopped`, `deleted`.
    pub participle: &'static str,
    /// `stopping`, `deleting`: what destroys data.
    pub gerund: &'static str,
    /// `stop`, `deletion`: what is cancelled.
    pub noun: &'static str,
    /// True if `kubectl session VERB NAME` does all of it, so that a hint can say so. Other verbs do more than the end of a session:
    /// only their own command can be repeated.
    pub is_command: bool,
}

/// The forms of `stop`.
pub const STOP: VerbForms = VerbForms {
    verb: "stop",
    participle: "stopped",
    gerund: "stopping",
    noun: "stop",
    is_command: true,
};

/// The forms of `delete`.
pub const DELETE: VerbForms = VerbForms {
    verb: "delete",
    participle: "deleted",
    gerund: "deleting",
    noun: "deletion",
    is_command: true,
};

/// The forms of a stop that a start follows, as `start --restart` and `resize --restart` do.
pub const RESTART: VerbForms = VerbForms {
    verb: "restart",
    participle: "restarted",
    gerund: "restarting",
    noun: "restart",
    is_command: false,
};

/// The forms of a start that removes what the template no longer contains.
pub const START: VerbForms = VerbForms {
    verb: "start",
    participle: "started",
    gerund: "starting",
    noun: "start",
    is_command: true,
};

impl VerbForms {
    /// Returns the command that does the same to a session, with these flags, for a hint.
    pub(crate) fn command(self, name: &str, namespace: &str, flags: &[&str]) -> String {
        if !self.is_command {
            let flags: String = flags.iter().map(|flag| format!(" with {flag}")).collect();
            return format!("the same command again{flags}");
        }
        let command = ["kubectl", "session", self.verb, name, "-n", namespace];
        shell::quote_command(&[&command, flags].concat())
    }
}
