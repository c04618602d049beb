//! What the NetworkPolicies of setup allow, and which of them would widen those of others. Pure.

use std::net::Ipv4Addr;

use anyhow::Result;
use serde_json::{Value, json};
use session_shared::failure::usage_error;
use session_shared::objects::Untyped;

use crate::ownership::is_ours;
use crate::roles::SYSTEM_NAMESPACE;

/// Name of the NetworkPolicy that denies everything which no other one allows.
pub(crate) const DENY_POLICY: &str = "default-deny-all";
/// Name of the NetworkPolicy of the Pods of sessions in the namespace of a user.
pub(crate) const SESSION_POLICY: &str = "session";
/// Label that the server sets on every Namespace.
const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";

/// Private and link-local addresses: the cluster's own, its nodes', and the metadata services of clouds.
const PRIVATE_V4: [&str; 4] = [
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "169.254.0.0/16",
];
const PRIVATE_V6: [&str; 2] = ["fc00::/7", "fe80::/10"];

/// Returns the content of a NetworkPolicy that denies what no other one allows.
pub(crate) fn deny_all() -> Value {
    json!({"podSelector": {}, "policyTypes": ["Ingress", "Egress"]})
}

/// Returns the egress rule for DNS.
pub(crate) fn dns() -> Value {
    json!({"ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}]})
}

/// Returns the egress rule for public addresses.
pub(crate) fn public_addresses() -> Value {
    json!({"to": [
        {"ipBlock": {"cidr": "0.0.0.0/0", "except": PRIVATE_V4}},
        {"ipBlock": {"cidr": "::/0", "except": PRIVATE_V6}},
    ]})
}

/// Returns the egress rule for the API server, whose address is not known.
pub(crate) fn api_server() -> Value {
    json!({"ports": [{"protocol": "TCP", "port": 443}, {"protocol": "TCP", "port": 6443}]})
}

/// Returns the peers that are the Pods of a namespace.
pub(crate) fn pods_of_namespace(name: &str) -> Value {
    json!({"namespaceSelector": {"matchLabels": {NAMESPACE_NAME: name}}})
}

/// Namespaces whose Pods connect to sessions: `serve`, the two ingress controllers of the templates, and monitoring.
const CALLERS: [&str; 4] = [
    "ingress-nginx",
    "istio-system",
    "monitoring",
    SYSTEM_NAMESPACE,
];

/// Returns the peers that are the Pods of the namespaces that connect to sessions.
pub(crate) fn callers() -> Value {
    json!({"namespaceSelector": {"matchExpressions": [
        {"key": NAMESPACE_NAME, "operator": "In", "values": CALLERS}]}})
}

/// Returns the peer that is the router of the namespace.
pub(crate) fn router() -> Value {
    json!({"podSelector": {"matchLabels": {"app.kubernetes.io/component": "router"}}})
}

/// Connections out that policies allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EgressMode {
    /// Those of the documents or the template.
    Platform,
    /// The same, with public addresses in place of all addresses.
    Public,
    /// DNS, and Pods of the namespace that are named by labels.
    None,
}

impl EgressMode {
    /// Parses the value of `--egress`.
    ///
    /// # Errors
    /// A usage error for another word.
    pub(crate) fn parse(word: &str) -> Result<Self> {
        match word {
            "platform" => Ok(Self::Platform),
            "public" => Ok(Self::Public),
            "none" => Ok(Self::None),
            other => Err(usage_error(format!(
                "invalid value of --egress {other:?}: must be one of platform, public, none"
            ))),
        }
    }

    /// Returns the egress rules that are left of those of the documents. None allows more than before.
    pub(crate) fn limit(self, rules: Vec<Value>) -> Vec<Value> {
        let limited = rules.into_iter().map(|rule| self.limit_rule(rule));
        limited.flatten().collect()
    }

    fn limit_rule(self, mut rule: Value) -> Vec<Value> {
        let found = Untyped(&rule);
        let peers: Vec<Untyped> = found.items_at("/to").collect();
        let ports: Vec<Untyped> = found.items_at("/ports").collect();
        let is_dns = |port: &Untyped| port.at("/port").is_some_and(|port| *port == 53);
        let is_dns = !ports.is_empty() && ports.iter().all(is_dns);
        let is_local = |peer: &Untyped| {
            peer.at("/podSelector").is_some() && peer.at("/namespaceSelector").is_none()
        };
        let is_local = !peers.is_empty() && peers.iter().all(is_local);
        let is_anything = peers.is_empty() && ports.is_empty();
        match self {
            _ if is_dns => vec![rule],
            Self::Platform => vec![rule],
            Self::Public if is_anything => vec![dns(), public_addresses()],
            Self::Public if peers.is_empty() => {
                rule["to"] = public_addresses()["to"].clone();
                vec![rule]
            }
            Self::None if is_anything => vec![dns()],
            Self::None if !is_local => Vec::new(),
            Self::Public | Self::None => vec![rule],
        }
    }
}

/// Address of the metadata service of clouds, which hands out credentials of the node, and its port.
const METADATA_ADDRESS: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 254);
const METADATA_PORT: u64 = 80;

