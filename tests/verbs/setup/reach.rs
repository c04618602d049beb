//! An evaluator of NetworkPolicies: which Pod reaches which on which port. It follows the API reference, as no network plugin runs in
//! the tests.

use std::net::IpAddr;

use serde_json::Value;

/// One end of a connection: a Pod, or an address outside of the cluster.
#[derive(Clone, Debug)]
pub struct End {
    pub name: &'static str,
    /// Labels of the Namespace and the Pod; `None` outside of the cluster.
    pub pod: Option<Pod>,
    pub address: IpAddr,
}

/// A Pod as NetworkPolicies see it.
#[derive(Clone, Debug)]
pub struct Pod {
    pub namespace: &'static str,
    pub namespace_labels: Value,
    pub labels: Value,
    /// Names, protocols and numbers of its ports.
    pub ports: Vec<(&'static str, &'static str, u64)>,
}

/// Returns true if the policies of both ends allow a connection.
pub fn reaches(policies: &[Value], from: &End, to: &End, protocol: &str, port: u64) -> bool {
    let allowed = |direction, own: &End, peer: &End| {
        let Some(pod) = &own.pod else { return true };
        let mut applied = policies
            .iter()
            .filter(|policy| applies(policy, direction, pod))
            .peekable();
        applied.peek().is_none()
            || applied.any(|policy| {
                let (key, peers) = match direction {
                    "Ingress" => ("ingress", "from"),
                    _ => ("egress", "to"),
                };
                let rules = policy["spec"][key].as_array();
                rules.into_iter().flatten().any(|rule| {
                    allows_peer(&rule[peers], policy, peer)
                        && allows_port(&rule["ports"], to, protocol, port)
                })
            })
    };
    allowed("Egress", from, to) && allowed("Ingress", to, from)
}

