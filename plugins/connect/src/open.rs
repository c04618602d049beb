//! The session's web page in a browser, through a port of this machine.

use std::sync::Arc;

use anyhow::{Context, Result};
use session_shared::verb::Ground;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use crate::link::Link;
use crate::plan::url;

/// Forwards until the user has enough.
///
/// # Errors
/// When no port of this machine is to be had. A connection that fails is told and ends no other.
pub(crate) async fn run(link: Link, path: &str, ground: &mut Ground) -> Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await;
    let listener = listener.context("failed to listen on 127.0.0.1")?;
    let address = listener.local_addr()?;
    let url = url(&address.to_string(), path);
    ground.console.line(&url)?;
    show(&url, ground).await;
    ground
        .console
        .note("it is reached through this command: Ctrl-C ends it");
    let link = Arc::new(link);
    let (failed, mut failures) = mpsc::unbounded_channel();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((local, _)) = accepted else { continue };
                let (link, failed) = (link.clone(), failed.clone());
                tokio::spawn(async move {
                    if let Err(error) = pass(&link, local).await {
                        // Nobody to tell means that we are ending.
                        let _ = failed.send(error);
                    }
                });
            }
            Some(error) = failures.recv() => ground.console.warn(&format!("{error:#}")),
        }
    }
}

/// A browser that does not open is no reason to stop: the URL is there.
async fn show(url: &str, ground: &mut Ground) {
    let url = url.to_owned();
    // One in the terminal lasts until it is left.
    let opened = tokio::task::spawn_blocking(move || webbrowser::open(&url)).await;
    if !matches!(opened, Ok(Ok(()))) {
        ground
            .console
            .note("no browser could be opened: open the URL yourself");
    }
}

async fn pass(link: &Link, mut local: TcpStream) -> Result<()> {
    let mut remote = link.open().await?;
    // A browser that goes away in the middle is no fault.
    let _ = tokio::io::copy_bidirectional(&mut local, &mut remote).await;
    Ok(())
}
