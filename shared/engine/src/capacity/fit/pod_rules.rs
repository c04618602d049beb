//! Rules of a Pod about other Pods: affinity, anti-affinity, topology spread and host ports, in the form that the scheduler compares.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{
    PodAffinityTerm, PodSpec, TopologySpreadConstraint, WeightedPodAffinityTerm,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};

use super::selector::{Labels, matches_labels};

/// Namespace and labels of a Pod, which rules of other Pods select.
#[derive(Clone, Copy, Debug)]
pub(super) struct PodIdentity<'a> {
    /// Namespace.
    pub(super) namespace: &'a str,
    /// Labels.
    pub(super) labels: &'a Labels,
}

/// One term of a Pod's affinity or anti-affinity.
#[derive(Clone, Debug)]
pub(super) struct PodTerm {
    /// Label of nodes whose values are the domains.
    pub(super) topology_key: String,
    /// Weight of a preferred term, negative for anti-affinity; 0 for a required term.
    pub(super) weight: i64,
    namespaces: BTreeSet<String>,
    namespace_selector: Option<LabelSelector>,
    selector: Option<LabelSelector>,
}

impl PodTerm {
    fn new(term: &PodAffinityTerm, weight: i64, owner: PodIdentity<'_>) -> Self {
        let mut namespaces: BTreeSet<String> = term.namespaces.iter().flatten().cloned().collect();
        if namespaces.is_empty() && term.namespace_selector.is_none() {
            namespaces.insert(owner.namespace.to_owned());
        }
        let keys = (
            term.match_label_keys.as_deref().unwrap_or_default(),
            term.mismatch_label_keys.as_deref().unwrap_or_default(),
        );
        let selector = term.label_selector.as_ref();
        Self {
            topology_key: term.topology_key.clone(),
            weight,
            namespaces,
            namespace_selector: term.namespace_selector.clone(),
            selector: selector.map(|selector| add_label_keys(selector, keys, owner.labels)),
        }
    }

    /// Returns true if the term selects the Pod. A namespace is known by its name alone: a selector of other labels of namespaces selects
    /// by `labels_of`.
    pub(super) fn selects(&self, pod: PodIdentity<'_>, labels_of: &dyn Fn(&str) -> Labels) -> bool {
        let in_namespace = self.namespaces.contains(pod.namespace)
            || self
                .namespace_selector
                .as_ref()
                .is_some_and(|selector| matches_labels(selector, &labels_of(pod.namespace)));
        // A term without selector selects no Pod.
        let selector = self.selector.as_ref();
        in_namespace && selector.is_some_and(|selector| matches_labels(selector, pod.labels))
    }
}

/// Adds the labels of the Pod that `matchLabelKeys` and `mismatchLabelKeys` name to a selector, as the API server does.
fn add_label_keys(
    selector: &LabelSelector,
    (equal, different): (&[String], &[String]),
    labels: &Labels,
) -> LabelSelector {
    let mut selector = selector.clone();
    for (operator, keys) in [("In", equal), ("NotIn", different)] {
        for key in keys {
            let Some(value) = labels.get(key) else {
                continue;
            };
            let expressions = selector.match_expressions.get_or_insert_default();
            expressions.push(LabelSelectorRequirement {
                key: key.clone(),
                operator: operator.into(),
                values: Some(vec![value.clone()]),
            });
        }
    }
    selector
}

/// A topology spread constraint.
#[derive(Clone, Debug)]
pub(super) struct Spread {
    /// Label of nodes whose values are the domains.
    pub(super) topology_key: String,
    /// Largest allowed difference.
    pub(super) max_skew: i64,
    /// Number of domains below which the least count is 0.
    pub(super) min_domains: usize,
    /// False if nodes that the Pod's node affinity excludes count too.
    pub(super) honors_affinity: bool,
    /// True if nodes with a taint that the Pod does not tolerate are left out.
    pub(super) honors_taints: bool,
    /// False for the scheduler's own constraints: a node without the label is scored, too.
    pub(super) requires_label: bool,
    selector: LabelSelector,
    namespace: String,
}

impl Spread {
    fn new(constraint: &TopologySpreadConstraint, owner: PodIdentity<'_>) -> Self {
        let empty = LabelSelector::default();
        let selector = constraint.label_selector.as_ref().unwrap_or(&empty);
        let keys = constraint.match_label_keys.as_deref().unwrap_or_default();
        Self {
            topology_key: constraint.topology_key.clone(),
            max_skew: i64::from(constraint.max_skew),
            min_domains: constraint
                .min_domains
                .and_then(|count| usize::try_from(count).ok())
                .unwrap_or(1),
            honors_affinity: constraint.node_affinity_policy.as_deref() != Some("Ignore"),
            honors_taints: constraint.node_taints_policy.as_deref() == Some("Honor"),
            requires_label: true,
            selector: match constraint.label_selector {
                // Without selector, the constraint selects no Pod.
                None => nothing(),
                Some(_) => add_label_keys(selector, (keys, &[]), owner.labels),
            },
            namespace: owner.namespace.to_owned(),
        }
    }

