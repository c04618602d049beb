//! The command line of `quota` and its subcommands. Flags and examples of a subcommand stand beside its code.

use clap::{Parser, Subcommand};
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::output::VerbosityFlags;

use crate::nodes;
use crate::show;

pub(crate) const ABOUT: &str = "Show and set what sessions may take

A ResourceQuota limits what the sessions of a namespace take together: CPU, memory, storage, GPUs, and their number \
(count/sessions.streaming.platform). The API server enforces it, whoever creates the sessions.";

const EXAMPLES: &str = "  # Show what is used and what is free in this namespace
  kubectl session quota show

  # Show it for all namespaces
  kubectl session quota show -A";

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
    /// Show what is used, what is free and what binds
    #[command(visible_alias = "get", after_long_help = show::EXAMPLES, override_usage = "kubectl session quota show [options]")]
    Show(show::QuotaShowArgs),
    /// Count the nodes that the active sessions need
    ///
    /// Count the nodes of a pool for sessions without a GPU and of a pool for those with one, by the planned number of sessions per node
    /// and by what sessions request.
    #[command(after_long_help = nodes::EXAMPLES, override_usage = "kubectl session quota nodes [--active NUMBER [--gpu-active NUMBER]] [options]")]
    Nodes(nodes::QuotaNodesArgs),
}
