//! `quota usage`: what sessions have used, from the records of their runs.
//!
//! ```text
//! QuotaUsageArgs ─► RunRecords, Window ─► group: UsageGroup ─► view: table, objects, notes
//! ```

mod group;
mod since;
mod view;

use anyhow::Result;
use clap::Args as Group;
use session_shared::capacity::grouping::Grouping;
use session_shared::capacity::run_hours::Window;
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::list::ListFlags;
use session_shared::report::mutation::no_resources_message;
use session_shared::verb::Environment;

use crate::group_flag::GroupFlag;
use crate::row_output::{RowFormat, RowOutputFlags};
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
    pub by: GroupFlag,

    /// Sessions to count.
    #[command(flatten)]
    pub selecting: ListFlags,

    /// Output format.
    #[command(flatten)]
    pub output: RowOutputFlags,
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
    } = args;
    let now = environment.now();
    let window = Window {
        from: parse_since(&since, now)?,
        until: now,
    };
    let by = Grouping::from(by);
    let format = RowFormat::parse(output)?;
    // reads
    let cluster = environment.connect(connection).await?;
    let scope = cluster.scope(selecting.scope.all_namespaces);
    let select = selecting.options();
    let mut records = cluster.list_run_records(scope, &select).await?;
    cluster.find_run_ends(scope, &mut records).await?;
    // prints
    let groups = group::group_usage(&records.sessions, by, &window);
    let notes = group::usage_notes(&records, &window);
    let console = &mut environment.console;
    let with_namespace = selecting.scope.all_namespaces && by == Grouping::Session;
    if format.is_text() && groups.is_empty() {
        let place = (!selecting.scope.all_namespaces).then(|| cluster.namespace());
        console.print_error_line(&no_resources_message(place));
    } else {
        let no_headers = format.no_headers;
        let report = view::report_json(by, &window, &groups, &notes);
        format.print(console, &report, "usage", |wide| {
            let form = view::TableForm {
                by,
                with_namespace,
                wide,
                no_headers,
            };
            view::usage_table(&groups, &form, now)
        })?;
    }
    notes.iter().for_each(|note| console.note(note));
    Ok(())
}
