//! Endpoint of a session: the address at which its Ingresses and Services can be reached.

use serde_json::Value;

use super::untyped::Untyped;
use crate::labels;

/// Returns the endpoint of a session, from its Ingresses and Services as the server returned them: the URL of an Ingress host, else
/// the address of a load balancer, else a NodePort (needs `node_address`), else SERVICE.NAMESPACE.svc:PORT. Only Services that
/// select the session's Pods count.
pub fn session_endpoint(objects: &[Value], node_address: Option<&str>) -> Option<String> {
    find_endpoint(objects, node_address, None)
}

/// As [`session_endpoint`], for one port of the session's Pods.
pub fn port_endpoint(
    objects: &[Value],
    node_address: Option<&str>,
    port: &PodPort<'_>,
) -> Option<String> {
    find_endpoint(objects, node_address, Some(port))
}

/// A port of a Pod, by which the target port of a Service is matched.
#[derive(Clone, Copy, Debug)]
pub struct PodPort<'a> {
    /// Number of the port.
    pub number: u16,
    /// Name of the port, if it has one.
    pub name: Option<&'a str>,
}

impl PodPort<'_> {
    /// Returns true if a Service's port targets this port.
    fn is_target_of(&self, port: &Value) -> bool {
        let target = port.get("targetPort").or_else(|| port.get("port"));
        match target {
            Some(Value::String(name)) => Some(name.as_str()) == self.name,
            Some(number) => number.as_u64() == Some(self.number.into()),
            None => false,
        }
    }
}

fn find_endpoint(
    objects: &[Value],
    node_address: Option<&str>,
    wanted: Option<&PodPort<'_>>,
) -> Option<String> {
    let services: Vec<&Value> = objects
        .iter()
        .filter(|o| Untyped(o).kind() == "Service" && selects_session(o))
        .collect();
    objects
        .iter()
        .find_map(|object| ingress_url(object, &services, wanted))
        .or_else(|| {
            services
                .iter()
                .find_map(|service| load_balancer_address(service, wanted))
        })
        .or_else(|| {
            services
                .iter()
                .find_map(|service| node_port_address(service, node_address?, wanted))
        })
        .or_else(|| {
            services
                .iter()
                .find_map(|service| cluster_address(service, wanted))
        })
}

fn selects_session(service: &Value) -> bool {
    service
        .pointer("/spec/selector")
        .and_then(|selector| selector.get(labels::SESSION))
        .is_some()
}

fn ingress_url(
    object: &Value,
    services: &[&Value],
    wanted: Option<&PodPort<'_>>,
) -> Option<String> {
    if Untyped(object).kind() != "Ingress" {
        return None;
    }
    let rules = object.pointer("/spec/rules")?.as_array()?;
    let mut named = rules
        .iter()
        .filter(|rule| Untyped(rule).str_at("/host").is_some());
    let (host, path) = match wanted {
        None => {
            let leads_to_ssh = |rule: &&Value| is_ssh_path(&rule["http"]["paths"][0], services);
            let rule = Untyped(named.find(|rule| !leads_to_ssh(rule))?);
            (rule.str_at("/host")?, rule.str_at("/http/paths/0/path"))
        }
        Some(wanted) => named.find_map(|rule| {
            let paths = rule.pointer("/http/paths")?.as_array()?;
            let leads = |path: &&Value| has_backend_port(path, services, wanted);
            let path = Untyped(paths.iter().find(leads)?);
            Some((Untyped(rule).str_at("/host")?, path.str_at("/path")))
        })?,
    };
    let tls = object.pointer("/spec/tls").and_then(Value::as_array);
    let secure = tls.into_iter().flatten().any(|entry| {
        let hosts = entry.get("hosts").and_then(Value::as_array);
        hosts.is_none_or(|hosts| hosts.iter().any(|h| h == host))
    });
    let scheme = if secure { "https" } else { "http" };
    // A regular expression in the path is meant for the Ingress controller, not for a browser.
    let path = path.filter(|path| path.starts_with('/') && !path.contains(['(', '*']));
    let path = path.unwrap_or("/");
    Some(format!("{scheme}://{host}{path}"))
}

/// Returns true if the backend of an Ingress path targets the port.
fn has_backend_port(path: &Value, services: &[&Value], wanted: &PodPort<'_>) -> bool {
    let backend = &path["backend"]["service"];
    let is_named = |service: &&&Value| service["metadata"]["name"] == backend["name"];
    let Some(port) = services
        .iter()
        .find(is_named)
        .and_then(|service| service_port(service, Some(wanted)))
    else {
        return false;
    };
    let chosen = &backend["port"];
    let by_number = !chosen["number"].is_null() && chosen["number"] == port["port"];
    by_number || (!chosen["name"].is_null() && chosen["name"] == port["name"])
}

/// Returns true if an Ingress path leads to an SSH server, which no URL reaches: its port is 22 or is named `ssh`.
fn is_ssh_path(path: &Value, services: &[&Value]) -> bool {
    let is_ssh = |port: &Value| {
        ["number", "port", "targetPort", "name", "appProtocol"]
            .iter()
            .any(|key| port[key] == 22 || port[key] == "ssh")
    };
    let backend = &path["backend"]["service"];
    let chosen = &backend["port"];
    let is_named = |service: &&&Value| service["metadata"]["name"] == backend["name"];
    let service = services.iter().find(is_named);
    let mut ports = service
        .and_then(|service| service.pointer("/spec/ports")?.as_array())
        .into_iter()
        .flatten();
    let is_chosen = |port: &&Value| {
        (!chosen["number"].is_null() && chosen["number"] == port["port"])
            || (!chosen["name"].is_null() && chosen["name"] == port["name"])
    };
    is_ssh(chosen) || ports.find(is_chosen).is_some_and(is_ssh)
}

