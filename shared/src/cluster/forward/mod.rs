//! Ways into the ports of a Pod.
//!
//! A [`Forwarder`] stands for one Pod of a session, whichever that is at the time: it is looked for when a connection is made,
//! and again after one was lost.

use std::sync::Arc;

use anyhow::{Result, anyhow};
use futures::future::BoxFuture;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use tokio::io::{AsyncRead, AsyncWrite};

use super::{Cluster, transport};
use crate::failure::{Failure, Kind};

/// Finds the Pod to forward to, as (namespace, name). It is asked for every new upgraded connection: it may wait until there
/// is one, and must give up by itself.
pub type FindPod = Arc<dyn Fn() -> BoxFuture<'static, Result<(String, String)>> + Send + Sync>;

/// A stream to a port of a Pod. Shutting it down tells the other side that no more will come, and reading goes on.
pub trait PortStream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> PortStream for T {}

/// A way into the ports of a Pod. Cheap to clone: all clones are one.
#[derive(Clone)]
pub struct Forwarder {
    cluster: Cluster,
    find: FindPod,
}

impl Cluster {
    /// A way into the ports of the Pod that `find` finds. Sends nothing yet.
    pub fn forwarder(&self, find: FindPod) -> Forwarder {
        Forwarder {
            cluster: self.clone(),
            find,
        }
    }
}

impl Forwarder {
    /// Opens a stream to a port of the Pod.
    ///
    /// # Errors
    /// A Failure: what the server refuses, Unreachable where nothing lets WebSockets through. A port that nobody listens on
    /// shows only when the stream is read.
    pub async fn open(&self, port: u16) -> Result<Box<dyn PortStream>> {
        let (namespace, name) = (self.find)().await?;
        let pods: Api<Pod> = Api::namespaced(self.cluster.inner.client.clone(), &namespace);
        let opened = pods.portforward(&name, &[port]).await;
        let mut forward = opened.map_err(|error| match &error {
            kube::Error::UpgradeConnection(why) => {
                Failure::local(Kind::Unreachable, format!("{why}"))
            }
            error => transport::of(
                error,
                &self.cluster.inner.server,
                self.cluster.inner.proxied,
            ),
        })?;
        let stream = forward.take_stream(port);
        let stream = stream.ok_or_else(|| anyhow!("no stream to port {port} of pod {name:?}"))?;
        Ok(Box::new(stream))
    }
}
