//! `setup ingress`: the Services and the Ingress of a platform's router.

use anyhow::Result;
use clap::Args as Group;
use serde_json::{Value, json};
use session_shared::failure::usage_error;
use session_shared::flags::connection::ConnectionFlags;
use session_shared::names::check_dns_subdomain;
use session_shared::objects::ResourceType;
use session_shared::objects::resource::{DEPLOYMENT, INGRESS, INGRESS_CLASS, SERVICE};
use session_shared::ops::planned_object::PlannedObject;
use session_shared::report::console::Console;

use super::flags::{PartFlags, PartIntent};
use super::hosts::check_hosts;
use super::platform::Platform;
use super::site::{Part, PartKind, Requirement, Site};
use crate::policies::{ROUTER_COMPONENT, ROUTER_LABEL};

pub(crate) const LONG_ABOUT: &str = "Make the router of a platform reachable from outside the cluster

Apply the Services and the Ingress of the platform of a template, with the figures of its documents:

- nvim: the Service nvim-web-router (ports 80 and 9001) for Pods with the label app.kubernetes.io/component=router; the headless \
Service nvim-web-sessions (port 9001) for the sessions; the Ingress nvim-web, which sends /ws to port 9001 and everything else to \
port 80, and keeps silent connections open for an hour where the ingress controller is ingress-nginx

The platform's own router must run in the namespace. Its Pods must name their ports http and ws.";

pub(crate) const EXAMPLES: &str = "  # Reach the router of nvim-web under a host name, with a certificate of cert-manager
  kubectl session setup ingress --for nvim --host nvim.company.com -n nvim-web

  # Use a certificate that exists
  kubectl session setup ingress --for nvim --host nvim.company.com --tls-secret company-tls --cluster-issuer \"\" -n nvim-web

  # Print the objects
  kubectl session setup ingress --for nvim --dry-run=client -o yaml

  # Delete them
  kubectl session setup ingress --for nvim --remove -n nvim-web";

static CLUSTER_ISSUER: ResourceType = ResourceType::new(
    "cert-manager.io",
    "v1",
    "ClusterIssuer",
    "clusterissuers",
    false,
);

/// Name of nvim-web's router: of its Deployment and of its Service.
pub(crate) const ROUTER: &str = "nvim-web-router";

/// Seconds without a byte after which ingress-nginx ends a connection; its own default of 60 would end an editor that is only looked at.
const PROXY_TIMEOUT: &str = "3600";

/// Flags of `setup ingress`, unchecked.
#[derive(Group, Clone, Debug, Default)]
pub struct SetupIngressArgs {
    #[command(flatten)]
    pub part: PartFlags,

    /// Host name of the platform; may be repeated
    #[arg(long, value_name = "HOST", default_value = "nvim.example.com")]
    pub host: Vec<String>,

    /// IngressClass of the Ingress
    #[arg(long, value_name = "NAME", default_value = "nginx")]
    pub ingress_class: String,

    /// Secret with the certificate of the hosts
    #[arg(long, value_name = "NAME", default_value = "nvim-web-tls")]
    pub tls_secret: String,

    /// ClusterIssuer by which cert-manager fills the Secret; empty if the Secret exists already
    #[arg(long, value_name = "NAME", default_value = "letsencrypt-prod")]
    pub cluster_issuer: String,
}

/// The way to a platform's router.
#[derive(Debug)]
struct RouterIngress {
    hosts: Vec<String>,
    ingress_class: String,
    tls_secret: String,
    cluster_issuer: Option<String>,
}

