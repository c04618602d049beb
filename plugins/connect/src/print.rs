//! Where the session is reached without this program.

use anyhow::{Result, anyhow};
use serde_json::json;
use session_shared::cluster::Present;
use session_shared::failure::hinted;
use session_shared::report::console::Console;

use crate::intent::Intent;
use crate::plan::{self, Entrance, url};

/// Prints the URL of the session's page.
///
/// # Errors
/// When there is nothing that leads to it.
pub(crate) fn text(
    intent: &Intent,
    present: &Present,
    entrance: &Entrance,
    namespace: &str,
    console: &mut Console,
) -> Result<()> {
    let Some(address) = address(present, entrance) else {
        let error = anyhow!(
            "session \"{}\" has no address: no Service or Ingress leads to it",
            intent.name
        );
        let here = format!("kubectl session connect {} -n {namespace}", intent.name);
        return Err(match entrance {
            Entrance::Page { .. } => hinted(
                error,
                format!("through a port of this machine: {here} --open"),
            ),
            Entrance::Command { .. } | Entrance::Ssh { .. } => {
                hinted(error, format!("enter it: {here}"))
            }
        });
    };
    if plan::is_inside(&address) {
        console.note("this address is known inside the cluster only; from here --open leads there");
    }
    console.line(&address)
}

/// Prints what programs need to reach the session themselves; a session that is not ready has no addresses.
///
/// # Errors
/// When it cannot be printed, or the port is not the session's.
pub(crate) fn json(
    intent: &Intent,
    present: &Present,
    entrance: &Entrance,
    console: &mut Console,
) -> Result<()> {
    let pod = plan::pod(present, None)?.map(|(pod, _)| pod);
    let ip = pod.and_then(|pod| pod.status.as_ref()?.pod_ip.clone());
    let ready = ip.is_some() && pod.is_some_and(plan::is_ready);
    let ip = ip.filter(|_| ready);
    let socket = plan::socket(&present.session, entrance);
    let ws_url = match (&ip, socket, pod) {
        (Some(ip), Some((port, path)), Some(pod)) => {
            let host = if ip.contains(':') {
                format!("[{ip}]")
            } else {
                ip.clone()
            };
            let path = path.strip_suffix('/').unwrap_or(path);
            Some(format!("ws://{host}:{}{path}", plan::port(pod, &port)?))
        }
        _ => None,
    };
    let answer = json!({
        "session_id": intent.name.as_str(),
        "pod_ip": ip,
        "ws_url": ws_url,
        "ready": ready,
        "url": address(present, entrance),
    });
    console.line(&serde_json::to_string_pretty(&answer)?)
}

fn address(present: &Present, entrance: &Entrance) -> Option<String> {
    let endpoint = present.session.status.as_ref()?.endpoint.as_deref()?;
    match entrance {
        Entrance::Page { path, .. } => Some(url(endpoint, path)),
        _ => Some(endpoint.to_owned()),
    }
}
