//! Problems found in a file or a value, with their locations.

use std::error::Error;
use std::fmt;

use serde::Serialize;

use super::source::{Source, SourceLocation};
use session_model::failure;

/// A problem with an optional location and hint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Name of the file; empty if the problem is not in a file but, for example, in a flag.
    pub file: String,
    /// Line from 1; 0 for the file as a whole.
    pub line: usize,
    /// Column from 1, in characters.
    pub column: usize,
    /// Message in lower case without a full stop.
    pub message: String,
    /// Remedy: a command or an imperative sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Problem {
    /// Creates a problem at a location of a file.
    pub fn at(file: &str, place: SourceLocation, message: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            line: place.line,
            column: place.column,
            message: message.into(),
            hint: None,
        }
    }

    /// Creates a problem without a location.
    pub fn without_location(message: impl Into<String>) -> Self {
        Self::at("", SourceLocation::default(), message)
    }

    /// Creates a problem from an error and its outermost hint.
    pub fn of_error(file: &str, place: SourceLocation, error: &anyhow::Error) -> Self {
        let hint = error.downcast_ref::<failure::ErrorWithHint>();
        Self {
            hint: hint.map(|error| error.hint.clone()),
            ..Self::at(file, place, error.to_string())
        }
    }

    /// Adds a hint.
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.file.as_str(), self.line) {
            ("", _) => f.write_str(&self.message),
            (file, 0) => write!(f, "{file}: {}", self.message),
            (file, line) => write!(f, "{file}:{line}:{}: {}", self.column, self.message),
        }
    }
}

/// A list of distinct problems. Keeps the first 100.
///
/// Displayed as one line if there is one problem, else as a line with their number and an indented line for each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

/// Largest number of problems that are kept. Bounds memory and time for hostile files.
const PROBLEMS_MAX: usize = 100;

impl Problems {
    /// Adds a problem, unless the list contains it already (an alias repeats the problems of its anchor).
    pub fn push(&mut self, problem: Problem) {
        if self.0.len() < PROBLEMS_MAX && !self.0.contains(&problem) {
            self.0.push(problem);
        }
    }

    /// Adds all problems of another list.
    pub fn extend(&mut self, others: Problems) {
        others.0.into_iter().for_each(|problem| self.push(problem));
    }

    /// Iterates over the problems.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.0.iter()
    }

    /// Returns true if there are no problems.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns `value` if there are no problems.
    ///
    /// # Errors
    /// The list itself, sorted by location, if it is not empty.
    pub fn into_result<T>(mut self, value: T) -> Result<T, Self> {
        if self.0.is_empty() {
            return Ok(value);
        }
        self.sort();
        Err(self)
    }

    pub(super) fn sort(&mut self) {
        self.0.sort_by_key(|problem| (problem.line, problem.column));
    }

    /// Converts the list to an error with the first hint.
    pub fn into_error(self) -> anyhow::Error {
        let hint = self.0.iter().find_map(|problem| problem.hint.clone());
        match hint {
            Some(hint) => failure::with_hint(self, hint),
            None => anyhow::Error::new(self),
        }
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

impl IntoIterator for Problems {
    type Item = Problem;
    type IntoIter = std::vec::IntoIter<Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [one] => one.fmt(f),
            many => {
                write!(f, "{} problems", many.len())?;
                many.iter()
                    .try_for_each(|problem| write!(f, "\n  {problem}"))
            }
        }
    }
}

impl Error for Problems {}

/// Creates a problem at a location of a source.
pub(super) fn problem_at(
    source: &Source,
    place: SourceLocation,
    message: impl Into<String>,
) -> Problem {
    Problem::at(source.name(), place, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use session_model::failure::ErrorWithHint;

    fn two() -> Problems {
        let mut problems = Problems::default();
        for line in [2, 1, 2] {
            problems.push(Problem::at(
                "a.yaml",
                SourceLocation { line, column: 3 },
                "no",
            ));
        }
        problems.sort();
        problems
    }

    #[test]
    fn several_are_counted_and_listed_once_each_in_order() {
        assert_eq!(
            two().to_string(),
            "2 problems\n  a.yaml:1:3: no\n  a.yaml:2:3: no"
        );
    }

    #[test]
    fn one_is_a_line() {
        assert_eq!(
            Problems::from(Problem::without_location("no")).to_string(),
            "no"
        );
        let whole = Problem::at("a", SourceLocation::default(), "no");
        assert_eq!(whole.to_string(), "a: no");
    }

    #[test]
    fn the_way_out_is_apart() {
        let error = Problems::from(Problem::without_location("no").with_hint("do")).into_error();
        assert_eq!(error.to_string(), "no");
        let hint = error
            .downcast_ref::<ErrorWithHint>()
            .map(|hinted| hinted.hint.as_str());
        assert_eq!(hint, Some("do"));
        assert!(two().into_error().downcast_ref::<Problems>().is_some());
    }
}
