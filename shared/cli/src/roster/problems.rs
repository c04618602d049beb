//! Errors of the rows of a roster: the first ones with their lines, and the number of all. Pure.

use crate::report::errors::error_text;
use anyhow::{Error, anyhow};
use session_model::failure::{ErrorWithHint, with_hint};

/// Number of different errors that are shown.
const SHOWN: usize = 20;

/// Errors of rows. Takes no more memory for 10,000 errors than for 20.
#[derive(Debug)]
pub struct RowProblems {
    /// Name of the roster, for messages.
    label: String,
    shown: Vec<RowProblem>,
    /// Number of rows with an error.
    pub count: u64,
}

#[derive(Debug)]
struct RowProblem {
    line: u64,
    text: String,
    hint: Option<String>,
    /// Number of later rows with the same error.
    more: u64,
}

impl RowProblems {
    /// Returns no errors yet, of the roster `label`.
    pub fn new(label: &str) -> Self {
        Self {
            label: label.to_owned(),
            shown: Vec::new(),
            count: 0,
        }
    }

    /// Adds the error of a row.
    pub fn add(&mut self, line: u64, error: &Error) {
        self.count += 1;
        let text = error_line(error);
        let mut shown = self.shown.iter_mut();
        if let Some(same) = shown.find(|problem| problem.text == text) {
            same.more += 1;
        } else if self.shown.len() < SHOWN {
            self.shown.push(RowProblem {
                line,
                text,
                hint: find_hint(error),
                more: 0,
            });
        }
    }

    /// Returns the errors, the last one being `summary` of the number of rows; none without any.
    pub fn into_errors(self, summary: impl FnOnce(u64) -> String) -> Vec<Error> {
        if self.count == 0 {
            return Vec::new();
        }
        let told: u64 = self.shown.iter().map(|problem| problem.more + 1).sum();
        let mut last = summary(self.count);
        if told < self.count {
            last = format!("{last}; the first {SHOWN} errors are shown");
        }
        let label = self.label;
        let mut errors: Vec<Error> = Vec::new();
        for RowProblem {
            line,
            text,
            hint,
            more,
        } in self.shown
        {
            let more = match more {
                0 => String::new(),
                1 => " (and 1 more line)".to_owned(),
                more => format!(" (and {more} more lines)"),
            };
            let error = anyhow!("{label}:{line}: {text}{more}");
            errors.push(match hint {
                Some(hint) => with_hint(error, hint),
                None => error,
            });
        }
        errors.push(anyhow!("{last}"));
        errors
    }
}

/// Returns an error as kubectl prints it, as one line without `error: `.
pub fn error_line(error: &Error) -> String {
    let text = error_text(error, "");
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let mut lines = text.lines().map(str::trim);
    let first = lines.next().unwrap_or_default();
    let more: Vec<&str> = lines.collect();
    match more.is_empty() {
        true => first.to_owned(),
        false => format!("{first}: {}", more.join("; ")),
    }
}

/// Returns how many rows are invalid: `1 of 3 rows is invalid`.
pub fn describe_invalid(count: u64, rows: u64) -> String {
    let s = if rows == 1 { "" } else { "s" };
    let are = if count == 1 { "is" } else { "are" };
    format!("{count} of {rows} row{s} {are} invalid")
}

fn find_hint(error: &Error) -> Option<String> {
    let mut causes = error.chain();
    causes.find_map(|cause| Some(cause.downcast_ref::<ErrorWithHint>()?.hint.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finish(errors: impl Iterator<Item = String>) -> String {
        let mut problems = RowProblems::new("class.csv");
        for (line, text) in (2..).zip(errors) {
            problems.add(line, &anyhow!(text));
        }
        let errors = problems.into_errors(|count| format!("{count} lines are wrong"));
        let lines: Vec<String> = errors.iter().map(|error| format!("{error:#}")).collect();
        lines.join("\n")
    }

    #[test]
    fn the_first_twenty_and_the_number_are_shown() {
        let text = finish((0..10_000).map(|number| format!("no {number}")));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 21);
        assert_eq!(lines[0], "class.csv:2: no 0");
        assert_eq!(lines[19], "class.csv:21: no 19");
        assert_eq!(
            lines[20],
            "10000 lines are wrong; the first 20 errors are shown"
        );
    }

    #[test]
    fn one_error_of_all_lines_is_shown_once() {
        let text = finish((0..300).map(|_| "unknown parameter".to_owned()));
        assert_eq!(
            text,
            "class.csv:2: unknown parameter (and 299 more lines)\n300 lines are wrong"
        );
    }

    #[test]
    fn a_hint_stays_with_its_error() {
        let mut problems = RowProblems::new("f");
        problems.add(2, &with_hint(anyhow!("a"), "do b"));
        assert_eq!(problems.shown[0].hint.as_deref(), Some("do b"));
        assert_eq!(problems.shown[0].text, "a");
        assert!(
            RowProblems::new("f")
                .into_errors(|_| String::new())
                .is_empty()
        );
    }
}