/// Returns the Service port that targets the wanted Pod port; the first one if no port is wanted.
fn service_port<'a>(service: &'a Value, wanted: Option<&PodPort<'_>>) -> Option<&'a Value> {
    let mut ports = service.pointer("/spec/ports")?.as_array()?.iter();
    match wanted {
        None => ports.next(),
        Some(wanted) => ports.find(|port| wanted.is_target_of(port)),
    }
}

fn load_balancer_address(service: &Value, wanted: Option<&PodPort<'_>>) -> Option<String> {
    let address = service.pointer("/status/loadBalancer/ingress/0")?;
    let host = address
        .get("hostname")
        .or_else(|| address.get("ip"))?
        .as_str()?;
    Some(format!(
        "{host}:{}",
        service_port(service, wanted)?.get("port")?
    ))
}

fn node_port_address(
    service: &Value,
    node_address: &str,
    wanted: Option<&PodPort<'_>>,
) -> Option<String> {
    let port = service_port(service, wanted)?
        .get("nodePort")?
        .as_u64()
        .filter(|port| *port > 0)?;
    Some(format!("{node_address}:{port}"))
}

fn cluster_address(service: &Value, wanted: Option<&PodPort<'_>>) -> Option<String> {
    let (name, namespace) = (Untyped(service).name(), Untyped(service).namespace()?);
    Some(format!(
        "{name}.{namespace}.svc:{}",
        service_port(service, wanted)?.get("port")?
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
            session_endpoint(&[balanced.clone(), ingress], None).as_deref(),
            Some("https://x.example.com/")
        );
        assert_eq!(
            session_endpoint(&[balanced], Some("10.0.0.1")).as_deref(),
            Some("192.0.2.1:80")
        );
        assert_eq!(
            session_endpoint(&[service(json!({}))], Some("10.0.0.1")).as_deref(),
            Some("10.0.0.1:30080")
        );
        assert_eq!(
            session_endpoint(&[service(json!({}))], None).as_deref(),
            Some("s.ns.svc:80")
        );
    }

    #[test]
    fn each_port_has_its_own_endpoint() {
        let many = service(
            json!({ "spec": { "selector": { labels::SESSION: "a" }, "ports": [
            { "name": "page", "port": 80, "targetPort": "web", "nodePort": 30080 },
            { "name": "term", "port": 81, "targetPort": 8081, "nodePort": 30081 },
            { "port": 9001 },
        ] } }),
        );
        let of = |objects: &[Value], node, number, name| {
            port_endpoint(objects, node, &PodPort { number, name })
        };
        for (number, name, expected) in [
            (8080, Some("web"), Some("s.ns.svc:80")),
            (8081, None, Some("s.ns.svc:81")),
            (8081, Some("term"), Some("s.ns.svc:81")),
            (9001, None, Some("s.ns.svc:9001")),
            (80, None, None),
            (8080, None, None),
        ] {
            let found = of(std::slice::from_ref(&many), None, number, name);
            assert_eq!(found.as_deref(), expected, "{number} {name:?}");
        }
        let by_node = of(std::slice::from_ref(&many), Some("10.0.0.1"), 8081, None);
        assert_eq!(by_node.as_deref(), Some("10.0.0.1:30081"));
        let path = |path: &str, port: Value| json!({ "path": path, "backend": { "service": { "name": "s", "port": port } } });
        let ingress = json!({ "kind": "Ingress", "spec": { "rules": [{ "host": "x.example.com", "http": { "paths": [
            path("/page", json!({ "name": "page" })), path("/term", json!({ "number": 81 })) ] } }] } });
        let objects = [many, ingress];
        for (number, name, expected) in [
            (8080, Some("web"), "http://x.example.com/page"),
            (8081, None, "http://x.example.com/term"),
            (9001, None, "s.ns.svc:9001"),
        ] {
            assert_eq!(of(&objects, None, number, name).as_deref(), Some(expected));
        }
    }

    #[test]
    fn a_service_of_others_is_no_endpoint() {
        let other = json!({ "kind": "Service", "metadata": { "name": "s" }, "spec": { "selector": { "app": "x" } } });
        assert_eq!(session_endpoint(&[other], None), None);
        assert_eq!(session_endpoint(&[], None), None);
    }

    #[test]
    fn an_ingress_in_front_of_an_ssh_server_is_no_url() {
        let service = service(json!({ "spec": { "selector": { labels::SESSION: "a" },
            "ports": [{ "port": 2222, "name": "shell", "targetPort": 22 }, { "port": 80, "name": "web" }] } }));
        let ingress = |port: Value| {
            json!({ "kind": "Ingress", "spec": { "rules": [{ "host": "a.example.com", "http": { "paths": [
                { "path": "/", "backend": { "service": { "name": "s", "port": port } } }] } }] } })
        };
        for (port, expected) in [
            (json!({ "number": 2222 }), "s.ns.svc:2222"),
            (json!({ "name": "shell" }), "s.ns.svc:2222"),
            (json!({ "number": 80 }), "http://a.example.com/"),
        ] {
            let objects = [ingress(port.clone()), service.clone()];
            assert_eq!(
                session_endpoint(&objects, None).as_deref(),
                Some(expected),
                "{port}"
            );
        }
    }
}
