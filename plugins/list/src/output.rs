//! The output of a list: one table that grows, or objects.

use anyhow::Result;
use session_shared::objects::resource::SESSION;
use session_shared::objects::table::Table;
use session_shared::report::format::{Format, ObjectPrinter};
use session_shared::report::table::{TableOptions, TablePrinter};

use crate::intent::Intent;

/// Printer of rows and objects.
#[derive(Debug)]
pub(crate) struct ListOutput {
    printer: RowPrinter,
    /// True for a list of one NAME.
    is_single: bool,
    is_watch: bool,
}

#[derive(Debug)]
enum RowPrinter {
    Table(TablePrinter),
    Objects(ObjectPrinter),
}

impl ListOutput {
    pub(crate) fn new(intent: &Intent) -> Self {
        let printer = match &intent.format {
            Format::Objects(printer) => RowPrinter::Objects(printer.clone()),
            Format::Text { .. } => {
                let mut options = TableOptions::from_flags(&intent.output);
                options.namespace = intent.all_namespaces;
                options.kind = intent.output.show_kind.then(|| SESSION.singular());
                RowPrinter::Table(TablePrinter::new(options))
            }
        };
        Self {
            printer,
            is_single: intent.names.len() == 1,
            is_watch: intent.watch,
        }
    }

    /// Returns true for formats that print the objects themselves.
    pub(crate) fn prints_objects(&self) -> bool {
        matches!(self.printer, RowPrinter::Objects(_))
    }

    /// Returns the text of the whole list.
    ///
    /// # Errors
    /// The JSONPath of the format fails on an object.
    pub(crate) fn list_text(&mut self, table: &Table) -> Result<String> {
        match &mut self.printer {
            // As with kubectl, a watch prints each object by itself from the beginning.
            _ if self.is_watch => self.change_text(table),
            RowPrinter::Table(_) => self.change_text(table),
            RowPrinter::Objects(printer) => {
                let objects = table.rows.iter().map(|row| row.object.clone());
                match (self.is_single, objects.collect::<Vec<_>>().as_slice()) {
                    // As with kubectl, a single name prints the object instead of a List.
                    (true, [session]) => printer.print_object(session),
                    (true, []) => Ok(String::new()),
                    (_, sessions) => printer.print_list(sessions),
                }
            }
        }
    }

    /// Returns the text of changed sessions.
    ///
    /// # Errors
    /// As [`ListOutput::list_text`].
    pub(crate) fn change_text(&mut self, table: &Table) -> Result<String> {
        match &mut self.printer {
            RowPrinter::Table(printer) => {
                printer.add_page(table);
                Ok(printer.flush())
            }
            RowPrinter::Objects(printer) => {
                let texts = table.rows.iter();
                let texts = texts.map(|row| printer.print_object(&row.object));
                texts.collect()
            }
        }
    }
}
