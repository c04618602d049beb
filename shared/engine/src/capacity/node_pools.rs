//! How many nodes the active sessions need, in a pool of CPU nodes and a pool of GPU nodes.
//!
//! Two counts stand side by side: by density, sessions per node as an admin plans them, and by requests, as the scheduler places Pods. Nodes by
//! density are rounded up, headroom is added in whole nodes and rounded down (below 5 nodes, 20 % add none), and the pool's range bounds the
//! result: what is needed and what the pool grants are both kept.

use std::fmt;
use std::str::FromStr;

use session_model::quantity::Quantity;

/// Least and largest number of nodes, written `1-50`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeRange {
    /// Least number of nodes.
    pub minimum: u32,
    /// Largest number of nodes; never below `minimum`.
    pub maximum: u32,
}

impl NodeRange {
    fn bound(self, nodes: u64) -> u64 {
        nodes.clamp(u64::from(self.minimum), u64::from(self.maximum))
    }
}

impl fmt::Display for NodeRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.minimum, self.maximum)
    }
}

impl FromStr for NodeRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('-');
        let numbers = parts.and_then(|(least, most)| {
            let (minimum, maximum) = (least.trim().parse().ok()?, most.trim().parse().ok()?);
            Some(Self { minimum, maximum })
        });
        match numbers {
            Some(range) if range.minimum <= range.maximum => Ok(range),
            _ => Err("must be two numbers of nodes, the least first, such as 1-50".to_owned()),
        }
    }
}

/// CPU, memory and GPUs of a node, or what a session requests: `cpu=4,memory=16Gi,gpus=1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResourceSize {
    /// CPUs.
    pub cpu: Quantity,
    /// Memory.
    pub memory: Quantity,
    /// GPUs; `None` if not written.
    pub gpus: Option<u32>,
}

impl ResourceSize {
    /// Returns how many sessions of size `session` fit, and the name of the resource that ends first. GPUs are shared, so they count by
    /// `sessions_per_gpu`; `None` ignores them. A session that requests nothing fits without end: then the result is `None`.
    fn fit(&self, session: &Self, sessions_per_gpu: Option<u32>) -> Option<(u64, &'static str)> {
        let counts = [
            ("cpu", divide(milli(&self.cpu), milli(&session.cpu))),
            (
                "memory",
                divide(self.memory.value(), session.memory.value()),
            ),
            (
                "GPUs",
                self.gpus
                    .zip(sessions_per_gpu)
                    .map(|(gpus, sessions)| u64::from(gpus) * u64::from(sessions)),
            ),
        ];
        let counts = counts
            .into_iter()
            .filter_map(|(name, count)| Some((count?, name)));
        counts.min_by_key(|(count, _)| *count)
    }
}

impl fmt::Display for ResourceSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cpu={},memory={}", self.cpu, self.memory)?;
        self.gpus.map_or(Ok(()), |gpus| write!(f, ",gpus={gpus}"))
    }
}

impl FromStr for ResourceSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (mut cpu, mut memory, mut gpus) = (None, None, None);
        for part in text.split(',') {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            let (key, value) = (key.trim(), value.trim());
            match key {
                "cpu" => cpu = Some(parse_amount(key, value)?),
                "memory" => memory = Some(parse_amount(key, value)?),
                "gpus" => {
                    let count = value
                        .parse()
                        .map_err(|_| format!("gpus must be a whole number, not {value:?}"));
                    gpus = Some(count?);
                }
                _ => {
                    return Err(format!(
                        "unknown resource {key:?}, known are cpu, memory and gpus"
                    ));
                }
            }
        }
        match (cpu, memory) {
            (Some(cpu), Some(memory)) => Ok(Self { cpu, memory, gpus }),
            _ => Err("must name cpu and memory, such as cpu=4,memory=16Gi".to_owned()),
        }
    }
}

fn parse_amount(key: &str, value: &str) -> Result<Quantity, String> {
    let amount: Quantity = value
        .parse()
        .map_err(|_| format!("{key} must be a quantity, not {value:?}"))?;
    match amount.is_negative() {
        true => Err(format!("{key} must not be negative")),
        false => Ok(amount),
    }
}

/// Returns thousandths, rounded up.
fn milli(amount: &Quantity) -> i64 {
    amount.multiply(1000).value()
}

fn divide(whole: i64, part: i64) -> Option<u64> {
    (part > 0).then(|| u64::try_from(whole / part).unwrap_or_default())
}

