//! `kubectl session list`: sessions with phases computed from their Pods.
//!
//! ```text
//! Args ─► Intent ─► observe: sessions, Pods ─► judge_sessions: verdicts ─► view: rows or objects ─► output
//!            │                                                                                       ▲
//!            ├─ --kept  ─► kept: data of deleted sessions                                            │
//!            └─ --watch ─► watch: changes of sessions and Pods ─► judge_sessions ────────────────────┘
//! ```

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod args;
mod intent;
mod kept_data;
mod observe;
mod output;
mod view;
mod watch;

use anyhow::Result;
use session_shared::client::IncludeObject;
use session_shared::failure;
use session_shared::objects::table::{Row, Table};
use session_shared::ops::Cluster;
use session_shared::ops::session_parts::OnFailure;
use session_shared::report::format::Format;
use session_shared::report::mutation::no_resources_message;
use session_shared::report::sort;
use session_shared::report::table::{TableOptions, TablePrinter};
use session_shared::verb::{Environment, Verb};

pub use args::Args;
use intent::Intent;
use observe::SessionForm;
use output::ListOutput;

/// The verb `list`.
#[derive(Debug)]
pub struct List;

impl Verb for List {
    const NAME: &'static str = "list";
    const ABOUT: &'static str = args::ABOUT;
    type Args = Args;

    async fn run(args: Args, environment: &mut Environment) -> Result<()> {
        let mut intent = intent::parse_intent(args, &mut environment.console)?;
        let cluster = environment.connect(&intent.connection).await?;
        if let Some(note) = intent.keep_namespace(cluster.namespace())? {
            environment.console.note(&note);
        }
        if let Some(selector) = &intent.kept_selector {
            return list_kept(&cluster, &intent, selector, environment).await;
        }
        list_sessions(&cluster, &intent, environment).await
    }
}

/// Lists sessions, then watches them if asked to.
async fn list_sessions(
    cluster: &Cluster,
    intent: &Intent,
    environment: &mut Environment,
) -> Result<()> {
    let form = match (&intent.format, intent.sort_by()) {
        (Format::Objects(_), _) => SessionForm::Objects,
        // Only --sort-by and --template need the complete object; metadata is a tenth of the bytes.
        (Format::Text { .. }, None) if intent.query.template.is_none() => {
            SessionForm::Rows(IncludeObject::Metadata)
        }
        (Format::Text { .. }, _) => SessionForm::Rows(IncludeObject::Object),
    };
    let mut observed = observe::observe(cluster, intent, form).await?;
    if observed.pods.is_unlistable {
        environment
            .console
            .note("phases are as recorded in the sessions' status: no permission to list Pods");
    }
    let rows: Vec<&Row> = observed.sessions.rows.iter().collect();
    let (columns, pods) = (&observed.sessions, &observed.pods);
    let judged = cluster.judge_sessions(&rows, columns, pods, OnFailure::KeepReason);
    let verdicts = judged.await?;
    let mut shown = Table {
        column_definitions: observed.sessions.column_definitions.clone(),
        ..Table::default()
    };
    for (row, verdict) in observed.sessions.rows.iter().zip(&verdicts) {
        let mut row = row.clone();
        let (columns, now) = (&observed.sessions, environment.now());
        if view::overwrite_row(&mut row, columns, verdict, intent, now) {
            shown.rows.push(row);
        }
    }
    if let Some(path) = intent.sort_by().filter(|_| !shown.rows.is_empty()) {
        sort::sort_rows(&mut shown.rows, path)?;
    }
    let mut output = ListOutput::new(intent);
    environment.console.print(&output.list_text(&shown)?)?;
    let missing = std::mem::take(&mut observed.not_found);
    let is_silent = output.prints_objects() || intent.ignore_not_found || intent.watch;
    if shown.rows.is_empty() && missing.is_empty() && !is_silent {
        let place = (!intent.all_namespaces).then(|| cluster.namespace());
        environment
            .console
            .print_error_line(&no_resources_message(place));
    }
    failure::combine_errors(missing)?;
    if !intent.watch {
        return Ok(());
    }
    let clock = environment.clock();
    let watch = watch::ListWatch::new(cluster, intent, observed, &verdicts);
    let watching = watch.run(output, &mut environment.console, clock);
    // As with kubectl, a watch that the time limit ends has not failed.
    intent.connection.within_request_timeout(watching).await?;
    Ok(())
}

/// Lists the data of deleted sessions.
async fn list_kept(
    cluster: &Cluster,
    intent: &Intent,
    selector: &str,
    environment: &mut Environment,
) -> Result<()> {
    let mut kept = kept_data::read_kept_data(cluster, intent, selector).await?;
    let now = environment.now();
    let console = &mut environment.console;
    for resource in &kept.unlistable {
        console.note(&format!(
            "{resource} not listed: no permission to list them"
        ));
    }
    if let Some(path) = intent.sort_by().filter(|_| !kept.objects.is_empty()) {
        sort::sort_objects(&mut kept.objects, path)?;
    }
    match intent.format.clone() {
        Format::Objects(mut printer) => console.print(&printer.print_list(&kept.objects)?),
        Format::Text { .. } => {
            let mut options = TableOptions::from_flags(&intent.output);
            options.namespace = intent.all_namespaces;
            let mut printer = TablePrinter::new(options);
            printer.add_page(&kept_data::kept_table(&kept.objects, now));
            console.print(&printer.flush())?;
            if kept.objects.is_empty() && !intent.ignore_not_found {
                let place = (!intent.all_namespaces).then(|| cluster.namespace());
                console.print_error_line(&no_resources_message(place));
            }
            Ok(())
        }
    }
}
