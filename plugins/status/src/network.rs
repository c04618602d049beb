//! Network section of a report: Services, Ingresses, autoscalers, disruption budgets and network policies.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use session_shared::Pod;
use session_shared::api::Session;
use session_shared::diagnosis::matches_selector;
use session_shared::k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use session_shared::k8s_openapi::api::core::v1::{Service, ServicePort};
use session_shared::k8s_openapi::api::networking::v1::{Ingress, NetworkPolicy, NetworkPolicyPort};
use session_shared::k8s_openapi::api::policy::v1::PodDisruptionBudget;
use session_shared::k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use session_shared::objects::Untyped;
use session_shared::objects::conditions::is_ready;
use session_shared::reconcile::LiveObjects;

/// A Service, Ingress, HorizontalPodAutoscaler, PodDisruptionBudget or NetworkPolicy.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NetworkReport {
    pub(crate) kind: String,
    pub(crate) name: String,
    /// ClusterIP, NodePort, LoadBalancer, ExternalName; empty for other kinds.
    pub(crate) r#type: String,
    /// Addresses and host names.
    pub(crate) addresses: Vec<String>,
    /// Ports as `80→8080/TCP`; for an autoscaler its target and replica range, for a budget and a policy their rules.
    pub(crate) ports: Vec<String>,
    /// Number of the session's Pods that a Service, budget or policy selects; `None` for an object without a selector.
    pub(crate) pods: Option<usize>,
    /// Number of selected Pods that are ready.
    pub(crate) ready: Option<usize>,
}

/// Computes the network section of a report.
pub(crate) fn network_report(
    objects: &[Value],
    live: &LiveObjects,
    session: &Session,
) -> Vec<NetworkReport> {
    let uid = session.uid();
    let pods: Vec<&Pod> = live.own_pods(uid).collect();
    objects
        .iter()
        .filter_map(|object| object_report(Untyped(object), &pods))
        .collect()
}

fn object_report(object: Untyped<'_>, pods: &[&Pod]) -> Option<NetworkReport> {
    let report = NetworkReport {
        kind: object.kind().to_owned(),
        name: object.name().to_owned(),
        r#type: String::new(),
        addresses: Vec::new(),
        ports: Vec::new(),
        pods: None,
        ready: None,
    };
    Some(match object.kind() {
        "Service" => service_report(report, object.read()?, pods),
        "Ingress" => NetworkReport {
            addresses: ingress_addresses(object.read()?),
            ..report
        },
        "PodDisruptionBudget" => budget_report(report, object.read()?, pods),
        "NetworkPolicy" => policy_report(report, object.read()?, pods),
        _ => NetworkReport {
            ports: vec![format_scale(&object.read()?)],
            ..report
        },
    })
}

fn service_report(report: NetworkReport, service: Service, pods: &[&Pod]) -> NetworkReport {
    let spec = service.spec.unwrap_or_default();
    let selected: Option<Vec<&&Pod>> = spec.selector.map(|selector| {
        pods.iter()
            .filter(|pod| matches_selector(&selector, pod))
            .collect()
    });
    let balancer = service.status.and_then(|status| status.load_balancer);
    let balancer = balancer.and_then(|balancer| balancer.ingress);
    let balancer = balancer.into_iter().flatten();
    let balancer = balancer.filter_map(|entry| entry.hostname.or(entry.ip));
    let own = spec.cluster_ip.into_iter().chain(spec.external_name);
    NetworkReport {
        r#type: spec.type_.unwrap_or_default(),
        addresses: own
            .filter(|address| !address.is_empty())
            .chain(balancer)
            .collect(),
        ports: spec.ports.iter().flatten().map(format_port).collect(),
        pods: selected.as_ref().map(Vec::len),
        ready: selected.map(|pods| pods.into_iter().filter(|pod| is_ready(pod)).count()),
        ..report
    }
}

fn budget_report(
    report: NetworkReport,
    budget: PodDisruptionBudget,
    pods: &[&Pod],
) -> NetworkReport {
    let spec = budget.spec.unwrap_or_default();
    let most = spec.max_unavailable.as_ref().map(format_count);
    let least = spec.min_available.as_ref().map(format_count);
    let rules = [
        most.map(|most| format!("at most {most} unavailable")),
        least.map(|least| format!("at least {least} available")),
        budget
            .status
            .map(|status| match status.disruptions_allowed {
                0 => "no disruption allowed now".to_owned(),
                1 => "1 disruption allowed now".to_owned(),
                count => format!("{count} disruptions allowed now"),
            }),
    ];
    let selector = spec.selector.and_then(|selector| selector.match_labels);
    NetworkReport {
        ports: rules.into_iter().flatten().collect(),
        pods: selector.map(|selector| count_selected(&selector, pods)),
        ..report
    }
}

