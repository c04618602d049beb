//! Network section of a report: Services, Ingresses and autoscalers.

use serde::Serialize;
use serde_json::Value;
use session_shared::Pod;
use session_shared::api::Session;
use session_shared::objects::conditions::is_ready;
use session_shared::objects::resource::string_at;
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
        .map(|object| object_report(object, &pods))
        .collect()
}

fn object_report(object: &Value, pods: &[&Pod]) -> NetworkReport {
    let kind = string_at(object, "/kind");
    let (addresses, ports) = match kind {
        "Service" => (
            service_addresses(object),
            items_at(object, "/spec/ports").map(format_port).collect(),
        ),
        "Ingress" => (ingress_addresses(object), Vec::new()),
        _ => (Vec::new(), vec![format_scale(object)]),
    };
    let selected: Option<Vec<&&Pod>> = service_selector(object).map(|selector| {
        pods.iter()
            .filter(|pod| matches_selector(&selector, pod))
            .collect()
    });
    NetworkReport {
        kind: kind.to_owned(),
        name: string_at(object, "/metadata/name").to_owned(),
        r#type: string_at(object, "/spec/type").to_owned(),
        addresses,
        ports,
        pods: selected.as_ref().map(Vec::len),
        ready: selected.map(|pods| pods.into_iter().filter(|pod| is_ready(pod)).count()),
    }
}

fn items_at<'a>(object: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> {
    object
        .pointer(pointer)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

fn load_balancer_addresses(object: &Value) -> impl Iterator<Item = String> {
    let found = items_at(object, "/status/loadBalancer/ingress");
    found.filter_map(|entry| {
        Some(
            entry
                .get("hostname")
                .or_else(|| entry.get("ip"))?
                .as_str()?
                .to_owned(),
        )
    })
}

fn service_addresses(service: &Value) -> Vec<String> {
    let own = ["/spec/clusterIP", "/spec/externalName"]
        .map(|pointer| string_at(service, pointer).to_owned());
    own.into_iter()
        .filter(|address| !address.is_empty())
        .chain(load_balancer_addresses(service))
        .collect()
}

fn ingress_addresses(ingress: &Value) -> Vec<String> {
    let hosts = items_at(ingress, "/spec/rules").map(|rule| string_at(rule, "/host").to_owned());
    hosts
        .filter(|host| !host.is_empty())
        .chain(load_balancer_addresses(ingress))
        .collect()
}

fn format_port(port: &Value) -> String {
    let number = |key: &str| match &port[key] {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    };
    let (from, to, node) = (number("port"), number("targetPort"), number("nodePort"));
    let target = if to.is_empty() || to == from {
        String::new()
    } else {
        format!("→{to}")
    };
    let node = if node.is_empty() {
        node
    } else {
        format!(" at node port {node}")
    };
    format!(
        "{from}{target}/{}{node}",
        if string_at(port, "/protocol").is_empty() {
            "TCP"
        } else {
            string_at(port, "/protocol")
        }
    )
}

fn format_scale(scaler: &Value) -> String {
    let number = |pointer: &str| scaler.pointer(pointer).and_then(Value::as_i64);
    let (kind, name) = (
        string_at(scaler, "/spec/scaleTargetRef/kind"),
        string_at(scaler, "/spec/scaleTargetRef/name"),
    );
    let (least, most) = (
        number("/spec/minReplicas").unwrap_or(1),
        number("/spec/maxReplicas").unwrap_or(0),
    );
    let now =
        number("/status/currentReplicas").map_or_else(String::new, |now| format!(", now {now}"));
    format!("{kind}/{name} {least} to {most}{now}")
}

fn service_selector(service: &Value) -> Option<Vec<(&str, &str)>> {
    let map = service.pointer("/spec/selector")?.as_object()?;
    Some(
        map.iter()
            .map(|(key, value)| (key.as_str(), value.as_str().unwrap_or_default()))
            .collect(),
    )
}

fn matches_selector(selector: &[(&str, &str)], pod: &Pod) -> bool {
    let labels = pod.metadata.labels.as_ref();
    !selector.is_empty()
        && selector.iter().all(|(key, value)| {
            labels
                .and_then(|labels| labels.get(*key))
                .is_some_and(|label| label == value)
        })
}