    /// Returns the scheduler's own constraint for Pods that a workload or Service selects.
    fn by_default(key: &str, max_skew: i64, selector: LabelSelector, namespace: &str) -> Self {
        Self {
            topology_key: key.to_owned(),
            max_skew,
            min_domains: 1,
            honors_affinity: true,
            honors_taints: false,
            requires_label: false,
            selector,
            namespace: namespace.to_owned(),
        }
    }

    /// Returns true if the constraint counts the Pod. An empty selector counts every Pod of the namespace but for one that exists already,
    /// which `countPodsMatchSelector` of the scheduler skips.
    pub(super) fn counts(&self, pod: PodIdentity<'_>) -> bool {
        pod.namespace == self.namespace
            && !is_empty(&self.selector)
            && matches_labels(&self.selector, pod.labels)
    }

    /// Returns true if the constraint counts its own Pod.
    pub(super) fn counts_itself(&self, labels: &Labels) -> bool {
        matches_labels(&self.selector, labels)
    }
}

fn nothing() -> LabelSelector {
    LabelSelector {
        match_expressions: Some(vec![LabelSelectorRequirement {
            key: String::new(),
            operator: "nothing".into(),
            values: None,
        }]),
        ..LabelSelector::default()
    }
}

fn is_empty(selector: &LabelSelector) -> bool {
    let labels = selector.match_labels.as_ref();
    let expressions = selector.match_expressions.as_deref();
    labels.is_none_or(|labels| labels.is_empty()) && expressions.is_none_or(<[_]>::is_empty)
}

/// A port of the node that a Pod takes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct HostPort {
    port: i32,
    protocol: String,
    address: String,
}

impl HostPort {
    /// Returns true if both cannot be on one node.
    pub(super) fn conflicts_with(&self, other: &Self) -> bool {
        let any = "0.0.0.0";
        self.port == other.port
            && self.protocol == other.protocol
            && (self.address == other.address || self.address == any || other.address == any)
    }
}

/// All rules of a Pod about other Pods.
#[derive(Clone, Debug, Default)]
pub(super) struct PodRules {
    /// Required affinity.
    pub(super) affinity: Vec<PodTerm>,
    /// Required anti-affinity.
    pub(super) anti_affinity: Vec<PodTerm>,
    /// Preferred affinity and anti-affinity.
    pub(super) preferred: Vec<PodTerm>,
    /// Spread constraints that must hold.
    pub(super) spread: Vec<Spread>,
    /// Spread constraints that the scheduler prefers to hold.
    pub(super) preferred_spread: Vec<Spread>,
    /// Ports of the node.
    pub(super) host_ports: Vec<HostPort>,
}

impl PodRules {
    /// Reads the rules of a Pod. `selectors` are those of its workload and of Services that select it, which the scheduler spreads by where
    /// the Pod has no constraints of its own.
    pub(super) fn new(spec: &PodSpec, pod: PodIdentity<'_>, selectors: &[LabelSelector]) -> Self {
        let affinity = spec.affinity.as_ref();
        let near = affinity.and_then(|affinity| affinity.pod_affinity.as_ref());
        let far = affinity.and_then(|affinity| affinity.pod_anti_affinity.as_ref());
        let required = |terms: Option<&Vec<PodAffinityTerm>>| -> Vec<PodTerm> {
            let terms = terms.into_iter().flatten();
            terms.map(|term| PodTerm::new(term, 0, pod)).collect()
        };
        let weighted = |terms: Option<&Vec<WeightedPodAffinityTerm>>, sign: i64| {
            let terms = terms.into_iter().flatten();
            let read = |one: &WeightedPodAffinityTerm| {
                PodTerm::new(&one.pod_affinity_term, sign * i64::from(one.weight), pod)
            };
            terms.map(read).collect::<Vec<_>>()
        };
        let near_required = near.and_then(|all| {
            all.required_during_scheduling_ignored_during_execution
                .as_ref()
        });
        let far_required = far.and_then(|all| {
            all.required_during_scheduling_ignored_during_execution
                .as_ref()
        });
        let near_preferred = near.and_then(|all| {
            all.preferred_during_scheduling_ignored_during_execution
                .as_ref()
        });
        let far_preferred = far.and_then(|all| {
            all.preferred_during_scheduling_ignored_during_execution
                .as_ref()
        });
        let (spread, preferred_spread) = read_spread(spec, pod, selectors);
        let mut preferred = weighted(near_preferred, 1);
        preferred.extend(weighted(far_preferred, -1));
        Self {
            affinity: required(near_required),
            anti_affinity: required(far_required),
            preferred,
            spread,
            preferred_spread,
            host_ports: read_host_ports(spec),
        }
    }
}

