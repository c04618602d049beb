//! Where a session answers.

use serde_json::Value;

use super::resource::text;
use crate::labels;

/// The endpoint of a session, from its Ingresses and Services as the server returned them: the URL of an Ingress host, else
/// the address of a load balancer, else a NodePort (needs `node_address`), else SERVICE.NAMESPACE.svc:PORT, else `None`.
/// Only Services that mean the session's own Pods count.
pub fn endpoint(objects: &[Value], node_address: Option<&str>) -> Option<String> {
    let services: Vec<&Value> = objects
        .iter()
        .filter(|o| text(o, "/kind") == "Service" && is_of_session(o))
        .collect();
    objects
        .iter()
        .find_map(ingress_url)
        .or_else(|| services.iter().find_map(|service| load_balancer(service)))
        .or_else(|| {
            services
                .iter()
                .find_map(|service| node_port(service, node_address?))
        })
        .or_else(|| services.iter().find_map(|service| inside(service)))
}

fn is_of_session(service: &Value) -> bool {
    service
        .pointer("/spec/selector")
        .and_then(|selector| selector.get(labels::SESSION))
        .is_some()
}

fn ingress_url(object: &Value) -> Option<String> {
    if text(object, "/kind") != "Ingress" {
        return None;
    }
    let rule = object
        .pointer("/spec/rules")?
        .as_array()?
        .iter()
        .find(|rule| !text(rule, "/host").is_empty())?;
    let host = text(rule, "/host");
    let path = text(rule, "/http/paths/0/path");
    let tls = object.pointer("/spec/tls").and_then(Value::as_array);
    let secure = tls.into_iter().flatten().any(|entry| {
        let hosts = entry.get("hosts").and_then(Value::as_array);
        hosts.is_none_or(|hosts| hosts.iter().any(|h| h == host))
    });
    let scheme = if secure { "https" } else { "http" };
    // A regular expression in the path is for the controller, not for a browser.
    let path = if path.starts_with('/') && !path.contains(['(', '*']) {
        path
    } else {
        "/"
    };
    Some(format!("{scheme}://{host}{path}"))
}

fn first_port<'a>(service: &'a Value, field: &str) -> Option<&'a Value> {
    service.pointer("/spec/ports/0")?.get(field)
}

fn load_balancer(service: &Value) -> Option<String> {
    let address = service.pointer("/status/loadBalancer/ingress/0")?;
    let host = address
        .get("hostname")
        .or_else(|| address.get("ip"))?
        .as_str()?;
    Some(format!("{host}:{}", first_port(service, "port")?))
}

fn node_port(service: &Value, node_address: &str) -> Option<String> {
    let port = first_port(service, "nodePort")?
        .as_u64()
        .filter(|port| *port > 0)?;
    Some(format!("{node_address}:{port}"))
}

fn inside(service: &Value) -> Option<String> {
    let (name, namespace) = (
        text(service, "/metadata/name"),
        text(service, "/metadata/namespace"),
    );
    Some(format!(
        "{name}.{namespace}.svc:{}",
        first_port(service, "port")?
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn service(extra: Value) -> Value {
        let mut service = json!({
            "kind": "Service", "metadata": { "name": "s", "namespace": "ns" },
            "spec": { "selector": { labels::SESSION: "a" }, "ports": [{ "port": 80, "nodePort": 30080 }] },
        });
        service
            .as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        service
    }

    #[test]
    fn the_order_is_ingress_balancer_node_port_service() {
        let ingress = json!({ "kind": "Ingress", "spec": { "tls": [{ "hosts": ["x.example.com"] }],
            "rules": [{ "host": "x.example.com", "http": { "paths": [{ "path": "/" }] } }] } });
        let balanced = service(
            json!({ "status": { "loadBalancer": { "ingress": [{ "ip": "192.0.2.1" }] } } }),
        );
        assert_eq!(
            endpoint(&[balanced.clone(), ingress], None).as_deref(),
            Some("https://x.example.com/")
        );
        assert_eq!(
            endpoint(&[balanced], Some("10.0.0.1")).as_deref(),
            Some("192.0.2.1:80")
        );
        assert_eq!(
            endpoint(&[service(json!({}))], Some("10.0.0.1")).as_deref(),
            Some("10.0.0.1:30080")
        );
        assert_eq!(
            endpoint(&[service(json!({}))], None).as_deref(),
            Some("s.ns.svc:80")
        );
    }

    #[test]
    fn a_service_of_others_is_no_endpoint() {
        let other = json!({ "kind": "Service", "metadata": { "name": "s" }, "spec": { "selector": { "app": "x" } } });
        assert_eq!(endpoint(&[other], None), None);
        assert_eq!(endpoint(&[], None), None);
    }
}
