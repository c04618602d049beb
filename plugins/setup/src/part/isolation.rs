//! `setup isolation`: the NetworkPolicies of a platform.

use anyhow::Result;
use clap::Args as Group;
use serde_json::{Value, json};
use session_shared::failure::{usage_error, with_hint};
use session_shared::flags::connection::ConnectionFlags;
use session_shared::names::check_dns_label;
use session_shared::objects::resource::NETWORK_POLICY;
use session_shared::ops::planned_object::PlannedObject;
use session_shared::report::console::Console;

use super::flags::{PartFlags, PartIntent};
use super::platform::Platform;
use super::site::{Part, PartKind, Site};
use crate::policies::{
    DENY_POLICY, api_server, deny_all, dns, pods_of_namespace, public_addresses,
};

pub(crate) const LONG_ABOUT: &str = "Allow the Pods of a platform only the connections that it needs

Apply the NetworkPolicies of the platform of a template, in the namespace of its sessions:

- nvim: session-isolation allows connections from Pods with the label app.kubernetes.io/component=router, DNS and public addresses
- sindri: sindri-network-policy allows SSH from the namespace itself, and all connections out
- gimp, blender, inkscape, gimp-cloud: default-deny-all; gimp-session-netpol allows the streaming ports from istio-system and from \
the router, DNS, web servers and the namespace storage; gimp-router is for the router's own Pods
- lab: dozlab-session-isolation allows connections from ingress-nginx, and all connections out

The sessions of preview bring their own policies. The cluster's network plugin must enforce NetworkPolicies. Connections of \
\"kubectl session connect\" pass through the API server and are not affected. If the namespace has NetworkPolicies of its own for the \
same Pods, those that would allow more are not added.";

pub(crate) const EXAMPLES: &str = "  # Isolate the sessions of nvim-web
  kubectl session setup isolation --for nvim -n nvim-web

  # Leave them only DNS
  kubectl session setup isolation --for nvim --egress none -n nvim-web

  # Isolate the environment alice of Sindri
  kubectl session setup isolation --for sindri --session alice -n dev-environments

  # Delete the policies
  kubectl session setup isolation --for nvim --remove -n nvim-web";

/// Ports of the built-in templates' connection methods that the documents' policies name.
const SSH_PORTS: [u16; 1] = [2222];
const STREAMING_PORTS: [u16; 2] = [6901, 5901];

/// Flags of `setup isolation`, unchecked.
#[derive(Group, Clone, Debug, Default)]
pub struct SetupIsolationArgs {
    #[command(flatten)]
    pub part: PartFlags,

    /// Connections out: platform, as its documents have them, or none, which leaves only DNS
    #[arg(long, value_name = "MODE", default_value = "platform")]
    pub egress: String,

    /// Session of sindri that is isolated; may be repeated
    #[arg(long, value_name = "NAME", default_value = "sindri-k8s")]
    pub session: Vec<String>,
}

/// The policies of a platform.
#[derive(Debug)]
struct Isolation {
    platform: Platform,
    only_dns: bool,
    sessions: Vec<String>,
}

/// Validates the flags.
///
/// # Errors
/// Usage errors: another template, mode or name.
pub(crate) fn parse_part(
    args: SetupIsolationArgs,
    connection: &ConnectionFlags,
    console: &mut Console,
) -> Result<(Box<dyn Part>, PartIntent)> {
    let SetupIsolationArgs {
        part,
        egress,
        session: sessions,
    } = args;
    let platforms = [
        Platform::Nvim,
        Platform::Sindri,
        Platform::Gimp,
        Platform::Lab,
    ];
    let parsed = part.parse("isolation", &platforms, connection, console);
    let (platform, intent) = parsed.map_err(|error| match part.template.as_deref() {
        Some("preview") => with_hint(error, "every session of preview has its own policies"),
        _ => error,
    })?;
    let only_dns = match egress.as_str() {
        "platform" => false,
        "none" => true,
        other => {
            return Err(usage_error(format!(
                "invalid value of --egress {other:?}: must be one of platform, none"
            )));
        }
    };
    for session in &sessions {
        check_dns_label(session).map_err(|reason| {
            usage_error(format!("invalid value of --session {session:?}: {reason}"))
        })?;
    }
    let part = Isolation {
        platform,
        only_dns,
        sessions,
    };
    Ok((Box::new(part), intent))
}