/// Figures by which nodes are counted. Densities are at least 1.
#[derive(Clone, Copy, Debug)]
pub struct PoolRules {
    /// Sessions that a CPU node takes.
    pub sessions_per_node: u32,
    /// GPUs of a GPU node.
    pub gpus_per_node: u32,
    /// Sessions that share a GPU.
    pub sessions_per_gpu: u32,
    /// Nodes that are added for load that is still to come, in percent.
    pub headroom: u32,
    /// Range of the CPU pool.
    pub cpu_nodes: NodeRange,
    /// Range of the GPU pool.
    pub gpu_nodes: NodeRange,
    /// Range of all nodes, the cluster autoscaler's.
    pub total_nodes: NodeRange,
    /// Size of a CPU node.
    pub cpu_node: ResourceSize,
    /// Size of a GPU node.
    pub gpu_node: ResourceSize,
    /// What a session requests.
    pub session: ResourceSize,
}

/// The nodes of one pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolNodes {
    /// Name: `cpu` or `gpu`.
    pub name: &'static str,
    /// Sessions that run in the pool.
    pub sessions: u64,
    /// Sessions per node, as planned.
    pub sessions_per_node: u64,
    /// Nodes without headroom.
    pub occupied: u64,
    /// Nodes with headroom.
    pub need: u64,
    /// Nodes that the pool's range allows.
    pub nodes: u64,
    /// The pool's range.
    pub range: NodeRange,
    /// Size of a node.
    pub size: ResourceSize,
    /// Sessions that fit on a node by their requests, and the resource that ends first; `None` if they request nothing.
    pub fit: Option<(u64, &'static str)>,
    /// Nodes with headroom if as many sessions run on a node as fit; `None` if none fits or nothing is requested.
    pub need_by_requests: Option<u64>,
}

impl PoolNodes {
    /// Returns true if the planned number of sessions does not fit on a node.
    pub fn is_too_dense(&self) -> bool {
        self.fit
            .is_some_and(|(fit, _)| fit < self.sessions_per_node)
    }
}

/// The nodes of both pools.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodePlan {
    /// The CPU pool, then the GPU pool.
    pub pools: [PoolNodes; 2],
    /// Nodes that both pools need.
    pub need: u64,
    /// Nodes of both pools within the autoscaler's range.
    pub nodes: u64,
    /// True if more sessions have a GPU than are active: sessions without one are then taken as 0.
    pub is_gpu_above_active: bool,
}

/// Counts nodes for `active` sessions, of which `gpu_active` have a GPU.
pub fn count_nodes(active: u32, gpu_active: u32, rules: &PoolRules) -> NodePlan {
    let gpu_density = u64::from(rules.gpus_per_node) * u64::from(rules.sessions_per_gpu);
    let without_gpu = active.saturating_sub(gpu_active);
    let cpu_fit = rules.cpu_node.fit(&rules.session, None);
    let gpu_fit = rules
        .gpu_node
        .fit(&rules.session, Some(rules.sessions_per_gpu));
    let pool =
        |name, sessions: u32, density: u64, range: NodeRange, size, fit: Option<(u64, _)>| {
            let sessions = u64::from(sessions);
            let occupied = sessions.div_ceil(density.max(1));
            let need = with_headroom(occupied, rules.headroom);
            let by_requests = match fit {
                None => Some(0),
                Some((0, _)) => None,
                Some((fit, _)) => Some(with_headroom(sessions.div_ceil(fit), rules.headroom)),
            };
            PoolNodes {
                name,
                sessions,
                sessions_per_node: density,
                occupied,
                need,
                nodes: range.bound(need),
                range,
                size,
                fit,
                need_by_requests: by_requests,
            }
        };
    let cpu_density = u64::from(rules.sessions_per_node);
    let pools = [
        pool(
            "cpu",
            without_gpu,
            cpu_density,
            rules.cpu_nodes,
            rules.cpu_node,
            cpu_fit,
        ),
        pool(
            "gpu",
            gpu_active,
            gpu_density,
            rules.gpu_nodes,
            rules.gpu_node,
            gpu_fit,
        ),
    ];
    NodePlan {
        need: pools.iter().map(|pool| pool.need).sum(),
        nodes: rules
            .total_nodes
            .bound(pools.iter().map(|pool| pool.nodes).sum()),
        is_gpu_above_active: gpu_active > active,
        pools,
    }
}

fn with_headroom(nodes: u64, percent: u32) -> u64 {
    nodes.saturating_mul(100 + u64::from(percent)) / 100
}

#[cfg(test)]
mod tests;
