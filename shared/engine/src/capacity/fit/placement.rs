//! Places sessions on nodes, Pod after Pod, until the scheduler would refuse one.
//!
//! Where several nodes have the most points, the scheduler chooses at random. Nodes that are alike lead to the same count whichever is
//! chosen; for others, each choice is followed, so that the counts found are all that can come out. Paths that lead to the same loads are
//! one path. Beyond [`MAX_PATHS`] paths the rest is dropped and the counts are only those that were seen.

use std::collections::{BTreeMap, BTreeSet};

use super::filter::{Shortage, feasible_nodes, find_shortages};
use super::load::{Loads, NodeLoad, add_pod, end_session, initial_loads};
use super::scheduling::{NodeFacts, Scheduling};
use super::score::best_nodes;

/// Largest number of loads of nodes that are kept at a time.
const MAX_PATHS: usize = 20_000;
/// Largest number of loads of nodes that are copied for choices: some tenths of a second. After it, one choice is followed.
const MAX_COPIES: usize = 400_000;

/// Nodes, by index, that a Pod was refused by, with all that is short on them.
pub(super) type NodeShortages = Vec<(usize, Vec<Shortage>)>;

/// Number of sessions that fit on the nodes.
#[derive(Clone, Debug)]
pub(super) struct Placement {
    /// Sessions that fit whatever the scheduler chooses among equal nodes.
    pub(super) least: u64,
    /// Sessions that fit at best.
    pub(super) most: u64,
    /// False if `least` and `most` were not proven: too many choices.
    pub(super) proven: bool,
    /// True if counting ended at the limit: at least this many fit.
    pub(super) limited: bool,
    /// Pod that did not fit in the end, and why no node takes it.
    pub(super) refused: Option<(usize, NodeShortages)>,
    /// Pods of sessions placed on each node, on the path that ended first.
    pub(super) placed: Vec<i64>,
}

/// Places sessions until one does not fit, or until `limit`.
pub(super) fn place_sessions(scheduling: &Scheduling, limit: u64) -> Placement {
    match scheduling.is_order_free() {
        true => count_by_node(scheduling, limit),
        false => Search::new(scheduling).run(limit),
    }
}

/// Returns how many Pods of the session fit on the node by each resource, and by the number of Pods; all of them request the same.
pub(super) fn node_limits(scheduling: &Scheduling, node: usize) -> (Vec<Option<i64>>, i64) {
    let requests = scheduling.pods.first().map(|pod| pod.requests.as_slice());
    let requests = requests.unwrap_or_default().iter().enumerate();
    let by_resource = requests.map(|(index, request)| {
        let free = scheduling.allocatable[node][index] - scheduling.used[node][index];
        (*request > 0).then(|| free.max(0) / request)
    });
    let pods = scheduling.pod_capacity[node] - scheduling.pod_count[node];
    (by_resource.collect(), pods.max(0))
}

fn count_by_node(scheduling: &Scheduling, limit: u64) -> Placement {
    let pods = &scheduling.pods;
    let is_open = |node: usize| pods.iter().all(|pod| pod.nodes[node].excluded.is_none());
    let fits = |node: usize| {
        let (resources, pods) = node_limits(scheduling, node);
        let least = resources.into_iter().flatten().fold(pods, i64::min);
        if is_open(node) { least } else { 0 }
    };
    let placed: Vec<i64> = (0..scheduling.allocatable.len()).map(fits).collect();
    let total = placed
        .iter()
        .fold(0, |sum: i64, count| sum.saturating_add(*count));
    let each = i64::try_from(pods.len()).unwrap_or(i64::MAX).max(1);
    let count = u64::try_from(total / each).unwrap_or(0);
    Placement {
        least: count.min(limit),
        most: count.min(limit),
        proven: true,
        limited: count >= limit,
        refused: None,
        placed,
    }
}

/// A search over the choices of the scheduler.
struct Search<'a> {
    scheduling: &'a Scheduling,
    /// Class of each node: nodes of one class differ only in their loads.
    classes: Vec<usize>,
    max_paths: usize,
    copies: usize,
    proven: bool,
}

impl<'a> Search<'a> {
    fn new(scheduling: &'a Scheduling) -> Self {
        let nodes = scheduling.allocatable.len().max(1);
        Self {
            scheduling,
            classes: node_classes(scheduling),
            max_paths: (MAX_PATHS / nodes).clamp(1, 2000),
            copies: 0,
            proven: true,
        }
    }

