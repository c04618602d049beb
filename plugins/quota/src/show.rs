//! `quota show`: what is used of the ResourceQuotas, and what is free.

use anyhow::Result;
use clap::Args as Group;
use futures::TryStreamExt;
use session_shared::client::{IncludeObject, ListOptions, Scope};
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::output::ListOutputFlags;
use session_shared::objects::resource::RESOURCE_QUOTA;
use session_shared::report::format::{Format, FormatSet};
use session_shared::report::table::{TableOptions, TablePrinter};
use session_shared::verb::Environment;

pub(crate) const EXAMPLES: &str = "  # Show what is used and what is free in this namespace
  kubectl session quota show

  # Show it for all namespaces
  kubectl session quota show -A";

/// Flags of `quota show`.
#[derive(Group, Clone, Debug)]
pub struct QuotaShowArgs {
    /// If true, show all namespaces
    #[arg(short = 'A', long)]
    pub all_namespaces: bool,
    #[command(flatten)]
    pub output: ListOutputFlags,
}

/// Shows ResourceQuotas.
///
/// # Errors
/// If a request fails, or the output format is invalid.
pub(crate) async fn run(
    args: QuotaShowArgs,
    connection: &ConnectionFlags,
    environment: &mut Environment,
) -> Result<()> {
    let QuotaShowArgs {
        all_namespaces,
        output,
    } = args;
    Format::parse(
        output.output.as_deref(),
        FormatSet::All,
        output.no_headers,
        output.show_managed_fields,
    )?;
    let cluster = environment.connect(connection).await?;
    let scope = match all_namespaces {
        true => Scope::All,
        false => Scope::Namespace(cluster.namespace()),
    };
    let options = ListOptions::default();
    let include = IncludeObject::Metadata;
    let mut pages = cluster.list_table_pages(&RESOURCE_QUOTA, scope, &options, 500, include);
    let mut printer = TablePrinter::new(TableOptions::from_flags(&output));
    while let Some(page) = pages.try_next().await? {
        printer.add_page(&page);
    }
    environment.console.print(&printer.flush())
}
