//! `--print`: prints the addresses of a session.

use std::net::IpAddr;

use anyhow::{Context, Result, anyhow};
use futures::future::try_join_all;
use serde_json::{Value, json};
use session_shared::encode::{shell, url};
use session_shared::failure::{self, FailureKind, with_hint};
use session_shared::objects::conditions::is_ready;
use session_shared::objects::pod_ports::resolve_port;
use session_shared::objects::resource::{INGRESS, SERVICE};
use session_shared::ops::{Cluster, ObservedSession};
use session_shared::report::console::Console;

use crate::intent::Intent;
use crate::plan::{self, ConnectTarget};

/// Prints the session's URL, or with `as_json` all addresses.
///
/// # Errors
/// No address for the web page; an unknown port name.
pub(crate) async fn run(
    cluster: &Cluster,
    intent: &Intent,
    observed: &ObservedSession,
    entrance: &ConnectTarget,
    as_json: bool,
    console: &mut Console,
) -> Result<()> {
    let network = list_network_objects(cluster, observed).await?;
    let address = plan::find_address(observed, entrance, &network)?;
    if as_json {
        return print_json(intent, observed, address, console);
    }
    print_url(intent, entrance, cluster.namespace(), address, console)
}

/// Reads the Services and Ingresses of the last start. Missing or forbidden ones are left out; the endpoint in the
/// session's status then takes their place.
///
/// # Errors
/// Other refusals of the server.
async fn list_network_objects(cluster: &Cluster, observed: &ObservedSession) -> Result<Vec<Value>> {
    let applied = observed.session.applied();
    let objects = applied.map_or(&[][..], |applied| applied.objects.as_slice());
    let reads = objects.iter().filter_map(|object| {
        let kinds = [&SERVICE, &INGRESS];
        let kind = kinds.into_iter().find(|kind| kind.kind == object.kind)?;
        Some(async move {
            let read = cluster.get(kind, cluster.namespace(), &object.name);
            match read.await {
                Err(error) if failure::has_kind(&error, FailureKind::Forbidden) => Ok(None),
                other => other,
            }
        })
    });
    let found = try_join_all(reads).await?.into_iter();
    Ok(found.flatten().collect())
}

/// Prints the URL of the session's page.
///
/// # Errors
/// No address for the web page.
fn print_url(
    intent: &Intent,
    entrance: &ConnectTarget,
    namespace: &str,
    address: Option<String>,
    console: &mut Console,
) -> Result<()> {
    let Some(address) = address else {
        let name = &intent.name;
        let (of, flag) = match &intent.method {
            Some(method) => (
                format!("method {method:?} of session \"{name}\""),
                format!(" --method {}", shell::quote_word(method)),
            ),
            None => (format!("session \"{name}\""), String::new()),
        };
        let error = anyhow!("{of} has no address: no Service or Ingress exposes the port");
        let here = format!("kubectl session connect {name} -n {namespace}{flag}");
        return Err(match entrance {
            ConnectTarget::Page { .. } => with_hint(
                error,
                format!("open the page through a local port: {here} --open"),
            ),
            ConnectTarget::Command { .. } | ConnectTarget::Ssh { .. } => {
                with_hint(error, format!("connect: {here}"))
            }
        });
    };
    if plan::is_cluster_internal(&address) {
        console.note(
            "address is reachable only inside the cluster; use --open to reach the page from this machine",
        );
    }
    console.print_line(&address)
}

/// Prints the addresses for programs. A session that is not ready has none.
///
/// # Errors
/// An invalid Pod IP; an unknown port name; closed standard output.
fn print_json(
    intent: &Intent,
    observed: &ObservedSession,
    address: Option<String>,
    console: &mut Console,
) -> Result<()> {
    let pod = observed.choose_container(&intent.place())?;
    let pod = pod.map(|(pod, _)| pod);
    let ip = pod.and_then(|pod| pod.status.as_ref()?.pod_ip.as_ref());
    let ready = ip.is_some() && pod.is_some_and(is_ready);
    let ip = ip.filter(|_| ready);
    let ip: Option<IpAddr> = ip
        .map(|ip| ip.parse())
        .transpose()
        .context("the server reported an invalid pod IP")?;
    let ws_url = match (ip, plan::websocket_port(&observed.session), pod) {
        (Some(ip), Some((port, path)), Some(pod)) => {
            Some(url::websocket_url(ip, resolve_port(pod, &port)?, path))
        }
        _ => None,
    };
    let answer = json!({
        "session_id": intent.name.as_str(),
        "pod_ip": ip,
        "ws_url": ws_url,
        "ready": ready,
        "url": address,
    });
    console.print_line(&serde_json::to_string_pretty(&answer)?)
}
