//! The cluster: the only room that talks to it. Everything that goes wrong on the way comes back as a [`Failure`].
//!
//! Requests are made as raw HTTP through kube's client, which brings TLS, proxies and WebSockets: so we decide about every
//! header and parameter, and see the headers of the answers.
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

/// Who asks, for the User-Agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agent {
    /// The verb, `create`.
    pub verb: &'static str,
}

impl Agent {
    /// `kubectl-session-VERB/VERSION (os/arch)`, with Go's names of the platforms.
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

/// A cluster, as one user sees it. Cheap to clone: all clones are one.
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
    /// Finds the cluster as kubectl does (flags, kubeconfig, the Pod we may run in), and runs the user's credential plugin.
    /// Sends nothing yet.
    ///
    /// # Errors
    /// A configuration that does not hold, in kubectl's words: a [`Failure`](crate::failure::Failure) of kind Configuration
    /// where kubectl says `Error in configuration: `, of kind Unreachable for plugins; a plain error for everything else.
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
        // client-go's switch, for middle boxes that break HTTP/2.
        let http2 = around.os("DISABLE_HTTP2").is_none();
        let client = connector::client(loaded.config, dressing, http2)?;
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

    /// A cluster behind a client that exists already: for tests.
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

    /// The namespace that -n, the context, the Pod we run in, or the default say.
    pub fn namespace(&self) -> &str {
        &self.inner.namespace
    }

    /// The server's address, `https://host:port`, perhaps with a path.
    pub fn server(&self) -> &str {
        self.inner.server.trim_end_matches('/')
    }

    /// The kubeconfig files that were read, as a path list; empty if there were none.
    pub fn origin(&self) -> &str {
        &self.inner.origin
    }

    /// What this user has stored in the server's sessions, from this machine.
    pub fn known(&self) -> &KnownSessions {
        &self.inner.known
    }

    /// Tells `listener` the text of every `Warning:` header from now on, each text once in the life of the process; the first
    /// listener stays. It must not block.
    pub fn on_warning(&self, listener: impl Fn(&str) + Send + Sync + 'static) {
        self.inner.warnings.listen(Box::new(listener));
    }

    /// Tells `observer` of every exchange from now on, as -v=6 wants it; the first observer stays. It must not block.
    pub fn observe(&self, observer: impl Fn(&Exchange) + Send + Sync + 'static) {
        let _first_stays = self.inner.observer.set(Box::new(observer));
    }
}

/// What every request wears, those of kube's own making too (exec).
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
