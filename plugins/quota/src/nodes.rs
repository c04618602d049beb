//! `quota nodes`: how many nodes the active sessions need.

mod observe;
mod view;

use anyhow::Result;
use clap::Args as Group;
use session_shared::capacity::node_pools::{NodeRange, PoolRules, ResourceSize, count_nodes};
use session_shared::failure::usage_error;
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::numbers::parse_integer;
use session_shared::verb::Environment;

use crate::row_output::{RowFormat, RowOutputFlags};

pub(crate) const EXAMPLES: &str = "  # Count the nodes for the sessions that run now
  kubectl session quota nodes

  # Count the nodes for 500 sessions, 160 of them with a GPU; no cluster is needed
  kubectl session quota nodes --active 500 --gpu-active 160

  # Count them for one GPU per node and at most 40 GPU nodes
  kubectl session quota nodes --active 500 --gpu-active 160 --gpus-per-node 1 --gpu-nodes 0-40";

/// Flags of `quota nodes`.
#[derive(Group, Clone, Debug)]
pub struct QuotaNodesArgs {
    /// Number of active sessions; by default those of all namespaces whose Pods run or wait for a node
    #[arg(long, value_name = "NUMBER", value_parser = parse_sessions)]
    pub active: Option<u32>,
    /// Number of active sessions that have a GPU
    #[arg(long, value_name = "NUMBER", value_parser = parse_sessions)]
    pub gpu_active: Option<u32>,
    #[command(flatten)]
    pub rules: PoolRuleFlags,
    #[command(flatten)]
    pub output: RowOutputFlags,
}

/// Flags of the figures by which nodes are counted.
#[derive(Group, Clone, Debug)]
pub struct PoolRuleFlags {
    /// Sessions per CPU node
    #[arg(help_heading = "Rules", long, value_name = "NUMBER", default_value = "10", value_parser = parse_density)]
    pub sessions_per_node: u32,
    /// GPUs per GPU node
    #[arg(help_heading = "Rules", long, value_name = "NUMBER", default_value = "2", value_parser = parse_density)]
    pub gpus_per_node: u32,
    /// Sessions that share a GPU
    #[arg(help_heading = "Rules", long, value_name = "NUMBER", default_value = "4", value_parser = parse_density)]
    pub sessions_per_gpu: u32,
    /// Nodes to add for more load, in percent, rounded down to whole nodes
    #[arg(help_heading = "Rules", long, value_name = "PERCENT", default_value = "20", value_parser = parse_sessions)]
    pub headroom: u32,
    /// Least and largest number of CPU nodes
    #[arg(
        help_heading = "Rules",
        long,
        value_name = "RANGE",
        default_value = "1-50"
    )]
    pub cpu_nodes: NodeRange,
    /// Least and largest number of GPU nodes
    #[arg(
        help_heading = "Rules",
        long,
        value_name = "RANGE",
        default_value = "0-20"
    )]
    pub gpu_nodes: NodeRange,
    /// Least and largest number of nodes of the cluster autoscaler
    #[arg(
        help_heading = "Rules",
        long,
        value_name = "RANGE",
        default_value = "3-100"
    )]
    pub total_nodes: NodeRange,
    /// Size of a CPU node; the default is a c6g.4xlarge
    #[arg(
        help_heading = "Rules",
        long,
        value_name = "SIZE",
        default_value = "cpu=16,memory=32Gi"
    )]
    pub cpu_node_size: ResourceSize,
    /// Size of a GPU node; the default is a g4dn.xlarge
    #[arg(
        help_heading = "Rules",
        long,
        value_name = "SIZE",
        default_value = "cpu=4,memory=16Gi,gpus=1"
    )]
    pub gpu_node_size: ResourceSize,
    /// Requests of a session
    #[arg(
        help_heading = "Rules",
        long,
        value_name = "SIZE",
        default_value = "cpu=1100m,memory=2176Mi"
    )]
    pub session_requests: ResourceSize,
}

impl PoolRuleFlags {
    fn into_rules(self) -> PoolRules {
        let Self {
            sessions_per_node,
            gpus_per_node,
            sessions_per_gpu,
            headroom,
            cpu_nodes,
            gpu_nodes,
            total_nodes,
            cpu_node_size,
            gpu_node_size,
            session_requests,
        } = self;
        PoolRules {
            sessions_per_node,
            gpus_per_node,
            sessions_per_gpu,
            headroom,
            cpu_nodes,
            gpu_nodes,
            total_nodes,
            cpu_node: cpu_node_size,
            gpu_node: gpu_node_size,
            session: session_requests,
        }
    }
}

/// Parses a number that may be 0.
fn parse_sessions(text: &str) -> Result<u32, String> {
    let number = parse_integer(text)?;
    if number < 0 {
        return Err("must not be negative".to_owned());
    }
    u32::try_from(number).map_err(|_| format!("must be at most {}", u32::MAX))
}

/// Parses a number by which sessions are divided.
fn parse_density(text: &str) -> Result<u32, String> {
    match parse_sessions(text)? {
        0 => Err("must be at least 1".to_owned()),
        number => Ok(number),
    }
}

/// Counts nodes.
///
/// # Errors
/// Flags that contradict each other; sessions that cannot be read, if their number is not given.
pub(crate) async fn run(
    args: QuotaNodesArgs,
    connection: &ConnectionFlags,
    environment: &mut Environment,
) -> Result<()> {
    let QuotaNodesArgs {
        active,
        gpu_active,
        rules,
        output,
    } = args;
    let format = RowFormat::parse(output)?;
    let rules = rules.into_rules();
    let observed = match (active, gpu_active) {
        (Some(active), gpu_active) => {
            observe::read_nodes(
                environment.connect(connection).await,
                active,
                gpu_active.unwrap_or(0),
            )
            .await
        }
        (None, Some(_)) => return Err(usage_error("--gpu-active requires --active")),
        (None, None) => observe::count_active(&environment.connect(connection).await?).await?,
    };
    let plan = count_nodes(observed.active, observed.gpu_active, &rules);
    let console = &mut environment.console;
    for text in &observed.unread {
        console.note(text);
    }
    let no_headers = format.no_headers;
    format.print(
        console,
        &view::plan_json(&plan, &observed, &rules),
        "pools",
        |wide| view::plan_table(&plan, &observed, &rules, wide, no_headers),
    )?;
    for (text, hint) in view::warnings(&plan, &rules) {
        console.warn_with_hint(&text, hint.as_deref());
    }
    if let Some(text) = view::different_nodes(&observed.node_gpus, rules.gpus_per_node) {
        console.note(&text);
    }
    Ok(())
}