    fn run(mut self, limit: u64) -> Placement {
        let mut paths = vec![initial_loads(self.scheduling)];
        let (mut count, mut least) = (0, None);
        let mut ended: Option<(Loads, usize)> = None;
        while count < limit {
            for pod in 0..self.scheduling.pods.len() {
                let (next, stuck) = self.place(pod, paths);
                if let Some(loads) = stuck {
                    least.get_or_insert(count);
                    ended.get_or_insert((loads, pod));
                }
                paths = next;
            }
            if paths.is_empty() {
                break;
            }
            for loads in &mut paths {
                end_session(self.scheduling, loads);
            }
            count += 1;
        }
        let limited = !paths.is_empty();
        let (loads, refused) = match ended {
            Some((loads, pod)) => {
                let shortages = find_shortages(self.scheduling, pod, &loads);
                (loads, Some((pod, shortages)))
            }
            None => (paths.pop().unwrap_or_default(), None),
        };
        let before = &self.scheduling.pod_count;
        Placement {
            least: least.unwrap_or(count),
            most: count,
            proven: self.proven,
            limited,
            refused,
            placed: loads
                .iter()
                .zip(before)
                .map(|(load, before)| load.pods - before)
                .collect(),
        }
    }

    /// Places a Pod on every path. Returns the paths that go on, and one of those that end here.
    fn place(&mut self, pod: usize, paths: Vec<Loads>) -> (Vec<Loads>, Option<Loads>) {
        let mut next = Vec::new();
        let mut seen = BTreeSet::new();
        let mut stuck = None;
        let several = paths.len() > 1;
        for mut loads in paths {
            let feasible = feasible_nodes(self.scheduling, pod, &loads);
            let best = best_nodes(self.scheduling, pod, &loads, &feasible);
            let choices = self.distinct(&best, &loads);
            match choices.as_slice() {
                [] => {
                    stuck.get_or_insert(loads);
                }
                [node] if !several => {
                    add_pod(self.scheduling, pod, &mut loads[*node]);
                    next.push(loads);
                }
                choices => {
                    for node in choices {
                        self.copies += loads.len();
                        let mut chosen = loads.clone();
                        add_pod(self.scheduling, pod, &mut chosen[*node]);
                        if seen.insert(self.canonical(&chosen)) {
                            next.push(chosen);
                        }
                    }
                }
            }
        }
        if self.copies > MAX_COPIES {
            self.max_paths = 1;
        }
        if next.len() > self.max_paths {
            next.truncate(self.max_paths);
            self.proven = false;
        }
        (next, stuck)
    }

    /// Returns one node of each class and load.
    fn distinct(&self, nodes: &[usize], loads: &[NodeLoad]) -> Vec<usize> {
        let mut kept: Vec<usize> = Vec::new();
        for node in nodes {
            let class = self.classes[*node];
            let alike =
                |other: &usize| self.classes[*other] == class && loads[*other] == loads[*node];
            if !kept.iter().any(alike) {
                kept.push(*node);
            }
        }
        kept
    }

    /// Returns the loads in an order that does not depend on which of several nodes of a class has which.
    fn canonical(&self, loads: &[NodeLoad]) -> Vec<(usize, NodeLoad)> {
        let mut all: Vec<(usize, NodeLoad)> = self
            .classes
            .iter()
            .copied()
            .zip(loads.iter().cloned())
            .collect();
        all.sort();
        all
    }
}

/// Everything about a node that decides about Pods beside its load.
type NodeClass<'a> = (
    &'a [i64],
    i64,
    Vec<&'a NodeFacts>,
    Vec<i64>,
    Vec<Option<usize>>,
);

/// Returns a class for each node: nodes of one class can be exchanged without changing anything that the scheduler compares.
fn node_classes(scheduling: &Scheduling) -> Vec<usize> {
    let sizes: Vec<Vec<usize>> = scheduling
        .topologies
        .iter()
        .map(|topology| {
            let mut sizes = vec![0; topology.count];
            topology
                .domains
                .iter()
                .flatten()
                .for_each(|domain| sizes[*domain] += 1);
            sizes
        })
        .collect();
    let domain_of = |node: usize| {
        let topologies = scheduling.topologies.iter().zip(&sizes);
        topologies.map(move |(topology, sizes)| {
            // A domain of one node is exchanged with the node.
            topology.domains[node].map(|domain| {
                if sizes[domain] == 1 {
                    usize::MAX
                } else {
                    domain
                }
            })
        })
    };
    let class = |node: usize| -> NodeClass<'_> {
        let counters = scheduling.pods.iter().flat_map(|pod| {
            let spread = pod.spread.iter().chain(&pod.preferred_spread);
            let spread = spread.map(|one| &one.counter);
            pod.anti_affinity.iter().chain(&pod.affinity).chain(spread)
        });
        (
            &scheduling.allocatable[node],
            scheduling.pod_capacity[node],
            scheduling.pods.iter().map(|pod| &pod.nodes[node]).collect(),
            counters.map(|counter| counter.existing[node]).collect(),
            domain_of(node).collect(),
        )
    };
    let mut known: BTreeMap<NodeClass<'_>, usize> = BTreeMap::new();
    let nodes = 0..scheduling.allocatable.len();
    nodes
        .map(|node| {
            let next = known.len();
            *known.entry(class(node)).or_insert(next)
        })
        .collect()
}
