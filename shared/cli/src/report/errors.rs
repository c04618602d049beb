//! Errors as kubectl prints them, and the exit code of a command.
//!
//! A server's refusal is printed as kubectl prints it, without the context that our code added: its message names the
//! object. Every other error is `error: ` and the chain of its causes. Evidence and hints follow on lines of their own.

use anyhow::Error;

use super::console::{Console, OutputClosed};
use super::escape;
use session_engine::diagnosis::quota::{QUOTA_REMEDY, QuotaShortfall};
use session_model::failure::{
    self, ErrorWithEvidence, ErrorWithHint, ExitError, Failure, FailureKind, UsageError,
};
use session_model::foreign_error::io_error_text;
use session_ops::missing_right;

/// Exit code of an error that has none of its own.
pub const EXIT_FAILURE: u8 = 1;
/// Exit code after SIGINT.
pub const EXIT_INTERRUPTED: u8 = 130;
/// Exit code if standard output was closed: the one that a shell shows for a program killed by SIGPIPE.
pub const EXIT_OUTPUT_CLOSED: u8 = 141;

/// Prints an error with its hints and returns the exit code. `prefix` is the command as it was called (`kubectl session
/// list`), for the pointer to its help.
pub fn print_error(console: &mut Console, error: &Error, prefix: &str) -> u8 {
    print_errors(console, std::slice::from_ref(error), prefix)
}

/// Sessions that Ctrl-C left unfinished whose hints are printed; the others have one together.
const INTERRUPTED_HINTS: usize = 3;

/// Prints several errors, one line each, as kubectl does after a partial failure, then all hints once. An interruption is printed
/// once, however many sessions it left unfinished. The exit code is that of the first error that has one of its own.
pub fn print_errors(console: &mut Console, errors: &[Error], prefix: &str) -> u8 {
    let single = errors.len() == 1;
    let is_interrupted = |error: &Error| failure::has_kind(error, FailureKind::Interrupted);
    if errors.iter().any(is_interrupted) {
        console.end_interrupted_line();
    }
    let (mut interrupted, mut hinted) = (0, Vec::new());
    for error in errors {
        interrupted += usize::from(is_interrupted(error));
        if !is_interrupted(error) || interrupted <= INTERRUPTED_HINTS {
            hinted.push(error);
        }
        if is_interrupted(error) && interrupted > 1 {
            continue;
        }
        let text = if single {
            error_text(error, prefix)
        } else {
            error_line(error, prefix)
        };
        if !text.is_empty() {
            console.print_error_line(text.strip_suffix('\n').unwrap_or(&text));
        }
        for line in evidence_of(error) {
            console.print_error_line(&format!("  {}", escape::escape_line(line)));
        }
    }
    let mut hints: Vec<String> = Vec::new();
    for hint in hinted.into_iter().flat_map(all_hints) {
        if !hints.contains(&hint) {
            console.hint(&hint);
            hints.push(hint);
        }
    }
    if interrupted > INTERRUPTED_HINTS {
        console
            .hint("other sessions are unfinished, too; run the same command again to finish them");
    }
    let code = errors
        .iter()
        .map(exit_code)
        .find(|code| *code != EXIT_FAILURE);
    code.unwrap_or(EXIT_FAILURE)
}

/// Returns the exit code of an error.
pub fn exit_code(error: &Error) -> u8 {
    if failure::has_kind(error, FailureKind::Interrupted) {
        EXIT_INTERRUPTED
    } else if is_closed(error) {
        EXIT_OUTPUT_CLOSED
    } else {
        exit_status(error).map_or(EXIT_FAILURE, |exited| exited.code)
    }
}

/// Returns the text of a single error without its hints and without a final newline; empty if nothing is printed.
pub fn error_text(error: &Error, prefix: &str) -> String {
    match failure::find_failure(error) {
        Some(failure) if is_invalid(failure) => invalid_object_text(failure),
        _ => error_line(error, prefix),
    }
}

/// Returns the text of one error among several: an invalid object is one line then, as in kubectl.
fn error_line(error: &Error, prefix: &str) -> String {
    if is_closed(error) || exit_status(error).is_some_and(|exited| exited.message.is_empty()) {
        return String::new();
    }
    if let Some(usage) = error
        .chain()
        .find_map(|cause| cause.downcast_ref::<UsageError>())
    {
        return format!(
            "{}\nSee '{prefix} -h' for help and examples",
            with_error_prefix(&usage.message)
        );
    }
    match failure::find_failure(error) {
        Some(failure) if failure.kind == FailureKind::Interrupted => failure.message.clone(),
        Some(failure) => failure_text(failure),
        None => with_error_prefix(&cause_chain(error)),
    }
}