/// Returns true if a NetworkPolicy lets its Pods reach the metadata service of clouds.
pub(crate) fn reaches_metadata(policy: &Value) -> bool {
    let mut rules = Untyped(policy).items_at("/spec/egress");
    rules.any(|rule| {
        let mut ports = rule.items_at("/ports").peekable();
        let has_port = ports.peek().is_none()
            || ports.any(|port| {
                let first = port.at("/port").and_then(Value::as_u64);
                let last = port.at("/endPort").and_then(Value::as_u64).or(first);
                let protocol = port.str_at("/protocol").unwrap_or("TCP");
                let range = first.unwrap_or(0)..=last.unwrap_or(u64::MAX);
                protocol == "TCP"
                    && range.contains(&METADATA_PORT)
                    && port.str_at("/port").is_none()
            });
        let mut peers = rule.items_at("/to").peekable();
        let has_peer = peers.peek().is_none()
            || peers.any(|peer| {
                let contains = |cidr: Option<&str>| cidr.is_some_and(contains_metadata);
                let mut except = peer.items_at("/ipBlock/except");
                contains(peer.str_at("/ipBlock/cidr"))
                    && !except.any(|block| contains(block.0.as_str()))
            });
        has_port && has_peer
    })
}

/// Returns true if a block of IPv4 addresses contains the metadata service.
fn contains_metadata(cidr: &str) -> bool {
    let block = cidr.split_once('/').and_then(|(network, length)| {
        let (network, length) = (
            network.parse::<Ipv4Addr>().ok()?,
            length.parse::<u32>().ok()?,
        );
        Some((network.to_bits(), 32_u32.checked_sub(length)?))
    });
    block.is_some_and(|(network, free)| {
        let prefix = |address: u32| address.checked_shr(free).unwrap_or(0);
        prefix(network) == prefix(METADATA_ADDRESS.to_bits())
    })
}

/// NetworkPolicies that are not added.
#[derive(Debug, Default)]
pub(crate) struct LeftOut {
    pub(crate) names: Vec<String>,
    /// Which ones, and beside which of others.
    pub(crate) note: Option<String>,
}

/// Returns the policies that are not added beside those that are there: what they allow would be allowed in addition. Those of an
/// earlier run stay. The one that only denies is added, unless there is one of its name.
pub(crate) fn find_left_out(wanted: &[&Value], found: &[&Value]) -> LeftOut {
    let has_name = |policy: &Value, name: &str| Untyped(policy).name() == name;
    let (ours, others): (Vec<&Value>, Vec<&Value>) =
        found.iter().partition(|policy| is_ours(policy));
    let (mut names, mut widening, mut beside) = (Vec::new(), Vec::new(), Vec::new());
    for policy in wanted {
        let name = Untyped(policy).name();
        if ours.iter().any(|one| has_name(one, name)) {
            continue;
        }
        if name == DENY_POLICY {
            let is_there = others.iter().any(|one| has_name(one, name));
            names.extend(is_there.then(|| name.to_owned()));
            continue;
        }
        let rivals = others.iter().filter(|other| may_select_same(policy, other));
        let rivals: Vec<&str> = rivals.map(|other| Untyped(other).name()).collect();
        if !rivals.is_empty() {
            names.push(name.to_owned());
            widening.push(name);
            beside.extend(rivals);
        }
    }
    beside.sort_unstable();
    beside.dedup();
    let note = (!widening.is_empty()).then(|| {
        format!(
            "networkpolicies not added: {}, which would allow more than the namespace's own: {}",
            widening.join(", "),
            beside.join(", ")
        )
    });
    LeftOut { names, note }
}

