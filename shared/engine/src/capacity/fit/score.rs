//! The node that the scheduler chooses among those that take a Pod: the one with the most points of its default plugins.

use super::load::{NodeLoad, count_by_domain, count_on};
use super::scheduling::{NodeFacts, ScheduledPod, Scheduling, SpreadCounter};

const MOST: i64 = 100;
const HOSTNAME: &str = "kubernetes.io/hostname";

/// Returns the nodes with the most points; among several, the scheduler chooses at random.
pub(super) fn best_nodes(
    scheduling: &Scheduling,
    pod: usize,
    loads: &[NodeLoad],
    feasible: &[usize],
) -> Vec<usize> {
    if feasible.len() < 2 {
        return feasible.to_vec();
    }
    let pod = &scheduling.pods[pod];
    let facts = |of: fn(&NodeFacts) -> i64| -> Vec<i64> {
        feasible.iter().map(|node| of(&pod.nodes[*node])).collect()
    };
    let mut points = vec![0; feasible.len()];
    let mut add = |weight: i64, scores: &[i64]| {
        for (sum, score) in points.iter_mut().zip(scores) {
            *sum += weight * score;
        }
    };
    add(3, &share_of_most(facts(|node| node.avoided_taints), true));
    add(2, &share_of_most(facts(|node| node.preference), false));
    add(1, &facts(|node| node.image_score));
    let resources = |of: fn(&Scheduling, &ScheduledPod, usize, &NodeLoad) -> i64| -> Vec<i64> {
        let score = |node: &usize| of(scheduling, pod, *node, &loads[*node]);
        feasible.iter().map(score).collect()
    };
    add(1, &resources(least_allocated));
    add(1, &resources(balanced));
    add(2, &pod_preference(scheduling, pod, loads, feasible));
    add(2, &spread(scheduling, pod, loads, feasible));
    let most = points.iter().max().copied().unwrap_or_default();
    let best = feasible
        .iter()
        .zip(&points)
        .filter(|(_, sum)| **sum == most);
    best.map(|(node, _)| *node).collect()
}

/// Scales scores so that the largest becomes 100; `reverse` gives 100 to the smallest.
fn share_of_most(scores: Vec<i64>, reverse: bool) -> Vec<i64> {
    let most = scores.iter().max().copied().unwrap_or_default();
    let scale = |score: i64| {
        let scaled = if most == 0 { 0 } else { MOST * score / most };
        if reverse { MOST - scaled } else { scaled }
    };
    scores.into_iter().map(scale).collect()
}

/// Returns the share of CPU and memory that stays free.
fn least_allocated(
    scheduling: &Scheduling,
    pod: &ScheduledPod,
    node: usize,
    load: &NodeLoad,
) -> i64 {
    let (mut sum, mut count) = (0, 0);
    for index in 0..2 {
        let capacity = scheduling.allocatable[node][index];
        if capacity == 0 {
            continue;
        }
        count += 1;
        let used = load.assumed[index] + pod.assumed[index];
        if used <= capacity {
            sum += (capacity - used) * MOST / capacity;
        }
    }
    if count == 0 { 0 } else { sum / count }
}

/// Returns how much the Pod brings the shares of CPU and memory nearer to each other.
fn balanced(scheduling: &Scheduling, pod: &ScheduledPod, node: usize, load: &NodeLoad) -> i64 {
    if pod.requests[0] == 0 && pod.requests[1] == 0 {
        return 0;
    }
    let capacity = &scheduling.allocatable[node];
    let before = [load.used[0], load.used[1]];
    let after = [before[0] + pod.requests[0], before[1] + pod.requests[1]];
    let (with, without) = (balance(after, capacity), balance(before, capacity));
    MOST / 2 + (MOST / 2 + with - without) / 2
}

fn balance(used: [i64; 2], capacity: &[i64]) -> i64 {
    let share = |index: usize| (used[index] as f64 / capacity[index] as f64).min(1.0);
    let difference = match capacity[0] == 0 || capacity[1] == 0 {
        true => 0.0,
        false => ((share(0) - share(1)) / 2.0).abs(),
    };
    ((1.0 - difference) * MOST as f64) as i64
}

