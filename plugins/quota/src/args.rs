//! The command line of `quota` and its subcommands. Flags and examples of a subcommand stand beside its code.

use clap::{Parser, Subcommand};
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::output::VerbosityFlags;

use crate::{cost, fit, nodes, set, show, usage};

pub(crate) const ABOUT: &str = "Show, limit and plan what sessions take

A ResourceQuota limits what the sessions of a namespace take together: CPU, memory, storage, GPUs, and their number \
(count/sessions.streaming.platform, stopped sessions included). The API server enforces it, whoever creates the sessions.";

const EXAMPLES: &str = "  # Show what is used and free in this namespace, and what runs out first
  kubectl session quota show

  # Show what each user takes in all namespaces
  kubectl session quota show -A --by user

  # Allow 100 sessions, stopped ones included
  kubectl session quota set --max-sessions 100

  # Count how many more sessions of a template fit
  kubectl session quota fit --template lab

  # Show the hours of each user in the last week, and what sessions cost per month
  kubectl session quota usage --since 7d --by user
  kubectl session quota cost -A --by user";

/// Flags and subcommand of `quota`, unchecked.
#[derive(Parser, Clone, Debug)]
#[command(name = "quota", about = ABOUT.lines().next().unwrap_or_default(), long_about = ABOUT, after_long_help = EXAMPLES, override_usage = "kubectl session quota COMMAND [options]", disable_help_subcommand = true, subcommand_value_name = "COMMAND")]
pub struct Args {
    /// Subcommand
    #[command(subcommand)]
    pub command: QuotaCommand,

    /// Verbosity.
    #[command(flatten)]
    pub verbosity: VerbosityFlags,
    /// Connection to the cluster.
    #[command(flatten)]
    pub connection: ConnectionFlags,
}

/// A subcommand of `quota`.
#[derive(Subcommand, Clone, Debug)]
pub enum QuotaCommand {
    /// Show what is used and free of quotas, or what sessions take
    #[command(visible_alias = "get", long_about = show::LONG_ABOUT, after_long_help = show::EXAMPLES, override_usage = "kubectl session quota show [NAME...] [options]\n  kubectl session quota show --by GROUP [options]")]
    Show(show::QuotaShowArgs),
    /// Limit what all sessions of a namespace take together
    ///
    /// Create or change a ResourceQuota, and wait until the server counts every resource of it. The quota has the limits of the
    /// last call only: a resource that is not named again is no longer limited. If a limit is below what is used, what runs keeps
    /// running, and quota set asks for confirmation; without a terminal it requires --yes.
    #[command(after_long_help = set::args::EXAMPLES, override_usage = "kubectl session quota set [NAME] [--RESOURCE QUANTITY]... [options]
  kubectl session quota set [NAME] (-f FILENAME | --config FILENAME) [options]")]
    Set(Box<set::args::QuotaSetArgs>),
    /// Count how many more sessions fit
    ///
    /// Count by the ResourceQuotas of the namespace and by what is free on the nodes, as the Kubernetes scheduler counts: requests, Pods per
    /// node, GPUs, taints, selectors, affinity, spread constraints. Print what binds, with the arithmetic.
    #[command(after_long_help = fit::EXAMPLES, override_usage = "kubectl session quota fit (--template NAME | -f FILENAME) [options]")]
    Fit(fit::QuotaFitArgs),
    /// Show the hours that sessions have used
    #[command(long_about = usage::ABOUT, after_long_help = usage::EXAMPLES, override_usage = "kubectl session quota usage [options]")]
    Usage(usage::QuotaUsageArgs),
    /// Show what sessions cost per month
    ///
    /// Estimate costs from limits, claims and load balancers. 2 CPUs or 4Gi of memory, whichever a session has more of, cost $50-80 a
    /// month; 30Gi of storage $5-10; a load balancer $15-25; a managed cluster $70-150. The file of --prices replaces these prices.
    #[command(after_long_help = cost::EXAMPLES, override_usage = "kubectl session quota cost [options]")]
    Cost(cost::QuotaCostArgs),
    /// Count the nodes that the active sessions need
    ///
    /// Count the nodes of a pool for sessions without a GPU and of a pool for those with one, by the planned number of sessions per node
    /// and by what sessions request. A server may begin to count sessions
    /// only five minutes after the first setup; until then, it refuses new sessions where their number is limited.
    #[command(after_long_help = nodes::EXAMPLES, override_usage = "kubectl session quota nodes [--active NUMBER [--gpu-active NUMBER]] [options]")]
    Nodes(nodes::QuotaNodesArgs),
}
