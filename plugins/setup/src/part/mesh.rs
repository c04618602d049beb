//! `setup mesh`: Istio's Gateway and VirtualService of a platform.

use anyhow::Result;
use clap::Args as Group;
use serde_json::json;
use session_shared::flags::connection::ConnectionFlags;
use session_shared::objects::ResourceType;
use session_shared::objects::resource::SERVICE;
use session_shared::ops::planned_object::PlannedObject;
use session_shared::report::console::Console;

use super::flags::{PartFlags, PartIntent};
use super::hosts::check_hosts;
use super::platform::Platform;
use super::site::{Part, PartKind, Requirement, Site};

pub(crate) const LONG_ABOUT: &str = "Route the requests of a platform through a service mesh

Apply Istio's Gateway and VirtualService of the platform of a template:

- gimp, blender, inkscape, gimp-cloud: gimp-streaming-gateway (HTTPS on port 443 of the Pods with the label istio=ingressgateway) \
and gimp-session-route, which sends /session/ to session-manager:8080 and /streaming/ to webrtc-gateway:8080

Istio must be installed, in a version that serves networking.istio.io/v1 or v1beta1. The Secret with the certificate must be in the \
namespace of the ingress gateway.";

pub(crate) const EXAMPLES: &str = "  # Route a host of your own to the session manager
  kubectl session setup mesh --for gimp --host gimp.company.com --tls-secret gimp-company-tls

  # Print the objects
  kubectl session setup mesh --for gimp --dry-run=client -o yaml

  # Delete them
  kubectl session setup mesh --for gimp --remove";

static GATEWAY: ResourceType =
    ResourceType::new("networking.istio.io", "v1", "Gateway", "gateways", true);
static VIRTUAL_SERVICE: ResourceType = ResourceType::new(
    "networking.istio.io",
    "v1",
    "VirtualService",
    "virtualservices",
    true,
);

const GATEWAY_NAME: &str = "gimp-streaming-gateway";
const SESSION_SERVICE: &str = "session-manager";
const STREAMING_SERVICE: &str = "webrtc-gateway";

/// Flags of `setup mesh`, unchecked.
#[derive(Group, Clone, Debug, Default)]
pub struct SetupMeshArgs {
    #[command(flatten)]
    pub part: PartFlags,

    /// Host name of the platform; may be repeated
    #[arg(long, value_name = "HOST", default_value = "gimp.example.com")]
    pub host: Vec<String>,

    /// Secret with the certificate of the hosts
    #[arg(long, value_name = "NAME", default_value = "gimp-streaming-tls")]
    pub tls_secret: String,
}

/// The routes of a platform.
#[derive(Debug)]
struct Mesh {
    hosts: Vec<String>,
    tls_secret: String,
}

/// Validates the flags.
///
/// # Errors
/// Usage errors: another template, an illegal host or name.
pub(crate) fn parse_part(
    args: SetupMeshArgs,
    connection: &ConnectionFlags,
    console: &mut Console,
) -> Result<(Box<dyn Part>, PartIntent)> {
    let SetupMeshArgs {
        part,
        host: hosts,
        tls_secret,
    } = args;
    let (_, intent) = part.parse("mesh", &[Platform::Gimp], connection, console)?;
    check_hosts(&hosts, &tls_secret)?;
    Ok((Box::new(Mesh { hosts, tls_secret }), intent))
}

impl Part for Mesh {
    fn name(&self) -> &'static str {
        "mesh"
    }

    fn kinds(&self) -> &'static [PartKind] {
        static KINDS: [PartKind; 2] = [
            PartKind::of_provider(&GATEWAY, &["v1beta1"], "Istio"),
            PartKind::of_provider(&VIRTUAL_SERVICE, &["v1beta1"], "Istio"),
        ];
        &KINDS
    }

    fn objects(&self, site: &Site) -> Vec<PlannedObject> {
        let gateway = json!({
            "selector": {"istio": "ingressgateway"},
            "servers": [{
                "port": {"number": 443, "name": "https", "protocol": "HTTPS"},
                "tls": {"mode": "SIMPLE", "credentialName": self.tls_secret},
                "hosts": self.hosts,
            }],
        });
        let destination =
            |host: &str| json!([{"destination": {"host": host, "port": {"number": 8080}}}]);
        let routes = json!({
            "hosts": self.hosts,
            "gateways": [GATEWAY_NAME],
            "http": [
                {
                    "match": [{"uri": {"prefix": "/session/"}}],
                    "rewrite": {"uri": "/"},
                    "route": destination(SESSION_SERVICE),
                    "timeout": "30s",
                },
                {
                    "match": [{"uri": {"regex": "/streaming/.*"}}],
                    "route": destination(STREAMING_SERVICE),
                    "timeout": "24h",
                },
            ],
        });
        vec![
            site.object(&GATEWAY, GATEWAY_NAME, json!({"spec": gateway})),
            site.object(
                &VIRTUAL_SERVICE,
                "gimp-session-route",
                json!({"spec": routes}),
            ),
        ]
    }

    fn requirements(&self, _site: &Site) -> Vec<Requirement> {
        let services = [SESSION_SERVICE, STREAMING_SERVICE].map(|name| Requirement {
            resource: SERVICE.clone(),
            name: Some(name.to_owned()),
            effect: "requests to it fail",
        });
        services.into()
    }
}