fn read_spread(
    spec: &PodSpec,
    pod: PodIdentity<'_>,
    selectors: &[LabelSelector],
) -> (Vec<Spread>, Vec<Spread>) {
    let own = spec
        .topology_spread_constraints
        .as_deref()
        .unwrap_or_default();
    if own.is_empty() {
        let merged = merge_selectors(selectors);
        let defaults = [
            ("kubernetes.io/hostname", 3),
            ("topology.kubernetes.io/zone", 5),
        ];
        let defaults = defaults
            .map(|(key, skew)| Spread::by_default(key, skew, merged.clone(), pod.namespace));
        let kept = defaults.into_iter().filter(|_| !is_empty(&merged));
        return (Vec::new(), kept.collect());
    }
    let of = |action: &str| -> Vec<Spread> {
        let wanted = own.iter().filter(|one| one.when_unsatisfiable == action);
        wanted.map(|one| Spread::new(one, pod)).collect()
    };
    (of("DoNotSchedule"), of("ScheduleAnyway"))
}

fn merge_selectors(selectors: &[LabelSelector]) -> LabelSelector {
    let mut merged = LabelSelector::default();
    for selector in selectors {
        let labels = selector.match_labels.iter().flatten();
        let labels = labels.map(|(key, value)| (key.clone(), value.clone()));
        merged.match_labels.get_or_insert_default().extend(labels);
        let expressions = selector.match_expressions.iter().flatten().cloned();
        merged
            .match_expressions
            .get_or_insert_default()
            .extend(expressions);
    }
    merged
}

fn read_host_ports(spec: &PodSpec) -> Vec<HostPort> {
    let sidecars = spec.init_containers.iter().flatten();
    let sidecars = sidecars.filter(|one| one.restart_policy.as_deref() == Some("Always"));
    let containers = spec.containers.iter().chain(sidecars);
    let ports = containers.flat_map(|container| container.ports.iter().flatten());
    let taken = ports.filter_map(|port| {
        Some(HostPort {
            port: port.host_port.filter(|port| *port > 0)?,
            protocol: port.protocol.clone().unwrap_or_else(|| "TCP".into()),
            address: port
                .host_ip
                .clone()
                .filter(|ip| !ip.is_empty())
                .unwrap_or_else(|| "0.0.0.0".into()),
        })
    });
    taken.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn rules(spec: Value, labels: &Labels) -> PodRules {
        let spec: PodSpec = serde_json::from_value(spec).unwrap();
        let pod = PodIdentity {
            namespace: "own",
            labels,
        };
        PodRules::new(&spec, pod, &[])
    }

    #[test]
    fn a_term_selects_pods_of_its_own_namespace_unless_it_names_others() {
        let labels: Labels = [("app".to_owned(), "lab".to_owned())].into();
        let names = |name: &str| {
            Labels::from([("kubernetes.io/metadata.name".to_owned(), name.to_owned())])
        };
        let selects = |term: Value, namespace: &str| {
            let spec = json!({ "containers": [], "affinity": { "podAntiAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": [term] } } });
            let rules = rules(spec, &labels);
            rules.anti_affinity[0].selects(
                PodIdentity {
                    namespace,
                    labels: &labels,
                },
                &names,
            )
        };
        let plain =
            json!({ "topologyKey": "h", "labelSelector": { "matchLabels": { "app": "lab" } } });
        assert!(selects(plain.clone(), "own") && !selects(plain, "other"));
        let all = json!({ "topologyKey": "h", "namespaceSelector": {}, "labelSelector": {} });
        assert!(selects(all, "other"));
        let keys = json!({ "topologyKey": "h", "labelSelector": {}, "mismatchLabelKeys": ["app"] });
        assert!(!selects(keys, "own"));
        assert!(!selects(json!({ "topologyKey": "h" }), "own"));
    }

    #[test]
    fn host_ports_conflict_by_address_and_protocol() {
        let port = |port: Value| {
            rules(
                json!({ "containers": [{ "name": "a", "ports": [port] }] }),
                &Labels::new(),
            )
            .host_ports
        };
        let any = port(json!({ "containerPort": 80, "hostPort": 80 }));
        let one = port(json!({ "containerPort": 80, "hostPort": 80, "hostIP": "10.0.0.1" }));
        let other = port(json!({ "containerPort": 80, "hostPort": 80, "hostIP": "10.0.0.2" }));
        let udp = port(json!({ "containerPort": 80, "hostPort": 80, "protocol": "UDP" }));
        assert!(any[0].conflicts_with(&one[0]) && one[0].conflicts_with(&one[0]));
        assert!(!one[0].conflicts_with(&other[0]) && !any[0].conflicts_with(&udp[0]));
        assert!(port(json!({ "containerPort": 80 })).is_empty());
    }
}
