//! How to reach the cluster, and as whom: kubectl's connection flags, under their own names and with nothing of ours.

use std::time::Duration;

use anyhow::{Result, anyhow};
use clap::Args;
use session_client::ConnectOptions;
use session_model::go_duration;

use super::numbers;

/// kubectl's connection flags. Empty texts count as not given, as they do there.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Connection")]
pub struct Connection {
    /// Path to the kubeconfig file to use for CLI requests
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        default_value = "",
        hide_default_value = true
    )]
    pub kubeconfig: String,

    /// The name of the kubeconfig context to use
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        default_value = "",
        hide_default_value = true
    )]
    pub context: String,

    /// The name of the kubeconfig cluster to use
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        default_value = "",
        hide_default_value = true
    )]
    pub cluster: String,

    /// The name of the kubeconfig user to use; the owner of a session is --user-id
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        default_value = "",
        hide_default_value = true
    )]
    pub user: String,

    /// The namespace scope for this CLI request
    #[arg(
        short = 'n',
        long,
        global = true,
        value_name = "NAME",
        default_value = "",
        hide_default_value = true
    )]
    pub namespace: String,

    /// The address and port of the Kubernetes API server
    #[arg(
        short = 's',
        long,
        global = true,
        value_name = "URL",
        default_value = "",
        hide_default_value = true
    )]
    pub server: String,

    /// Bearer token for authentication to the API server; sent over TLS only
    #[arg(
        long,
        global = true,
        value_name = "TOKEN",
        default_value = "",
        hide_default_value = true
    )]
    pub token: String,

    /// Username to impersonate for the operation; a regular user or a service account
    #[arg(
        long = "as",
        global = true,
        value_name = "USER",
        default_value = "",
        hide_default_value = true
    )]
    pub as_user: String,

    /// Group to impersonate for the operation, this flag can be repeated
    #[arg(long, global = true, value_name = "GROUP")]
    pub as_group: Vec<String>,

    /// UID to impersonate for the operation
    #[arg(
        long,
        global = true,
        value_name = "UID",
        default_value = "",
        hide_default_value = true
    )]
    pub as_uid: String,

    /// User extras to impersonate for the operation, this flag can be repeated with several values of a key
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    pub as_user_extra: Vec<String>,

    /// Path to a cert file for the certificate authority
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        default_value = "",
        hide_default_value = true
    )]
    pub certificate_authority: String,

    /// Path to a client certificate file for TLS
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        default_value = "",
        hide_default_value = true
    )]
    pub client_certificate: String,

    /// Path to a client key file for TLS
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        default_value = "",
        hide_default_value = true
    )]
    pub client_key: String,

    /// Do not check the server's certificate: makes the connection insecure
    #[arg(long, global = true, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub insecure_skip_tls_verify: Option<bool>,

    /// Server name to use for server certificate validation, instead of the host in the server's address
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        default_value = "",
        hide_default_value = true
    )]
    pub tls_server_name: String,

    /// How long to wait for a single server request (1s, 2m, 3h; a number alone is seconds); 0 means no limit
    #[arg(
        long,
        global = true,
        value_name = "DURATION",
        default_value = "0",
        allow_hyphen_values = true
    )]
    pub request_timeout: String,

    /// Default cache directory; taken for kubectl's sake, nothing is cached on disk
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        default_value = "",
        hide_default_value = true
    )]
    pub cache_dir: String,

    /// Opt out of response compression for all requests to the server
    #[arg(long, global = true, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub disable_compression: Option<bool>,

    /// Username for basic authentication to the API server
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        default_value = "",
        hide_default_value = true
    )]
    pub username: String,

    /// Password for basic authentication to the API server
    #[arg(
        long,
        global = true,
        value_name = "PASSWORD",
        default_value = "",
        hide_default_value = true
    )]
    pub password: String,

    /// Proxy to reach the API server through (http, https, socks5)
    #[arg(
        long,
        global = true,
        value_name = "URL",
        default_value = "",
        hide_default_value = true
    )]
    pub proxy_url: String,

    /// Number for the log level verbosity; from 6 on every request is named on stderr
    #[arg(
        short = 'v',
        long = "v",
        global = true,
        value_name = "LEVEL",
        default_value = "0",
        value_parser = numbers::small,
        allow_hyphen_values = true,
        hide_default_value = true
    )]
    pub verbosity: i32,

    /// Treat warnings received from the server as errors and exit with a non-zero exit code
    #[arg(long, global = true, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false", hide_default_value = true)]
    pub warnings_as_errors: bool,
}

