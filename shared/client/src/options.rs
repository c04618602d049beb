//! Options of a connection to an API server: kubectl's connection flags as plain data.

use std::time::Duration;

/// Options of [`Cluster::connect`](crate::Cluster::connect), which go before what the kubeconfig says. An empty text counts as
/// not given, as it does in kubectl.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnectOptions {
    /// Path of the only kubeconfig file to read.
    pub kubeconfig: Option<String>,
    /// Name of the kubeconfig context.
    pub context: Option<String>,
    /// Name of the kubeconfig cluster, in place of the context's.
    pub cluster: Option<String>,
    /// Name of the kubeconfig user, in place of the context's.
    pub user: Option<String>,
    /// Namespace of requests that name none.
    pub namespace: Option<String>,
    /// Address of the API server.
    pub server: Option<String>,
    /// Bearer token; sent over TLS only.
    pub token: Option<String>,
    /// User to impersonate.
    pub as_user: Option<String>,
    /// Groups to impersonate.
    pub as_group: Vec<String>,
    /// UID to impersonate.
    pub as_uid: Option<String>,
    /// Extras to impersonate, `KEY=VALUE` each.
    pub as_user_extra: Vec<String>,
    /// Path of the PEM file that the server's certificate is checked against.
    pub certificate_authority: Option<String>,
    /// Path of the client's certificate, PEM.
    pub client_certificate: Option<String>,
    /// Path of the client's key, PEM.
    pub client_key: Option<String>,
    /// True to accept any certificate of the server.
    pub insecure_skip_tls_verify: Option<bool>,
    /// Name that the server's certificate must have, in place of the address' host.
    pub tls_server_name: Option<String>,
    /// Longest time of one request; `None` is no limit.
    pub request_timeout: Option<Duration>,
    /// True to ask for uncompressed responses.
    pub disable_compression: Option<bool>,
    /// Name for basic authentication.
    pub username: Option<String>,
    /// Password for basic authentication.
    pub password: Option<String>,
    /// Proxy in front of the API server: http, https or socks5.
    pub proxy_url: Option<String>,
}

/// Returns a text that was given; an empty one counts as not given, as it does in kubectl.
pub fn non_empty(text: &Option<String>) -> Option<&str> {
    text.as_deref().filter(|text| !text.is_empty())
}
