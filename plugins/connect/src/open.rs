//! `--open`: opens the session's web page in a browser, through a forwarded local port.

use std::net::{IpAddr, Ipv4Addr};
use std::pin::pin;

use anyhow::{Context, Result};
use bytes::Bytes;
use futures::future::{Either, select};
use session_shared::Pod;
use session_shared::client::forward::Forwarder;
use session_shared::client::forward::LocalListener;
use session_shared::encode::url::Endpoint;
use session_shared::ops::{Cluster, missing_right};
use session_shared::verb::Environment;

use crate::port_forwarder::ForwardEvents;

use crate::{port_forwarder, serve_ports};

const NO_BROWSER: &[u8] = b"note: failed to open a browser: open the URL manually\n";

/// Opens the page and forwards until the user interrupts. A failed connection is reported and does not end the others.
///
/// # Errors
/// No free local port; the server's refusal.
pub(crate) async fn run(
    cluster: &Cluster,
    (forwarder, events): (Forwarder, ForwardEvents),
    pod: &Pod,
    port: u16,
    path: &str,
    environment: &mut Environment,
) -> Result<()> {
    let listener = LocalListener::bind(IpAddr::V4(Ipv4Addr::LOCALHOST), 0).await;
    let listener = listener.context("failed to listen on 127.0.0.1")?;
    let ready = forwarder.connect(port).await;
    ready.map_err(|error| {
        missing_right::explain(error, cluster, port_forwarder::PORT_FORWARD_RESOURCE)
    })?;
    let url = listener
        .address()
        .to_string()
        .parse::<Endpoint>()?
        .page_url(path);
    let console = &mut environment.console;
    console.print_line(&url)?;
    console.note("press Ctrl-C to stop forwarding");
    let (_, err) = console.raw_outputs();
    let quiet = console.is_quiet();
    let shown = pin!(async move {
        // A browser in the terminal blocks until the user quits it.
        let opened = tokio::task::spawn_blocking(move || webbrowser::open(&url)).await;
        if !matches!(opened, Ok(Ok(()))) && !quiet {
            // Errors of standard error are ignored.
            let _ = err.write(Bytes::from_static(NO_BROWSER)).await;
        }
    });
    let served = pin!(serve_ports::serve_until_end(
        (forwarder, events),
        vec![(listener, port)],
        pod,
        false,
        console
    ));
    match select(served, shown).await {
        Either::Left((ended, _)) => ended,
        Either::Right(((), served)) => served.await,
    }
}
