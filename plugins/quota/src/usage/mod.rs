//! `quota usage`: what sessions have used, from the records of their runs.
//!
//! ```text
//! QuotaUsageArgs ─► RunRecords, Window ─► group: UsageGroup ─► view: table, objects, notes
//! ```

mod group;
mod grouping;
mod since;
mod view;

use anyhow::Result;
use clap::Args as Group;
use session_shared::capacity::run_hours::Window;
use session_shared::client::{ListOptions, Scope};
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::list::ListFlags;
use session_shared::report::format::{Format, FormatSet};
use session_shared::report::mutation::no_resources_message;
use session_shared::verb::Environment;

pub(crate) use grouping::UsageGrouping;
use since::parse_since;

pub(crate) const ABOUT: &str = "Show the hours that sessions have used

Each start, stop and resize records in the Session's status when a run began and ended, and what it requested. A run lasts from the \
creation of its workload until it is removed or ends by itself; a running session counts to now. The hours of CPU, memory and GPUs \
are what all Pods of a run request, times its hours. Claims count from the first start on, also while the session is stopped.

Sessions that have been deleted are not counted: their records are deleted with them. Replicas that an autoscaler or resize adds \
count from the next start on.";

pub(crate) const EXAMPLES: &str =
    "  # Show what each session of this namespace has used in the last seven days
  kubectl session quota usage

  # Show what each user has used since the first of November, in all namespaces
  kubectl session quota usage --since 2026-11-01 --by user -A

  # Show what one user's sessions have used today, as JSON
  kubectl session quota usage --since 24h -l streaming.platform/user=alice -o json";

/// Flags of `quota usage`.
#[derive(Group, Clone, Debug)]
pub struct QuotaUsageArgs {
    /// Start of the time to count: a duration before now (7d, 12h), a date (2026-11-01, 00:00 UTC) or an RFC 3339 time
    #[arg(long, value_name = "TIME", default_value = "7d")]
    pub since: String,

    /// What to sum the hours by: session, user or namespace
    #[arg(
        long,
        value_name = "GROUP",
        value_enum,
        default_value = "session",
        hide_possible_values = true
    )]
    pub by: UsageGrouping,

    /// Sessions to count.
    #[command(flatten)]
    pub selecting: ListFlags,

    /// Output format. One of: (json, yaml, kyaml, name, wide, custom-columns, custom-columns-file, jsonpath, jsonpath-as-json,
    /// jsonpath-file)
    #[arg(help_heading = "Output", short = 'o', long, value_name = "FORMAT")]
    pub output: Option<String>,

    /// If true, omit the headings of tables and custom columns
    #[arg(help_heading = "Output", long)]
    pub no_headers: bool,
}

/// Shows what sessions have used.
///
/// # Errors
/// An invalid time or output format; refusals of the server.
pub(crate) async fn run(
    args: QuotaUsageArgs,
    connection: &ConnectionFlags,
    environment: &mut Environment,
) -> Result<()> {
    let QuotaUsageArgs {
        since,
        by,
        selecting,
        output,
        no_headers,
    } = args;
    let now = environment.now();
    let window = Window {
        from: parse_since(&since, now)?,
        until: now,
    };
    let format = Format::parse(output.as_deref(), FormatSet::All, no_headers, false)?;
    // reads
    let cluster = environment.connect(connection).await?;
    let scope = match selecting.all_namespaces {
        true => Scope::All,
        false => Scope::Namespace(cluster.namespace()),
    };
    let select = ListOptions {
        label_selector: selecting.label_selector().to_owned(),
        field_selector: selecting.field_selector().to_owned(),
        limit: selecting.chunk_size,
        ..ListOptions::default()
    };
    let mut records = cluster.list_run_records(scope, &select).await?;
    cluster.find_run_ends(scope, &mut records).await?;
    // prints
    let groups = group::group_usage(&records.sessions, by, &window);
    let notes = group::usage_notes(&records, &window);
    let console = &mut environment.console;
    let with_namespace = selecting.all_namespaces && by == UsageGrouping::Session;
    match format {
        Format::Text { .. } if groups.is_empty() => {
            let place = (!selecting.all_namespaces).then(|| cluster.namespace());
            console.print_error_line(&no_resources_message(place));
        }
        Format::Text { wide } => {
            let options = view::TableForm {
                by,
                with_namespace,
                wide,
                no_headers,
            };
            console.print(&view::usage_table(&groups, &options, now))?;
        }
        Format::Objects(printer) if printer.is_name() => {
            let names = groups.iter().map(|group| format!("{}\n", group.name));
            console.print(&names.collect::<String>())?;
        }
        Format::Objects(mut printer) => {
            let objects: Vec<_> = groups
                .iter()
                .map(|group| view::group_json(group, by))
                .collect();
            let is_columns = output.unwrap_or_default().starts_with("custom-columns");
            let text = match is_columns {
                true => printer.print_list(&objects)?,
                false => printer.print_object(&view::report_json(by, &window, &objects, &notes))?,
            };
            console.print(&text)?;
        }
    }
    notes.iter().for_each(|note| console.note(note));
    Ok(())
}
