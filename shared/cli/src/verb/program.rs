//! The name by which a program was called: it may stand for a verb.

use std::ffi::OsStr;
use std::path::Path;

/// What kubectl puts before a plugin's name to ask it for completions.
const COMPLETER: &str = "kubectl_complete-";
/// What stands before a verb in the name of its program.
const VERB: &str = "kubectl-session-";

/// The name of a program, and what it asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProgramName {
    /// `kubectl_complete-session`: completions. It never runs a verb, whatever its arguments say: they are an unfinished
    /// command line. There are no completions yet, so it prints nothing.
    Completer,
    /// `kubectl-session-WORD`: that verb and no other, even if there is none of that name. A dash of the word is an underscore
    /// in the file's name.
    Verb(String),
    /// Any other name, without folder and `.exe`: the verb is the first argument.
    Other(String),
}

impl ProgramName {
    /// The meaning of the first word of a command line.
    pub fn of(program: &OsStr) -> Self {
        let name = Path::new(program).file_name().unwrap_or_default();
        let name = name.to_string_lossy();
        let name = name.strip_suffix(".exe").unwrap_or(&name);
        let completer = name.get(..COMPLETER.len());
        // File systems of Windows and macOS find it in any case.
        if completer.is_some_and(|head| head.eq_ignore_ascii_case(COMPLETER)) {
            return Self::Completer;
        }
        match name.strip_prefix(VERB) {
            Some(word) => Self::Verb(word.replace('_', "-")),
            None => Self::Other(name.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(program: &str) -> ProgramName {
        ProgramName::of(OsStr::new(program))
    }

    #[test]
    fn a_completer_is_one_under_every_path_and_for_every_plugin() {
        for program in [
            "kubectl_complete-session",
            "/usr/local/bin/kubectl_complete-session",
            "./kubectl_complete-session.exe",
            "kubectl_complete-session-delete",
            "KUBECTL_COMPLETE-SESSION",
            "kubectl_complete-",
        ] {
            assert_eq!(of(program), ProgramName::Completer, "{program}");
        }
    }

    #[test]
    fn a_verb_is_the_whole_rest_of_the_name() {
        for (program, word) in [
            ("/x/kubectl-session-list.exe", "list"),
            ("kubectl-session-delete.old", "delete.old"),
            ("kubectl-session-hello_world", "hello-world"),
            ("kubectl-session-create-foo", "create-foo"),
            ("kubectl-session-", ""),
        ] {
            assert_eq!(of(program), ProgramName::Verb(word.into()), "{program}");
        }
        for (program, name) in [
            ("", ""),
            ("kubectl-session", "kubectl-session"),
            ("/x/kubectl-my_sessions", "kubectl-my_sessions"),
            ("kubectl_session", "kubectl_session"),
            ("/bin/sess", "sess"),
        ] {
            assert_eq!(of(program), ProgramName::Other(name.into()), "{program}");
        }
    }
}
