//! Access to a Kubernetes cluster: the only module that sends requests. Every error is a [`Failure`] or has one in its
//! chain, except errors of local configuration.
//!
//! The Kubernetes client, which knows no Session:
//!
//! ```text
//! flags, kubeconfig, environment ─► ClientConfig ─► Cluster
//!                                                     ├─ read, write        one request each: ApiRequest ─► JSON
//!                                                     ├─ watch              ─► stream of WatchChange, reconnecting
//!                                                     ├─ watch_events       several watches and timers in one stream
//!                                                     ├─ remote_command     exec; container_files and container_directory on top
//!                                                     ├─ pod_log            one log as a stream of bytes
//!                                                     └─ forward            streams to ports of a Pod
//! ```
//!
//! Session operations, on top of it:
//!
//! ```text
//! selected_sessions, session_objects, observed_session   reads of a session and its objects
//! apply_plan ─► apply_existing, adopt, wait_deleted      execution of a Plan
//! wait_ready, wait_object, wait_expanded, …              waits by watch, with progress
//! follow_logs                                            logs of a session across restarts and replaced Pods
//! ```
//!
//! Requests are sent as raw HTTP through kube's client, which provides TLS, proxies and WebSockets. This gives control of
//! every header and query parameter, and access to response headers.
//!
//! [`Failure`]: crate::failure::Failure

mod adoption;
mod answer;
mod apply;
pub mod attach;
mod backoff;
pub mod chosen;
mod claims;
mod config;
mod connector;
mod credentials;
pub mod directory;
pub mod encoding;
mod exec;
pub mod execute;
mod facts;
mod failure;
pub mod files;
pub mod follow;
pub mod forward;
mod gone;
mod growing;
mod guard;
mod held;
mod hook;
mod identity;
pub mod interrupt;
mod kubeconfig;
mod limits;
mod lines;
pub mod live;
mod logs;
mod meter;
mod overrides;
mod ownership;
mod page_text;
mod paging;
mod paths;
mod pem;
mod permissions;
mod plugin;
mod plugin_process;
mod policy;
mod presence;
mod present;
mod proxy;
mod read;
mod request;
mod resizing;
pub mod rights;
pub mod signals;
pub mod snapshots;
mod surroundings;
mod token;
mod transport;
mod turns;
mod usage;
mod userinfo;
pub mod wait;
mod wait_object;
mod warning;
mod watch;
mod whose;
mod write;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::Result;
use http::HeaderValue;
use http::header::{AUTHORIZATION, USER_AGENT};
use kube::client::Body;

use crate::flags::connection::Connection;
use crate::state::{self, KnownSessions};
use credentials::Credentials;
use surroundings::Surroundings;
use warning::Warnings;

pub use backoff::Backoff;
pub use exec::Executed;
pub use growing::Grown;
pub use logs::{LogOptions, LogStream};
pub use permissions::Permissions;
pub use presence::{CONTROLLER_LEASE, CONTROLLER_NAMESPACE, Identity};
pub use present::Present;
pub use read::{IncludeObject, List, Place, Selection};
pub use request::{Exchange, status_text};
pub use resizing::{NodeLoad, Resized};
pub use token::random_token;
pub use turns::{Turn, Turns};
pub use usage::{NodeUse, PodUse, VolumeUse};
pub use watch::Change;
pub use write::{Delete, Deleted, Write};

/// The program that sends requests, for the User-Agent header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agent {
    /// The verb, `create`.
    pub verb: &'static str,
}

impl Agent {
    /// Returns `kubectl-session-VERB/VERSION (os/arch)`, with Go's names of operating systems and architectures.
    fn header(self) -> HeaderValue {
        let system = if cfg!(target_os = "macos") {
            "darwin"
        } else {
            std::env::consts::OS
        };
        let machine = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        };
        let text = format!(
            "kubectl-session-{}/{} ({system}/{machine})",
            self.verb,
            env!("CARGO_PKG_VERSION")
        );
        HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static("kubectl-session"))
    }
}

/// A client of one cluster with one user's credentials. Clones share one connection pool.
#[derive(Clone)]
pub struct Cluster {
    inner: Arc<Inner>,
}