/// Returns true if a policy restricts a direction of a Pod. Without policyTypes it is ingress, and egress if there are rules for it.
fn applies(policy: &Value, direction: &str, pod: &Pod) -> bool {
    let spec = &policy["spec"];
    let restricts = match spec["policyTypes"].as_array() {
        Some(types) if !types.is_empty() => types.iter().any(|one| one == direction),
        _ => direction == "Ingress" || !list(&spec["egress"]).is_empty(),
    };
    let namespace = policy["metadata"]["namespace"].as_str();
    restricts
        && namespace.unwrap_or("default") == pod.namespace
        && selects(&spec["podSelector"], &pod.labels)
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// No peers, or an empty list of them, are all.
fn allows_peer(peers: &Value, policy: &Value, end: &End) -> bool {
    let peers = list(peers);
    peers.is_empty()
        || peers.iter().any(|peer| {
            if let Some(block) = peer.get("ipBlock") {
                let is_in = |cidr: &Value| contains(cidr.as_str().unwrap(), end.address);
                return is_in(&block["cidr"]) && !list(&block["except"]).iter().any(is_in);
            }
            let Some(pod) = &end.pod else { return false };
            let in_namespace = match peer.get("namespaceSelector") {
                Some(selector) => selects(selector, &pod.namespace_labels),
                None => {
                    policy["metadata"]["namespace"]
                        .as_str()
                        .unwrap_or("default")
                        == pod.namespace
                }
            };
            let selector = peer.get("podSelector");
            in_namespace && selector.is_none_or(|one| selects(one, &pod.labels))
        })
}

/// Ports are always those of the end that is connected to. A named one is that of the Pod.
fn allows_port(ports: &Value, to: &End, protocol: &str, port: u64) -> bool {
    let ports = list(ports);
    ports.is_empty()
        || ports.iter().any(|rule| {
            if rule["protocol"].as_str().unwrap_or("TCP") != protocol {
                return false;
            }
            match (&rule["port"], &rule["endPort"]) {
                (Value::Null, _) => true,
                (Value::String(name), _) => to.pod.as_ref().is_some_and(|pod| {
                    let mut named = pod.ports.iter();
                    named.any(|one| *one == (name.as_str(), protocol, port))
                }),
                (first, Value::Null) => first == port,
                (first, last) => (first.as_u64().unwrap()..=last.as_u64().unwrap()).contains(&port),
            }
        })
}

/// Returns true if a label selector selects labels. An empty one selects all.
fn selects(selector: &Value, labels: &Value) -> bool {
    let equal = selector["matchLabels"].as_object();
    let equal = equal.is_none_or(|wanted| {
        let mut wanted = wanted.iter();
        wanted.all(|(key, value)| labels.get(key) == Some(value))
    });
    equal
        && list(&selector["matchExpressions"]).iter().all(|one| {
            let found = labels.get(one["key"].as_str().unwrap());
            let is_in = found.is_some_and(|value| list(&one["values"]).contains(value));
            match one["operator"].as_str().unwrap() {
                "In" => is_in,
                "NotIn" => !is_in,
                "Exists" => found.is_some(),
                "DoesNotExist" => found.is_none(),
                other => panic!("unknown operator {other}"),
            }
        })
}

/// Returns true if a block of addresses contains one.
fn contains(cidr: &str, address: IpAddr) -> bool {
    let (network, length) = cidr.split_once('/').unwrap();
    let length: u32 = length.parse().unwrap();
    let same = |one: u128, other: u128, bits: u32| {
        let shift = bits - length;
        shift >= bits || one >> shift == other >> shift
    };
    match (network.parse().unwrap(), address) {
        (IpAddr::V4(one), IpAddr::V4(other)) => {
            same(one.to_bits().into(), other.to_bits().into(), 32)
        }
        (IpAddr::V6(one), IpAddr::V6(other)) => same(one.to_bits(), other.to_bits(), 128),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn end(name: &'static str, namespace: &'static str, address: &str) -> End {
        End {
            name,
            pod: Some(Pod {
                namespace,
                namespace_labels: json!({"kubernetes.io/metadata.name": namespace}),
                labels: json!({"app": name}),
                ports: vec![("http", "TCP", 8080)],
            }),
            address: address.parse().unwrap(),
        }
    }

    fn outside(address: &str) -> End {
        End {
            name: "outside",
            pod: None,
            address: address.parse().unwrap(),
        }
    }

    /// The answer for a policy in the namespace a, of which web is a Pod.
    fn check(spec: &Value, from: &End, to: &End, protocol: &str, port: u64) -> bool {
        let policy = json!({"metadata": {"namespace": "a"}, "spec": spec});
        reaches(&[policy], from, to, protocol, port)
    }

    #[test]
    fn a_policy_restricts_the_pods_and_directions_it_names() {
        let (web, db) = (end("web", "a", "10.0.0.1"), end("db", "a", "10.0.0.2"));
        let far = end("web", "b", "10.0.0.3");
        let all = json!({"podSelector": {}});
        assert!(reaches(&[], &web, &db, "TCP", 1));
        assert!(!check(&all, &web, &db, "TCP", 1));
        // Without policyTypes and egress rules, egress is free.
        assert!(check(&all, &web, &far, "TCP", 1));
        assert!(!check(&all, &far, &web, "TCP", 1));
        let out = json!({"podSelector": {}, "policyTypes": ["Egress"]});
        assert!(!check(&out, &web, &far, "TCP", 1));
        assert!(check(&out, &far, &web, "TCP", 1));
        let implied = json!({"podSelector": {}, "egress": [{"ports": [{"port": 5}]}]});
        assert!(check(&implied, &web, &far, "TCP", 5));
        assert!(!check(&implied, &web, &far, "TCP", 6));
        let other = json!({"podSelector": {"matchLabels": {"app": "db"}}});
        assert!(check(&other, &db, &web, "TCP", 1));
        assert!(!check(&other, &web, &db, "TCP", 1));
    }

    #[test]
    fn policies_add_up_and_both_ends_must_allow() {
        let (web, db) = (end("web", "a", "10.0.0.1"), end("db", "a", "10.0.0.2"));
        let deny = json!({"metadata": {"namespace": "a"},
            "spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}});
        let allow = |way: &str| {
            json!({"metadata": {"namespace": "a"},
                "spec": {"podSelector": {}, "policyTypes": [way], way.to_lowercase(): [{}]}})
        };
        let (into, out) = (allow("Ingress"), allow("Egress"));
        assert!(!reaches(&[deny.clone(), into.clone()], &web, &db, "TCP", 1));
        assert!(!reaches(&[deny.clone(), out.clone()], &web, &db, "TCP", 1));
        assert!(reaches(&[deny, into, out], &web, &db, "TCP", 1));
    }

    #[test]
    fn a_peer_is_a_pod_a_namespace_or_both() {
        let web = end("web", "a", "10.0.0.1");
        let (near, far) = (end("db", "a", "10.0.0.2"), end("db", "b", "10.0.0.3"));
        for (peer, expected) in [
            (json!({"podSelector": {}}), [true, false, false]),
            (
                json!({"podSelector": {"matchLabels": {"app": "x"}}}),
                [false, false, false],
            ),
            (json!({"namespaceSelector": {}}), [true, true, false]),
            (
                json!({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "b"}},
                    "podSelector": {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]}}),
                [false, true, false],
            ),
            (
                json!({"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.0.2/31"]}}),
                [false, false, true],
            ),
            (json!({"ipBlock": {"cidr": "::/0"}}), [false, false, false]),
        ] {
            let spec = json!({"podSelector": {"matchLabels": {"app": "web"}}, "ingress": [{"from": [peer]}]});
            let found =
                [&near, &far, &outside("8.8.8.8")].map(|from| check(&spec, from, &web, "TCP", 1));
            assert_eq!(found, expected, "{spec}");
        }
        let none = json!({"podSelector": {}, "ingress": [{"from": []}]});
        assert!(check(&none, &outside("2001:db8::1"), &web, "TCP", 1));
    }

    #[test]
    fn a_port_is_a_number_a_range_or_a_name() {
        let (web, db) = (end("web", "a", "10.0.0.1"), end("db", "a", "10.0.0.2"));
        for (port, open, shut) in [
            (json!({"port": 80}), ("TCP", 80), ("UDP", 80)),
            (json!({"port": 80, "endPort": 90}), ("TCP", 90), ("TCP", 91)),
            (json!({"port": "http"}), ("TCP", 8080), ("TCP", 80)),
            (json!({"protocol": "UDP"}), ("UDP", 7), ("TCP", 7)),
        ] {
            let spec = json!({"podSelector": {}, "ingress": [{"ports": [port]}]});
            assert!(check(&spec, &web, &db, open.0, open.1), "{spec}");
            assert!(!check(&spec, &web, &db, shut.0, shut.1), "{spec}");
        }
    }
}
