//! `schedule list`.

use anyhow::Result;
use serde_json::Value;
use session_shared::Timestamp;
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::non_empty;
use session_shared::objects::Untyped;
use session_shared::objects::cron_schedule::CREATE;
use session_shared::objects::resource::CRON_JOB;
use session_shared::objects::table::{Row, Table};
use session_shared::ops::read_schedule::{ClockSchedule, list_clock_schedules};
use session_shared::report::age::age_since;
use session_shared::report::format::Format;
use session_shared::report::mutation::no_resources_message;
use session_shared::report::sort;
use session_shared::report::table::{TableOptions, TablePrinter};
use session_shared::verb::Environment;

use crate::args::ScheduleListArgs;

/// Column headings; true if the column is shown without `-o wide`.
const COLUMNS: [(&str, bool); 8] = [
    ("Name", true),
    ("Action", true),
    ("Sessions", true),
    ("Schedule", true),
    ("Timezone", true),
    ("Last success", true),
    ("State", true),
    ("Age", false),
];

/// Lists the CronJobs that stop, start or create sessions.
///
/// # Errors
/// An invalid output format or sort path; the server's refusal.
pub(crate) async fn run(
    args: ScheduleListArgs,
    connection: &ConnectionFlags,
    environment: &mut Environment,
) -> Result<()> {
    let ScheduleListArgs { selecting, output } = args;
    let format = Format::from_list_flags(&output)?;
    // reads only
    let cluster = environment.connect(connection).await?;
    let everywhere = selecting.scope.all_namespaces;
    let scope = cluster.scope(everywhere);
    let mut found = list_clock_schedules(&cluster, scope, &selecting.options()).await?;
    // prints
    if let Some(sort_by) = non_empty(&output.sort_by) {
        let mut objects: Vec<Value> = found.iter().map(|one| one.object.clone()).collect();
        sort::sort_objects(&mut objects, sort_by)?;
        let place = |one: &ClockSchedule| {
            let uid = Untyped(&one.object).uid();
            objects
                .iter()
                .position(|object| Untyped(object).uid() == uid)
        };
        found.sort_by_key(place);
    }
    let console = &mut environment.console;
    if let Format::Objects(mut printer) = format {
        let objects: Vec<Value> = found.into_iter().map(|one| one.object).collect();
        return console.print(&printer.print_list(&objects)?);
    }
    let mut printer = TablePrinter::new(TableOptions {
        namespace: everywhere,
        kind: output.show_kind.then(|| CRON_JOB.singular()),
        ..TableOptions::from_flags(&output)
    });
    printer.add_page(&schedule_table(&found, environment.now()));
    let console = &mut environment.console;
    console.print(&printer.flush())?;
    if found.is_empty() {
        let namespace = (!everywhere).then(|| cluster.namespace());
        console.print_error_line(&no_resources_message(namespace));
    }
    Ok(())
}

fn schedule_table(found: &[ClockSchedule], now: Timestamp) -> Table {
    let rows = found.iter().map(|one| {
        let schedule = &one.schedule;
        let shown =
            |text: &Option<String>| text.clone().unwrap_or_else(|| Untyped::NONE.to_owned());
        let last = schedule.last_successful_time.as_deref();
        let last = last.map(|at| format!("{} ago", age_since(at.parse().ok(), now)));
        // A run that creates sessions suspends its CronJob, because it is the only one.
        let is_once = schedule.action.as_deref() == Some(CREATE);
        let state = match (&schedule.failing_job, schedule.suspended) {
            (Some(job), _) => format!("Job/{} fails: {}", job.name, job.reason),
            (None, true) if is_once && last.is_some() => "done".to_owned(),
            (None, true) if is_once => "running".to_owned(),
            (None, true) => "suspended".to_owned(),
            (None, false) => "active".to_owned(),
        };
        let cells = [
            schedule.name.clone(),
            shown(&schedule.action),
            shown(&schedule.sessions),
            schedule.schedule.clone(),
            shown(&schedule.time_zone),
            shown(&last),
            state,
            age_since(Untyped(&one.object).created(), now),
        ];
        Row {
            cells: cells.map(Value::from).to_vec(),
            object: one.object.clone(),
        }
    });
    Table::from_rows(&COLUMNS, rows.collect())
}
