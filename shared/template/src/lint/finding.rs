//! Findings of the checks.

use std::fmt;

use serde::Serialize;

use super::super::problem::Problem;

/// Severity of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The file cannot be used.
    Error,
    /// The file works, but probably not as intended.
    Warning,
    /// Information for the author.
    Info,
}

/// A finding of the checks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Severity.
    pub severity: Severity,
    /// True if it concerns only a controller that uses the template; the command line creates such sessions.
    #[serde(skip)]
    pub for_controller: bool,
    /// Message and location.
    #[serde(flatten)]
    pub problem: Problem,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Info => "info",
        };
        let Problem {
            file,
            line,
            column,
            message,
            ..
        } = &self.problem;
        match (file.as_str(), line) {
            ("", _) => write!(f, "{word}: {message}"),
            (file, 0) => write!(f, "{file}: {word}: {message}"),
            (file, line) => write!(f, "{file}:{line}:{column}: {word}: {message}"),
        }
    }
}

/// Maximum number of findings that are kept.
const FINDINGS_MAX: usize = 1000;

/// The findings collected so far.
#[derive(Default)]
pub(super) struct Findings(pub(super) Vec<Finding>);

impl Findings {
    pub(super) fn push(&mut self, severity: Severity, problem: Problem) {
        self.add(Finding {
            severity,
            for_controller: false,
            problem,
        });
    }

    /// Adds a warning that concerns only a controller.
    pub(super) fn push_for_controller(&mut self, problem: Problem) {
        self.add(Finding {
            severity: Severity::Warning,
            for_controller: true,
            problem,
        });
    }

    fn add(&mut self, finding: Finding) {
        if self.0.len() < FINDINGS_MAX && !self.0.contains(&finding) {
            self.0.push(finding);
        }
    }

    pub(super) fn has_errors(&self) -> bool {
        let mut findings = self.0.iter();
        findings.any(|finding| finding.severity == Severity::Error)
    }

    /// Removes what follows from declarations that could not be read, which are reported themselves.
    pub(super) fn forget_parameters(&mut self, names: &[String]) {
        self.0.retain(|finding| {
            let message = &finding.problem.message;
            let mut names = names.iter();
            !names.any(|name| message.starts_with(&format!("parameter {name} sets ")))
        });
    }

    pub(super) fn extend(
        &mut self,
        severity: Severity,
        problems: impl IntoIterator<Item = Problem>,
    ) {
        problems
            .into_iter()
            .for_each(|problem| self.push(severity, problem));
    }
}
