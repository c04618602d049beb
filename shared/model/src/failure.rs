//! Error types: failed requests that code branches on, and errors with a hint, evidence or an exit code. Plain data: `cluster`
//! creates them, `report` prints them.
//!
//! ```text
//! Failure            a failed request or connection, with a FailureKind to branch on
//! ErrorWithHint      an error with a remedy, printed on a line of its own
//! ErrorWithEvidence  an error with facts, printed below it
//! ErrorList          several errors of one command
//! UsageError         invalid arguments; a pointer to the help is printed
//! ExitError          an exit code to end with
//! ```

use std::error::Error;
use std::fmt;

/// Kind of a failure, as far as code branches on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// 404, the object does not exist.
    NotFound,
    /// 404, the resource type does not exist: its API is not installed.
    ResourceTypeNotFound,
    /// 409, an object of this name exists.
    AlreadyExists,
    /// 409, the object has been changed in the meantime, or a precondition (UID) does not hold.
    Conflict,
    /// 403, the caller lacks a permission.
    Forbidden,
    /// 403, a ResourceQuota is exceeded: the same status code as [`FailureKind::Forbidden`], but another remedy.
    QuotaExceeded,
    /// 401, the credentials are missing or rejected.
    Unauthorized,
    /// 422, or an answer with reason Invalid.
    Invalid,
    /// 410, or an answer with reason Expired: the resourceVersion of a watch or the continue token of a list is too old.
    Expired,
    /// 429, the client must slow down.
    TooManyRequests,
    /// Any other error answer of the server.
    OtherStatus,
    /// Connection refused: nothing listens at the server's address.
    ConnectionRefused,
    /// Any other connection error: DNS, timeout, closed connection, certificate.
    Unreachable,
    /// Invalid kubeconfig, or a connection flag that does not match it.
    InvalidConfiguration,
    /// A wait exceeded --timeout.
    TimedOut,
    /// The process received SIGINT (Ctrl-C), SIGTERM or another terminating signal.
    Interrupted,
}

/// A cause in an Invalid answer (`status.details.causes`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusCause {
    /// Field path, such as `spec.userId`; may be empty.
    pub field: String,
    /// The server's message about the field.
    pub message: String,
}

/// A failed request, or a failed connection to the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Kind of the failure.
    pub kind: FailureKind,
    /// The server's message, or one of the client for failures without an answer. Has no prefix and no added full stop.
    pub message: String,
    /// Reason of the Status (`NotFound`); empty if there is none.
    pub reason: String,
    /// HTTP status code; 0 if there was no answer.
    pub code: u16,
    /// Kind and name from the Status's details, for Invalid.
    pub object: Option<(String, String)>,
    /// Causes from the Status's details, for Invalid.
    pub causes: Vec<StatusCause>,
}

impl Failure {
    /// Creates a failure that is not an answer of the server.
    pub fn client_side(kind: FailureKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            reason: String::new(),
            code: 0,
            object: None,
            causes: Vec::new(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for Failure {}

/// Returns the [`Failure`] in the chain of causes of `error`.
pub fn find_failure(error: &anyhow::Error) -> Option<&Failure> {
    error
        .chain()
        .find_map(|cause| cause.downcast_ref::<Failure>())
}

/// Returns true if the chain of causes of `error` contains a [`Failure`] of this kind.
pub fn has_kind(error: &anyhow::Error, kind: FailureKind) -> bool {
    find_failure(error).is_some_and(|failure| failure.kind == kind)
}

/// An error with a hint, which is printed on a line of its own.
#[derive(Debug)]
pub struct ErrorWithHint {
    /// The error.
    pub error: anyhow::Error,
    /// The remedy: one line, a command or an imperative sentence, without the word "hint".
    pub hint: String,
}

impl fmt::Display for ErrorWithHint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.error, f)
    }
}

impl Error for ErrorWithHint {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        // The error itself, not its source, so that `find_failure` finds a Failure with a hint.
        Some(self.error.as_ref())
    }
}

