//! A Kubernetes client that behaves as kubectl does: kubeconfig, credential plugins, proxies, dry runs, field managers, watches,
//! exec, logs and port-forward. Every error is a [`Failure`] or has one in its chain, except errors of local configuration.
//!
//! ```text
//! ConnectOptions, kubeconfig, environment ─► ClientConfig ─► Cluster
//!                                                     ├─ read, write        one request each: ApiRequest ─► JSON
//!                                                     ├─ read_shared        a read that several sessions have in common, sent once
//!                                                     ├─ watch              ─► stream of WatchChange, reconnecting
//!                                                     ├─ watch_part         a part of a watch that several waits share
//!                                                     ├─ watch_events       several watches and timers in one stream
//!                                                     ├─ remote_command     exec with streams; exec, container_files and container_directory on top
//!                                                     ├─ pod_log            one log as a stream of bytes
//!                                                     └─ forward            streams to ports of a Pod
//! ```
//!
//! Requests are sent as raw HTTP through kube's client, which provides TLS, proxies and WebSockets. This gives control of
//! every header and query parameter, and access to response headers. Nothing here knows a Session.
//!
//! ```no_run
//! use futures::StreamExt;
//! use session_client::{Cluster, ConnectOptions, ListOptions, Scope, UserAgent, WatchChange};
//! use session_model::objects::Untyped;
//! use session_model::objects::resource::POD;
//!
//! # async fn follow_pods() -> anyhow::Result<()> {
//! // kubectl's flags as plain data; what is absent comes from the kubeconfig, or from the Pod the program runs in.
//! let options = ConnectOptions { context: Some("dev".into()), ..ConnectOptions::default() };
//! let agent = UserAgent { program: "kubectl-pods".into(), version: "0.1.0" };
//! let cluster = Cluster::connect(&options, agent).await?;
//!
//! let here = Scope::Namespace(cluster.namespace());
//! let web = ListOptions::with_labels("app=web");
//! let pods = cluster.list(&POD, here, &web).await?;
//! for pod in &pods.items {
//!     println!("{}", Untyped(pod).name());
//! }
//!
//! // From the list's version on, without a gap; reconnects by itself.
//! let mut changes = cluster.watch(&POD, here, &web, Some(&pods.resource_version), false);
//! while let Some(change) = changes.next().await {
//!     match change? {
//!         WatchChange::Added(pod) => println!("+ {}", Untyped(&pod).name()),
//!         WatchChange::Deleted(pod) => println!("- {}", Untyped(&pod).name()),
//!         _ => {}
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! [`Failure`]: session_model::failure::Failure

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod access_reviews;
mod api_paths;
mod api_request;
mod auth_config;
mod backoff;
mod body_lines;
mod body_summary;
mod caller_identity;
mod client_config;
mod common_headers;
mod config_error_text;
pub mod container_directory;
pub mod container_files;
mod container_ref;
mod credential_plugin;
mod credential_renewal;
mod credentials;
mod delivery_barrier;
mod discovered;
mod discovery;
mod exchange;
mod exec;
mod failure_of_response;
pub mod forward;
mod http_client;
pub mod interrupt;
mod kubeconfig;
pub mod kubeconfig_encoding;
mod kubeconfig_overrides;
mod lease;
mod list_page;
mod managed_fields;
mod node_usage;
mod object;
mod options;
mod page_check;
mod pem;
mod pinned_certificate;
mod plugin_policy;
mod plugin_process;
mod pod_log;
mod process_env;
mod progress_meter;
mod proxy;
mod random_token;
mod read;
mod read_answers;
mod read_limits;
pub mod remote_command;
mod response_body;
mod scope;
mod seen_objects;
mod shared_reads;
mod shared_watch;
pub mod signals;
mod transport_failure;
mod userinfo;
mod wait_object;
mod warnings;
mod watch;
mod watch_change;
mod watch_events;
mod watch_feed;
mod write;

use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::time::Duration;

use anyhow::Result;
use http::HeaderValue;

use common_headers::CommonHeaders;
use credential_renewal::CredentialRenewal;
use credentials::Credentials;
use discovered::Discovered;
use process_env::ProcessEnv;
use warnings::Warnings;

pub use access_reviews::AccessReviews;
pub use backoff::Backoff;
pub use caller_identity::CallerIdentity;
pub use container_ref::ContainerRef;
pub use exchange::{Exchange, status_text};
pub use exec::ExecResult;
pub use list_page::{ListOptions, ObjectList};
pub use node_usage::{NodeUsage, PodUsage, VolumeUsage};
pub use object::{not_found_error, parse_object, timed_out};
pub use options::{ConnectOptions, non_empty};
pub use pod_log::{LogOptions, LogStream};
pub use random_token::random_token;
pub use read::IncludeObject;
pub use scope::Scope;
pub use shared_reads::SharedReads;
pub use shared_watch::{SharedWatches, WatchPart};
pub use watch_change::{WatchChange, watch_ended_error};
pub use watch_events::{WatchEvent, WatchEvents};
pub use write::{DeleteOptions, DeleteOutcome, DryRun, WriteOptions};

/// The program that sends requests, for the User-Agent header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserAgent {
    /// Name of the program, `kubectl-session-create`.
    pub program: String,
    /// Its version.
    pub version: &'static str,
}

