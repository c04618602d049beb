//! Options of a connection to an API server: kubectl's connection flags as plain data.

use std::time::Duration;

/// Options of [`Cluster::connect`](crate::Cluster::connect), which go before what the kubeconfig says. An empty text counts as
/// not given, as it does in kubectl.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnectOptions {
    /// Path of the only kubeconfig file to read.
    pub kubeconfig: String,
    /// Name of the kubeconfig context.
    pub context: String,
    /// Name of the kubeconfig cluster, in place of the context's.
    pub cluster: String,
    /// Name of the kubeconfig user, in place of the context's.
    pub user: String,
    /// Namespace of requests that name none.
    pub namespace: String,
    /// Address of the API server.
    pub server: String,
    /// Bearer token; sent over TLS only.
    pub token: String,
    /// User to impersonate.
    pub as_user: String,
    /// Groups to impersonate.
    pub as_group: Vec<String>,
    /// UID to impersonate.
    pub as_uid: String,
    /// Extras to impersonate, `KEY=VALUE` each.
    pub as_user_extra: Vec<String>,
    /// Path of the PEM file that the server's certificate is checked against.
    pub certificate_authority: String,
    /// Path of the client's certificate, PEM.
    pub client_certificate: String,
    /// Path of the client's key, PEM.
    pub client_key: String,
    /// True to accept any certificate of the server.
    pub insecure_skip_tls_verify: Option<bool>,
    /// Name that the server's certificate must have, in place of the address' host.
    pub tls_server_name: String,
    /// Longest time of one request; `None` is no limit.
    pub request_timeout: Option<Duration>,
    /// True to ask for uncompressed responses.
    pub disable_compression: Option<bool>,
    /// Name for basic authentication.
    pub username: String,
    /// Password for basic authentication.
    pub password: String,
    /// Proxy in front of the API server: http, https or socks5.
    pub proxy_url: String,
}
