//! The command line of `quota` and its subcommands. Flags and examples of a subcommand stand beside its code.

use clap::{Parser, Subcommand};
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::output::VerbosityFlags;

use crate::nodes;
use crate::{fit, show};

pub(crate) const ABOUT: &str = "Show, limit and plan what sessions take

A ResourceQuota limits what the sessions of a namespace take together: CPU, memory, storage, GPUs, and their number \
(count/sessions.streaming.platform, stopped sessions included). The API server enforces it, whoever creates the sessions.";

const EXAMPLES: &str = "  # Show what is used and free in this namespace, and what runs out first
  kubectl session quota show

  # Show it for all namespaces
  kubectl session quota show -A

  # Show what each user takes in all namespaces
  kubectl session quota show -A --by user";

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
    /// Count the nodes that the active sessions need
    ///
    /// Count the nodes of a pool for sessions without a GPU and of a pool for those with one, by the planned number of sessions per node
    /// and by what sessions request.
    #[command(after_long_help = nodes::EXAMPLES, override_usage = "kubectl session quota nodes [--active NUMBER [--gpu-active NUMBER]] [options]")]
    Nodes(nodes::QuotaNodesArgs),
    /// Count how many more sessions fit
    ///
    /// Count by the ResourceQuotas of the namespace and by what is free on the nodes, as the Kubernetes scheduler counts: requests, Pods per
    /// node, GPUs, taints, selectors, affinity, spread constraints. Print what binds, with the arithmetic.
    #[command(after_long_help = fit::EXAMPLES, override_usage = "kubectl session quota fit (--template NAME | -f FILENAME) [options]")]
    Fit(fit::QuotaFitArgs),
}