impl Part for Isolation {
    fn name(&self) -> &'static str {
        "isolation"
    }

    fn kinds(&self) -> &'static [PartKind] {
        static KINDS: [PartKind; 1] = [PartKind::built_in(&NETWORK_POLICY)];
        &KINDS
    }

    fn objects(&self, site: &Site) -> Vec<PlannedObject> {
        let policy =
            |name: &str, spec: Value| site.object(&NETWORK_POLICY, name, json!({"spec": spec}));
        match self.platform {
            Platform::Nvim => vec![policy("session-isolation", self.nvim())],
            Platform::Sindri => vec![policy("sindri-network-policy", self.sindri(site))],
            Platform::Gimp => vec![
                policy(DENY_POLICY, deny_all()),
                policy("gimp-session-netpol", self.gimp()),
                policy("gimp-router", gimp_router()),
            ],
            Platform::Lab => vec![policy("dozlab-session-isolation", self.lab())],
            Platform::Preview => Vec::new(),
        }
    }
}

impl Isolation {
    fn spec(&self, selector: Value, from: Value, egress: Value) -> Value {
        let egress = match self.only_dns {
            true => json!([dns()]),
            false => egress,
        };
        json!({
            "podSelector": selector,
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [from],
            "egress": egress,
        })
    }

    /// The document has no egress rules, which would cut DNS too.
    fn nvim(&self) -> Value {
        let egress = json!([dns(), public_addresses()]);
        self.spec(app("nvim-web-session"), json!({"from": [router()]}), egress)
    }

    /// The label app of a Pod of sindri is the name of its session.
    fn sindri(&self, site: &Site) -> Value {
        let selector = match self.sessions.as_slice() {
            [session] => app(session),
            several => json!({"matchExpressions": [
                {"key": "app", "operator": "In", "values": several}]}),
        };
        let from = [pods_of_namespace(&site.namespace)];
        let ingress = json!({"from": from, "ports": tcp(&SSH_PORTS)});
        self.spec(selector, ingress, json!([{}]))
    }

    /// The document has DNS by UDP only, and does not admit the gateway of the streams, which serve's Pods are.
    fn gimp(&self) -> Value {
        let from = [pods_of_namespace("istio-system"), router()];
        let ingress = json!({"from": from, "ports": tcp(&STREAMING_PORTS)});
        let egress = json!([
            dns(),
            {"ports": tcp(&[443, 80])},
            {"to": [pods_of_namespace("storage")], "ports": tcp(&[443])},
        ]);
        self.spec(app("gimp-session"), ingress, egress)
    }

    /// The document allows all namespaces, which excludes addresses outside of the cluster.
    fn lab(&self) -> Value {
        let from = json!({"from": [pods_of_namespace("ingress-nginx")]});
        self.spec(app("lab-environment"), from, json!([{}]))
    }
}

/// Returns the policy of the router, which the default deny would cut off from its callers, its sessions and the API server.
fn gimp_router() -> Value {
    json!({
        "podSelector": router()["podSelector"],
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [{"from": [pods_of_namespace("istio-system")]}],
        "egress": [
            dns(),
            api_server(),
            {"to": [{"podSelector": app("gimp-session")}], "ports": tcp(&STREAMING_PORTS)},
        ],
    })
}

fn app(value: &str) -> Value {
    json!({"matchLabels": {"app": value}})
}

/// Returns the peer that is the router of the namespace.
fn router() -> Value {
    json!({"podSelector": {"matchLabels": {"app.kubernetes.io/component": "router"}}})
}

fn tcp(ports: &[u16]) -> Value {
    let ports = ports.iter();
    ports
        .map(|port| json!({"protocol": "TCP", "port": port}))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use session_shared::template::builtin_templates;

    #[test]
    fn the_ports_and_labels_are_those_of_the_templates() {
        for (template, ports, label) in [
            ("sindri", &SSH_PORTS[..], "app: ${SESSION_ID}"),
            ("gimp", &STREAMING_PORTS, "app: gimp-session"),
            ("gimp-cloud", &STREAMING_PORTS, "app: gimp-session"),
            ("nvim", &[], "app: nvim-web-session"),
            ("lab", &[], "app: lab-environment"),
        ] {
            let found = builtin_templates()
                .iter()
                .find(|(name, _)| *name == template);
            let (_, yaml) = found.unwrap();
            assert!(yaml.contains(label), "{template}: {label}");
            for port in ports {
                assert!(
                    yaml.contains(&format!("containerPort: {port}")),
                    "{template}: {port}"
                );
            }
        }
    }
}