fn policy_report(report: NetworkReport, policy: NetworkPolicy, pods: &[&Pod]) -> NetworkReport {
    let spec = policy.spec.unwrap_or_default();
    let of_type = |name: &str| {
        let types = spec.policy_types.iter().flatten();
        types.clone().any(|one| one == name)
    };
    let ingress = spec
        .ingress
        .iter()
        .flatten()
        .map(|rule| rule.ports.as_deref());
    let egress = spec
        .egress
        .iter()
        .flatten()
        .map(|rule| rule.ports.as_deref());
    let rules = [
        of_type("Ingress").then(|| format!("ingress {}", format_rules(ingress))),
        of_type("Egress").then(|| format!("egress {}", format_rules(egress))),
    ];
    let selector = spec.pod_selector.unwrap_or_default();
    NetworkReport {
        ports: rules.into_iter().flatten().collect(),
        pods: match (selector.match_labels, selector.match_expressions) {
            (Some(selector), None) => Some(count_selected(&selector, pods)),
            (None, None) => Some(pods.len()),
            _ => None,
        },
        ..report
    }
}

/// Returns the ports that the rules of a policy allow: `none` without a rule, `any port` for a rule without ports.
fn format_rules<'a>(rules: impl Iterator<Item = Option<&'a [NetworkPolicyPort]>>) -> String {
    let mut allowed: Vec<String> = Vec::new();
    for ports in rules {
        let ports = ports.unwrap_or_default();
        if ports.is_empty() {
            allowed.push("any port".to_owned());
        }
        allowed.extend(ports.iter().map(|port| {
            let protocol = port.protocol.as_deref().unwrap_or("TCP");
            let number = port.port.as_ref().map_or("any".to_owned(), format_count);
            format!("{number}/{protocol}")
        }));
    }
    match allowed.is_empty() {
        true => "none".to_owned(),
        false => allowed.join(" "),
    }
}

fn format_count(count: &IntOrString) -> String {
    match count {
        IntOrString::Int(number) => number.to_string(),
        IntOrString::String(text) => text.clone(),
    }
}

fn count_selected(selector: &BTreeMap<String, String>, pods: &[&Pod]) -> usize {
    let selected = pods.iter().filter(|pod| matches_selector(selector, pod));
    selected.count()
}

fn ingress_addresses(ingress: Ingress) -> Vec<String> {
    let rules = ingress.spec.and_then(|spec| spec.rules);
    let hosts = rules.into_iter().flatten().filter_map(|rule| rule.host);
    let balancer = ingress.status.and_then(|status| status.load_balancer);
    let balancer = balancer.and_then(|balancer| balancer.ingress);
    let balancer = balancer.into_iter().flatten();
    let balancer = balancer.filter_map(|entry| entry.hostname.or(entry.ip));
    hosts
        .filter(|host| !host.is_empty())
        .chain(balancer)
        .collect()
}

fn format_port(port: &ServicePort) -> String {
    let from = port.port.to_string();
    let to = port.target_port.as_ref().map(format_count);
    let target = to.filter(|to| !to.is_empty() && *to != from);
    let target = target.map_or_else(String::new, |to| format!("→{to}"));
    let node = port.node_port;
    let node = node.map_or_else(String::new, |node| format!(" at node port {node}"));
    let protocol = port.protocol.as_deref().unwrap_or("TCP");
    format!("{from}{target}/{protocol}{node}")
}

fn format_scale(scaler: &HorizontalPodAutoscaler) -> String {
    let Some(spec) = &scaler.spec else {
        return String::new();
    };
    let (kind, name) = (&spec.scale_target_ref.kind, &spec.scale_target_ref.name);
    let (least, most) = (spec.min_replicas.unwrap_or(1), spec.max_replicas);
    let now = scaler.status.as_ref().and_then(|s| s.current_replicas);
    let now = now.map_or_else(String::new, |now| format!(", now {now}"));
    format!("{kind}/{name} {least} to {most}{now}")
}
