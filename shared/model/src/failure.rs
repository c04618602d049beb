//! The failures code branches on, and the hints that go with any error. Plain data: `cluster/` makes them, `report/` words them.

use std::error::Error;
use std::fmt;

/// What kind of failure it was, as far as anything acts on the difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 404 of an object.
    NotFound,
    /// 404 of the resource itself: the API is not installed.
    NoSuchResource,
    /// 409, the name is taken.
    AlreadyExists,
    /// 409, somebody else wrote first, or a precondition (UID) did not hold.
    Conflict,
    /// 403, the caller lacks a right.
    Forbidden,
    /// 403, a ResourceQuota is used up: same status code, another cause and another way out.
    QuotaExceeded,
    /// 401.
    Unauthorized,
    /// 422, or any answer with reason Invalid.
    Invalid,
    /// 410 or reason Expired: a watch or a continue token is too old.
    Expired,
    /// 429.
    TooManyRequests,
    /// Any other Status the server answered.
    Server,
    /// Nothing listens where the server should be.
    Refused,
    /// Any other fault between us and the server: name not found, time-out, hang-up, certificate.
    Unreachable,
    /// The kubeconfig, or what the flags want of it, is at fault.
    Configuration,
    /// A wait took longer than --timeout allows.
    TimedOut,
    /// The user pressed Ctrl-C, or the process was told to end.
    Interrupted,
}

/// One cause of an Invalid answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// Path of the field, as the server writes it (`spec.userId`); may be empty.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}

/// A failure of a request, or of the way to the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What code branches on.
    pub kind: Kind,
    /// The server's own message, or ours for everything the server did not say; no prefix, no full stop added.
    pub message: String,
    /// The Status' reason word (`NotFound`), empty when there is none.
    pub reason: String,
    /// HTTP status code, 0 when there was no answer.
    pub code: u16,
    /// The Status' details: (kind, name), for Invalid.
    pub subject: Option<(String, String)>,
    /// The Status' causes, for Invalid.
    pub causes: Vec<Cause>,
}

impl Failure {
    /// A failure that is not an answer of the server.
    pub fn local(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            reason: String::new(),
            code: 0,
            subject: None,
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

/// The Failure inside `error`, however much context was put around it.
pub fn of(error: &anyhow::Error) -> Option<&Failure> {
    error
        .chain()
        .find_map(|cause| cause.downcast_ref::<Failure>())
}

/// True if `error` is a failure of that kind, however much context was put around it.
pub fn is(error: &anyhow::Error, kind: Kind) -> bool {
    of(error).is_some_and(|failure| failure.kind == kind)
}

/// An error with the way out of it, which is printed apart.
#[derive(Debug)]
pub struct Hinted {
    /// What went wrong.
    pub error: anyhow::Error,
    /// What to do about it: one line, without the word "hint".
    pub hint: String,
}

impl fmt::Display for Hinted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.error, f)
    }
}

impl Error for Hinted {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        // The error itself, not its source: `of` must find a Failure that carries a hint.
        Some(self.error.as_ref())
    }
}

/// Adds a hint to an error.
pub trait Hint<T> {
    /// Adds the way out, one line.
    ///
    /// # Errors
    /// The same error, with the hint.
    fn hint(self, hint: impl Into<String>) -> anyhow::Result<T>;
}

impl<T, E: Into<anyhow::Error>> Hint<T> for Result<T, E> {
    fn hint(self, hint: impl Into<String>) -> anyhow::Result<T> {
        self.map_err(|error| hinted(error, hint))
    }
}

/// `error` with the way out of it.
pub fn hinted(error: impl Into<anyhow::Error>, hint: impl Into<String>) -> anyhow::Error {
    anyhow::Error::new(Hinted {
        error: error.into(),
        hint: hint.into(),
    })
}

/// An error with the raw facts behind it, which are printed below it.
#[derive(Debug)]
pub struct Proved {
    /// What went wrong.
    pub error: anyhow::Error,
    /// The facts, a line each.
    pub evidence: Vec<String>,
}

impl fmt::Display for Proved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.error, f)
    }
}

impl Error for Proved {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        // As with a hint: `of` must find a Failure below it.
        Some(self.error.as_ref())
    }
}

/// `error` with the raw facts behind it.
pub fn proved(error: impl Into<anyhow::Error>, evidence: Vec<String>) -> anyhow::Error {
    anyhow::Error::new(Proved {
        error: error.into(),
        evidence,
    })
}

/// Several errors of one command: each is printed, one after another.
#[derive(Debug)]
pub struct Several(pub Vec<anyhow::Error>);

impl fmt::Display for Several {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.0.iter().map(|error| format!("{error:#}")).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl Error for Several {}

/// All errors as one; none is none, a single one stays itself.
///
/// # Errors
/// When there is one.
pub fn all(mut errors: Vec<anyhow::Error>) -> anyhow::Result<()> {
    match errors.pop() {
        None => Ok(()),
        Some(only) if errors.is_empty() => Err(only),
        Some(last) => {
            errors.push(last);
            Err(anyhow::Error::new(Several(errors)))
        }
    }
}

/// A command line that cannot be meant: printed with a pointer to the help, as kubectl does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usage {
    /// What is wrong, without `error:`.
    pub message: String,
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for Usage {}

/// An error in the arguments; report adds `See 'kubectl session VERB -h' for help and examples`.
pub fn usage(message: impl Into<String>) -> anyhow::Error {
    anyhow::Error::new(Usage {
        message: message.into(),
    })
}

/// Work that ended with an exit code of its own, which becomes ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exited {
    /// The exit code, never 0.
    pub code: u8,
    /// What is to be said about it; empty where whoever did the work has said what there was to say.
    pub message: String,
}

impl fmt::Display for Exited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for Exited {}

/// An end with that exit code, 0 being a good one, and nothing to be said. Codes that no process can have count as 255.
///
/// # Errors
/// [`Exited`] for every code but 0.
pub fn exit(code: i32) -> anyhow::Result<()> {
    match u8::try_from(code).unwrap_or(u8::MAX) {
        0 => Ok(()),
        code => Err(exited(code, "")),
    }
}

/// An end with an exit code that is an error, and what is to be said about it.
pub fn exited(code: u8, message: impl Into<String>) -> anyhow::Error {
    let message = message.into();
    anyhow::Error::new(Exited { code, message })
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;

    #[test]
    fn a_failure_is_found_through_context_and_hints() {
        let failed: Result<(), _> = Err(Failure::local(Kind::Refused, "no"));
        let error = failed
            .hint("start it")
            .context("failed to list")
            .unwrap_err();
        assert!(is(&error, Kind::Refused));
        assert!(!is(&error, Kind::NotFound));
    }
}
