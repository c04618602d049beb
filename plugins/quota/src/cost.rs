//! `quota cost`: what sessions cost per month.

mod view;

use anyhow::Result;
use clap::Args as Group;
use session_shared::capacity::cost::session_costs;
use session_shared::capacity::cost_estimate::estimate_objects;
use session_shared::capacity::cost_report::{CostRow, group_costs, total_cost};
use session_shared::capacity::grouping::Grouping;
use session_shared::client::ListOptions;
use session_shared::failure::usage_error;
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::numbers;
use session_shared::flags::values::read_source;
use session_shared::ops::fit_facts::FitFacts;
use session_shared::report::console::Console;
use session_shared::report::mutation::no_resources_message;
use session_shared::template::Prices;
use session_shared::verb::Environment;

use crate::group_flag::GroupFlag;
use crate::row_output::{RowFormat, RowOutputFlags};
use crate::session_objects::{Extent, read_session_objects};
use crate::source_flags::SourceFlags;
use view::CostView;

pub(crate) const EXAMPLES: &str = "  # Show what each session of this namespace costs per month
  kubectl session quota cost

  # Show what each user costs in all namespaces, by your own prices
  kubectl session quota cost -A --by user --prices prices.yaml

  # Show the parts of each cost
  kubectl session quota cost -o wide

  # Show what a class of 40 would cost before it is created
  kubectl session quota cost --template nvim --count 40";

/// Flags of `quota cost`.
#[derive(Group, Clone, Debug)]
pub struct QuotaCostArgs {
    /// If true, show the sessions of all namespaces
    #[arg(short = 'A', long, conflicts_with_all = ["template", "filename"])]
    pub all_namespaces: bool,
    /// Sum of each line: session, user or namespace
    #[arg(
        long,
        value_name = "WHAT",
        value_enum,
        default_value = "session",
        hide_possible_values = true,
        conflicts_with_all = ["template", "filename"]
    )]
    pub by: GroupFlag,
    /// Template or file of sessions that do not exist yet.
    #[command(flatten)]
    pub source: SourceFlags,
    /// Number of sessions of the template or the file; defaults to 1
    #[arg(long, value_name = "NUMBER", value_parser = numbers::parse_count)]
    pub count: Option<u32>,
    /// TOML or YAML file with prices per month; "-" means standard input
    #[arg(long, value_name = "FILENAME")]
    pub prices: Option<String>,
    #[command(flatten)]
    pub output: RowOutputFlags,
}

/// Shows costs: of the sessions that exist, or with `--template` or `-f` of sessions that do not exist yet.
///
/// # Errors
/// An invalid output format or prices file; sessions that cannot be read.
pub(crate) async fn run(
    args: QuotaCostArgs,
    connection: &ConnectionFlags,
    environment: &mut Environment,
) -> Result<()> {
    let QuotaCostArgs {
        all_namespaces,
        by,
        source,
        count,
        prices,
        output,
    } = args;
    if count == Some(0) {
        return Err(usage_error("--count must be at least 1"));
    }
    let format = RowFormat::parse(output)?;
    let prices = read_prices(prices.as_deref(), &source, &mut environment.console)?;
    if source.is_given() {
        let count = count.unwrap_or(1);
        return cost_of_new(source, count, &prices, format, connection, environment).await;
    }
    if count.is_some() || source.has_values() {
        return Err(usage_error(
            "--count, --preset and values of parameters require --template or --filename",
        ));
    }
    let group = Grouping::from(by);
    cost_of_existing(
        all_namespaces,
        group,
        &prices,
        format,
        connection,
        environment,
    )
    .await
}

/// Reads the prices; those of the program without a file.
///
/// # Errors
/// An invalid file; standard input is needed for other values, too.
fn read_prices(file: Option<&str>, source: &SourceFlags, console: &mut Console) -> Result<Prices> {
    match file {
        Some("-") if source.reads_input() => {
            Err(usage_error("standard input can be read only once"))
        }
        Some(file) => Prices::parse(&read_source(file, console.input())?),
        None => Ok(Prices::default()),
    }
}

/// Shows what the sessions of a namespace, or of all, cost.
///
/// # Errors
/// The server's refusal; standard output is closed.
async fn cost_of_existing(
    all_namespaces: bool,
    group: Grouping,
    prices: &Prices,
    format: RowFormat,
    connection: &ConnectionFlags,
    environment: &mut Environment,
) -> Result<()> {
    let cluster = environment.connect(connection).await?;
    let scope = cluster.scope(all_namespaces);
    let all = ListOptions {
        limit: 500,
        ..ListOptions::default()
    };
    let observed = read_session_objects(&cluster, scope, &all, Extent::Services).await?;
    let report = session_costs(&observed.objects, prices);
    let scope_flag = match all_namespaces {
        true => "-A".to_owned(),
        false => format!("-n {}", cluster.namespace()),
    };
    let notes = view::notes(&report, &observed.unlistable, &scope_flag);
    let rows = group_costs(report.rows, group);
    let view = CostView {
        by: group.as_str(),
        total: total_cost(&rows),
        rows,
        notes,
        prices,
        unread: &observed.unlistable,
        has_namespaces: all_namespaces,
    };
    let console = &mut environment.console;
    if !view.rows.is_empty() || !format.is_text() {
        return print_costs(&view, format, console);
    }
    let namespace = (!all_namespaces).then(|| cluster.namespace());
    console.print_error_line(&no_resources_message(namespace));
    Ok(())
}

/// Shows what sessions of a template or a file would cost.
async fn cost_of_new(
    source: SourceFlags,
    count: u32,
    prices: &Prices,
    format: RowFormat,
    connection: &ConnectionFlags,
    environment: &mut Environment,
) -> Result<()> {
    let by = match source.template {
        Some(_) => "template",
        None => "file",
    };
    let (cluster, sessions) = source.read(connection, environment).await?;
    let rendered = &sessions.rendered;
    let (namespace, objects) = (sessions.namespace.as_str(), &rendered.objects);
    let facts = FitFacts::read_admission(&cluster, namespace, objects).await?;
    let input = facts.input(namespace, objects, &rendered.other, None);
    let (estimated, unknown) = estimate_objects(&input);
    let report = session_costs(&estimated, prices);
    let notes = view::notes_of_new(&report, unknown).into_iter();
    let read = rendered.notes.iter().chain(&facts.notes).cloned();
    let rows = report.rows.into_iter().map(|row| CostRow {
        name: sessions.label.clone(),
        user: None,
        namespace: None,
        ..row
    });
    let rows: Vec<CostRow> = rows.collect();
    let view = CostView {
        by,
        total: total_cost(&rows).times(count),
        rows,
        notes: notes.chain(read).collect(),
        prices,
        unread: &[],
        has_namespaces: false,
    };
    print_costs(&view, format, &mut environment.console)
}

fn print_costs(view: &CostView<'_>, format: RowFormat, console: &mut Console) -> Result<()> {
    let no_headers = format.no_headers;
    format.print(console, &view.to_json(), "items", |wide| {
        view.table(wide, no_headers)
    })?;
    let notes = view.notes.iter().filter(|_| !view.rows.is_empty());
    notes.for_each(|note| console.note(note));
    Ok(())
}
