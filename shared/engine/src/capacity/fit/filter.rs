//! Nodes that take a Pod at a moment, as the scheduler's filters decide.

use super::load::{NodeLoad, count_by_domain};
use super::scheduling::{PodCounter, ScheduledPod, Scheduling, SpreadCounter};

/// Why a node does not take a Pod at the moment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Shortage {
    /// Index of a resource of which too little is free.
    Resource(usize),
    /// The node has as many Pods as it may have.
    Pods,
    /// A Pod on the node takes a host port.
    HostPort,
    /// Affinity or anti-affinity.
    Affinity,
    /// A topology spread constraint.
    Spread,
}

/// Returns the nodes that take the Pod.
pub(super) fn feasible_nodes(
    scheduling: &Scheduling,
    pod: usize,
    loads: &[NodeLoad],
) -> Vec<usize> {
    let pod = &scheduling.pods[pod];
    let rules = DomainCounts::new(scheduling, pod, loads);
    let nodes = 0..loads.len();
    nodes
        .filter(|node| pod.nodes[*node].excluded.is_none())
        .filter(|node| node_shortages(scheduling, pod, *node, loads, &rules).is_empty())
        .collect()
}

/// Returns for each node that may take the Pod at all why it does not at the moment; nothing if it does.
pub(super) fn find_shortages(
    scheduling: &Scheduling,
    pod: usize,
    loads: &[NodeLoad],
) -> Vec<(usize, Vec<Shortage>)> {
    let pod = &scheduling.pods[pod];
    let rules = DomainCounts::new(scheduling, pod, loads);
    let nodes = (0..loads.len()).filter(|node| pod.nodes[*node].excluded.is_none());
    nodes
        .map(|node| (node, node_shortages(scheduling, pod, node, loads, &rules)))
        .collect()
}

/// Returns all that the node has too little of. As the scheduler does, looks for other reasons only where there is enough.
fn node_shortages(
    scheduling: &Scheduling,
    pod: &ScheduledPod,
    node: usize,
    loads: &[NodeLoad],
    rules: &DomainCounts,
) -> Vec<Shortage> {
    let load = &loads[node];
    let is_short = |(index, request): &(usize, &i64)| {
        let free = scheduling.allocatable[node][*index] - load.used[*index];
        **request > 0 && **request > free
    };
    let requests = pod.requests.iter().enumerate().filter(is_short);
    let mut short: Vec<Shortage> = requests
        .map(|(index, _)| Shortage::Resource(index))
        .collect();
    if load.pods + 1 > scheduling.pod_capacity[node] {
        short.push(Shortage::Pods);
    }
    if !short.is_empty() {
        return short;
    }
    let mut conflicts = pod.port_conflicts.iter().zip(&load.groups);
    if conflicts.any(|(conflict, count)| *conflict && *count > 0) {
        short.push(Shortage::HostPort);
    } else if !rules.allow_affinity(scheduling, pod, node) {
        short.push(Shortage::Affinity);
    } else if !rules.allow_spread(scheduling, pod, node) {
        short.push(Shortage::Spread);
    }
    short
}

/// Pods that the rules of a Pod select, counted by domain.
struct DomainCounts {
    anti_affinity: Vec<Vec<i64>>,
    affinity: Vec<Vec<i64>>,
    /// Placed Pods whose anti-affinity selects the Pod.
    avoided_by: Vec<Vec<i64>>,
    /// Counts, and the least of them.
    spread: Vec<(Vec<i64>, i64)>,
}

impl DomainCounts {
    fn new(scheduling: &Scheduling, pod: &ScheduledPod, loads: &[NodeLoad]) -> Self {
        let count = |counter: &PodCounter| count_by_domain(scheduling, counter, loads, &|_| true);
        let avoided = |(topology, group): &(usize, usize)| {
            let topology = &scheduling.topologies[*topology];
            let mut sums = vec![0; topology.count];
            for (domain, load) in topology.domains.iter().zip(loads) {
                if let Some(domain) = domain {
                    sums[*domain] += load.groups[*group];
                }
            }
            sums
        };
        let spread = |one: &SpreadCounter| spread_counts(scheduling, pod, one, loads);
        Self {
            anti_affinity: pod.anti_affinity.iter().map(count).collect(),
            affinity: pod.affinity.iter().map(count).collect(),
            avoided_by: pod.avoided_by.iter().map(avoided).collect(),
            spread: pod.spread.iter().map(spread).collect(),
        }
    }

    fn allow_affinity(&self, scheduling: &Scheduling, pod: &ScheduledPod, node: usize) -> bool {
        let domain = |topology: usize| scheduling.topologies[topology].domains[node];
        let near = |(counts, topology): (&Vec<i64>, usize)| {
            domain(topology).is_some_and(|domain| counts[domain] > 0)
        };
        let mut anti = self.anti_affinity.iter().zip(&pod.anti_affinity);
        let mut avoided = self.avoided_by.iter().zip(&pod.avoided_by);
        if anti.any(|(counts, term)| near((counts, term.topology)))
            || avoided.any(|(counts, (topology, _))| near((counts, *topology)))
        {
            return false;
        }
        let mut has_keys = pod.affinity.iter();
        if !has_keys.all(|term| domain(term.topology).is_some()) {
            return false;
        }
        let mut affinity = self.affinity.iter().zip(&pod.affinity);
        let is_first = || {
            let mut counts = self.affinity.iter().flatten();
            pod.is_near_itself && counts.all(|count| *count == 0)
        };
        affinity.all(|(counts, term)| near((counts, term.topology))) || is_first()
    }

    fn allow_spread(&self, scheduling: &Scheduling, pod: &ScheduledPod, node: usize) -> bool {
        let mut constraints = self.spread.iter().zip(&pod.spread);
        constraints.all(|((counts, least), one)| {
            let topology = &scheduling.topologies[one.counter.topology];
            topology.domains[node].is_some_and(|domain| {
                let own = i64::from(one.counts_itself);
                // A domain without a node that counts has no Pods.
                counts[domain] + own - least <= one.constraint.max_skew
            })
        })
    }
}

/// Returns the Pods that a constraint counts in each domain, and the least count that the difference is taken to.
fn spread_counts(
    scheduling: &Scheduling,
    pod: &ScheduledPod,
    one: &SpreadCounter,
    loads: &[NodeLoad],
) -> (Vec<i64>, i64) {
    let topology = &scheduling.topologies[one.counter.topology];
    let has_all_keys = |node: usize| {
        let mut constraints = pod.spread.iter();
        constraints
            .all(|other| scheduling.topologies[other.counter.topology].domains[node].is_some())
    };
    let counted = |node: usize| has_all_keys(node) && one.counts_node(pod, node);
    let counts = count_by_domain(scheduling, &one.counter, loads, &counted);
    let mut present = vec![false; topology.count];
    for (node, domain) in topology.domains.iter().enumerate() {
        if let Some(domain) = domain.filter(|_| counted(node)) {
            present[domain] = true;
        }
    }
    let found = counts.iter().zip(&present).filter(|(_, present)| **present);
    let found: Vec<i64> = found.map(|(count, _)| *count).collect();
    let least = match found.len() < one.constraint.min_domains {
        true => 0,
        false => found.into_iter().min().unwrap_or(i64::from(i32::MAX)),
    };
    (counts, least)
}
