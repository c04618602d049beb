//! The report as it is printed: computed for this command, then text or a document.

use anyhow::Result;
use session_shared::report::console::Console;
use session_shared::report::format::{Format, ObjectPrinter};
use session_shared::verb::Environment;

use crate::observe::Observed;
use crate::report::Report;
use crate::view;

/// Computes the report of a session. Its commands repeat the connection flags of this one.
pub(crate) fn compute_report(observed: &Observed, environment: &Environment) -> Report {
    let mut report = Report::from_observed(observed, environment.now());
    let steps = report.next.iter_mut().map(|step| &mut step.command);
    let methods = report.connect.iter_mut().map(|method| &mut method.command);
    let secret = report.data.parameters_command.iter_mut();
    for command in steps.chain(methods).chain(secret) {
        *command = environment
            .console
            .with_connection_flags(command)
            .into_owned();
    }
    report
}

/// Prints a report in the requested format.
pub(crate) fn print_report(
    report: &Report,
    format: &mut Format,
    environment: &mut Environment,
) -> Result<()> {
    match format {
        Format::Objects(printer) => print_document(report, printer, &mut environment.console),
        Format::Text { .. } => {
            let lines =
                view::report_lines(report, environment.now(), environment.console.wrap_width());
            let text: String = lines
                .iter()
                .map(|line| line.to_styled_text(&environment.console) + "\n")
                .collect();
            environment.console.print_styled(&text)
        }
    }
}

/// Prints the report as one document; with `-o name`, the name of the session.
pub(crate) fn print_document(
    report: &Report,
    printer: &mut ObjectPrinter,
    console: &mut Console,
) -> Result<()> {
    if printer.is_name() {
        return console.print(&printer.print_object(&report.session)?);
    }
    let mut document = serde_json::to_value(report)?;
    if let Some(session) = printer.without_managed_fields(&report.session) {
        document["session"] = session;
    }
    console.print(&printer.print_object(&document)?)
}
