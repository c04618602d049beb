//! `quota cost`: what sessions cost per month.

mod observe;
mod view;

use anyhow::Result;
use clap::Args as Group;
use session_shared::capacity::cost::session_costs;
use session_shared::capacity::cost_report::group_costs;
use session_shared::capacity::grouping::Grouping;
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::values::read_source;
use session_shared::report::mutation::no_resources_message;
use session_shared::template::Prices;
use session_shared::verb::Environment;

use crate::group_flag::GroupFlag;
use crate::row_output::{RowFormat, RowOutputFlags};
use view::CostView;

pub(crate) const EXAMPLES: &str = "  # Show what each session of this namespace costs per month
  kubectl session quota cost

  # Show what each user costs in all namespaces, by your own prices
  kubectl session quota cost -A --by user --prices prices.yaml

  # Show the parts of each cost
  kubectl session quota cost -o wide";

/// Flags of `quota cost`.
#[derive(Group, Clone, Debug)]
pub struct QuotaCostArgs {
    /// If true, show the sessions of all namespaces
    #[arg(short = 'A', long)]
    pub all_namespaces: bool,
    /// Sum of each line: session, user or namespace
    #[arg(
        long,
        value_name = "WHAT",
        value_enum,
        default_value = "session",
        hide_possible_values = true
    )]
    pub by: GroupFlag,
    /// TOML or YAML file with prices per month; "-" means standard input
    #[arg(long, value_name = "FILENAME")]
    pub prices: Option<String>,
    #[command(flatten)]
    pub output: RowOutputFlags,
}

/// Shows costs.
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
        prices,
        output,
    } = args;
    let group = Grouping::from(by);
    let format = RowFormat::parse(output)?;
    let prices = match prices.as_deref() {
        Some(file) => Prices::parse(&read_source(file, environment.console.input())?)?,
        None => Prices::default(),
    };
    let cluster = environment.connect(connection).await?;
    let scope = cluster.scope(all_namespaces);
    let observed = observe::read_objects(&cluster, scope).await?;
    let report = session_costs(&observed.objects, &prices);
    let scope_flag = match all_namespaces {
        true => "-A".to_owned(),
        false => format!("-n {}", cluster.namespace()),
    };
    let notes = view::notes(&report, &observed.unread, &scope_flag);
    let view = CostView {
        group,
        rows: group_costs(report.rows, group),
        notes,
        prices: &prices,
        unread: &observed.unread,
        has_namespaces: all_namespaces,
    };
    let console = &mut environment.console;
    let (is_text, no_headers) = (format.is_text(), format.no_headers);
    format.print(console, &view.to_json(), "items", |wide| {
        view.table(wide, no_headers)
    })?;
    if view.rows.is_empty() {
        if !is_text {
            return Ok(());
        }
        let namespace = (!all_namespaces).then(|| cluster.namespace());
        console.print_error_line(&no_resources_message(namespace));
    } else {
        view.notes.iter().for_each(|note| console.note(note));
    }
    Ok(())
}
