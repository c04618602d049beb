//! `setup isolation`: the NetworkPolicies of a platform, or of any template.

use anyhow::Result;
use clap::Args as Group;
use serde_json::{Value, json};
use session_shared::failure::usage_error;
use session_shared::flags::connection::ConnectionFlags;
use session_shared::labels;
use session_shared::names::{check_dns_label, check_dns_subdomain};
use session_shared::objects::resource::NETWORK_POLICY;
use session_shared::ops::planned_object::PlannedObject;
use session_shared::report::console::Console;

use super::flags::{PartFlags, PartIntent};
use super::monitoring::METRICS_PORT;
use super::platform::Platform;
use super::site::{Part, PartKind, Site};
use super::template_isolation;
use crate::egress_mode::EgressMode;
use crate::policies::{
    DENY_POLICY, MONITORING, api_server, deny_all, dns, pods_of_namespace, public_addresses, router,
};
use crate::template_pods::{TemplatePods, policy_ports};

pub(crate) const LONG_ABOUT: &str = "Allow the Pods of a template only the connections that they need

Apply NetworkPolicies in the namespace of the template's sessions. Ports and labels are those of the template in the cluster, or of \
the built-in one.

- nvim: session-isolation allows connections from Pods with the label app.kubernetes.io/component=router, DNS and public addresses
- sindri: sindri-network-policy allows SSH from the namespace itself, the port metrics from monitoring, and all connections out
- gimp, blender, inkscape, gimp-cloud: default-deny-all; gimp-session-netpol allows the streaming ports from istio-system and from \
the router, DNS, web servers and the namespace storage; gimp-router is for the router's own Pods, with connections from istio-system \
and monitoring
- lab: dozlab-session-isolation allows connections from ingress-nginx, and all connections out
- any other template: TEMPLATE, or TEMPLATE-WORKLOAD for each of several workloads, allows connections to the Pods' ports from the \
router, ingress-nginx, istio-system, monitoring and session-system, DNS and public addresses; workloads of a template reach each \
other. Policies that the template brings itself, as preview does, are applied as they are instead, under the name TEMPLATE-NAME

Where a policy lets Pods reach private addresses and the cloud's metadata service, as the documents of sindri, gimp and lab have it, \
a warning says so; --egress public forbids it.

The cluster's network plugin must enforce NetworkPolicies. Connections of \
\"kubectl session connect\" pass through the API server and are not affected. If the namespace has NetworkPolicies of its own for the \
same Pods, those that would allow more are not added; --dry-run=client prints them all the same.";

pub(crate) const EXAMPLES: &str = "  # Isolate the sessions of nvim-web
  kubectl session setup isolation --for nvim -n nvim-web

  # Leave them only DNS
  kubectl session setup isolation --for nvim --egress none -n nvim-web

  # Keep streamed applications from private addresses and the cloud's metadata service
  kubectl session setup isolation --for gimp --egress public -n streaming

  # Isolate the environment alice of Sindri
  kubectl session setup isolation --for sindri --session alice -n dev-environments

  # Isolate the sessions of a template of your own
  kubectl session setup isolation --for notebook -n course

  # Delete the policies
  kubectl session setup isolation --for nvim --remove -n nvim-web";

/// Flags of `setup isolation`, unchecked.
#[derive(Group, Clone, Debug, Default)]
pub struct SetupIsolationArgs {
    #[command(flatten)]
    pub part: PartFlags,

    /// Connections out: platform, as its documents have them; public, which leaves DNS and public addresses; or none, which leaves only DNS
    #[arg(long, value_name = "MODE", default_value = "platform")]
    pub egress: String,

    /// Session that is isolated, for sindri and templates without a platform; may be repeated. Sessions of an earlier run are not
    /// isolated any more unless they are named again. Defaults to sindri-k8s for sindri, and to all sessions of other templates
    #[arg(long, value_name = "NAME")]
    pub session: Vec<String>,
}

/// The policies of a template.
#[derive(Debug)]
struct Isolation {
    template: String,
    /// The platform whose documents have figures for the template; preview's are the policies of the template itself.
    platform: Option<Platform>,
    egress: EgressMode,
    sessions: Vec<String>,
}

