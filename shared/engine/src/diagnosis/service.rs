//! Why a Service leads nowhere although its session's Pods exist: what it selects, the ports that it names, and whether its Pods are ready.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Pod, Service, ServicePort};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use serde_json::{Map, Value};

use super::Cause;
use super::fact_query::FactQuery;
use session_model::objects::conditions::is_ready;
use session_model::objects::metadata::name_of;
use session_model::objects::pods::pod_labels;

/// Pods whose labels are shown as evidence.
const MAX_PODS_SHOWN: usize = 3;

/// Finds the cause of a Service that leads to none of the session's Pods: no Pod has the labels that it selects, none that it selects
/// declares the port that it names, or none of them is ready. `None` without Pods, for a Service without a selector, whose endpoints somebody else writes, and for one
/// that selects the Pods of one of `workloads`, which may have none now.
pub fn find_service_cause(service: &Service, pods: &[&Pod], workloads: &[Value]) -> Option<Cause> {
    let spec = service.spec.as_ref()?;
    let selector = spec
        .selector
        .as_ref()
        .filter(|selector| !selector.is_empty())?;
    if pods.is_empty() {
        return None;
    }
    let name = name_of(&service.metadata);
    let selected: Vec<&Pod> = pods
        .iter()
        .copied()
        .filter(|pod| matches_selector(selector, pod))
        .collect();
    if selected.is_empty() {
        let mut templates = workloads.iter().filter_map(pod_labels);
        let is_selected = |labels: &Map<String, Value>| {
            let has = |(key, value): (&String, &String)| {
                labels.get(key).and_then(Value::as_str) == Some(value)
            };
            selector.iter().all(has)
        };
        if templates.any(is_selected) {
            return None;
        }
        return Some(unselective_cause(name, selector, pods));
    }
    let ports = spec.ports.iter().flatten();
    let missing = ports.filter_map(|port| Some((port, target_name(port)?)));
    let mut missing =
        missing.filter(|(_, target)| !selected.iter().any(|pod| declares_port(pod, target)));
    let Some((port, target)) = missing.next() else {
        let is_awaited = spec.publish_not_ready_addresses != Some(true);
        return unready_cause(name, &selected).filter(|_| is_awaited);
    };
    Some(Cause {
        reason: "NoTargetPort".to_owned(),
        message: format!("port {} of service {name:?} leads nowhere: no Pod that it selects has a port named {target:?}", port.port),
        evidence: selected.iter().take(MAX_PODS_SHOWN).map(|pod| ports_line(pod)).collect(),
        remedy: Some("name the port in the container's ports, or write its number into the Service's targetPort".to_owned()),
        ..Cause::default()
    })
}

/// Returns true if a Pod has all labels of a selector. One without labels selects nothing, as that of a Service.
pub fn matches_selector(selector: &BTreeMap<String, String>, pod: &Pod) -> bool {
    let labels = pod.metadata.labels.as_ref();
    let has = |(key, value): (&String, &String)| {
        labels.is_some_and(|labels| labels.get(key) == Some(value))
    };
    !selector.is_empty() && selector.iter().all(has)
}

fn unselective_cause(name: &str, selector: &BTreeMap<String, String>, pods: &[&Pod]) -> Cause {
    let wanted = join_labels(selector.iter());
    let shown = pods.iter().take(MAX_PODS_SHOWN);
    let evidence = shown.map(|pod| {
        let labels = pod.metadata.labels.iter().flatten();
        let own = join_labels(labels.filter(|(key, _)| selector.contains_key(*key)));
        let own = if own.is_empty() {
            "none of these labels".to_owned()
        } else {
            own
        };
        format!("pod {:?}: {own}", name_of(&pod.metadata))
    });
    Cause {
        reason: "NoPodsSelected".to_owned(),
        message: format!(
            "service {name:?} selects no Pod of the session: no Pod has the labels {wanted}"
        ),
        evidence: evidence.collect(),
        remedy: Some(
            "correct the selector of the Service, or the labels of the Pods, in the template"
                .to_owned(),
        ),
        ..Cause::default()
    }
}

/// Returns the cause of a Service whose Pods exist and are not ready; `None` where one is. The EndpointSlices show what the Service has
/// learned of them.
fn unready_cause(name: &str, selected: &[&Pod]) -> Option<Cause> {
    if selected.iter().any(|pod| is_ready(pod)) {
        return None;
    }
    let shown = selected.iter().take(MAX_PODS_SHOWN);
    let evidence = shown.map(|pod| format!("pod {:?} is not ready", name_of(&pod.metadata)));
    Some(Cause {
        reason: "EndpointsNotReady".to_owned(),
        message: format!(
            "service {name:?} leads nowhere: none of the Pods that it selects is ready"
        ),
        evidence: evidence.collect(),
        remedy: Some(
            "find out why these Pods are not ready; the Service leads to them as soon as they are"
                .to_owned(),
        ),
        queries: vec![FactQuery::EndpointSlices {
            service: name.to_owned(),
        }],
        ..Cause::default()
    })
}

fn join_labels<'l>(labels: impl Iterator<Item = (&'l String, &'l String)>) -> String {
    labels
        .map(|(key, value)| format!("{key}={value}"))
        .collect::<Vec<_>>()
        .join(",")
}

fn target_name(port: &ServicePort) -> Option<&str> {
    match port.target_port.as_ref()? {
        IntOrString::String(name) => Some(name),
        IntOrString::Int(_) => None,
    }
}

