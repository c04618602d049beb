//! `kubectl session list`: sessions with phases computed from their Pods.
//!
//! ```text
//! Args ─► Intent ─► fetch: sessions, Pods ─► attribution: forged Pods dropped ─► join: phases ─► view: rows or objects
//!            │                                                                        ▲
//!            ├─ --kept  ─► kept: data of deleted sessions                             │
//!            └─ --watch ─► watch: changes of sessions and Pods ───────────────────────┘
//! ```

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod args;
mod forged_pods;
mod intent;
mod join;
mod kept_data;
mod observe;
mod view;
mod watch;

use anyhow::Result;
use session_shared::client::IncludeObject;
use session_shared::failure;
use session_shared::objects::Untyped;
use session_shared::ops::Cluster;
use session_shared::report::format::{Format, ObjectPrinter};
use session_shared::report::mutation::no_resources_message;
use session_shared::report::sort;
use session_shared::report::table::{TableOptions, TablePrinter};
use session_shared::verb::{Environment, Verb};

pub use args::Args;
use forged_pods::{drop_forged_pods, recorded_phases};
use intent::Intent;

/// The verb `list`.
#[derive(Debug)]
pub struct List;

impl Verb for List {
    const NAME: &'static str = "list";
    const ABOUT: &'static str = args::ABOUT;
    type Args = Args;

    async fn run(args: Args, environment: &mut Environment) -> Result<()> {
        let intent = intent::parse_intent(args, &mut environment.console)?;
        let cluster = environment.connect(&intent.connection).await?;
        if let Some(selector) = &intent.kept_selector {
            return list_kept(&cluster, &intent, selector, environment).await;
        }
        match intent.format.clone() {
            Format::Text { .. } => list_table(&cluster, &intent, environment).await,
            Format::Objects(printer) => list_objects(&cluster, &intent, printer, environment).await,
        }
    }
}

async fn list_table(
    cluster: &Cluster,
    intent: &Intent,
    environment: &mut Environment,
) -> Result<()> {
    // Only --sort-by needs the complete object; metadata is a tenth of the bytes.
    let include = match intent.sort_by() {
        None => IncludeObject::Metadata,
        Some(_) => IncludeObject::Object,
    };
    let mut fetched = observe::observe_tables(cluster, intent, include).await?;
    note_missing_permission(&fetched.pods, environment);
    drop_forged_pods(
        cluster,
        &mut fetched.pods,
        recorded_phases(&fetched.sessions),
    )
    .await;
    let raw = if intent.watch {
        fetched.sessions.rows.clone()
    } else {
        Vec::new()
    };
    view::join_rows(
        &mut fetched.sessions,
        &fetched.pods,
        intent,
        environment.now(),
    );
    if let Some(path) = intent
        .sort_by()
        .filter(|_| !fetched.sessions.rows.is_empty())
    {
        sort::sort_rows(&mut fetched.sessions.rows, path)?;
    }
    let mut options = TableOptions::from_flags(&intent.output);
    options.namespace = intent.all_namespaces;
    options.kind = intent
        .output
        .show_kind
        .then(|| session_shared::objects::resource::SESSION.singular());
    let mut printer = TablePrinter::new(options);
    printer.add_page(&fetched.sessions);
    environment.console.print(&printer.flush())?;
    let missing = std::mem::take(&mut fetched.not_found);
    if fetched.sessions.rows.is_empty()
        && missing.is_empty()
        && !intent.ignore_not_found
        && !intent.watch
    {
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
    let watching = watch::watch_sessions(
        cluster,
        intent,
        fetched,
        raw,
        printer,
        &mut environment.console,
        clock,
    );
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

/// Prints a note if the caller has no permission to list Pods.
fn note_missing_permission(pods: &join::SessionPods, environment: &mut Environment) {
    if pods.is_unlistable {
        environment
            .console
            .note("phases are as recorded in the sessions' status: no permission to list Pods");
    }
}

async fn list_objects(
    cluster: &Cluster,
    intent: &Intent,
    mut printer: ObjectPrinter,
    environment: &mut Environment,
) -> Result<()> {
    if intent.watch {
        return Err(failure::usage_error(
            "--watch can be used only with the default output or -o wide",
        ));
    }
    let mut fetched = observe::observe_objects(cluster, intent).await?;
    note_missing_permission(&fetched.pods, environment);
    let phases = fetched.sessions.iter();
    let phases = phases.map(|session| {
        (
            session,
            Untyped(session).str_at("/status/phase").unwrap_or_default(),
        )
    });
    drop_forged_pods(cluster, &mut fetched.pods, phases).await;
    view::join_objects(&mut fetched.sessions, &fetched.pods, intent);
    if let Some(path) = intent.sort_by().filter(|_| !fetched.sessions.is_empty()) {
        sort::sort_objects(&mut fetched.sessions, path)?;
    }
    let text = match (intent.names.as_slice(), fetched.sessions.as_slice()) {
        // As with kubectl, a single name prints the object instead of a List.
        ([_], [session]) => printer.print_object(session)?,
        ([_], []) => String::new(),
        (_, sessions) => printer.print_list(sessions)?,
    };
    environment.console.print(&text)?;
    failure::combine_errors(fetched.not_found)
}