/// Validates the flags.
///
/// # Errors
/// Usage errors: no template, an illegal name or mode, sessions of a template for all of whose sessions the policies are.
pub(crate) fn parse_part(
    args: SetupIsolationArgs,
    connection: &ConnectionFlags,
    console: &mut Console,
) -> Result<(Box<dyn Part>, PartIntent)> {
    let SetupIsolationArgs {
        part,
        egress,
        session: mut sessions,
    } = args;
    let Some(template) = part.template.clone() else {
        return Err(usage_error("--for is required: name a template"));
    };
    check_dns_subdomain(&template)
        .map_err(|reason| usage_error(format!("invalid value of --for {template:?}: {reason}")))?;
    let platform = Platform::of_template(&template).filter(|one| *one != Platform::Preview);
    let label = match platform {
        Some(platform) => platform.name().to_owned(),
        None => labels::to_label_value(&template),
    };
    let intent = part.labelled(Some(label), platform, connection, console)?;
    let egress = EgressMode::parse(&egress)?;
    if part.remove && !sessions.is_empty() {
        return Err(usage_error(
            "--session and --remove cannot be specified together: the policies of all sessions are removed",
        ));
    }
    for session in &sessions {
        check_dns_label(session).map_err(|reason| {
            usage_error(format!("invalid value of --session {session:?}: {reason}"))
        })?;
    }
    match platform {
        Some(Platform::Sindri) if sessions.is_empty() => sessions.push("sindri-k8s".to_owned()),
        Some(Platform::Sindri) | None => {}
        Some(platform) if !sessions.is_empty() => {
            let error = format!(
                "--session cannot be used: the policies of {} are for all of its sessions",
                platform.name()
            );
            return Err(usage_error(error));
        }
        Some(_) => {}
    }
    let part = Isolation {
        template,
        platform,
        egress,
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

    fn template(&self) -> Option<&str> {
        Some(&self.template)
    }

    fn check(&self, site: &Site) -> Result<()> {
        match (&site.pods, self.platform) {
            (Some(pods), None) => {
                template_isolation::policies(pods, self.egress, &self.sessions).map(drop)
            }
            _ => Ok(()),
        }
    }

    fn objects(&self, site: &Site) -> Vec<PlannedObject> {
        let policy =
            |name: &str, spec: Value| site.object(&NETWORK_POLICY, name, json!({"spec": spec}));
        let Some(pods) = &site.pods else {
            return Vec::new();
        };
        match self.platform {
            Some(Platform::Nvim) => vec![policy("session-isolation", self.nvim(pods))],
            Some(Platform::Sindri) => {
                vec![policy("sindri-network-policy", self.sindri(site, pods))]
            }
            Some(Platform::Gimp) => vec![
                policy(DENY_POLICY, deny_all()),
                policy("gimp-session-netpol", self.gimp(pods)),
                policy("gimp-router", gimp_router(pods)),
            ],
            Some(Platform::Lab) => vec![policy("dozlab-session-isolation", self.lab(pods))],
            Some(Platform::Preview) | None => {
                let policies = template_isolation::policies(pods, self.egress, &self.sessions);
                let policies = policies.unwrap_or_default().into_iter();
                policies.map(|(name, spec)| policy(&name, spec)).collect()
            }
        }
    }
}

impl Isolation {
    fn spec(&self, selector: Value, ingress: Vec<Value>, egress: Vec<Value>) -> Value {
        json!({
            "podSelector": selector,
            "policyTypes": ["Ingress", "Egress"],
            "ingress": ingress,
            "egress": self.egress.limit(egress),
        })
    }

    /// The document has no egress rules, which would cut DNS too.
    fn nvim(&self, pods: &TemplatePods) -> Value {
        let egress = vec![dns(), public_addresses()];
        self.spec(app_of(pods), vec![json!({"from": [router()]})], egress)
    }

    /// The label app of a Pod of sindri is the name of its session. The document does not admit Prometheus, which reads the port metrics
    /// by `setup monitoring`.
    fn sindri(&self, site: &Site, pods: &TemplatePods) -> Value {
        let selector = match self.sessions.as_slice() {
            [session] => json!({"matchLabels": {"app": session}}),
            several => json!({"matchExpressions": [
                {"key": "app", "operator": "In", "values": several}]}),
        };
        let from = [pods_of_namespace(&site.namespace)];
        let ingress = vec![
            json!({"from": from, "ports": ports_of(pods)}),
            json!({"from": [pods_of_namespace(MONITORING)],
                "ports": [{"protocol": "TCP", "port": METRICS_PORT}]}),
        ];
        self.spec(selector, ingress, vec![json!({})])
    }

    /// The document has DNS by UDP only, and does not admit the gateway of the streams, which serve's Pods are.
    fn gimp(&self, pods: &TemplatePods) -> Value {
        let from = [pods_of_namespace("istio-system"), router()];
        let ingress = vec![json!({"from": from, "ports": ports_of(pods)})];
        let egress = vec![
            dns(),
            json!({"ports": tcp(&[443, 80])}),
            json!({"to": [pods_of_namespace("storage")], "ports": tcp(&[443])}),
        ];
        self.spec(app_of(pods), ingress, egress)
    }

    /// The document allows all namespaces, which excludes addresses outside of the cluster.
    fn lab(&self, pods: &TemplatePods) -> Value {
        let ingress = vec![json!({"from": [pods_of_namespace("ingress-nginx")]})];
        self.spec(app_of(pods), ingress, vec![json!({})])
    }
}

/// Returns the policy of the router, which the default deny would cut off from its callers, the Prometheus of `setup monitoring`, its
/// sessions and the API server.
fn gimp_router(pods: &TemplatePods) -> Value {
    json!({
        "podSelector": router()["podSelector"],
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [{"from": [pods_of_namespace("istio-system"), pods_of_namespace(MONITORING)]}],
        "egress": [
            dns(),
            api_server(),
            {"to": [{"podSelector": app_of(pods)}], "ports": ports_of(pods)},
        ],
    })
}

/// Returns the selector of a platform's Pods by their label app, as its documents have it.
fn app_of(pods: &TemplatePods) -> Value {
    match pods.label("app") {
        Some(app) => json!({"matchLabels": {"app": app}}),
        // A template that an administrator has changed: all sessions of the namespace.
        None => json!({"matchExpressions": [{"key": labels::SESSION, "operator": "Exists"}]}),
    }
}

fn ports_of(pods: &TemplatePods) -> Value {
    policy_ports(pods.workloads.iter().flat_map(|one| &one.ports))
}

fn tcp(ports: &[u16]) -> Value {
    let ports = ports.iter();
    ports
        .map(|port| json!({"protocol": "TCP", "port": port}))
        .collect()
}