/// Returns the names of a Pod's ports; of init containers only sidecars serve.
fn port_names(pod: &Pod) -> impl Iterator<Item = &str> {
    let spec = pod.spec.iter();
    let containers = spec.flat_map(|spec| {
        let init = spec.init_containers.iter().flatten();
        spec.containers
            .iter()
            .chain(init.filter(|init| init.restart_policy.as_deref() == Some("Always")))
    });
    let ports = containers.flat_map(|container| container.ports.iter().flatten());
    ports.filter_map(|port| port.name.as_deref())
}

fn declares_port(pod: &Pod, name: &str) -> bool {
    port_names(pod).any(|port| port == name)
}

fn ports_line(pod: &Pod) -> String {
    let names: Vec<&str> = port_names(pod).collect();
    let names = if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    };
    format!("pod {:?}: named ports: {names}", name_of(&pod.metadata))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::{Fact, refine};
    use serde_json::json;

    fn service(selector: Value, target: Value) -> Service {
        let spec = json!({"selector": selector, "ports": [{"port": 80, "targetPort": target}]});
        serde_json::from_value(json!({"metadata": {"name": "p"}, "spec": spec})).unwrap()
    }

    fn pod() -> Pod {
        serde_json::from_value(json!({"metadata": {"name": "web-0", "labels": {"app": "web"}}, "spec": {
            "initContainers": [{"name": "proxy", "restartPolicy": "Always", "ports": [{"name": "mesh", "containerPort": 15000}]},
                {"name": "prep", "ports": [{"name": "once", "containerPort": 1}]}],
            "containers": [{"name": "main", "ports": [{"name": "http", "containerPort": 8080}]}]},
            "status": {"conditions": [{"type": "Ready", "status": "True"}]}}))
        .unwrap()
    }

    fn reason(selector: Value, target: Value) -> Option<String> {
        let cause = find_service_cause(&service(selector, target), &[&pod()], &[]);
        cause.map(|cause| cause.reason)
    }

    #[test]
    fn a_service_that_reaches_a_pod_has_no_cause() {
        for target in [json!("http"), json!("mesh"), json!(9), Value::Null] {
            assert_eq!(reason(json!({"app": "web"}), target), None);
        }
        assert_eq!(reason(json!({}), json!("nope")), None);
        assert_eq!(reason(Value::Null, json!("nope")), None);
        assert_eq!(
            find_service_cause(&service(json!({"app": "x"}), json!(1)), &[], &[]),
            None
        );
    }

    #[test]
    fn labels_that_no_pod_has_are_named() {
        let wrong = service(json!({"app": "wbe", "tier": "front"}), json!(80));
        let cause = find_service_cause(&wrong, &[&pod()], &[]).unwrap();
        assert_eq!(
            cause.message,
            "service \"p\" selects no Pod of the session: no Pod has the labels app=wbe,tier=front"
        );
        assert_eq!(cause.evidence, ["pod \"web-0\": app=web"]);
        let other = service(json!({"tier": "front"}), json!(80));
        let cause = find_service_cause(&other, &[&pod()], &[]).unwrap();
        assert_eq!(cause.evidence, ["pod \"web-0\": none of these labels"]);
    }

    #[test]
    fn a_workload_without_pods_may_be_what_is_selected() {
        let database = service(json!({"app": "db"}), json!(5432));
        let set = |app: &str| json!({"kind": "StatefulSet", "spec": {"template": {"metadata": {"labels": {"app": app, "x": "y"}}}}});
        assert_eq!(find_service_cause(&database, &[&pod()], &[set("db")]), None);
        assert!(find_service_cause(&database, &[&pod()], &[set("cache")]).is_some());
    }

    #[test]
    fn pods_that_are_not_ready_lead_nowhere() {
        let mut unready = pod();
        unready.status = None;
        let mut service = service(json!({"app": "web"}), json!("http"));
        let cause = find_service_cause(&service, &[&unready], &[]).unwrap();
        assert_eq!(cause.reason, "EndpointsNotReady");
        let query = cause.queries[0].clone();
        let slice = json!({"metadata": {"name": "p-x"}, "addressType": "IPv4", "endpoints": [
            {"addresses": ["10.1.2.3"], "conditions": {"ready": false}, "targetRef": {"kind": "Pod", "name": "web-0"}},
            {"addresses": ["10.1.2.4"], "conditions": {"ready": false, "terminating": true}}]});
        let evidence =
            |slices| refine(cause.clone(), &[(query.clone(), Fact::Objects(slices))]).evidence;
        assert_eq!(
            evidence(vec![slice])[1..],
            [
                "EndpointSlice \"p-x\": address 10.1.2.3 of pod \"web-0\" is not ready",
                "EndpointSlice \"p-x\": address 10.1.2.4 is terminating"
            ]
        );
        assert_eq!(
            evidence(Vec::new())[1],
            "service \"p\" has no endpoint in any EndpointSlice"
        );
        assert_eq!(find_service_cause(&service, &[&unready, &pod()], &[]), None);
        let spec = service.spec.as_mut().unwrap();
        spec.publish_not_ready_addresses = Some(true);
        assert_eq!(find_service_cause(&service, &[&unready], &[]), None);
    }

    #[test]
    fn a_port_name_that_no_pod_declares_is_named() {
        let cause = find_service_cause(
            &service(json!({"app": "web"}), json!("https")),
            &[&pod()],
            &[],
        )
        .unwrap();
        assert_eq!(
            cause.message,
            "port 80 of service \"p\" leads nowhere: no Pod that it selects has a port named \"https\""
        );
        assert_eq!(cause.evidence, ["pod \"web-0\": named ports: http, mesh"]);
        assert_eq!(
            reason(json!({"app": "web"}), json!("once")).as_deref(),
            Some("NoTargetPort")
        );
    }
}
