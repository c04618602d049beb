//! Client configuration from flags, kubeconfig files and environment, with kubectl's precedence, checks and messages.
//!
//! ```text
//! flags, ProcessEnv ─► KubeconfigSelection ─► flags override fields ─► AuthConfig ─► ClientConfig
//!                      kubeconfig.rs          kubeconfig_overrides.rs  auth_config.rs
//! ```

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Uri;
use kube::config::Cluster;

use super::auth_config;
use super::config_error_text::base64_error_text;
use super::credential_renewal::CredentialRenewal;
use super::credentials::Credentials;
use super::kubeconfig::{self, KubeconfigSelection};
use super::kubeconfig_overrides;
use super::options::ConnectOptions;
use super::options::non_empty;
use super::pem;
use super::process_env::{ProcessEnv, go_io_error};
use super::proxy;
use super::read_limits::PEM_LIMIT;
use super::userinfo::hide_userinfo;
use session_model::failure::{Failure, FailureKind};
use session_model::names::NamespaceName;

/// Server address that kubectl uses when nothing names one.
const DEFAULT_SERVER: &str = "http://localhost:8080";

/// Everything needed to build a client.
pub(super) struct ClientConfig {
    pub(super) config: kube::Config,
    pub(super) credentials: Option<Credentials>,
    /// Renewal of the credentials; `None` without credentials.
    pub(super) renewal: Option<CredentialRenewal>,
    pub(super) namespace: String,
    /// The server's address for display, with user name and password replaced by `***`.
    pub(super) server: String,
    /// Time limit of one request including its body; `None` for no limit.
    pub(super) timeout: Option<Duration>,
    /// The kubeconfig files that were read, as a path list; empty without any.
    pub(super) kubeconfig_paths: String,
}

/// Loads the configuration and runs the user's credential plugin, if there is one.
///
/// # Errors
/// An invalid configuration, in kubectl's words.
pub(super) async fn load_client_config(
    options: &ConnectOptions,
    around: &ProcessEnv,
) -> Result<ClientConfig> {
    let mut picked = kubeconfig::load_selection(options, around)?;
    kubeconfig_overrides::override_cluster(&mut picked, options);
    kubeconfig_overrides::override_user(&mut picked, options)?;
    let pod = around
        .in_cluster_server()
        .filter(|_| picked.cluster.server.is_none());
    let in_cluster = pod.is_some();
    let server = picked.cluster.server.clone().or(pod);
    let server = server.unwrap_or_else(|| DEFAULT_SERVER.to_owned());
    let authority = read_certificate_authority(&picked)?;
    let insecure = picked.cluster.insecure_skip_tls_verify == Some(true);
    let url = parse_server_address(&server, authority.is_some() || in_cluster || insecure)?;
    let mut config = server_config(
        &url,
        &picked.cluster,
        authority.as_deref(),
        in_cluster,
        around,
    )?;
    let tls = url.scheme_str() == Some("https");
    let account = in_cluster.then(|| around.service_account_dir.join("token"));
    let identity =
        auth_config::load_auth_config(&picked, tls, account, authority.as_deref(), around).await?;
    config.auth_info = identity.auth_info;
    let namespace = resolve_namespace(options, &picked, in_cluster, around)?;
    config.default_namespace.clone_from(&namespace);
    Ok(ClientConfig {
        config,
        credentials: identity.credentials,
        renewal: identity.renewal,
        namespace,
        server: hide_userinfo(&url.to_string()),
        timeout: options.request_timeout,
        kubeconfig_paths: picked.kubeconfig_paths,
    })
}

