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

use super::connection::{OnFailure, Retired};
use crate::Cluster;
use crate::exec::upgraded;
use crate::failure::Subject;
use session_model::failure::{self, FailureKind};

/// Streams opened in advance per port.
const AHEAD: usize = 2;
/// Age at which a stream opened in advance is dropped: the server may have closed it.
const FRESH: Duration = Duration::from_secs(20);

/// Connections to a Pod's ports over the older protocol.
pub(super) struct Plain {
    dial: Dial,
    spares: Arc<Mutex<HashMap<u16, Vec<Spare>>>>,
    dialling: Mutex<JoinSet<()>>,
    failed: OnFailure,
    retired: watch::Sender<Option<Retired>>,
}

#[derive(Clone)]
struct Dial {
    cluster: Cluster,
    namespace: String,
    pod: String,
}

struct Spare {
    stream: DuplexStream,
    verdict: BoxFuture<'static, Option<String>>,
    since: Instant,
}

impl Plain {
    /// Creates a forward to one Pod; sends nothing yet.
    pub(super) fn new(cluster: &Cluster, namespace: &str, pod: &str, failed: OnFailure) -> Self {
        Self {
            dial: Dial {
                cluster: cluster.clone(),
                namespace: namespace.to_owned(),
                pod: pod.to_owned(),
            },
            spares: Arc::default(),
            dialling: Mutex::default(),
            failed,
            retired: watch::Sender::new(None),
        }
    }

    /// Opens a stream to a port. If `ahead` is true, further ones are opened in advance.
    ///
    /// # Errors
    /// Whatever the server refuses. If the server cannot be reached, the whole transport is closed and has to be
    /// negotiated again.
    pub(super) async fn open(&self, port: u16, ahead: bool) -> Result<PlainStream> {
        let spare = match self.spare(port) {
            Some(spare) => spare,
            None => match self.dial.open(port).await {
                Ok(spare) => spare,
                Err(error) => {
                    if failure::has_kind(&error, FailureKind::Unreachable) || failure::has_kind(&error, FailureKind::ConnectionRefused)
                    {
                        let why = Retired::Lost(format!("{error:#}"));
                        self.retired.send_replace(Some(why));
                    }
                    return Err(error);
                }
            },
        };
        if ahead {
            self.refill(port);
        }
        Ok(PlainStream {
            stream: spare.stream,
            verdict: Some(spare.verdict),
            port,
            failed: self.failed.clone(),
        })
    }

    /// Opens a stream for the next call of [`open_stream`](Self::open_stream). Only opening one shows whether the server
    /// supports this protocol.
    ///
    /// # Errors
    /// Whatever the server refuses.
    pub(super) async fn prepare(&self, port: u16) -> Result<()> {
        let spare = self.dial.open(port).await?;
        keep(&mut lock(&self.spares), port, spare);
        Ok(())
    }

    /// Waits until a new transport is needed, and returns the reason.
    pub(super) async fn retired(&self) -> Retired {
        let mut seen = self.retired.subscribe();
        let why = seen.wait_for(Option::is_some).await;
        why.ok()
            .and_then(|why| why.clone())
            .unwrap_or(Retired::ByUs)
    }

    /// Takes a stream that was opened in advance, is recent and has reported no error.
    fn spare(&self, port: u16) -> Option<Spare> {
        let mut spares = lock(&self.spares);
        let spares = spares.get_mut(&port)?;
        while let Some(mut spare) = spares.pop() {
            let is_fresh = spare.since.elapsed() < FRESH;
            if is_fresh && (&mut spare.verdict).now_or_never().is_none() {
                return Some(spare);
            }
        }
        None
    }

    fn refill(&self, port: u16) {
        let missing = AHEAD.saturating_sub(lock(&self.spares).get(&port).map_or(0, Vec::len));
        let mut dialling = lock(&self.dialling);
        while dialling.try_join_next().is_some() {}
        for _ in 0..missing {
            let (dial, spares) = (self.dial.clone(), self.spares.clone());
            dialling.spawn(async move {
                // Errors are reported when a stream is actually requested.
                let Ok(spare) = dial.open(port).await else {
                    return;
                };
                keep(&mut lock(&spares), port, spare);
                tokio::time::sleep(FRESH).await;
                for there in lock(&spares).values_mut() {
                    there.retain(|spare| spare.since.elapsed() < FRESH);
                }
            });
        }
    }
}

/// Stores a stream for later, unless there are enough.
fn keep(spares: &mut HashMap<u16, Vec<Spare>>, port: u16, spare: Spare) {
    let there = spares.entry(port).or_default();
    if there.len() < AHEAD {
        there.push(spare);
    }
}

impl Dial {
    async fn open(&self, port: u16) -> Result<Spare> {
        let client = self.cluster.inner.client.clone();
        let pods: Api<Pod> = Api::namespaced(client, &self.namespace);
        let asked = Instant::now();
        let opened = pods.portforward(&self.pod, &[port]).await;
        let target = format!(
            "{}/{}/portforward?ports={port}",
            pods.resource_url(),
            self.pod
        );
        let status = upgraded(opened.as_ref().err());
        self.cluster.observed("GET", &target, status, asked);
        let subject = Subject {
            method: "GET".into(),
            plural: "pods".into(),
            qualified: "pods".into(),
            name: self.pod.clone(),
        };
        let refused = |error| self.cluster.refused(&error, &subject, "port-forward");
        let mut forward = opened.map_err(refused)?;
        let (stream, verdict) = (forward.take_stream(port), forward.take_error(port));
        let (Some(stream), Some(verdict)) = (stream, verdict) else {
            return Err(anyhow!(
                "cannot open a stream to port {port} of pod {:?}",
                self.pod
            ));
        };
        Ok(Spare {
            stream,
            verdict: verdict.boxed(),
            since: Instant::now(),
        })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A stream over the older protocol.
pub(super) struct PlainStream {
    stream: DuplexStream,
    verdict: Option<BoxFuture<'static, Option<String>>>,
    port: u16,
    failed: OnFailure,
}

impl PlainStream {
    /// Fails once the server has reported that the port cannot be served.
    fn heard(&mut self, context: &mut Context<'_>) -> io::Result<()> {
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

impl AsyncRead for PlainStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, into);
        let has_bytes = into.filled().len() > before;
        if !has_bytes {
            self.heard(context)?;
        }
        read
    }
}

impl AsyncWrite for PlainStream {
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