impl Connection {
    /// The flags as options of the client.
    ///
    /// # Errors
    /// A bad `--request-timeout`, in kubectl's words.
    pub fn options(&self) -> Result<ConnectOptions> {
        Ok(ConnectOptions {
            kubeconfig: self.kubeconfig.clone(),
            context: self.context.clone(),
            cluster: self.cluster.clone(),
            user: self.user.clone(),
            namespace: self.namespace.clone(),
            server: self.server.clone(),
            token: self.token.clone(),
            as_user: self.as_user.clone(),
            as_group: self.as_group.clone(),
            as_uid: self.as_uid.clone(),
            as_user_extra: self.as_user_extra.clone(),
            certificate_authority: self.certificate_authority.clone(),
            client_certificate: self.client_certificate.clone(),
            client_key: self.client_key.clone(),
            insecure_skip_tls_verify: self.insecure_skip_tls_verify,
            tls_server_name: self.tls_server_name.clone(),
            request_timeout: self.limit_of_a_request()?,
            disable_compression: self.disable_compression,
            username: self.username.clone(),
            password: self.password.clone(),
            proxy_url: self.proxy_url.clone(),
        })
    }

    /// kubectl's own text for everything it cannot read.
    fn limit_of_a_request(&self) -> Result<Option<Duration>> {
        if self.request_timeout.is_empty() {
            return Ok(None);
        }
        let limit = go_duration::parse(&self.request_timeout).map_err(|_| {
            anyhow!("Invalid timeout value. Timeout must be a single integer in seconds, or an integer followed by a corresponding time unit (e.g. 1s | 2m | 3h)")
        })?;
        Ok(Some(limit).filter(|limit| !limit.is_zero()))
    }

    /// The flags that were given, as a command line of this suite takes them, each a word of its own. Files are named from the
    /// root: the command may be run from another folder. The namespace is left out: whoever calls knows the one that counts.
    pub fn words(&self) -> Vec<String> {
        let file = |path: &String| match std::path::absolute(path) {
            Ok(path) if !path.as_os_str().is_empty() => path.to_string_lossy().into_owned(),
            _ => path.clone(),
        };
        let texts = [
            ("kubeconfig", file(&self.kubeconfig)),
            ("context", self.context.clone()),
            ("cluster", self.cluster.clone()),
            ("user", self.user.clone()),
            ("server", self.server.clone()),
            ("token", self.token.clone()),
            ("as", self.as_user.clone()),
            ("as-uid", self.as_uid.clone()),
            ("certificate-authority", file(&self.certificate_authority)),
            ("client-certificate", file(&self.client_certificate)),
            ("client-key", file(&self.client_key)),
            ("tls-server-name", self.tls_server_name.clone()),
            ("username", self.username.clone()),
            ("password", self.password.clone()),
            ("proxy-url", self.proxy_url.clone()),
        ];
        let several = [
            ("as-group", &self.as_group),
            ("as-user-extra", &self.as_user_extra),
        ];
        let mut words: Vec<String> = texts
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| format!("--{name}={value}"))
            .collect();
        for (name, values) in several {
            words.extend(values.iter().map(|value| format!("--{name}={value}")));
        }
        if let Some(skip) = self.insecure_skip_tls_verify {
            words.push(format!("--insecure-skip-tls-verify={skip}"));
        }
        words
    }
}

#[cfg(test)]
#[path = "connection_tests.rs"]
mod tests;
