//! `quota show`: what is used and free of ResourceQuotas, or with `--by` what sessions take.
//!
//! ```text
//! QuotaShowArgs ─► ListIntent ─┬─► list quotas ─► QuotaUsage each ─► quota_view ─► table, bottleneck
//!                              └─► SessionObjects ─► sum_totals ─► totals_view ─► table
//! ```

mod quota_view;
mod quotas;
mod totals;
mod totals_view;

use anyhow::Result;
use clap::Args as Group;
use session_shared::failure::usage_error;
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::list::ListFlags;
use session_shared::flags::output::ListOutputFlags;
use session_shared::verb::Environment;

use crate::group_flag::GroupFlag;
use crate::intent::ListIntent;

pub(crate) const LONG_ABOUT: &str = "Show what is used and free of ResourceQuotas, or what sessions take

Without --by, print a line for each resource of each ResourceQuota, and the resource that runs out first. -o json prints the \
ResourceQuotas with status.free, status.usedPercent and status.bottleneck added.

With --by, sum what sessions take: CPU and MEMORY are requests/limits of their Pods that have not ended, GPUS are extended resources, \
STORAGE is what their claims request. Data kept from deleted sessions counts for its owner. <others> are objects of no session in \
namespaces with a ResourceQuota, which counts them, too. --by user sums over all namespaces that are shown. -l and --field-selector select sessions then.";

pub(crate) const EXAMPLES: &str = "  # Show what is used and what is free in this namespace
  kubectl session quota show

  # Show it for all namespaces, with scopes and ages of the quotas
  kubectl session quota show -A -o wide

  # Show what each user takes in all namespaces
  kubectl session quota show -A --by user

  # Show the sessions of this namespace, the largest storage last
  kubectl session quota show --by session --sort-by .claims.storage

  # Print what is free of a quota, for a script
  kubectl session quota show team -o jsonpath='{.status.free.pods}'";

/// Flags of `quota show`.
#[derive(Group, Clone, Debug)]
pub struct QuotaShowArgs {
    /// Names of the quotas; all of the namespace if none is given
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,

    /// Group for which to sum what its sessions take: user, session or namespace; if not given, quotas are shown
    #[arg(long, value_name = "GROUP", value_enum, hide_possible_values = true)]
    pub by: Option<GroupFlag>,

    /// Selection of the quotas; with --by, of the sessions.
    #[command(flatten)]
    pub selecting: ListFlags,
    /// Output format.
    #[command(flatten)]
    pub output: ListOutputFlags,
}

/// Shows quotas, or what sessions take.
///
/// # Errors
/// Invalid flags; the server's refusal to list quotas, or with `--by` sessions.
pub(crate) async fn run(
    args: QuotaShowArgs,
    connection: &ConnectionFlags,
    environment: &mut Environment,
) -> Result<()> {
    let QuotaShowArgs {
        names,
        by,
        selecting,
        output,
    } = args;
    let intent = ListIntent::parse(&selecting, output)?;
    match by {
        None => {
            let names = quotas::parse_names(&names, &intent)?;
            quotas::show_quotas(&intent, &names, connection, environment).await
        }
        Some(_) if !names.is_empty() => Err(usage_error(
            "names of quotas cannot be given together with --by, which shows sessions",
        )),
        Some(by) => totals::show_totals(&intent, by.into(), connection, environment).await,
    }
}
