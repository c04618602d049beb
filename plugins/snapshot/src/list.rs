//! `snapshot list`.

use anyhow::Result;
use serde_json::Value;
use session_shared::client::{ListOptions, Scope};
use session_shared::encode::shell;
use session_shared::failure::usage_error;
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::list::{ListFlags, parse_session_name};
use session_shared::flags::non_empty;
use session_shared::flags::output::ListOutputFlags;
use session_shared::labels;
use session_shared::names::SessionName;
use session_shared::objects::cron_schedule::CronSchedule;
use session_shared::objects::resource::VOLUME_SNAPSHOT;
use session_shared::ops::Cluster;
use session_shared::ops::read_schedule::read_schedule;
use session_shared::ops::snapshot_plan::clarify_unserved;
use session_shared::report::console::Console;
use session_shared::report::format::Format;
use session_shared::report::mutation::no_resources_message;
use session_shared::report::sort;
use session_shared::report::table::{TableOptions, TablePrinter};
use session_shared::verb::Environment;

use crate::args::ListArgs;
use crate::schedule::describe_schedule;
use crate::view;

/// Lists snapshots.
///
/// # Errors
/// An invalid output format or sort path; the server's refusal; a cluster without the VolumeSnapshot API.
pub(crate) async fn run(
    args: ListArgs,
    connection: &ConnectionFlags,
    environment: &mut Environment,
) -> Result<()> {
    let ListArgs {
        session,
        selecting,
        output,
    } = args;
    let format = Format::from_list_flags(&output)?;
    let everywhere = selecting.scope.all_namespaces;
    if everywhere && session.is_some() {
        return Err(usage_error(
            "a resource cannot be retrieved by name across all namespaces",
        ));
    }
    let session = session.as_deref().map(parse_session_name).transpose()?;
    let select = list_options(session.as_ref(), &selecting);
    // reads only
    let cluster = environment.connect(connection).await?;
    let scope = cluster.scope(everywhere);
    let mut found = list_volume_snapshots(&cluster, scope, &select).await?;
    // prints
    if let Some(sort_by) = non_empty(&output.sort_by)
        && !found.is_empty()
    {
        sort::sort_objects(&mut found, sort_by)?;
    }
    match format {
        Format::Objects(mut printer) => environment.console.print(&printer.print_list(&found)?),
        Format::Text { .. } => {
            let namespace = (!everywhere).then(|| cluster.namespace());
            print_table(&found, namespace, &output, environment)?;
            // A list narrowed by a selector says nothing about the schedule as a whole.
            let selectors = [selecting.label_selector(), selecting.field_selector()];
            if let Some(name) = &session
                && selectors.iter().all(|selector| selector.is_empty())
                && let Some(schedule) = read_schedule(&cluster, name, None).await?
            {
                let (namespace, console) = (cluster.namespace(), &mut environment.console);
                print_schedule(&schedule, name, namespace, console);
            }
            Ok(())
        }
    }
}

/// Prints the snapshots of a namespace as a table, or of all with `None`, or that there are none.
///
/// # Errors
/// Standard output is closed.
fn print_table(
    found: &[Value],
    namespace: Option<&str>,
    output: &ListOutputFlags,
    environment: &mut Environment,
) -> Result<()> {
    let mut options = TableOptions::from_flags(output);
    options.namespace = namespace.is_none();
    options.kind = output.show_kind.then(|| VOLUME_SNAPSHOT.singular());
    let mut printer = TablePrinter::new(options);
    printer.add_page(&view::snapshot_table(found, environment.now()));
    let console = &mut environment.console;
    console.print(&printer.flush())?;
    if found.is_empty() {
        console.print_error_line(&no_resources_message(namespace));
    }
    Ok(())
}

/// Prints the schedule, and what to do about a Job that fails.
fn print_schedule(
    schedule: &CronSchedule,
    session: &SessionName,
    namespace: &str,
    console: &mut Console,
) {
    let line = describe_schedule(schedule);
    if schedule.failing_job.is_none() {
        return console.note(&line);
    }
    console.warn(&line);
    let cron = shell::quote_word(&schedule.schedule);
    let keep = schedule
        .keep
        .map_or("KEEP".to_owned(), |keep| keep.to_string());
    console.hint(&format!(
        "to use another image: kubectl session snapshot schedule {session} -n {namespace} --cron {cron} --keep {keep} --image IMAGE"
    ));
}

fn list_options(session: Option<&SessionName>, selecting: &ListFlags) -> ListOptions {
    let mut parts = vec![format!("{}={}", labels::MANAGED_BY, labels::MANAGER)];
    parts.push(match session {
        Some(name) => format!("{}={name}", labels::SESSION),
        None => labels::SESSION.to_owned(),
    });
    parts.extend(non_empty(&selecting.selector).map(str::to_owned));
    ListOptions {
        label_selector: parts.join(","),
        field_selector: selecting.field_selector().to_owned(),
        limit: selecting.scope.chunk_size,
        ..ListOptions::default()
    }
}

/// Lists VolumeSnapshots.
///
/// # Errors
/// The server's refusal; a cluster without the VolumeSnapshot API.
pub(crate) async fn list_volume_snapshots(
    cluster: &Cluster,
    scope: Scope<'_>,
    select: &ListOptions,
) -> Result<Vec<Value>> {
    let list = cluster.list(&VOLUME_SNAPSHOT, scope, select).await;
    Ok(list.map_err(clarify_unserved)?.items)
}
