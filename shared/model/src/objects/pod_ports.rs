//! Ports that a Pod declares.

use anyhow::{Result, anyhow, bail};
use k8s_openapi::api::core::v1::{ContainerPort, Pod};
use serde_json::Value;

use super::metadata::name_of;
use super::pod_containers::lasting_containers;
use super::untyped::Untyped;

/// The protocol of a port that names none.
const TCP: &str = "TCP";

/// Resolves a port number or name to the number of a TCP port.
///
/// # Errors
/// An unknown port name, with the existing ones; a port that is declared for another protocol only.
pub fn resolve_port(pod: &Pod, word: &str) -> Result<u16> {
    let number: Option<u16> = word.parse().ok();
    let fits = |port: &&ContainerPort| has_number_or_name(port, word);
    let (tcp, others): (Vec<_>, Vec<_>) = declared_ports(pod).filter(fits).partition(is_tcp);
    let declared = tcp
        .first()
        .and_then(|port| u16::try_from(port.container_port).ok());
    let name = name_of(&pod.metadata);
    match (declared, others.first()) {
        (Some(number), _) => Ok(number),
        (None, Some(other)) => bail!(
            "cannot connect to port {word:?} of pod {name:?}: its protocol is {}, and only TCP can be forwarded",
            other.protocol.as_deref().unwrap_or(TCP)
        ),
        (None, None) => number.ok_or_else(|| match named_ports(pod).as_slice() {
            [] => anyhow!(
                "pod {name:?} has no port {word:?}: none of the ports has a name, use a number"
            ),
            named => anyhow!(
                "pod {name:?} has no port {word:?}: named ports are {}",
                named.join(", ")
            ),
        }),
    }
}

/// Returns true if a port has the number or name.
fn has_number_or_name(port: &ContainerPort, word: &str) -> bool {
    match word.parse::<u16>() {
        Ok(number) => port.container_port == i32::from(number),
        Err(_) => port.name.as_deref() == Some(word),
    }
}

/// Returns true if the Pod declares the port, for any protocol.
pub fn declares_port(pod: &Pod, word: &str) -> bool {
    declared_ports(pod).any(|port| has_number_or_name(port, word))
}

/// Returns the number of the Pod's port to which one of `services` that selects the Pod maps its TCP port `word`, a number or
/// name, and the name of that Service.
pub fn find_service_target<'s>(
    services: &'s [Value],
    pod: &Pod,
    word: &str,
) -> Option<(u16, &'s str)> {
    let labels = pod.metadata.labels.as_ref()?;
    let selects = |service: &&Value| {
        let selector = service["spec"]["selector"].as_object();
        selector.is_some_and(|selector| {
            let has = |(key, value): (&String, &Value)| {
                labels.get(key).map(String::as_str) == value.as_str()
            };
            !selector.is_empty() && selector.iter().all(has)
        })
    };
    services.iter().filter(selects).find_map(|service| {
        let mut ports = Untyped(service).items_at("/spec/ports");
        let port = ports.find(|port| {
            let number = port.at("/port").and_then(Value::as_u64);
            let fits = match word.parse::<u64>() {
                Ok(wanted) => number == Some(wanted),
                Err(_) => port.str_at("/name") == Some(word),
            };
            fits && port.str_at("/protocol").is_none_or(|it| it == "TCP")
        })?;
        let target = port.at("/targetPort").or_else(|| port.at("/port"))?;
        let target = match target {
            Value::String(name) => resolve_port(pod, name).ok()?,
            number => number.as_u64()?.try_into().ok()?,
        };
        Some((target, Untyped(service).name()))
    })
}

/// Returns the ports that the containers and sidecars of a Pod declare.
fn declared_ports(pod: &Pod) -> impl Iterator<Item = &ContainerPort> {
    lasting_containers(pod).flat_map(|container| container.ports.iter().flatten())
}

fn is_tcp(port: &&ContainerPort) -> bool {
    port.protocol
        .as_deref()
        .is_none_or(|protocol| protocol == TCP)
}

fn named_ports(pod: &Pod) -> Vec<String> {
    let ports = declared_ports(pod).filter(is_tcp);
    ports
        .filter_map(|port| {
            Some(format!(
                "{} ({})",
                port.name.as_deref()?,
                port.container_port
            ))
        })
        .collect()
}

/// Returns the name of a TCP port by its number.
pub fn tcp_port_name(pod: &Pod, number: u16) -> Option<&str> {
    let mut ports = declared_ports(pod).filter(is_tcp);
    let port = ports.find(|port| port.container_port == i32::from(number))?;
    port.name.as_deref()
}

