//! Connections out: what `--egress` leaves of the rules of policies, and which rules lead to the metadata service of clouds. Pure.

use anyhow::Result;
use serde_json::Value;
use session_shared::failure::usage_error;
use session_shared::objects::Untyped;

use crate::address_block::AddressBlock;
use crate::policies::{PRIVATE_V4, PRIVATE_V6, dns, public_addresses};

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

    /// Returns the egress rules that are left of those of the documents or the template. None allows more than before, except that DNS
    /// is allowed wherever anything was: without it, not even what is left can be reached by name.
    pub(crate) fn limit(self, rules: Vec<Value>) -> Vec<Value> {
        let needs_dns = self != Self::Platform && !rules.is_empty();
        let limited = rules.into_iter().flat_map(|rule| self.limit_rule(rule));
        let mut limited: Vec<Value> = limited.collect();
        if needs_dns && !limited.iter().any(is_dns) {
            limited.push(dns());
        }
        limited
    }

    fn limit_rule(self, mut rule: Value) -> Vec<Value> {
        let found = Untyped(&rule);
        let peers: Vec<Untyped> = found.items_at("/to").collect();
        let is_local = |peer: &Untyped| {
            peer.at("/podSelector").is_some() && peer.at("/namespaceSelector").is_none()
        };
        let is_local = !peers.is_empty() && peers.iter().all(is_local);
        let is_anything = peers.is_empty() && found.items_at("/ports").next().is_none();
        match self {
            Self::Platform => vec![rule],
            _ if is_dns(&rule) => vec![rule],
            Self::Public if is_anything => vec![dns(), public_addresses()],
            Self::Public if peers.is_empty() => {
                rule["to"] = public_addresses()["to"].clone();
                vec![rule]
            }
            Self::Public => {
                let public = peers.iter().filter_map(|peer| public_part(peer.0));
                let public: Vec<Value> = public.collect();
                let is_left = !public.is_empty();
                rule["to"] = public.into();
                Vec::from_iter(is_left.then_some(rule))
            }
            Self::None if is_anything => vec![dns()],
            Self::None if !is_local => Vec::new(),
            Self::None => vec![rule],
        }
    }
}

/// Returns true for an egress rule whose ports are those of DNS.
fn is_dns(rule: &Value) -> bool {
    let mut ports = Untyped(rule).items_at("/ports").peekable();
    ports.peek().is_some() && ports.all(|port| port.at("/port").is_some_and(|port| *port == 53))
}

/// Returns a peer without private addresses; `None` if it has no others. Pods that are named by labels stay.
fn public_part(peer: &Value) -> Option<Value> {
    let Some(block) = block_at(Untyped(peer), "/ipBlock/cidr") else {
        return Some(peer.clone());
    };
    let private = PRIVATE_V4.iter().chain(&PRIVATE_V6);
    let private = private.filter_map(|text| Some((*text, AddressBlock::parse(text)?)));
    let private: Vec<(&str, AddressBlock)> = private.collect();
    if private.iter().any(|(_, other)| other.contains(block)) {
        return None;
    }
    let except = Untyped(peer).items_at("/ipBlock/except");
    let mut except: Vec<Value> = except.map(|one| one.0.clone()).collect();
    for (text, other) in private {
        let is_excepted = |one: &Value| {
            let one = one.as_str().and_then(AddressBlock::parse);
            one.is_some_and(|one| one.contains(other))
        };
        if block.contains(other) && !except.iter().any(is_excepted) {
            except.push(text.into());
        }
    }
    let mut peer = peer.clone();
    if !except.is_empty() {
        peer["ipBlock"]["except"] = except.into();
    }
    Some(peer)
}

fn block_at(object: Untyped, path: &str) -> Option<AddressBlock> {
    object.str_at(path).and_then(AddressBlock::parse)
}

/// Address of the metadata service of clouds, which hands out credentials of the node, and its port.
const METADATA_ADDRESS: &str = "169.254.169.254/32";
const METADATA_PORT: u64 = 80;

/// Returns true if a NetworkPolicy lets its Pods reach the metadata service of clouds.
pub(crate) fn reaches_metadata(policy: &Value) -> bool {
    let metadata = AddressBlock::parse(METADATA_ADDRESS);
    let contains = |block: Option<AddressBlock>| {
        (block.zip(metadata)).is_some_and(|(block, metadata)| block.contains(metadata))
    };
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
                let mut except = peer.items_at("/ipBlock/except");
                contains(block_at(peer, "/ipBlock/cidr"))
                    && !except.any(|block| contains(block_at(block, "")))
            });
        has_port && has_peer
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policies::{api_server, pods_of_namespace};
    use serde_json::json;

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
        assert_eq!(EgressMode::None.limit(rules), [dns(), local.clone()]);
        let anything = || vec![json!({})];
        assert_eq!(
            EgressMode::Public.limit(anything()),
            [dns(), public_addresses()]
        );
        assert_eq!(EgressMode::None.limit(anything()), [dns()]);
        // A template whose only rules are left out, or which has none for DNS.
        for rules in [vec![web_servers()], vec![web_servers(), local.clone()]] {
            let mut limited = EgressMode::None.limit(rules.clone());
            assert_eq!(limited.pop(), Some(dns()));
            assert_eq!(limited, rules[1..]);
        }
        for mode in [EgressMode::Platform, EgressMode::Public, EgressMode::None] {
            assert_eq!(mode.limit(Vec::new()), Vec::<Value>::new());
        }
    }

    fn web_servers() -> Value {
        json!({"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}], "ports": [{"port": 443}]})
    }

    #[test]
    fn public_leaves_no_private_addresses_of_a_template() {
        let block = |cidr: &str, except: Value| match except {
            Value::Null => json!({"ipBlock": {"cidr": cidr}}),
            except => json!({"ipBlock": {"cidr": cidr, "except": except}}),
        };
        let local = json!({"podSelector": {}, "namespaceSelector": {}});
        for (peers, left) in [
            (
                json!([block("0.0.0.0/0", Value::Null)]),
                json!([block("0.0.0.0/0", json!(PRIVATE_V4))]),
            ),
            (
                json!([block(
                    "0.0.0.0/0",
                    json!(["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"])
                )]),
                json!([block(
                    "0.0.0.0/0",
                    json!([
                        "10.0.0.0/8",
                        "172.16.0.0/12",
                        "192.168.0.0/16",
                        "169.254.0.0/16"
                    ])
                )]),
            ),
            (
                json!([block("160.0.0.0/4", json!(["168.0.0.0/7"])), local]),
                json!([
                    block("160.0.0.0/4", json!(["168.0.0.0/7", "172.16.0.0/12"])),
                    local
                ]),
            ),
            (
                json!([
                    block("::/0", Value::Null),
                    block("10.1.0.0/16", Value::Null)
                ]),
                json!([block("::/0", json!(PRIVATE_V6))]),
            ),
            (
                json!([block("8.8.8.0/24", Value::Null)]),
                json!([block("8.8.8.0/24", Value::Null)]),
            ),
        ] {
            let rule = |to: Value| json!({"to": to, "ports": [{"port": 443}]});
            let limited = EgressMode::Public.limit(vec![rule(peers)]);
            assert_eq!(limited, [rule(left), dns()]);
            assert!(!reaches_metadata(&json!({"spec": {"egress": limited}})));
        }
        let private =
            json!({"to": [block("10.0.0.0/8", Value::Null), block("fd00::/8", Value::Null)]});
        assert_eq!(EgressMode::Public.limit(vec![private]), [dns()]);
    }
}