struct Inner {
    client: kube::Client,
    namespace: String,
    server: String,
    origin: String,
    agent: HeaderValue,
    timeout: Option<Duration>,
    proxied: bool,
    credentials: Option<Arc<Credentials>>,
    warnings: Warnings,
    observer: OnceLock<request::Observer>,
    known: KnownSessions,
    guarded: tokio::sync::OnceCell<Option<jiff::Timestamp>>,
}

impl Cluster {
    /// Creates a client with kubectl's rules: flags, kubeconfig, or the Pod that the process runs in. Runs the user's
    /// credential plugin; sends no request to the server.
    ///
    /// # Errors
    /// An invalid configuration, in kubectl's words: a [`Failure`](crate::failure::Failure) of kind Configuration where
    /// kubectl prints `Error in configuration: `, of kind Unreachable for plugins, and a plain error for everything else.
    pub async fn connect(flags: &Connection, agent: Agent) -> Result<Self> {
        Self::connect_in(flags, agent, &Surroundings::of_process()).await
    }

    async fn connect_in(flags: &Connection, agent: Agent, around: &Surroundings) -> Result<Self> {
        let loaded = config::load(flags, around).await?;
        let credentials = loaded.credentials.map(Arc::new);
        let proxied = loaded.config.proxy_url.is_some();
        let header = agent.header();
        let dressing = Dressing {
            agent: header.clone(),
            credentials: credentials.clone(),
        };
        let client = connector::client(loaded.config, dressing)
            .map_err(|error| transport::of_setup(&error))?;
        let known = KnownSessions::new(state::folder(), loaded.server.trim_end_matches('/'));
        Ok(Self::of(Inner {
            client,
            namespace: loaded.namespace,
            server: loaded.server,
            origin: loaded.origin,
            agent: header,
            timeout: loaded.timeout,
            proxied,
            credentials,
            warnings: Warnings::default(),
            observer: OnceLock::new(),
            known,
            guarded: tokio::sync::OnceCell::new(),
        }))
    }

    /// Creates a client over an existing kube client, for tests.
    pub fn over(client: kube::Client, namespace: &str) -> Self {
        Self::of(Inner {
            client,
            namespace: namespace.to_owned(),
            server: "http://fake.test".to_owned(),
            origin: String::new(),
            agent: Agent { verb: "test" }.header(),
            timeout: None,
            proxied: false,
            credentials: None,
            warnings: Warnings::default(),
            observer: OnceLock::new(),
            known: KnownSessions::default(),
            guarded: tokio::sync::OnceCell::new(),
        })
    }

    fn of(inner: Inner) -> Self {
        Self {
            inner: Arc::new(inner),
        }
    }

    /// Returns the default namespace: from `-n`, the context, the Pod that the process runs in, or `default`.
    pub fn namespace(&self) -> &str {
        &self.inner.namespace
    }

    /// Returns the server's address, `https://host:port`, possibly with a path.
    pub fn server(&self) -> &str {
        self.inner.server.trim_end_matches('/')
    }

    /// Returns the kubeconfig files that were read as a path list; empty without any.
    pub fn origin(&self) -> &str {
        &self.inner.origin
    }

    /// Returns the local record of sessions that this user stored on this server.
    pub fn known(&self) -> &KnownSessions {
        &self.inner.known
    }

    /// Registers a listener for the text of `Warning:` headers. Each text is reported once per process. Only the first
    /// listener registered counts. It must not block.
    pub fn on_warning(&self, listener: impl Fn(&str) + Send + Sync + 'static) {
        self.inner.warnings.listen(Box::new(listener));
    }

    /// Registers an observer of requests and their results, for `-v=6`. Only the first observer registered counts. It
    /// must not block.
    pub fn observe(&self, observer: impl Fn(&Exchange) + Send + Sync + 'static) {
        let _first_stays = self.inner.observer.set(Box::new(observer));
    }
}

/// Headers of every request, including those that kube creates itself (exec).
#[derive(Clone)]
struct Dressing {
    agent: HeaderValue,
    credentials: Option<Arc<Credentials>>,
}

impl Dressing {
    fn dress(&self, mut request: http::Request<Body>) -> http::Request<Body> {
        request.headers_mut().insert(USER_AGENT, self.agent.clone());
        if let Some(header) = self
            .credentials
            .as_ref()
            .and_then(|credentials| credentials.header())
        {
            request.headers_mut().insert(AUTHORIZATION, header);
        }
        request
    }
}

#[cfg(test)]
mod tests;