/// Returns the container that declares a TCP port.
pub fn port_container(pod: &Pod, number: u16) -> Option<&str> {
    let declares = |port: &ContainerPort| port.container_port == i32::from(number) && is_tcp(&port);
    let mut all = lasting_containers(pod);
    let found = all.find(|container| container.ports.iter().flatten().any(declares))?;
    Some(&found.name)
}

/// True for a TCP port that the Pod declares.
pub fn is_declared(pod: &Pod, number: u16) -> bool {
    let mut ports = declared_ports(pod).filter(is_tcp);
    ports.any(|port| port.container_port == i32::from(number))
}

/// Returns the TCP ports that a Pod declares, for messages: `80 (http), 443`.
pub fn tcp_ports_text(pod: &Pod) -> String {
    let ports = declared_ports(pod).filter(is_tcp);
    let texts = ports.map(|port| match &port.name {
        Some(name) => format!("{} ({name})", port.container_port),
        None => port.container_port.to_string(),
    });
    texts.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_port_is_the_tcp_one_and_may_be_a_sidecars() {
        let pod: Pod = serde_json::from_value(json!({"metadata": {"name": "p"}, "spec": {
            "containers": [{"name": "main", "ports": [
                {"name": "dns", "containerPort": 53, "protocol": "UDP"},
                {"name": "dns-tcp", "containerPort": 53, "protocol": "TCP"},
                {"name": "game", "containerPort": 27015, "protocol": "UDP"},
                {"containerPort": 9000}]}],
            "initContainers": [
                {"name": "proxy", "restartPolicy": "Always", "ports": [{"name": "admin", "containerPort": 15000}]},
                {"name": "first", "ports": [{"name": "never", "containerPort": 1}]}],
        }}))
        .unwrap();
        let resolved = |word: &str| resolve_port(&pod, word).map_err(|error| error.to_string());
        assert_eq!(resolved("53"), Ok(53));
        assert_eq!(resolved("dns-tcp"), Ok(53));
        assert_eq!(resolved("admin"), Ok(15000));
        assert_eq!(resolved("8080"), Ok(8080), "undeclared");
        let refused = |word: &str| {
            format!(
                "cannot connect to port {word:?} of pod \"p\": its protocol is UDP, and only TCP can be forwarded"
            )
        };
        for word in ["dns", "game", "27015"] {
            assert_eq!(resolved(word), Err(refused(word)));
        }
        assert_eq!(
            resolved("never"),
            Err(
                "pod \"p\" has no port \"never\": named ports are dns-tcp (53), admin (15000)"
                    .into()
            )
        );
        assert_eq!(tcp_port_name(&pod, 53), Some("dns-tcp"));
        assert_eq!(port_container(&pod, 15000), Some("proxy"));
        assert_eq!(port_container(&pod, 27015), None, "UDP");
        assert_eq!(tcp_ports_text(&pod), "53 (dns-tcp), 9000, 15000 (admin)");
    }

    #[test]
    fn a_port_of_a_service_is_the_one_it_leads_to() {
        let pod: Pod = serde_json::from_value(json!({"metadata": {"name": "p", "labels": {"app": "web", "x": "y"}},
            "spec": {"containers": [{"name": "main", "ports": [{"name": "http", "containerPort": 8080}]}]}}))
        .unwrap();
        let service = |name: &str, selector: Value, port: Value| json!({"metadata": {"name": name}, "spec": {"selector": selector, "ports": [port]}});
        let web = json!({"app": "web"});
        let number = service(
            "number",
            web.clone(),
            json!({"name": "page", "port": 80, "targetPort": 8080}),
        );
        let name = service(
            "name",
            web.clone(),
            json!({"port": 81, "targetPort": "http"}),
        );
        let same = service("same", web.clone(), json!({"port": 82}));
        let udp = service("udp", web, json!({"port": 83, "protocol": "UDP"}));
        let none = service("none", json!({}), json!({"port": 84}));
        let other = service("other", json!({"app": "db"}), json!({"port": 85}));
        let services = [number, name, same, udp, none, other];
        let target = |word: &str| find_service_target(&services, &pod, word);
        assert_eq!(target("80"), Some((8080, "number")));
        assert_eq!(target("page"), Some((8080, "number")));
        assert_eq!(target("81"), Some((8080, "name")));
        assert_eq!(target("82"), Some((82, "same")));
        for word in ["83", "84", "85", "8080"] {
            assert_eq!(target(word), None, "{word}");
        }
        assert!(
            declares_port(&pod, "http")
                && declares_port(&pod, "8080")
                && !declares_port(&pod, "80")
        );
    }
}
