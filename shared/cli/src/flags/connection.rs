//! kubectl's connection flags, with kubectl's names and no others.

use std::time::Duration;

use anyhow::{Result, anyhow};
use clap::Args;
use session_client::ConnectOptions;
use session_model::encode::shell;
use session_model::go_duration;

use super::{non_empty, numbers};

/// Connection flags, in the order in which `kubectl session options` lists them. Empty text counts as not given, as
/// with kubectl.
#[derive(Args, Clone, Debug, Default)]
pub struct ConnectionFlags {
    /// Namespace of this request; defaults to that of the context
    #[arg(
        help_heading = "Connection",
        short = 'n',
        long,
        global = true,
        value_name = "NAME"
    )]
    pub namespace: Option<String>,

    /// Path to the kubeconfig file to use for CLI requests
    #[arg(help_heading = "Connection", long, global = true, value_name = "FILE")]
    pub kubeconfig: Option<String>,

    /// Name of the kubeconfig context to use
    #[arg(help_heading = "Connection", long, global = true, value_name = "NAME")]
    pub context: Option<String>,

    /// Name of the kubeconfig cluster to use
    #[arg(help_heading = "Connection", long, global = true, value_name = "NAME")]
    pub cluster: Option<String>,

    /// Name of the kubeconfig user to use; the owner of a session is set with --user-id
    #[arg(help_heading = "Connection", long, global = true, value_name = "NAME")]
    pub user: Option<String>,

    /// Address and port of the Kubernetes API server
    #[arg(
        help_heading = "Connection",
        short = 's',
        long,
        global = true,
        value_name = "URL"
    )]
    pub server: Option<String>,

    /// Bearer token for authentication to the API server; sent over TLS only
    #[arg(help_heading = "Connection", long, global = true, value_name = "TOKEN")]
    pub token: Option<String>,

    /// User to impersonate: a regular user or a service account
    #[arg(
        help_heading = "Connection",
        long = "as",
        global = true,
        value_name = "USER"
    )]
    pub as_user: Option<String>,

    /// Group to impersonate; may be repeated
    #[arg(help_heading = "Connection", long, global = true, value_name = "GROUP")]
    pub as_group: Vec<String>,

    /// UID to impersonate
    #[arg(help_heading = "Connection", long, global = true, value_name = "UID")]
    pub as_uid: Option<String>,

    /// Extra attribute of the impersonated user; may be repeated
    #[arg(
        help_heading = "Connection",
        long,
        global = true,
        value_name = "KEY=VALUE"
    )]
    pub as_user_extra: Vec<String>,

    /// Path to a certificate file of the certificate authority
    #[arg(help_heading = "Connection", long, global = true, value_name = "FILE")]
    pub certificate_authority: Option<String>,

    /// Path to a client certificate file for TLS
    #[arg(help_heading = "Connection", long, global = true, value_name = "FILE")]
    pub client_certificate: Option<String>,

    /// Path to a client key file for TLS
    #[arg(help_heading = "Connection", long, global = true, value_name = "FILE")]
    pub client_key: Option<String>,

    /// If true, do not verify the server's certificate; this makes the connection insecure
    #[arg(help_heading = "Connection", long, global = true, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub insecure_skip_tls_verify: Option<bool>,

    /// Server name to verify the server's certificate against, instead of the host in the server's address
    #[arg(help_heading = "Connection", long, global = true, value_name = "NAME")]
    pub tls_server_name: Option<String>,

    /// Time limit of a single server request (1s, 2m, 3h; a number alone is seconds); 0 means no limit
    #[arg(
        help_heading = "Connection",
        long,
        global = true,
        value_name = "DURATION",
        default_value = "0"
    )]
    pub request_timeout: String,

    /// Cache directory; accepted for compatibility with kubectl, nothing is cached on disk
    #[arg(help_heading = "Connection", long, global = true, value_name = "DIR")]
    pub cache_dir: Option<String>,

    /// If true, do not ask the server for compressed responses
    #[arg(help_heading = "Connection", long, global = true, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub disable_compression: Option<bool>,

    /// User name for basic authentication to the API server
    #[arg(help_heading = "Connection", long, global = true, value_name = "NAME")]
    pub username: Option<String>,

    /// Password for basic authentication to the API server
    #[arg(
        help_heading = "Connection",
        long,
        global = true,
        value_name = "PASSWORD"
    )]
    pub password: Option<String>,

    /// URL of the proxy to the API server (http, https, socks5)
    #[arg(help_heading = "Connection", long, global = true, value_name = "URL")]
    pub proxy_url: Option<String>,

    /// Log level; 6 and higher print every request on standard error
    #[arg(
        help_heading = "Connection", short = 'v',
        long = "v",
        global = true,
        value_name = "LEVEL",
        default_value = "0",
        value_parser = numbers::parse_i32,
        hide_default_value = true
    )]
    pub verbosity: i32,

    /// If true, treat warnings of the server as errors and exit with code 1
    #[arg(help_heading = "Connection", long, global = true)]
    pub warnings_as_errors: bool,

    /// File that names the context, for messages; `None` for a context of the command line.
    #[arg(skip)]
    pub context_file: Option<String>,
}