impl UserAgent {
    /// Returns `os/arch`, with Go's names of operating systems and architectures.
    pub fn platform() -> String {
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
        format!("{system}/{machine}")
    }

    /// Returns `PROGRAM/VERSION (os/arch)`.
    fn header_value(&self) -> HeaderValue {
        let text = format!("{}/{} ({})", self.program, self.version, Self::platform());
        HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static("kubectl"))
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
    kubeconfig_paths: String,
    agent: HeaderValue,
    timeout: Option<Duration>,
    proxied: bool,
    credentials: Option<Arc<Credentials>>,
    renewal: Option<CredentialRenewal>,
    warnings: Warnings,
    observer: OnceLock<exchange::ExchangeObserver>,
    discovered: Discovered,
    /// Watches that several waits share; gone unless somebody holds a [`SharedWatches`].
    feeds: Mutex<Weak<watch_feed::Feeds>>,
    /// Reads that are sent once; gone unless somebody holds a [`SharedReads`] and nothing has been written since.
    reads: Mutex<Weak<read_answers::Reads>>,
}

impl Cluster {
    /// Creates a client with kubectl's rules: flags, kubeconfig, or the Pod that the process runs in. Runs the user's
    /// credential plugin; sends no request to the server.
    ///
    /// # Errors
    /// An invalid configuration, in kubectl's words: a [`Failure`](session_model::failure::Failure) of kind Configuration where
    /// kubectl prints `Error in configuration: `, of kind Unreachable for plugins, and a plain error for everything else.
    pub async fn connect(options: &ConnectOptions, agent: UserAgent) -> Result<Self> {
        Self::connect_with_env(options, agent, &ProcessEnv::read()).await
    }

    async fn connect_with_env(
        options: &ConnectOptions,
        agent: UserAgent,
        around: &ProcessEnv,
    ) -> Result<Self> {
        let loaded = client_config::load_client_config(options, around).await?;
        let credentials = loaded.credentials.map(Arc::new);
        let proxied = loaded.config.proxy_url.is_some();
        let header = agent.header_value();
        let dressing = CommonHeaders {
            agent: header.clone(),
            credentials: credentials.clone(),
        };
        // client-go's switch, for middleboxes that break HTTP/2.
        let http2 = around.var_os("DISABLE_HTTP2").is_none();
        let client = http_client::build_client(loaded.config, dressing, http2)?;
        Ok(Self::from_inner(Inner {
            client,
            namespace: loaded.namespace,
            server: loaded.server,
            kubeconfig_paths: loaded.kubeconfig_paths,
            agent: header,
            timeout: loaded.timeout,
            proxied,
            credentials,
            renewal: loaded.renewal,
            warnings: Warnings::default(),
            observer: OnceLock::new(),
            discovered: Discovered::default(),
            feeds: Mutex::default(),
            reads: Mutex::default(),
        }))
    }

    /// Creates a client over an existing kube client, for tests.
    pub fn from_client(client: kube::Client, namespace: &str) -> Self {
        Self::from_inner(Inner {
            client,
            namespace: namespace.to_owned(),
            server: "http://fake.test".to_owned(),
            kubeconfig_paths: String::new(),
            agent: UserAgent {
                program: "kubectl-session-test".to_owned(),
                version: env!("CARGO_PKG_VERSION"),
            }
            .header_value(),
            timeout: None,
            proxied: false,
            credentials: None,
            renewal: None,
            warnings: Warnings::default(),
            observer: OnceLock::new(),
            discovered: Discovered::default(),
            feeds: Mutex::default(),
            reads: Mutex::default(),
        })
    }

    fn from_inner(inner: Inner) -> Self {
        Self {
            inner: Arc::new(inner),
        }
    }

    /// Returns the default namespace: from `-n`, the context, the Pod that the process runs in, or `default`.
    pub fn namespace(&self) -> &str {
        &self.inner.namespace
    }

    /// Returns the scope of a list: the default namespace, or all.
    pub fn scope(&self, all_namespaces: bool) -> Scope<'_> {
        match all_namespaces {
            true => Scope::All,
            false => Scope::Namespace(self.namespace()),
        }
    }

    /// Returns the server's address, `https://host:port`, possibly with a path.
    pub fn server(&self) -> &str {
        self.inner.server.trim_end_matches('/')
    }

    /// Returns the kubeconfig files that were read as a path list; empty without any.
    pub fn kubeconfig_paths(&self) -> &str {
        &self.inner.kubeconfig_paths
    }

    /// Registers a listener for the text of `Warning:` headers. Each text is reported once per process. Only the first
    /// listener registered counts. It must not block.
    pub fn on_warning(&self, listener: impl Fn(&str) + Send + Sync + 'static) {
        self.inner.warnings.set_listener(Box::new(listener));
    }

    /// Registers an observer of requests and their results, for `-v=6`. Only the first observer registered counts. It
    /// must not block.
    pub fn on_exchange(&self, observer: impl Fn(&Exchange) + Send + Sync + 'static) {
        let _first_stays = self.inner.observer.set(Box::new(observer));
    }
}

#[cfg(test)]
mod tests;
