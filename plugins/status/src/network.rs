//! Network section of a report: Services, Ingresses and autoscalers.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use session_shared::Pod;
use session_shared::api::Session;
use session_shared::k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use session_shared::k8s_openapi::api::core::v1::{Service, ServicePort};
use session_shared::k8s_openapi::api::networking::v1::Ingress;
use session_shared::k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use session_shared::objects::Untyped;
use session_shared::objects::conditions::is_ready;
use session_shared::reconcile::LiveObjects;

/// A Service, an Ingress or a HorizontalPodAutoscaler.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NetworkReport {
    pub(crate) kind: String,
    pub(crate) name: String,
    /// ClusterIP, NodePort, LoadBalancer, ExternalName; empty for other kinds.
    pub(crate) r#type: String,
    /// Addresses and host names.
    pub(crate) addresses: Vec<String>,
    /// Ports as `80→8080/TCP`; for an autoscaler, its target and replica range.
    pub(crate) ports: Vec<String>,
    /// Number of the session's Pods that a Service selects; `None` for an object without a selector.
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
    let to = port.target_port.as_ref().map(|target| match target {
        IntOrString::Int(number) => number.to_string(),
        IntOrString::String(name) => name.clone(),
    });
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

fn matches_selector(selector: &BTreeMap<String, String>, pod: &Pod) -> bool {
    let labels = pod.metadata.labels.as_ref();
    !selector.is_empty()
        && selector
            .iter()
            .all(|(key, value)| labels.and_then(|labels| labels.get(key)) == Some(value))
}
