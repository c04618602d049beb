//! A way into a port of the session, whichever Pod it is at the time.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Result, anyhow};
use futures::FutureExt;
use session_shared::Pod;
use session_shared::cluster::forward::{FindPod, Forwarder, PortStream};
use session_shared::cluster::{Cluster, Present};

use crate::intent::Intent;
use crate::{plan, rights};

/// A way into a port.
pub(crate) struct Link {
    cluster: Cluster,
    forwarder: Forwarder,
    /// The port's number.
    pub(crate) port: u16,
}

/// The way into `port`, a number or a name, of the Pod that has `container`.
///
/// # Errors
/// A port or a container that there is not.
pub(crate) fn link(
    cluster: &Cluster,
    intent: &Intent,
    present: &Present,
    container: Option<&str>,
    port: &str,
) -> Result<Link> {
    let (pod, _) = plan::pod(present, container)?
        .ok_or_else(|| anyhow!("session \"{}\" has no Pod", intent.name))?;
    let port = plan::port(pod, port)?;
    let find = finder(cluster, intent, name(pod), container.map(str::to_owned));
    Ok(Link {
        cluster: cluster.clone(),
        forwarder: cluster.forwarder(find),
        port,
    })
}

fn name(pod: &Pod) -> String {
    pod.metadata.name.clone().unwrap_or_default()
}

/// Gives the Pod that is known the first time, and looks for it from then on: it may have been replaced.
fn finder(cluster: &Cluster, intent: &Intent, known: String, container: Option<String>) -> FindPod {
    let (cluster, session) = (cluster.clone(), intent.name.clone());
    let known = Arc::new(Mutex::new(Some(known)));
    Arc::new(move || {
        let (cluster, session, container) = (cluster.clone(), session.clone(), container.clone());
        let known = known.lock().unwrap_or_else(PoisonError::into_inner).take();
        async move {
            let namespace = cluster.namespace().to_owned();
            if let Some(pod) = known {
                return Ok((namespace, pod));
            }
            let present = cluster.present(&namespace, session.as_str()).await?;
            match plan::pod(&present, container.as_deref())? {
                Some((pod, _)) if plan::is_ready(pod) => Ok((namespace, name(pod))),
                _ => Err(anyhow!("session \"{session}\" is not ready")),
            }
        }
        .boxed()
    })
}

impl Link {
    /// A stream to the port.
    ///
    /// # Errors
    /// What the server refuses, rights that are missing by name.
    pub(crate) async fn open(&self) -> Result<Box<dyn PortStream>> {
        let opened = self.forwarder.open(self.port).await;
        opened.map_err(|error| rights::explain(error, &self.cluster, "pods/portforward"))
    }
}