impl ConnectionFlags {
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
            request_timeout: self.parse_request_timeout()?,
            disable_compression: self.disable_compression,
            username: self.username.clone(),
            password: self.password.clone(),
            proxy_url: self.proxy_url.clone(),
        })
    }

    /// Runs `work`, which reads a stream that does not end by itself, until `--request-timeout` has passed. `None` if
    /// it was ended by that: to kubectl, such a stream is one request.
    ///
    /// # Errors
    /// Those of `work`.
    pub async fn within_request_timeout<T>(
        &self,
        work: impl Future<Output = Result<T>>,
    ) -> Result<Option<T>> {
        match self.parse_request_timeout()? {
            None => work.await.map(Some),
            Some(limit) => match tokio::time::timeout(limit, work).await {
                Ok(done) => done.map(Some),
                Err(_) => Ok(None),
            },
        }
    }

    /// kubectl's own text for everything it cannot read.
    fn parse_request_timeout(&self) -> Result<Option<Duration>> {
        if self.request_timeout.is_empty() {
            return Ok(None);
        }
        let limit = go_duration::parse(&self.request_timeout).map_err(|_| {
            anyhow!("Invalid timeout value. Timeout must be a single integer in seconds, or an integer followed by a corresponding time unit (e.g. 1s | 2m | 3h)")
        })?;
        Ok(Some(limit).filter(|limit| !limit.is_zero()))
    }

    /// Returns the flags that choose cluster and identity as part of a command line that is shown; never a credential.
    pub fn shown_arguments(&self) -> String {
        let secret = ["--token=", "--password=", "--username="];
        let mut words = self.to_arguments();
        words.retain(|word| !secret.iter().any(|flag| word.starts_with(flag)));
        shell::quote_command(&words)
    }

    /// Returns the given flags as arguments for another command of the suite, one word each. Paths are made absolute,
    /// because that command may run in another directory. The namespace is left out: callers pass the effective one.
    pub fn to_arguments(&self) -> Vec<String> {
        let file = |path: &Option<String>| {
            let path = non_empty(path)?;
            Some(match std::path::absolute(path) {
                Ok(path) => path.to_string_lossy().into_owned(),
                Err(_) => path.to_owned(),
            })
        };
        let texts = [
            ("kubeconfig", file(&self.kubeconfig)),
            ("context", non_empty(&self.context).map(str::to_owned)),
            ("cluster", non_empty(&self.cluster).map(str::to_owned)),
            ("user", non_empty(&self.user).map(str::to_owned)),
            ("server", non_empty(&self.server).map(str::to_owned)),
            ("token", non_empty(&self.token).map(str::to_owned)),
            ("as", non_empty(&self.as_user).map(str::to_owned)),
            ("as-uid", non_empty(&self.as_uid).map(str::to_owned)),
            ("certificate-authority", file(&self.certificate_authority)),
            ("client-certificate", file(&self.client_certificate)),
            ("client-key", file(&self.client_key)),
            (
                "tls-server-name",
                non_empty(&self.tls_server_name).map(str::to_owned),
            ),
            ("username", non_empty(&self.username).map(str::to_owned)),
            ("password", non_empty(&self.password).map(str::to_owned)),
            ("proxy-url", non_empty(&self.proxy_url).map(str::to_owned)),
        ];
        let several = [
            ("as-group", &self.as_group),
            ("as-user-extra", &self.as_user_extra),
        ];
        let mut words: Vec<String> = texts
            .into_iter()
            .filter_map(|(name, value)| Some(format!("--{name}={}", value?)))
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