fn failure_text(failure: &Failure) -> String {
    let Failure {
        kind,
        message,
        reason,
        code,
        ..
    } = failure;
    match kind {
        FailureKind::Unauthorized => {
            format!("error: You must be logged in to the server ({message})")
        }
        FailureKind::ConnectionRefused => connection_refused_text(message),
        FailureKind::Unreachable if message.starts_with("Unable to connect to the server: ") => {
            message.clone()
        }
        FailureKind::Unreachable => format!("Unable to connect to the server: {message}"),
        FailureKind::InvalidConfiguration if message.starts_with("Error in configuration") => {
            message.clone()
        }
        FailureKind::InvalidConfiguration => format!("Error in configuration: {message}"),
        // This message is kubectl's, not the server's: the server's answer was a page that says 404.
        FailureKind::ResourceTypeNotFound => with_error_prefix(message),
        _ if !reason.is_empty() => format!("Error from server ({reason}): {message}"),
        // A Status without a reason. A failure that the server did not report has no code.
        _ if *code != 0 => format!("Error from server: {message}"),
        _ => with_error_prefix(message),
    }
}

/// True for an invalid object: the server's reason says so (not any 422), or the failure is ours and of that kind.
fn is_invalid(failure: &Failure) -> bool {
    failure.reason == "Invalid" || (failure.kind == FailureKind::Invalid && failure.code == 0)
}

/// Returns kubectl's sentence for a refused connection to HOST:PORT, or the message if it is that sentence already.
fn connection_refused_text(message: &str) -> String {
    if message.starts_with("The connection to the server ") {
        return message.to_owned();
    }
    format!(
        "The connection to the server {message} was refused - did you specify the right host or port?"
    )
}

/// Formats an invalid object: a single cause on the first line, several below it, each once. The blank after the colon
/// is kubectl's.
fn invalid_object_text(failure: &Failure) -> String {
    let subject = failure
        .object
        .as_ref()
        .filter(|(kind, name)| !(kind.is_empty() && name.is_empty()));
    let mut first = match subject {
        Some((kind, name)) => format!("The {kind} {name:?} is invalid"),
        None => "The request is invalid".to_owned(),
    };
    let mut causes: Vec<String> = Vec::new();
    for cause in &failure.causes {
        let cause = format!("{}: {}", cause.field, cause.message);
        if !causes.contains(&cause) {
            causes.push(cause);
        }
    }
    match causes.as_slice() {
        [] if subject.is_none() && !failure.message.is_empty() => {
            first = format!("{first}: {}", failure.message)
        }
        [] => {}
        [cause] => first = format!("{first}: {cause}"),
        several => {
            first.push_str(": ");
            for cause in several {
                first.push_str("\n* ");
                first.push_str(cause);
            }
        }
    }
    first
}

fn with_error_prefix(message: &str) -> String {
    if message.starts_with("error: ") {
        message.to_owned()
    } else {
        format!("error: {message}")
    }
}

/// Joins all causes, outermost first. A cause that the text ends with already (an error that prints its source) is
/// skipped.
fn cause_chain(error: &Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        let cause = match cause.downcast_ref::<std::io::Error>() {
            Some(system) => io_error_text(system),
            None => cause.to_string(),
        };
        if cause.is_empty() || text.ends_with(&cause) {
            continue;
        }
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&cause);
    }
    text
}

/// Returns the hints of an error, and after them the one that follows from its kind: a missing right, or an exceeded quota.
fn all_hints(error: &Error) -> Vec<String> {
    let refused =
        failure::find_failure(error).filter(|found| found.kind == FailureKind::QuotaExceeded);
    let quota = refused.map(|refused| {
        let exceeded = QuotaShortfall::parse(&refused.message);
        let remedy = exceeded.map_or(QUOTA_REMEDY, |exceeded| exceeded.remedy());
        remedy.to_owned()
    });
    let of_kind = missing_right::role_hint(error).or(quota);
    hints_of(error).map(str::to_owned).chain(of_kind).collect()
}

/// Returns hints in the order in which they were added: the specific remedy before general ones.
fn hints_of(error: &Error) -> impl Iterator<Item = &str> {
    let hinted = error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<ErrorWithHint>());
    let mut hints: Vec<&str> = hinted.map(|hinted| hinted.hint.as_str()).collect();
    hints.reverse();
    hints.into_iter()
}

fn exit_status(error: &Error) -> Option<&ExitError> {
    let mut causes = error.chain();
    causes.find_map(|cause| cause.downcast_ref::<ExitError>())
}

fn evidence_of(error: &Error) -> impl Iterator<Item = &str> {
    let proved = error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<ErrorWithEvidence>());
    proved.flat_map(|proved| proved.evidence.iter().map(String::as_str))
}

fn is_closed(error: &Error) -> bool {
    error.chain().any(|cause| cause.is::<OutputClosed>())
}

#[cfg(test)]
mod tests;
