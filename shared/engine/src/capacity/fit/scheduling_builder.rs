//! Makes [`Scheduling`]: compares the Pods of a session with each other, with those of other sessions, and with nodes and the Pods
//! on them.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Node;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use session_model::objects::metadata::name_of;

use super::admitted_pods::{AdmittedPod, assumed_units, request_units};
use super::cluster_nodes::ClusterNode;
use super::image_score::ImageSizes;
use super::pod_rules::{PodIdentity, PodRules, PodTerm, Spread};
use super::scheduling::{
    Exclusion, NodeFacts, PodCounter, ScheduledPod, Scheduling, SpreadCounter, Topology,
};
use super::selector::{
    Labels, count_avoided_taints, matches_node, preferred_node_weight, untolerated_taint,
};

/// Weight that the scheduler gives to the required affinity of Pods that are already placed.
const REQUIRED_AFFINITY_WEIGHT: i64 = 1;

/// One Pod of a session beside the same Pod of another session, whose labels and rules may name that session.
pub(super) struct PodPair<'a> {
    /// Pod of the session that is being placed.
    pub(super) own: &'a AdmittedPod,
    /// The same Pod of another session.
    pub(super) other: &'a AdmittedPod,
    /// Selectors of its workload and Services, which the scheduler spreads by.
    pub(super) selectors: Vec<LabelSelector>,
}

/// What scheduling depends on beside Pods and nodes.
pub(super) struct SchedulingContext<'a> {
    /// Namespace of the sessions.
    pub(super) namespace: &'a str,
    /// Returns the labels of a namespace.
    pub(super) labels_of: &'a dyn Fn(&str) -> Labels,
    /// Returns why a node cannot reach the volumes of a Pod.
    pub(super) unreachable_volume: &'a dyn Fn(&AdmittedPod, &Node) -> Option<String>,
}

/// Rules and labels of one group of Pods.
struct Group<'a> {
    pod: &'a AdmittedPod,
    rules: PodRules,
}

struct Builder<'a> {
    nodes: &'a [ClusterNode],
    context: &'a SchedulingContext<'a>,
    groups: Vec<Group<'a>>,
    topologies: Vec<Topology>,
}

