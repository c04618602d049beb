//! Ports that a Pod declares.

use anyhow::{Result, anyhow, bail};
use k8s_openapi::api::core::v1::{ContainerPort, Pod};

use super::pod_containers::lasting_containers;

/// Resolves a port number or name to the number of a TCP port.
///
/// # Errors
/// An unknown port name, with the existing ones; a port that is declared for another protocol only.
pub fn resolve_port(pod: &Pod, word: &str) -> Result<u16> {
    let number: Option<u16> = word.parse().ok();
    let fits = |port: &&ContainerPort| match number {
        Some(number) => port.container_port == i32::from(number),
        None => port.name.as_deref() == Some(word),
    };
    let (tcp, others): (Vec<_>, Vec<_>) = declared_ports(pod).filter(fits).partition(is_tcp);
    let declared = tcp
        .first()
        .and_then(|port| u16::try_from(port.container_port).ok());
    let name = pod.metadata.name.as_deref().unwrap_or_default();
    match (declared, others.first()) {
        (Some(number), _) => Ok(number),
        (None, Some(other)) => bail!(
            "cannot connect to port {word:?} of pod {name:?}: its protocol is {}, and only TCP can be forwarded",
            other.protocol.as_deref().unwrap_or_default()
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

/// Returns the ports that the containers and sidecars of a Pod declare.
fn declared_ports(pod: &Pod) -> impl Iterator<Item = &ContainerPort> {
    lasting_containers(pod).flat_map(|container| container.ports.iter().flatten())
}

fn is_tcp(port: &&ContainerPort) -> bool {
    port.protocol
        .as_deref()
        .is_none_or(|protocol| protocol == "TCP")
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
}
