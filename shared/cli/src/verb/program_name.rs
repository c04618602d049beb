//! [`ProgramName`], the verb that the name of the program selects.

use std::ffi::OsStr;
use std::path::Path;

/// Prefix of the programs that kubectl calls for completions of a plugin.
const COMPLETER_PREFIX: &str = "kubectl_complete-";
/// Prefix of the program of a single verb.
const VERB_PREFIX: &str = "kubectl-session-";

/// Name of a program (`argv[0]`) and its meaning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProgramName {
    /// `kubectl_complete-session`: kubectl asks for completions. A completer never runs a verb, because its arguments
    /// are an unfinished command line. There are no completions yet, so it prints nothing.
    Completer,
    /// `kubectl-session-WORD`: only that verb, even if none has that name. An underscore of the file name stands for a
    /// dash.
    Verb(String),
    /// Any other name, without directory and `.exe`: the first argument is the verb.
    Other(String),
}

impl ProgramName {
    /// Parses `argv[0]`.
    pub fn parse(program: &OsStr) -> Self {
        let name = Path::new(program).file_name().unwrap_or_default();
        let name = name.to_string_lossy();
        let name = name.strip_suffix(".exe").unwrap_or(&name);
        let completer = name.get(..COMPLETER_PREFIX.len());
        // Case-insensitive file systems (Windows, macOS) find it in any case.
        if completer.is_some_and(|head| head.eq_ignore_ascii_case(COMPLETER_PREFIX)) {
            return Self::Completer;
        }
        match name.strip_prefix(VERB_PREFIX) {
            Some(word) => Self::Verb(word.replace('_', "-")),
            None => Self::Other(name.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(program: &str) -> ProgramName {
        ProgramName::parse(OsStr::new(program))
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