/// Makes what the scheduler knows of the Pods of a session on these nodes.
pub(super) fn build_scheduling(
    pairs: &[PodPair<'_>],
    nodes: &[ClusterNode],
    context: &SchedulingContext<'_>,
) -> Scheduling {
    let group = |pod, selectors: &[LabelSelector]| Group {
        pod,
        rules: PodRules::new(&pod.spec, identity(pod, context), selectors),
    };
    let own = pairs.iter().map(|pair| group(pair.own, &pair.selectors));
    let other = pairs.iter().map(|pair| group(pair.other, &[]));
    let mut builder = Builder {
        nodes,
        context,
        groups: own.chain(other).collect(),
        topologies: Vec::new(),
    };
    let resources = resource_names(pairs);
    let images = ImageSizes::new(nodes);
    let pods = (0..pairs.len()).map(|group| builder.pod(group, &resources, &images));
    let pods = pods.collect();
    let amounts = |of: fn(&ClusterNode, &str) -> i64| -> Vec<Vec<i64>> {
        let all = |node| resources.iter().map(|name| of(node, name)).collect();
        nodes.iter().map(all).collect()
    };
    let count = |node: &ClusterNode| i64::try_from(node.pods.len()).unwrap_or(i64::MAX);
    Scheduling {
        allocatable: amounts(ClusterNode::allocatable_units),
        used: amounts(ClusterNode::used_units),
        assumed: nodes.iter().map(|node| node.assumed).collect(),
        pod_count: nodes.iter().map(count).collect(),
        pod_capacity: nodes
            .iter()
            .map(|node| node.allocatable_units("pods"))
            .collect(),
        resources,
        pods,
        topologies: builder.topologies,
    }
}

fn identity<'a>(pod: &'a AdmittedPod, context: &SchedulingContext<'a>) -> PodIdentity<'a> {
    PodIdentity {
        namespace: context.namespace,
        labels: &pod.labels,
    }
}

fn resource_names(pairs: &[PodPair<'_>]) -> Vec<String> {
    let mut names = vec!["cpu".to_owned(), "memory".to_owned()];
    for pair in pairs {
        for (name, units) in request_units(&pair.own.fields) {
            if units > 0 && !names.contains(&name) {
                names.push(name);
            }
        }
    }
    names
}

impl Builder<'_> {
    fn pod(&mut self, group: usize, resources: &[String], images: &ImageSizes) -> ScheduledPod {
        let Group { pod, rules } = &self.groups[group];
        let (pod, rules) = (*pod, rules.clone());
        let requests: BTreeMap<String, i64> = request_units(&pod.fields).into_iter().collect();
        let requests = resources.iter().map(|name| requests.get(name).copied());
        let near = |counted: PodIdentity<'_>, context: &SchedulingContext<'_>| {
            let mut terms = rules.affinity.iter();
            terms.all(|term| term.selects(counted, context.labels_of))
        };
        let context = self.context;
        let own = identity(pod, context);
        let spread = |all: &[Spread], builder: &mut Self| -> Vec<SpreadCounter> {
            let counter = |one: &Spread| builder.spread_counter(one, own);
            all.iter().map(counter).collect()
        };
        ScheduledPod {
            workload: pod.workload.clone(),
            requests: requests.map(Option::unwrap_or_default).collect(),
            assumed: assumed_units(&pod.fields),
            nodes: self.node_facts(pod, &rules, images),
            anti_affinity: rules
                .anti_affinity
                .iter()
                .map(|term| {
                    self.counter(&term.topology_key, &|other, _| {
                        term.selects(other, context.labels_of)
                    })
                })
                .collect(),
            affinity: rules
                .affinity
                .iter()
                .map(|term| self.counter(&term.topology_key, &|other, _| near(other, context)))
                .collect(),
            is_near_itself: near(own, context),
            avoided_by: self.avoided_by(own),
            spread: spread(&rules.spread, self),
            preferred_spread: spread(&rules.preferred_spread, self),
            preferred: self.preferred(own, &rules),
            port_conflicts: self.port_conflicts(&rules),
        }
    }

    fn topology(&mut self, key: &str) -> usize {
        if let Some(known) = self.topologies.iter().position(|one| one.key == key) {
            return known;
        }
        let mut values: BTreeMap<&str, usize> = BTreeMap::new();
        let domain = |node| {
            let value = ClusterNode::label(node, key)?.as_str();
            let next = values.len();
            Some(*values.entry(value).or_insert(next))
        };
        let domains = self.nodes.iter().map(domain).collect();
        self.topologies.push(Topology {
            key: key.to_owned(),
            domains,
            count: values.len(),
        });
        self.topologies.len() - 1
    }

    /// Counts Pods that `selects`, which is told for Pods that exist whether they are being deleted.
    fn counter(
        &mut self,
        key: &str,
        selects: &dyn Fn(PodIdentity<'_>, bool) -> bool,
    ) -> PodCounter {
        let groups = self.groups.iter();
        let groups = groups.map(|group| selects(identity(group.pod, self.context), false));
        let existing = self.nodes.iter().map(|node| {
            let pods = node.pods.iter();
            let selected = pods.filter(|pod| selects(pod.identity(), pod.terminating));
            i64::try_from(selected.count()).unwrap_or(i64::MAX)
        });
        let (groups, existing) = (groups.collect(), existing.collect());
        PodCounter {
            topology: self.topology(key),
            groups,
            existing,
        }
    }

    fn spread_counter(&mut self, constraint: &Spread, own: PodIdentity<'_>) -> SpreadCounter {
        let counts =
            |pod: PodIdentity<'_>, terminating: bool| !terminating && constraint.counts(pod);
        SpreadCounter {
            counter: self.counter(&constraint.topology_key, &counts),
            counts_itself: constraint.counts_itself(own.labels),
            constraint: constraint.clone(),
        }
    }

    fn avoided_by(&mut self, own: PodIdentity<'_>) -> Vec<(usize, usize)> {
        let mut keys = Vec::new();
        for (group, other) in self.groups.iter().enumerate() {
            let terms = other.rules.anti_affinity.iter();
            let selecting = terms.filter(|term| term.selects(own, self.context.labels_of));
            keys.extend(selecting.map(|term| (term.topology_key.clone(), group)));
        }
        keys.into_iter()
            .map(|(key, group)| (self.topology(&key), group))
            .collect()
    }

    /// Returns the Pod's preferences about groups, and theirs about the Pod, by topology.
    fn preferred(&mut self, own: PodIdentity<'_>, rules: &PodRules) -> Vec<(usize, Vec<i64>)> {
        let count = self.groups.len();
        let mut weights: BTreeMap<String, Vec<i64>> = BTreeMap::new();
        let mut add = |key: &str, group: usize, weight: i64| {
            let of_key = weights.entry(key.to_owned());
            let of_key = of_key.or_insert_with(|| vec![0; count]);
            of_key[group] += weight;
        };
        for (group, other) in self.groups.iter().enumerate() {
            let names = self.context.labels_of;
            let theirs = identity(other.pod, self.context);
            for term in rules
                .preferred
                .iter()
                .filter(|term| term.selects(theirs, names))
            {
                add(&term.topology_key, group, term.weight);
            }
            for term in other
                .rules
                .preferred
                .iter()
                .filter(|term| term.selects(own, names))
            {
                add(&term.topology_key, group, term.weight);
            }
            for term in other
                .rules
                .affinity
                .iter()
                .filter(|term| term.selects(own, names))
            {
                add(&term.topology_key, group, REQUIRED_AFFINITY_WEIGHT);
            }
        }
        weights
            .into_iter()
            .map(|(key, weights)| (self.topology(&key), weights))
            .collect()
    }

    fn port_conflicts(&self, rules: &PodRules) -> Vec<bool> {
        let conflict = |group: &Group<'_>| {
            let theirs = &group.rules.host_ports;
            let mut own = rules.host_ports.iter();
            own.any(|port| theirs.iter().any(|taken| port.conflicts_with(taken)))
        };
        self.groups.iter().map(conflict).collect()
    }

    fn node_facts(
        &mut self,
        pod: &AdmittedPod,
        rules: &PodRules,
        images: &ImageSizes,
    ) -> Vec<NodeFacts> {
        let (avoided, preference) = self.existing_terms(pod, rules);
        let facts = |(index, node): (usize, &ClusterNode)| {
            let mut facts = self.facts_of(pod, rules, node);
            facts.image_score = images.score(&pod.spec, index);
            facts.pod_preference = preference[index];
            if avoided[index] && facts.excluded.is_none() {
                facts.excluded = Some(Exclusion::AntiAffinity);
            }
            facts
        };
        self.nodes.iter().enumerate().map(facts).collect()
    }

    fn facts_of(&self, pod: &AdmittedPod, rules: &PodRules, node: &ClusterNode) -> NodeFacts {
        let (spec, typed) = (&pod.spec, &node.node);
        let taint = untolerated_taint(spec, typed);
        let matches_affinity = matches_node(spec, typed);
        let volume = || (self.context.unreachable_volume)(pod, typed).map(Exclusion::Volume);
        let named = spec.node_name.as_deref();
        let excluded = if named.is_some_and(|name| name != name_of(&typed.metadata)) {
            Some(Exclusion::OtherNode)
        } else if !matches_affinity {
            Some(Exclusion::Selector)
        } else if let Some(taint) = &taint {
            Some(Exclusion::from_taint(taint))
        } else if let Some(volume) = volume() {
            Some(volume)
        } else {
            node.has_port_of(&rules.host_ports)
                .then_some(Exclusion::HostPort)
        };
        NodeFacts {
            excluded,
            matches_affinity,
            tolerates: taint.is_none(),
            avoided_taints: count_avoided_taints(spec, typed),
            preference: preferred_node_weight(spec, typed),
            ..NodeFacts::default()
        }
    }

    /// Returns for each node whether the anti-affinity of a Pod that exists keeps the Pod away, and the weight of preferences between the Pod
    /// and those that exist.
    fn existing_terms(&mut self, pod: &AdmittedPod, rules: &PodRules) -> (Vec<bool>, Vec<i64>) {
        let names = self.context.labels_of;
        let own = identity(pod, self.context);
        let mut found: Vec<(String, usize, Option<i64>)> = Vec::new();
        for (index, node) in self.nodes.iter().enumerate() {
            for existing in &node.pods {
                let theirs = existing.identity();
                let add = |term: &PodTerm, weight| (term.topology_key.clone(), index, weight);
                let rules_of = &existing.rules;
                let selects_own = |term: &&PodTerm| term.selects(own, names);
                let avoids = rules_of.anti_affinity.iter().filter(selects_own);
                found.extend(avoids.map(|term| add(term, None)));
                let likes = rules
                    .preferred
                    .iter()
                    .filter(|term| term.selects(theirs, names));
                found.extend(likes.map(|term| add(term, Some(term.weight))));
                let liked = rules_of.preferred.iter().filter(selects_own);
                found.extend(liked.map(|term| add(term, Some(term.weight))));
                let near = rules_of.affinity.iter().filter(selects_own);
                found.extend(near.map(|term| add(term, Some(REQUIRED_AFFINITY_WEIGHT))));
            }
        }
        let (mut avoided, mut preference) =
            (vec![false; self.nodes.len()], vec![0; self.nodes.len()]);
        for (key, index, weight) in found {
            let topology = self.topology(&key);
            let domains = &self.topologies[topology].domains;
            let Some(domain) = domains[index] else {
                continue;
            };
            for (node, found) in domains.iter().enumerate() {
                if *found != Some(domain) {
                    continue;
                }
                match weight {
                    None => avoided[node] = true,
                    Some(weight) => preference[node] += weight,
                }
            }
        }
        (avoided, preference)
    }
}