/// Validates the flags.
///
/// # Errors
/// Usage errors: another template, an illegal host or name.
pub(crate) fn parse_part(
    args: SetupIngressArgs,
    connection: &ConnectionFlags,
    console: &mut Console,
) -> Result<(Box<dyn Part>, PartIntent)> {
    let SetupIngressArgs {
        part,
        host: hosts,
        ingress_class,
        tls_secret,
        cluster_issuer,
    } = args;
    let (_, intent) = part.parse("ingress", &[Platform::Nvim], connection, console)?;
    check_hosts(&hosts, &tls_secret)?;
    let cluster_issuer = Some(cluster_issuer).filter(|name| !name.is_empty());
    let class = ("--ingress-class", Some(&ingress_class));
    for (flag, name) in [class, ("--cluster-issuer", cluster_issuer.as_ref())] {
        let Some(name) = name else { continue };
        check_dns_subdomain(name)
            .map_err(|reason| usage_error(format!("invalid value of {flag} {name:?}: {reason}")))?;
    }
    let part = RouterIngress {
        hosts,
        ingress_class,
        tls_secret,
        cluster_issuer,
    };
    Ok((Box::new(part), intent))
}

impl RouterIngress {
    /// Returns the content of the Ingress, annotations among it.
    fn spec(&self) -> Value {
        let path = |path: &str, port: &str| {
            json!({
                "path": path,
                "pathType": "Prefix",
                "backend": {"service": {"name": ROUTER, "port": {"name": port}}},
            })
        };
        let paths = json!({"paths": [path("/", "http"), path("/ws", "ws")]});
        let rules = self.hosts.iter();
        let rules: Vec<Value> = rules
            .map(|host| json!({"host": host, "http": paths}))
            .collect();
        json!({
            "ingressClassName": self.ingress_class,
            "tls": [{"hosts": self.hosts, "secretName": self.tls_secret}],
            "rules": rules,
        })
    }

    fn annotations(&self) -> Value {
        let mut annotations = json!({
            "nginx.ingress.kubernetes.io/proxy-read-timeout": PROXY_TIMEOUT,
            "nginx.ingress.kubernetes.io/proxy-send-timeout": PROXY_TIMEOUT,
        });
        if let Some(issuer) = &self.cluster_issuer {
            annotations["cert-manager.io/cluster-issuer"] = issuer.as_str().into();
        }
        annotations
    }
}

impl Part for RouterIngress {
    fn name(&self) -> &'static str {
        "ingress"
    }

    fn kinds(&self) -> &'static [PartKind] {
        static KINDS: [PartKind; 2] = [PartKind::built_in(&SERVICE), PartKind::built_in(&INGRESS)];
        &KINDS
    }

    fn objects(&self, site: &Site) -> Vec<PlannedObject> {
        let port = |name: &str, port: u16| json!({"name": name, "port": port, "targetPort": name});
        let mut router = site.object(
            &SERVICE,
            ROUTER,
            json!({"spec": {
                "selector": {ROUTER_LABEL: ROUTER_COMPONENT},
                "ports": [port("http", 80), port("ws", 9001)],
            }}),
        );
        // The ServiceMonitor of `setup monitoring` selects it by this.
        router.object["metadata"]["labels"][ROUTER_LABEL] = ROUTER_COMPONENT.into();
        let sessions = site.object(
            &SERVICE,
            "nvim-web-sessions",
            json!({"spec": {
                "clusterIP": "None",
                "selector": {"app": "nvim-web-session"},
                "ports": [port("ws", 9001)],
            }}),
        );
        let mut ingress = site.object(&INGRESS, "nvim-web", json!({"spec": self.spec()}));
        ingress.object["metadata"]["annotations"] = self.annotations();
        vec![router, sessions, ingress]
    }

    fn requirements(&self, _site: &Site) -> Vec<Requirement> {
        let deployment = Requirement {
            resource: DEPLOYMENT.clone(),
            name: Some(ROUTER.to_owned()),
            effect: "nothing answers the requests",
        };
        let class = Requirement {
            resource: INGRESS_CLASS.clone(),
            name: Some(self.ingress_class.clone()),
            effect: "no ingress controller serves the Ingress",
        };
        let issuer = self.cluster_issuer.iter().map(|name| Requirement {
            resource: CLUSTER_ISSUER.clone(),
            name: Some(name.clone()),
            effect: "no certificate is issued",
        });
        [deployment, class].into_iter().chain(issuer).collect()
    }
}
