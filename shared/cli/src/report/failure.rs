//! From an error to text and exit code, in kubectl's words.
//!
//! What the server said is printed as kubectl prints it, whatever context our code put around it: its message names the
//! object. Everything else is `error: ` and the whole chain of causes. Hints stand apart, after the error.

use anyhow::Error;

use super::clean;
use super::console::{Closed, Console};
use session_model::failure::{self, Exited, Failure, Hinted, Kind, Proved, Usage};

/// Exit code of every error that has none of its own.
pub const FAILED: u8 = 1;
/// Exit code after Ctrl-C or a request to end.
pub const INTERRUPTED: u8 = 130;
/// Exit code when nobody reads standard output any more: what a shell shows for a program that died of SIGPIPE.
pub const CLOSED: u8 = 141;

/// Prints an error with its hints and gives the exit code; `prefix` is how the command was called
/// (`kubectl session list`), for the pointer to its help.
pub fn report(console: &mut Console, error: &Error, prefix: &str) -> u8 {
    report_all(console, std::slice::from_ref(error), prefix)
}

/// Prints several errors, a line each as kubectl does after a partial failure, then all hints. The exit code is that of
/// the first error that has its own.
pub fn report_all(console: &mut Console, errors: &[Error], prefix: &str) -> u8 {
    let single = errors.len() == 1;
    for error in errors {
        let text = if single {
            text(error, prefix)
        } else {
            line(error, prefix)
        };
        if !text.is_empty() {
            console.err_line(text.strip_suffix('\n').unwrap_or(&text));
        }
        for line in evidence_of(error) {
            console.err_line(&format!("  {}", clean::line(line)));
        }
    }
    let mut hints: Vec<&str> = Vec::new();
    for hint in errors.iter().flat_map(hints_of) {
        if !hints.contains(&hint) {
            hints.push(hint);
            console.hint(hint);
        }
    }
    let code = errors.iter().map(exit_code).find(|code| *code != FAILED);
    code.unwrap_or(FAILED)
}

/// The exit code for an error.
pub fn exit_code(error: &Error) -> u8 {
    if failure::is(error, Kind::Interrupted) {
        INTERRUPTED
    } else if is_closed(error) {
        CLOSED
    } else {
        exited(error).map_or(FAILED, |exited| exited.code)
    }
}

/// What is printed for an error that came alone, without its hints; empty when nothing is. Without a newline at the end.
pub fn text(error: &Error, prefix: &str) -> String {
    match failure::of(error) {
        Some(failure) if is_invalid(failure) => invalid(failure),
        _ => line(error, prefix),
    }
}

/// As [`text`], but what the server refuses as invalid is one line, as kubectl has it among several errors.
fn line(error: &Error, prefix: &str) -> String {
    if is_closed(error) || exited(error).is_some_and(|exited| exited.message.is_empty()) {
        return String::new();
    }
    if let Some(usage) = error
        .chain()
        .find_map(|cause| cause.downcast_ref::<Usage>())
    {
        return format!(
            "{}\nSee '{prefix} -h' for help and examples",
            prefixed(&usage.message)
        );
    }
    match failure::of(error) {
        Some(failure) if failure.kind == Kind::Interrupted => failure.message.clone(),
        Some(failure) => of_failure(failure),
        None => prefixed(&chain(error)),
    }
}

fn of_failure(failure: &Failure) -> String {
    let Failure {
        kind,
        message,
        reason,
        code,
        ..
    } = failure;
    match kind {
        Kind::Unauthorized => format!("error: You must be logged in to the server ({message})"),
        Kind::Refused => refused(message),
        Kind::Unreachable if message.starts_with("Unable to connect to the server: ") => {
            message.clone()
        }
        Kind::Unreachable => format!("Unable to connect to the server: {message}"),
        Kind::Configuration if message.starts_with("Error in configuration") => message.clone(),
        Kind::Configuration => format!("Error in configuration: {message}"),
        // Our words and kubectl's, not the server's: its answer was a page that says 404.
        Kind::NoSuchResource => prefixed(message),
        _ if !reason.is_empty() => format!("Error from server ({reason}): {message}"),
        // A Status without a reason; what the server did not say has no code.
        _ if *code != 0 => format!("Error from server: {message}"),
        _ => prefixed(message),
    }
}

/// An answer of the server is invalid if it gives that as its reason (not any 422), one of ours if it is of that kind.
fn is_invalid(failure: &Failure) -> bool {
    failure.reason == "Invalid" || (failure.kind == Kind::Invalid && failure.code == 0)
}

/// The whole line from HOST:PORT, or as it stands if it is one already.
fn refused(message: &str) -> String {
    if message.starts_with("The connection to the server ") {
        return message.to_owned();
    }
    format!(
        "The connection to the server {message} was refused - did you specify the right host or port?"
    )
}

/// One cause stands on the first line, several below it, each once. The blank after the colon is kubectl's.
fn invalid(failure: &Failure) -> String {
    let subject = failure
        .subject
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

fn prefixed(message: &str) -> String {
    if message.starts_with("error: ") {
        message.to_owned()
    } else {
        format!("error: {message}")
    }
}

/// All causes, outermost first. One that has been said already (an error that prints its source, a hint that prints its
/// error) is not said again.
fn chain(error: &Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        let cause = cause.to_string();
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

/// In the order in which they were put on: the remedy before what always helps.
fn hints_of(error: &Error) -> impl Iterator<Item = &str> {
    let hinted = error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<Hinted>());
    let mut hints: Vec<&str> = hinted.map(|hinted| hinted.hint.as_str()).collect();
    hints.reverse();
    hints.into_iter()
}

fn exited(error: &Error) -> Option<&Exited> {
    let mut causes = error.chain();
    causes.find_map(|cause| cause.downcast_ref::<Exited>())
}

fn evidence_of(error: &Error) -> impl Iterator<Item = &str> {
    let proved = error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<Proved>());
    proved.flat_map(|proved| proved.evidence.iter().map(String::as_str))
}

fn is_closed(error: &Error) -> bool {
    error.chain().any(|cause| cause.is::<Closed>())
}

#[cfg(test)]
mod tests;