/// Extension of `Result` for adding a hint to its error.
pub trait HintExt<T> {
    /// Adds a hint of one line to the error.
    ///
    /// # Errors
    /// The original error, with the hint.
    fn with_hint(self, hint: impl Into<String>) -> anyhow::Result<T>;
}

impl<T, E: Into<anyhow::Error>> HintExt<T> for Result<T, E> {
    fn with_hint(self, hint: impl Into<String>) -> anyhow::Result<T> {
        self.map_err(|error| with_hint(error, hint))
    }
}

/// Adds a hint to `error`.
pub fn with_hint(error: impl Into<anyhow::Error>, hint: impl Into<String>) -> anyhow::Error {
    anyhow::Error::new(ErrorWithHint {
        error: error.into(),
        hint: hint.into(),
    })
}

/// An error with the facts that prove it, which are printed below it.
#[derive(Debug)]
pub struct ErrorWithEvidence {
    /// The error.
    pub error: anyhow::Error,
    /// The facts, one line each.
    pub evidence: Vec<String>,
}

impl fmt::Display for ErrorWithEvidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.error, f)
    }
}

impl Error for ErrorWithEvidence {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        // The error itself, not its source, so that `find_failure` finds the Failure.
        Some(self.error.as_ref())
    }
}

/// Adds evidence to `error`.
pub fn with_evidence(error: impl Into<anyhow::Error>, evidence: Vec<String>) -> anyhow::Error {
    anyhow::Error::new(ErrorWithEvidence {
        error: error.into(),
        evidence,
    })
}

/// The errors of one command that acted on several objects. Each is printed.
#[derive(Debug)]
pub struct ErrorList(pub Vec<anyhow::Error>);

impl fmt::Display for ErrorList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.0.iter().map(|error| format!("{error:#}")).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl Error for ErrorList {}

/// Combines errors: `Ok` if there are none, a single error unchanged, else an [`ErrorList`].
///
/// # Errors
/// If `errors` is not empty.
pub fn combine_errors(mut errors: Vec<anyhow::Error>) -> anyhow::Result<()> {
    match errors.pop() {
        None => Ok(()),
        Some(only) if errors.is_empty() => Err(only),
        Some(last) => {
            errors.push(last);
            Err(anyhow::Error::new(ErrorList(errors)))
        }
    }
}

/// An error in the command line's arguments. It is printed with a pointer to the help, as kubectl does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageError {
    /// Message without `error:`.
    pub message: String,
}

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for UsageError {}

/// Creates a [`UsageError`]; `report` adds `See 'kubectl session VERB -h' for help and examples`.
pub fn usage_error(message: impl Into<String>) -> anyhow::Error {
    anyhow::Error::new(UsageError {
        message: message.into(),
    })
}

/// An exit code to end with, such as that of a command that ran in a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExitError {
    /// Exit code, never 0.
    pub code: u8,
    /// Message to print; empty if everything has been printed already.
    pub message: String,
}

impl fmt::Display for ExitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for ExitError {}

/// Converts an exit code to a result: `Ok` for 0. Codes outside 0 to 255 count as 255.
///
/// # Errors
/// [`ExitError`] without a message for every other code.
pub fn check_exit_code(code: i32) -> anyhow::Result<()> {
    match u8::try_from(code).unwrap_or(u8::MAX) {
        0 => Ok(()),
        code => Err(exit_error(code, "")),
    }
}

/// Creates an [`ExitError`].
pub fn exit_error(code: u8, message: impl Into<String>) -> anyhow::Error {
    let message = message.into();
    anyhow::Error::new(ExitError { code, message })
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;

    #[test]
    fn a_failure_is_found_through_context_and_hints() {
        let failed: Result<(), _> = Err(Failure::client_side(FailureKind::ConnectionRefused, "no"));
        let error = failed
            .with_hint("start it")
            .context("failed to list")
            .unwrap_err();
        assert!(has_kind(&error, FailureKind::ConnectionRefused));
        assert!(!has_kind(&error, FailureKind::NotFound));
    }
}