/// Returns the points for preferred affinity and anti-affinity between Pods.
fn pod_preference(
    scheduling: &Scheduling,
    pod: &ScheduledPod,
    loads: &[NodeLoad],
    feasible: &[usize],
) -> Vec<i64> {
    let mut sums: Vec<i64> = feasible
        .iter()
        .map(|node| pod.nodes[*node].pod_preference)
        .collect();
    for (topology, weights) in &pod.preferred {
        let topology = &scheduling.topologies[*topology];
        let mut domains = vec![0; topology.count];
        for (domain, load) in topology.domains.iter().zip(loads) {
            if let Some(domain) = domain {
                let weighted = weights.iter().zip(&load.groups);
                domains[*domain] += weighted.map(|(weight, count)| weight * count).sum::<i64>();
            }
        }
        for (sum, node) in sums.iter_mut().zip(feasible) {
            *sum += topology.domains[*node].map_or(0, |domain| domains[domain]);
        }
    }
    let (least, most) = (sums.iter().min().copied(), sums.iter().max().copied());
    let (least, most) = (least.unwrap_or_default(), most.unwrap_or_default());
    let scale = |sum: i64| match most > least {
        true => (MOST as f64 * ((sum - least) as f64 / (most - least) as f64)) as i64,
        false => 0,
    };
    sums.into_iter().map(scale).collect()
}

/// Returns the points for preferred topology spread.
fn spread(
    scheduling: &Scheduling,
    pod: &ScheduledPod,
    loads: &[NodeLoad],
    feasible: &[usize],
) -> Vec<i64> {
    if pod.preferred_spread.is_empty() {
        return vec![0; feasible.len()];
    }
    let has_keys = |node: usize| {
        let mut all = pod.preferred_spread.iter();
        all.all(|one| {
            let domains = &scheduling.topologies[one.counter.topology].domains;
            !one.constraint.requires_label || domains[node].is_some()
        })
    };
    let scored: Vec<usize> = feasible
        .iter()
        .copied()
        .filter(|node| has_keys(*node))
        .collect();
    let mut sums = vec![0.0; feasible.len()];
    for one in &pod.preferred_spread {
        let scores = spread_scores(scheduling, pod, one, loads, &scored, &has_keys);
        for (sum, node) in sums.iter_mut().zip(feasible) {
            *sum += scores[*node];
        }
    }
    normalize_spread(&sums, feasible, &has_keys)
}

fn normalize_spread(sums: &[f64], feasible: &[usize], scored: &dyn Fn(usize) -> bool) -> Vec<i64> {
    let all = sums.iter().zip(feasible);
    let rounded: Vec<Option<i64>> = all
        .map(|(sum, node)| scored(*node).then_some(sum.round() as i64))
        .collect();
    let known = rounded.iter().flatten();
    let (least, most) = (known.clone().min().copied(), known.max().copied());
    let (least, most) = (least.unwrap_or_default(), most.unwrap_or_default());
    let points = |sum: &Option<i64>| match sum {
        None => 0,
        Some(_) if most == 0 => MOST,
        Some(sum) => MOST * (most + least - sum) / most,
    };
    rounded.iter().map(points).collect()
}

/// Returns by node what one constraint adds; less is better.
fn spread_scores(
    scheduling: &Scheduling,
    pod: &ScheduledPod,
    one: &SpreadCounter,
    loads: &[NodeLoad],
    scored: &[usize],
    has_keys: &dyn Fn(usize) -> bool,
) -> Vec<f64> {
    let topology = &scheduling.topologies[one.counter.topology];
    let is_host = topology.key == HOSTNAME;
    let counted = |node: usize| has_keys(node) && one.counts_node(pod, node);
    let domains = count_by_domain(scheduling, &one.counter, loads, &counted);
    let mut values: Vec<Option<usize>> =
        scored.iter().map(|node| topology.domains[*node]).collect();
    values.sort_unstable();
    values.dedup();
    let size = if is_host { scored.len() } else { values.len() };
    let weight = ((size + 2) as f64).ln();
    let mut scores = vec![0.0; loads.len()];
    for node in scored {
        let Some(domain) = topology.domains[*node] else {
            continue;
        };
        let count = match is_host {
            true => count_on(&one.counter, *node, &loads[*node]),
            false => domains[domain],
        };
        scores[*node] = count as f64 * weight + (one.constraint.max_skew - 1) as f64;
    }
    scores
}
