//! `kubectl session status`: the state of one session on one screen.
//!
//! ```text
//! Args ─► Intent ─► Observed ─► Report ─┬─► view: sections of lines for a terminal
//!                   (observe,   (head,  └─► one document of kind SessionReport (-o json, yaml)
//!                    follow)     workloads, network, data, connect, events, diagnosis)
//!                    │
//!                    └ an ObservedSession, whose parts may be unreadable; events; what the session refers to
//! ```
//!
//! `watch` and `wait` keep `Observed` up to date with `follow` and compute the `Report` anew after each change.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod args;
mod commands;
mod data;
mod diagnosis;
mod events;
mod explained_causes;
mod followed_session;
mod head;
mod intent;
mod layout;
mod network;
mod observe;
mod report;
mod text_at;
mod view;
mod wait;
mod watch;
mod workloads;

use anyhow::Result;
use session_shared::report::console::Console;
use session_shared::report::format::{Format, ObjectPrinter};
use session_shared::verb::{Environment, Verb};

pub use args::Args;
use intent::StatusMode;
use report::Report;

/// The verb `status`.
#[derive(Debug)]
pub struct Status;

impl Verb for Status {
    const NAME: &'static str = "status";
    const ABOUT: &'static str = args::ABOUT;
    type Args = Args;

    async fn run(args: Args, environment: &mut Environment) -> Result<()> {
        let mut intent = intent::parse_intent(args, &mut environment.console)?;
        let cluster = environment.connect(&intent.connection).await?;
        match intent.mode {
            StatusMode::Once => {
                let observed =
                    explained_causes::observe_with_causes(&cluster, intent.name.as_str()).await?;
                for impostor in &observed.session.live.impostors {
                    environment.console.note(&impostor.note());
                }
                let report = compute_report(&observed, environment);
                print_report(&report, &mut intent.format, environment)
            }
            StatusMode::Watch => watch::watch_report(&cluster, intent, environment).await,
            StatusMode::Wait { target, limit } => {
                wait::wait_for_phase(&cluster, intent, target, limit, environment).await
            }
        }
    }
}

/// Computes the report of a session. Its commands repeat the connection flags of this one.
fn compute_report(observed: &observe::Observed, environment: &Environment) -> Report {
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
fn print_report(report: &Report, format: &mut Format, environment: &mut Environment) -> Result<()> {
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
fn print_document(
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
