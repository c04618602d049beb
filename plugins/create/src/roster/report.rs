//! Report of a roster: a line, cell row or document for each row. Pure.

use anyhow::{Result, bail};
use serde_json::{Value, json};
use session_shared::bulk_progress::Count;
use session_shared::client::DryRun;
use session_shared::report::mutation::dry_run_suffix;
use session_shared::report::table::format_table;

use session_shared::roster::reader::FORMULA_BEGINNINGS;

/// Format of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReportFormat {
    /// kubectl's line for each session.
    Lines,
    /// Name of each session.
    Names,
    /// Table with every row.
    Wide,
    /// CSV with every row.
    Csv,
    /// Document with every row.
    Json,
}

impl ReportFormat {
    /// Parses `-o`.
    ///
    /// # Errors
    /// kubectl's message for another format.
    pub(super) fn parse(output: Option<&str>) -> Result<Self> {
        match output.unwrap_or_default() {
            "" => Ok(Self::Lines),
            "name" => Ok(Self::Names),
            "wide" => Ok(Self::Wide),
            "csv" => Ok(Self::Csv),
            "json" => Ok(Self::Json),
            other => bail!(
                "unable to match a printer suitable for the output format {other:?}, allowed formats with --roster are: csv,json,name,wide"
            ),
        }
    }
}

/// What became of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RowResult {
    Created,
    /// The rest of the session's objects was created.
    Completed,
    Unchanged,
    Failed,
}

impl RowResult {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            RowResult::Created => "created",
            RowResult::Completed => "completed",
            RowResult::Unchanged => "unchanged",
            RowResult::Failed => "failed",
        }
    }
}

/// Row of the report.
#[derive(Clone, Debug)]
pub(super) struct RowReport {
    pub(super) line: u64,
    pub(super) user: String,
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) template: String,
    pub(super) result: RowResult,
    /// Error of a failed row; else empty.
    pub(super) error: String,
}

const HEADINGS: [&str; 7] = [
    "line",
    "user",
    "namespace",
    "name",
    "template",
    "result",
    "error",
];

impl RowReport {
    fn cells(&self) -> [String; 7] {
        [
            self.line.to_string(),
            self.user.clone(),
            self.namespace.clone(),
            self.name.clone(),
            self.template.clone(),
            self.result.as_str().to_owned(),
            self.error.clone(),
        ]
    }

    fn document(&self) -> Value {
        let mut document = json!({
            "line": self.line, "user": self.user, "namespace": self.namespace, "name": self.name,
            "template": self.template, "result": self.result.as_str(),
        });
        if !self.error.is_empty() {
            document["error"] = self.error.as_str().into();
        }
        document
    }
}

/// Number of rows by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) created: u64,
    pub(super) unchanged: u64,
    pub(super) failed: u64,
}

impl Counts {
    pub(super) fn add(&mut self, result: RowResult) {
        match result {
            RowResult::Created | RowResult::Completed => self.created += 1,
            RowResult::Unchanged => self.unchanged += 1,
            RowResult::Failed => self.failed += 1,
        }
    }

    pub(super) fn done(&self) -> u64 {
        self.created + self.unchanged + self.failed
    }

    /// Returns the number of sessions that took time: those that exist already took none.
    pub(super) fn worked(&self) -> u64 {
        self.created + self.failed
    }

    /// Returns the numbers with their words.
    pub(super) fn numbers(&self) -> [Count; 3] {
        [
            (self.created, RowResult::Created.as_str()),
            (self.unchanged, RowResult::Unchanged.as_str()),
            (self.failed, RowResult::Failed.as_str()),
        ]
    }
}

/// Printer of a report. Lines, names and CSV are printed as rows end; table and document are kept until the end, in the roster's order.
#[derive(Debug)]
pub(super) struct Reporter {
    format: ReportFormat,
    dry_run: DryRun,
    kept: Vec<RowReport>,
    has_header: bool,
}

impl Reporter {
    pub(super) fn new(format: ReportFormat, dry_run: DryRun) -> Self {
        Self {
            format,
            dry_run,
            kept: Vec::new(),
            has_header: false,
        }
    }

