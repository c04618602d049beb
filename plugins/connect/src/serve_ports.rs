//! `--port-forward`: forwards local ports to the session until the user interrupts.

use std::io;
use std::net::{IpAddr, SocketAddr};

use anyhow::{Result, anyhow};
use session_shared::Pod;
use session_shared::client::forward::ForwardEvent;
use session_shared::client::forward::Forwarder;
use session_shared::client::forward::LocalListener;
use session_shared::failure::with_hint;
use session_shared::objects::pod_ports::{is_declared, tcp_ports_text};
use session_shared::ops::{Cluster, ObservedSession};
use session_shared::report::console::Console;
use session_shared::report::escape;
use session_shared::verb::Environment;

use crate::intent::Intent;
use crate::port_forward::PortForward;
use crate::port_forwarder::ForwardEvents;

use crate::port_forwarder;

/// Listens on the local ports that are known without a request, so that a port in use is reported at once.
///
/// # Errors
/// A local port that is not available, with a hint.
pub(crate) async fn listen_known_ports(
    forwards: &[PortForward],
) -> Result<Vec<Vec<LocalListener>>> {
    let mut taken = Vec::new();
    for forward in forwards {
        taken.push(match forward.known_local() {
            Some(local) => listen_all_addresses(forward, local).await?,
            None => Vec::new(),
        });
    }
    Ok(taken)
}

/// Forwards until the session ends.
///
/// # Errors
/// The server's refusal; an unknown port; the end of the session.
pub(crate) async fn run(
    cluster: &Cluster,
    intent: &Intent,
    observed: &ObservedSession,
    forwards: &[PortForward],
    taken: Vec<Vec<LocalListener>>,
    environment: &mut Environment,
) -> Result<()> {
    let place = &intent.place();
    let pod = port_forwarder::require_pod(intent, observed, place)?;
    let mut ports = Vec::new();
    for (forward, listeners) in forwards.iter().zip(taken) {
        let console = &mut environment.console;
        let word = &forward.remote;
        let remote =
            port_forwarder::resolve_remote_port(cluster, observed, pod, word, console).await?;
        let listeners = if listeners.is_empty() {
            listen_all_addresses(forward, remote).await?
        } else {
            listeners
        };
        ports.extend(listeners.into_iter().map(|listener| (listener, remote)));
    }
    let (forwarder, events) =
        port_forwarder::new_forwarder(cluster, intent, observed, place, environment)?;
    if let Some((_, port)) = ports.first() {
        forwarder.connect(*port).await?;
    }
    let console = &mut environment.console;
    for (listener, remote) in &ports {
        console.print_line(&format!(
            "Forwarding from {} -> {remote}",
            listener.address()
        ))?;
    }
    serve_until_end((forwarder, events), ports, pod, true, console).await
}

/// Serves local ports and prints their events; accepted connections only if `every` is true.
///
/// # Errors
/// The reason why no Pod can be reached any more.
pub(crate) async fn serve_until_end(
    (forwarder, mut events): (Forwarder, ForwardEvents),
    ports: Vec<(LocalListener, u16)>,
    pod: &Pod,
    every: bool,
    console: &mut Console,
) -> Result<()> {
    let mut serving = std::pin::pin!(forwarder.serve_ports(ports));
    loop {
        tokio::select! {
            ended = &mut serving => return ended,
            Some(event) = events.recv() => {
                if every || !matches!(event, ForwardEvent::Accepted { .. }) {
                    print_event(event, pod, console)?;
                }
            }
        }
    }
}

/// Prints an event, in kubectl's words where kubectl has any.
fn print_event(event: ForwardEvent, pod: &Pod, console: &mut Console) -> Result<()> {
    match event {
        ForwardEvent::Accepted { local } => {
            return console.print_line(&format!("Handling connection for {local}"));
        }
        ForwardEvent::StreamFailed { port, message } => {
            let message = escape::escape_line(message.trim());
            if message.contains("connection refused") {
                console.print_error_line(&format!(
                    "error: failed to forward to port {port}: no process in the Pod listens on the port{}",
                    other_ports(pod, port)
                ));
                console.trace(4, &message);
            } else {
                console.print_error_line(&format!(
                    "error: failed to forward to port {port}: {message}"
                ));
            }
        }
        ForwardEvent::Disconnected { why } => console.print_error_line(&format!(
            "Lost connection to the Pod: {}. Waiting for a new Pod; local ports stay open",
            escape::escape_line(&why)
        )),
        ForwardEvent::Reconnected { pod } => {
            console.print_error_line(&format!("Forwarding to pod {pod:?}"))
        }
        // Already traced by the forwarder's callback.
        ForwardEvent::Fallback { .. } => {}
    }
    Ok(())
}

/// Returns the ports that a Pod declares as the end of a message, if `port` is none of them: a Service may have other numbers.
pub(crate) fn other_ports(pod: &Pod, port: u16) -> String {
    match tcp_ports_text(pod) {
        text if text.is_empty() || is_declared(pod, port) => String::new(),
        text => format!("; ports of the Pod are {text}"),
    }
}

/// Listens on every address of a forward.
async fn listen_all_addresses(forward: &PortForward, mut local: u16) -> Result<Vec<LocalListener>> {
    let mut listeners: Vec<LocalListener> = Vec::new();
    let mut failed = None;
    for address in &forward.addresses {
        match LocalListener::bind(*address, local).await {
            Ok(listener) => {
                // The other addresses get the same port.
                local = listener.address().port();
                listeners.push(listener);
            }
            Err(error) => failed = Some(listen_error(*address, local, &forward.remote, &error)),
        }
    }
    // For `localhost`, one of its two addresses is enough.
    match failed {
        Some(error) if listeners.is_empty() => Err(error),
        _ => Ok(listeners),
    }
}

fn listen_error(address: IpAddr, local: u16, remote: &str, error: &io::Error) -> anyhow::Error {
    let place = SocketAddr::new(address, local);
    let free = format!("use a free local port: --port-forward :{remote}");
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            let error = anyhow!("failed to listen on {place}: the port is in use");
            with_hint(error, free)
        }
        io::ErrorKind::PermissionDenied => {
            let error = anyhow!("failed to listen on {place}: permission denied");
            with_hint(error, free)
        }
        io::ErrorKind::AddrNotAvailable => {
            anyhow!("failed to listen on {place}: this machine has no such address")
        }
        _ => anyhow!("failed to listen on {place}: {error}"),
    }
}