/// Builds the part of the configuration that concerns the server: proxy, TLS and trusted certificates; no credentials
/// yet.
fn server_config(
    url: &Uri,
    cluster: &Cluster,
    authority: Option<&[u8]>,
    in_cluster: bool,
    around: &ProcessEnv,
) -> Result<kube::Config> {
    let mut config = kube::Config::new(url.clone());
    // api_request.rs retries itself: a limited number of times, and never a write.
    config.default_retry = false;
    let proxy = cluster.proxy_url.as_deref().unwrap_or_default();
    config.proxy_url = proxy::choose_proxy(url, proxy, around)?;
    config.disable_compression = cluster.disable_compression.unwrap_or(false);
    config.tls_server_name = cluster.tls_server_name.clone();
    config.tls_server_name = config.tls_server_name.filter(|name| !name.is_empty());
    config.accept_invalid_certs = cluster.insecure_skip_tls_verify.unwrap_or(false);
    config.root_cert_file = in_cluster.then(|| around.service_account_dir.join("ca.crt"));
    let is_tls = |uri: &Uri| uri.scheme_str() == Some("https");
    let checks = is_tls(url) || config.proxy_url.as_ref().is_some_and(is_tls);
    config.root_cert = match authority {
        Some(pem) => Some(pem::parse_certificates(pem)?),
        // Loading the system's root certificates takes milliseconds; skip it where no certificate is checked against
        // them.
        None if config.accept_invalid_certs || in_cluster || !checks => Some(Vec::new()),
        None => None,
    };
    Ok(config)
}

fn resolve_namespace(
    options: &ConnectOptions,
    picked: &KubeconfigSelection,
    in_cluster: bool,
    around: &ProcessEnv,
) -> Result<String> {
    let flag = non_empty(&options.namespace).map(str::to_owned);
    let pod = || {
        if in_cluster {
            around.pod_namespace()
        } else {
            None
        }
    };
    let named = flag.or_else(|| picked.namespace.clone()).or_else(pod);
    // The name becomes part of request paths and of commands in hints, so it must be a valid name.
    let name: NamespaceName = named.as_deref().unwrap_or("default").parse()?;
    Ok(name.to_string())
}

/// Returns the certificate authority's certificates as PEM.
fn read_certificate_authority(picked: &KubeconfigSelection) -> Result<Option<Vec<u8>>> {
    let cluster = &picked.cluster;
    let (data, file) = (
        cluster
            .certificate_authority_data
            .as_deref()
            .unwrap_or_default(),
        cluster.certificate_authority.as_deref().unwrap_or_default(),
    );
    if data.is_empty() && file.is_empty() {
        return Ok(None);
    }
    if cluster.insecure_skip_tls_verify == Some(true) {
        bail!("specifying a root certificates file with the insecure flag is not allowed");
    }
    if !data.is_empty() {
        let data = data.trim();
        let decoded = STANDARD.decode(data).map_err(|error| {
            anyhow!(
                "invalid certificate-authority-data for {}: {}",
                picked.cluster_name,
                base64_error_text(data, &error)
            )
        })?;
        return Ok(Some(decoded));
    }
    let path = Path::new(file);
    let read = PEM_LIMIT.read_file(path);
    let pem = read.map_err(|error| {
        anyhow!(
            "unable to read certificate-authority {file} for {} due to {}",
            picked.cluster_name,
            go_io_error("open", path, &error)
        )
    })?;
    Ok(Some(pem))
}

/// Parses the server's address; without a scheme, https is added if TLS is configured and http otherwise, as kubectl
/// does.
fn parse_server_address(server: &str, secure: bool) -> Result<Uri> {
    let whole = match (server.contains("://"), secure) {
        (true, _) => server.to_owned(),
        (false, true) => format!("https://{server}"),
        (false, false) => format!("http://{server}"),
    };
    let parsed = whole.trim_end_matches('/').parse::<Uri>().ok();
    let parsed = parsed.filter(|uri| {
        uri.host().is_some_and(|host| !host.is_empty())
            && matches!(uri.scheme_str(), Some("http" | "https"))
    });
    parsed.ok_or_else(|| {
        Failure::client_side(
            FailureKind::Unreachable,
            format!("invalid server address: {:?}", hide_userinfo(server)),
        )
        .into()
    })
}