    /// Adds a row, and returns what is printed at once.
    ///
    /// # Errors
    /// None that is known: CSV is written to memory.
    pub(super) fn add(&mut self, row: RowReport) -> Result<String> {
        let is_failed = row.result == RowResult::Failed;
        match self.format {
            // Errors are printed on standard error.
            ReportFormat::Lines | ReportFormat::Names if is_failed => Ok(String::new()),
            ReportFormat::Names => Ok(format!("session.streaming.platform/{}\n", row.name)),
            ReportFormat::Lines => {
                let (name, word, suffix) =
                    (&row.name, row.result.as_str(), dry_run_suffix(self.dry_run));
                Ok(format!(
                    "session.streaming.platform/{name} {word}{suffix}\n"
                ))
            }
            ReportFormat::Csv => {
                let header = (!self.has_header).then_some(HEADINGS.map(str::to_owned));
                self.has_header = true;
                write_csv(header.into_iter().chain([row.cells()]))
            }
            ReportFormat::Wide | ReportFormat::Json => {
                self.kept.push(row);
                Ok(String::new())
            }
        }
    }

    /// Returns what is printed at the end.
    ///
    /// # Errors
    /// None that is known.
    pub(super) fn finish(mut self, counts: &Counts, left: u64) -> Result<String> {
        self.kept.sort_by_key(|row| row.line);
        match self.format {
            ReportFormat::Csv if !self.has_header => {
                write_csv([HEADINGS.map(str::to_owned)].into_iter())
            }
            ReportFormat::Wide => {
                let rows: Vec<Vec<String>> =
                    self.kept.iter().map(|row| row.cells().to_vec()).collect();
                Ok(format_table(&HEADINGS, &rows, false))
            }
            ReportFormat::Json => {
                let rows: Vec<Value> = self.kept.iter().map(RowReport::document).collect();
                let Counts {
                    created,
                    unchanged,
                    failed,
                } = counts;
                let document = json!({
                    "created": created, "unchanged": unchanged, "failed": failed, "left": left, "rows": rows,
                });
                Ok(format!("{document:#}\n"))
            }
            _ => Ok(String::new()),
        }
    }
}

/// Writes records as CSV. A cell that a spreadsheet would run as a formula gets an apostrophe before it.
fn write_csv(records: impl Iterator<Item = [String; 7]>) -> Result<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for record in records {
        writer.write_record(
            record.map(|cell| match cell.starts_with(FORMULA_BEGINNINGS) {
                true => format!("'{cell}"),
                false => cell,
            }),
        )?;
    }
    Ok(String::from_utf8(writer.into_inner()?)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use session_shared::bulk_progress::describe_counts;

    fn row(line: u64, result: RowResult) -> RowReport {
        RowReport {
            line,
            user: "alice@example.com".into(),
            namespace: "class".into(),
            name: "alice".into(),
            template: "lab".into(),
            result,
            error: match result {
                RowResult::Failed => "=1+1 is \"no\", they say".into(),
                _ => String::new(),
            },
        }
    }

    fn print(format: &str) -> String {
        let mut reporter = Reporter::new(ReportFormat::parse(Some(format)).unwrap(), DryRun::None);
        let mut counts = Counts::default();
        let mut text = String::new();
        for row in [row(3, RowResult::Failed), row(2, RowResult::Created)] {
            counts.add(row.result);
            text.push_str(&reporter.add(row).unwrap());
        }
        text + &reporter.finish(&counts, 0).unwrap()
    }

    #[test]
    fn every_format_has_every_row() {
        assert_eq!(print(""), "session.streaming.platform/alice created\n");
        assert_eq!(print("name"), "session.streaming.platform/alice\n");
        assert_eq!(
            print("csv"),
            "line,user,namespace,name,template,result,error\n\
             3,alice@example.com,class,alice,lab,failed,\"'=1+1 is \"\"no\"\", they say\"\n\
             2,alice@example.com,class,alice,lab,created,\n"
        );
        let wide = print("wide");
        let lines: Vec<&str> = wide.lines().collect();
        assert!(lines[0].starts_with("LINE   USER"), "{wide}");
        assert!(
            lines[1].starts_with("2 ") && lines[2].starts_with("3 "),
            "{wide}"
        );
        let json: Value = serde_json::from_str(&print("json")).unwrap();
        assert_eq!((&json["created"], &json["failed"]), (&1.into(), &1.into()));
        assert_eq!(json["rows"][1]["error"], "=1+1 is \"no\", they say");
        assert!(ReportFormat::parse(Some("yaml")).is_err());
    }

    #[test]
    fn counts_leave_out_what_did_not_happen() {
        let mut counts = Counts::default();
        assert_eq!(describe_counts(&counts.numbers()), "0 created");
        counts.add(RowResult::Completed);
        counts.add(RowResult::Failed);
        assert_eq!(describe_counts(&counts.numbers()), "1 created, 1 failed");
        assert_eq!(counts.done(), 2);
    }
}
