//! Port forwarding over Kubernetes' older protocol, for servers without the newer one: one upgraded connection per stream
//! and no half-close. Opening a connection takes a while, so a few are opened in advance when many streams are expected.

use std::collections::HashMap;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use futures::FutureExt;
use futures::future::BoxFuture;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::mux_connection::{CloseReason, PortFailureHandler};
use crate::Cluster;
use crate::failure_of_response::RequestSubject;
use crate::remote_command::upgrade_status_code;
use session_model::failure::{self, FailureKind};

/// Streams opened in advance per port.
const MAX_SPARES: usize = 2;
/// Age at which a stream opened in advance is dropped: the server may have closed it.
const SPARE_MAX_AGE: Duration = Duration::from_secs(20);

/// Connections to a Pod's ports over the older protocol.
pub(super) struct SingleStreamForward {
    dial: Dialer,
    spares: Arc<Mutex<HashMap<u16, Vec<SpareStream>>>>,
    dialling: Mutex<JoinSet<()>>,
    failed: PortFailureHandler,
    close_reason: watch::Sender<Option<CloseReason>>,
}

#[derive(Clone)]
struct Dialer {
    cluster: Cluster,
    namespace: String,
    pod: String,
}

struct SpareStream {
    stream: DuplexStream,
    error: BoxFuture<'static, Option<String>>,
    opened_at: Instant,
}

impl SingleStreamForward {
    /// Creates a forward to one Pod; sends nothing yet.
    pub(super) fn new(
        cluster: &Cluster,
        namespace: &str,
        pod: &str,
        failed: PortFailureHandler,
    ) -> Self {
        Self {
            dial: Dialer {
                cluster: cluster.clone(),
                namespace: namespace.to_owned(),
                pod: pod.to_owned(),
            },
            spares: Arc::default(),
            dialling: Mutex::default(),
            failed,
            close_reason: watch::Sender::new(None),
        }
    }

    /// Opens a stream to a port. If `ahead` is true, further ones are opened in advance.
    ///
    /// # Errors
    /// Whatever the server refuses. If the server cannot be reached, the whole transport is closed and has to be
    /// negotiated again.
    pub(super) async fn open_stream(&self, port: u16, ahead: bool) -> Result<SingleStream> {
        let spare = match self.take_spare(port) {
            Some(spare) => spare,
            None => match self.dial.open(port).await {
                Ok(spare) => spare,
                Err(error) => {
                    if failure::has_kind(&error, FailureKind::Unreachable)
                        || failure::has_kind(&error, FailureKind::ConnectionRefused)
                    {
                        let why = CloseReason::Lost(format!("{error:#}"));
                        self.close_reason.send_replace(Some(why));
                    }
                    return Err(error);
                }
            },
        };
        if ahead {
            self.refill_spares(port);
        }
        Ok(SingleStream {
            stream: spare.stream,
            verdict: Some(spare.error),
            port,
            failed: self.failed.clone(),
        })
    }

    /// Opens a stream for the next call of [`open_stream`](Self::open_stream). Only opening one shows whether the server
    /// supports this protocol.
    ///
    /// # Errors
    /// Whatever the server refuses.
    pub(super) async fn open_spare(&self, port: u16) -> Result<()> {
        let spare = self.dial.open(port).await?;
        store_spare(&mut lock(&self.spares), port, spare);
        Ok(())
    }

    /// Waits until a new transport is needed, and returns the reason.
    pub(super) async fn wait_closed(&self) -> CloseReason {
        let mut seen = self.close_reason.subscribe();
        let why = seen.wait_for(Option::is_some).await;
        why.ok()
            .and_then(|why| why.clone())
            .unwrap_or(CloseReason::ByClient)
    }

    /// Takes a stream that was opened in advance, is recent and has reported no error.
    fn take_spare(&self, port: u16) -> Option<SpareStream> {
        let mut spares = lock(&self.spares);
        let spares = spares.get_mut(&port)?;
        while let Some(mut spare) = spares.pop() {
            let is_fresh = spare.opened_at.elapsed() < SPARE_MAX_AGE;
            if is_fresh && (&mut spare.error).now_or_never().is_none() {
                return Some(spare);
            }
        }
        None
    }

    fn refill_spares(&self, port: u16) {
        let missing = MAX_SPARES.saturating_sub(lock(&self.spares).get(&port).map_or(0, Vec::len));
        let mut dialling = lock(&self.dialling);
        while dialling.try_join_next().is_some() {}
        for _ in 0..missing {
            let (dial, spares) = (self.dial.clone(), self.spares.clone());
            dialling.spawn(async move {
                // Errors are reported when a stream is actually requested.
                let Ok(spare) = dial.open(port).await else {
                    return;
                };
                store_spare(&mut lock(&spares), port, spare);
                tokio::time::sleep(SPARE_MAX_AGE).await;
                for there in lock(&spares).values_mut() {
                    there.retain(|spare| spare.opened_at.elapsed() < SPARE_MAX_AGE);
                }
            });
        }
    }
}

/// Stores a stream for later, unless there are enough.
fn store_spare(spares: &mut HashMap<u16, Vec<SpareStream>>, port: u16, spare: SpareStream) {
    let there = spares.entry(port).or_default();
    if there.len() < MAX_SPARES {
        there.push(spare);
    }
}

impl Dialer {
    async fn open(&self, port: u16) -> Result<SpareStream> {
        let client = self.cluster.inner.client.clone();
        let pods: Api<Pod> = Api::namespaced(client, &self.namespace);
        let asked = Instant::now();
        let opened = pods.portforward(&self.pod, &[port]).await;
        let target = format!(
            "{}/{}/portforward?ports={port}",
            pods.resource_url(),
            self.pod
        );
        let status = upgrade_status_code(opened.as_ref().err());
        self.cluster.report_exchange("GET", &target, status, asked);
        let subject = RequestSubject {
            method: "GET".into(),
            plural: "pods".into(),
            qualified: "pods".into(),
            name: self.pod.clone(),
        };
        let refused = |error| {
            self.cluster
                .upgrade_failure(&error, &subject, "port-forward")
        };
        let mut forward = opened.map_err(refused)?;
        let (stream, verdict) = (forward.take_stream(port), forward.take_error(port));
        let (Some(stream), Some(verdict)) = (stream, verdict) else {
            return Err(anyhow!(
                "cannot open a stream to port {port} of pod {:?}",
                self.pod
            ));
        };
        Ok(SpareStream {
            stream,
            error: verdict.boxed(),
            opened_at: Instant::now(),
        })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A stream over the older protocol.
pub(super) struct SingleStream {
    stream: DuplexStream,
    verdict: Option<BoxFuture<'static, Option<String>>>,
    port: u16,
    failed: PortFailureHandler,
}

impl SingleStream {
    /// Fails once the server has reported that the port cannot be served.
    fn check_error(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        let Some(verdict) = &mut self.verdict else {
            return Ok(());
        };
        let Poll::Ready(message) = verdict.as_mut().poll(context) else {
            return Ok(());
        };
        self.verdict = None;
        let Some(message) = message.filter(|message| !message.is_empty()) else {
            return Ok(());
        };
        (self.failed)(self.port, message.clone());
        Err(io::Error::new(io::ErrorKind::ConnectionRefused, message))
    }
}

impl AsyncRead for SingleStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, into);
        let has_bytes = into.filled().len() > before;
        if !has_bytes {
            self.check_error(context)?;
        }
        read
    }
}

impl AsyncWrite for SingleStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
