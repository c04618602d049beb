//! Tables: the server's, laid out byte for byte as kubectl does, and the suite's own.

use std::borrow::Cow;

use serde_json::Value;
use tabled::builder::Builder;
use tabled::settings::{Padding, Style};

use super::tab_writer::TabWriter;
use super::{escape, json};
use crate::flags::output::ListOutputFlags;
use session_model::objects::table::{Column, Row, Table};

/// Options of a table: columns that are added or shown.
#[derive(Clone, Debug, Default)]
pub struct TableOptions {
    /// Adds NAMESPACE as the first column (`-A`).
    pub namespace: bool,
    /// Shows columns of lower priority (`-o wide`).
    pub wide: bool,
    /// Omits the headings.
    pub no_headers: bool,
    /// Adds LABELS as the last column.
    pub show_labels: bool,
    /// Adds a column for each of these labels.
    pub label_columns: Vec<String>,
    /// Kind and group written before every name (`--show-kind`).
    pub kind: Option<String>,
}

impl TableOptions {
    /// Reads the flags of a list. The verb sets `namespace` and `kind`.
    pub fn from_flags(flags: &ListOutputFlags) -> Self {
        Self {
            wide: flags.output.as_deref() == Some("wide"),
            no_headers: flags.no_headers,
            show_labels: flags.show_labels,
            label_columns: flags.label_columns.clone(),
            ..Self::default()
        }
    }
}

/// Printer of the pages of a Table as one table.
#[derive(Debug, Default)]
pub struct TablePrinter {
    options: TableOptions,
    tabs: TabWriter,
    columns: Vec<Column>,
    headed: bool,
    rows: usize,
}

impl TablePrinter {
    /// Returns a printer that has printed nothing.
    pub fn new(options: TableOptions) -> Self {
        Self {
            options,
            ..Self::default()
        }
    }

    /// Adds a page. Its columns may be missing if they are those of the page before.
    pub fn add_page(&mut self, table: &Table) {
        let known = table.column_definitions.is_empty() || table.column_definitions == self.columns;
        if !known {
            self.columns.clone_from(&table.column_definitions);
            self.headed = false;
        }
        if table.rows.is_empty() {
            return;
        }
        let columns = self.decorated_columns();
        if !self.options.no_headers && !self.headed {
            let headings = columns
                .iter()
                .map(|(name, _)| Cow::Owned(Value::from(name.to_uppercase())));
            self.write_line(&columns, &headings.collect::<Vec<_>>());
        }
        self.headed = true;
        for row in &table.rows {
            self.rows += 1;
            let cells = self.decorated_cells(row, columns.len());
            self.write_line(&columns, &cells);
        }
    }

    /// Returns the number of rows added. With none, nothing is printed, not even headings.
    pub fn row_count(&self) -> usize {
        self.rows
    }

    /// Returns the text of all rows added since the last call. Columns never get narrower between calls.
    pub fn flush(&mut self) -> String {
        self.tabs.flush()
    }

