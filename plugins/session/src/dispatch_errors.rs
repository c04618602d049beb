//! Errors of the dispatcher itself: a word that is no verb, a program that cannot be started.

use std::process::ExitCode;

use session_shared::verb::run_reporting;

use crate::verbs::VERBS;

/// Prints the error for an unknown verb, with suggestions.
pub(crate) fn report_unknown_verb(word: &str, prefix: &str) -> ExitCode {
    let names: Vec<&str> = VERBS.iter().map(|verb| verb.name).collect();
    session_shared::verb::report_unknown_verb(word, prefix, &names)
}

/// Prints the error for a program of others that cannot be started.
pub(crate) fn report_exec_error(
    error: &std::io::Error,
    command: &std::process::Command,
    prefix: &str,
) -> ExitCode {
    let program = command.get_program().to_string_lossy().into_owned();
    let error = anyhow::anyhow!("failed to run {program:?}: {error}");
    run_reporting("session", prefix, |_| Err(error))
}