/// Returns false if no Pod can be selected by both policies, because they require different values of a label.
fn may_select_same(one: &Value, other: &Value) -> bool {
    let required = |policy: &Value| {
        let labels = policy.pointer("/spec/podSelector/matchLabels");
        labels
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default()
    };
    let other = required(other);
    let one = required(one);
    !one.iter()
        .any(|(key, value)| other.get(key).is_some_and(|theirs| theirs != value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_that_leads_to_the_metadata_service_is_recognized() {
        let block =
            |cidr: &str, except: Value| json!([{"ipBlock": {"cidr": cidr, "except": except}}]);
        for (rule, expected) in [
            (json!({}), true),
            (json!({"ports": [{"port": 80}]}), true),
            (json!({"ports": [{"port": 1, "endPort": 443}]}), true),
            (json!({"ports": [{"protocol": "TCP"}]}), true),
            (
                json!({"ports": [{"port": 443}, {"port": "http"}, {"protocol": "UDP"}]}),
                false,
            ),
            (json!({"to": block("0.0.0.0/0", json!([]))}), true),
            (json!({"to": block("169.254.169.254/32", json!([]))}), true),
            (
                json!({"to": block("0.0.0.0/0", json!(["169.254.169.254/32"]))}),
                false,
            ),
            (json!({"to": block("10.0.0.0/8", json!([]))}), false),
            (json!({"to": block("::/0", json!([]))}), false),
            (json!({"to": [{"podSelector": {}}]}), false),
            (public_addresses(), false),
            (dns(), false),
            (api_server(), false),
        ] {
            let policy = json!({"spec": {"egress": [rule]}});
            assert_eq!(reaches_metadata(&policy), expected, "{policy}");
        }
    }

    #[test]
    fn what_is_left_of_connections_out() {
        let local = json!({"to": [{"podSelector": {}}]});
        let storage = json!({"to": [pods_of_namespace("storage")]});
        let rules = vec![
            dns(),
            json!({"ports": [{"port": 80}]}),
            local.clone(),
            storage.clone(),
        ];
        let mut web = public_addresses();
        web["ports"] = json!([{"port": 80}]);
        assert_eq!(EgressMode::Platform.limit(rules.clone()), rules);
        assert_eq!(
            EgressMode::Public.limit(rules.clone()),
            [dns(), web, local.clone(), storage]
        );
        assert_eq!(EgressMode::None.limit(rules), [dns(), local]);
        let anything = || vec![json!({})];
        assert_eq!(
            EgressMode::Public.limit(anything()),
            [dns(), public_addresses()]
        );
        assert_eq!(EgressMode::None.limit(anything()), [dns()]);
        for mode in [EgressMode::Platform, EgressMode::Public, EgressMode::None] {
            assert_eq!(mode.limit(Vec::new()), Vec::<Value>::new());
        }
    }

    fn policy(name: &str, labels: Value) -> Value {
        json!({"metadata": {"name": name}, "spec": {"podSelector": {"matchLabels": labels}}})
    }

    #[test]
    fn a_policy_of_other_pods_does_not_matter() {
        let session = policy("session-isolation", json!({"app": "nvim-web-session"}));
        for (labels, is_left_out) in [
            (json!({"app": "db"}), false),
            (json!({"app": "nvim-web-session"}), true),
            (json!({"tier": "web"}), true),
            (Value::Null, true),
        ] {
            let theirs = policy("theirs", labels);
            let left_out = find_left_out(&[&session], &[&theirs]);
            assert_eq!(left_out.note.is_some(), is_left_out, "{theirs}");
            assert_eq!(!left_out.names.is_empty(), is_left_out, "{theirs}");
        }
    }
}