    /// Writes the cells of the columns that are shown. There may be fewer or more cells than columns.
    fn write_line(&mut self, columns: &[(String, bool)], cells: &[Cow<'_, Value>]) {
        let shown = columns.iter().zip(cells).filter(|((_, shown), _)| *shown);
        for (at, (_, cell)) in shown.enumerate() {
            if at > 0 {
                self.tabs.write("\t");
            }
            match cell.as_ref() {
                Value::Null => {}
                Value::String(text) => self.tabs.write(&escape::escape_cell(text)),
                other => self
                    .tabs
                    .write(&escape::escape_text(&json::format_go_value(other))),
            }
        }
        self.tabs.write("\n");
    }

    /// Returns the names of all columns, and whether each is shown.
    fn decorated_columns(&self) -> Vec<(String, bool)> {
        let shown = |name: &str| (name.to_owned(), true);
        let options = &self.options;
        let mut columns = Vec::new();
        columns.extend(options.namespace.then(|| shown("Namespace")));
        let visible = |column: &Column| options.wide || column.priority == 0;
        columns.extend(
            self.columns
                .iter()
                .map(|column| (column.name.clone(), visible(column))),
        );
        let labels = options.label_columns.iter();
        columns.extend(labels.map(|label| shown(label.rsplit('/').next().unwrap_or(label))));
        columns.extend(options.show_labels.then(|| shown("Labels")));
        columns
    }

    /// Returns the cells of a row with the added ones. In a row with a missing cell the added ones move to the left, as
    /// in kubectl.
    fn decorated_cells<'r>(&self, row: &'r Row, width: usize) -> Vec<Cow<'r, Value>> {
        let options = &self.options;
        let mut cells = Vec::with_capacity(width);
        if options.namespace {
            let namespace = metadata_field(&row.object, "namespace");
            let absent = if row.object.is_null() {
                Value::Null
            } else {
                Value::from("")
            };
            cells.push(namespace.map_or(Cow::Owned(absent), Cow::Borrowed));
        }
        let first = cells.len();
        cells.extend(row.cells.iter().map(Cow::Borrowed));
        let mut decorated = options.namespace || self.has_labels();
        if let (Some(kind), Some(at)) = (&options.kind, self.name_column()) {
            decorated = true;
            if let Some(name) = cells.get_mut(first + at) {
                *name = Cow::Owned(Value::from(format!(
                    "{kind}/{}",
                    json::format_go_value(name)
                )));
            }
        }
        let bare = row.object.is_null();
        if bare && decorated {
            // kubectl pads half of the missing cells, which decides where a line ends.
            let missing = width.saturating_sub(cells.len());
            cells.extend(std::iter::repeat_n(
                Cow::Owned(Value::Null),
                missing.div_ceil(2),
            ));
        } else if !bare {
            self.add_labels(row, &mut cells);
        }
        cells
    }

    fn has_labels(&self) -> bool {
        self.options.show_labels || !self.options.label_columns.is_empty()
    }

    fn name_column(&self) -> Option<usize> {
        let is_name = |column: &Column| column.format == "name" && column.r#type == "string";
        self.columns.iter().position(is_name)
    }

    fn add_labels<'r>(&self, row: &'r Row, cells: &mut Vec<Cow<'r, Value>>) {
        let labels = metadata_field(&row.object, "labels").and_then(Value::as_object);
        for key in &self.options.label_columns {
            let value = labels.and_then(|labels| labels.get(key));
            cells.push(value.map_or(Cow::Owned(Value::Null), Cow::Borrowed));
        }
        if self.options.show_labels {
            let pairs = labels
                .map(json::sorted_entries)
                .unwrap_or_default()
                .into_iter();
            let pairs: Vec<_> = pairs
                .map(|(key, value)| format!("{key}={}", json::format_go_value(value)))
                .collect();
            let none = pairs.is_empty();
            let text = if none {
                "<none>".to_owned()
            } else {
                pairs.join(",")
            };
            cells.push(Cow::Owned(Value::from(text)));
        }
    }
}

/// Returns a member of an object's metadata.
fn metadata_field<'o>(object: &'o Value, key: &str) -> Option<&'o Value> {
    object.get("metadata")?.get(key)
}

/// Formats a table of the suite's own in kubectl's look: headings in upper case, no blanks at the end of a line.
/// Without rows the result is empty.
pub fn format_table(headings: &[&str], rows: &[Vec<String>], no_headers: bool) -> String {
    /// Columns that kubectl's narrowest column leaves for text.
    const NARROWEST: usize = 3;
    if rows.is_empty() {
        return String::new();
    }
    let mut builder = Builder::with_capacity(rows.len() + 1, headings.len());
    if !no_headers {
        builder.push_record(
            headings
                .iter()
                .map(|heading| format!("{:<NARROWEST$}", heading.to_uppercase())),
        );
    }
    for row in rows {
        builder.push_record(row.iter().map(|cell| {
            format!(
                "{:<NARROWEST$}",
                escape::escape_text(&escape::escape_cell(cell))
            )
        }));
    }
    let mut table = builder.build();
    table.with(Style::empty()).with(Padding::new(0, 3, 0, 0));
    let mut out = String::new();
    for line in table.to_string().lines() {
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests;
