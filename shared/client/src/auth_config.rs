//! Authentication of requests: certificates, tokens, credential plugins, impersonation.

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kube::config::AuthInfo;

use super::credential_plugin::CredentialPlugin;
use super::credential_renewal::CredentialRenewal;
use super::credentials::Credentials;
use super::kubeconfig::KubeconfigSelection;
use super::process_env::{ProcessEnv, go_io_error};
use super::read_limits::PEM_LIMIT;
use session_model::failure::with_hint;

/// The configuration of authentication: kube's part, and the bearer token, which kube never sees.
pub(super) struct AuthConfig {
    pub(super) auth_info: AuthInfo,
    pub(super) credentials: Option<Credentials>,
    /// Renewal of the credentials; `None` without credentials.
    pub(super) renewal: Option<CredentialRenewal>,
}

/// Determines how requests are authenticated, running the credential plugin if needed. As in client-go, no secret is sent
/// in clear text: without TLS there is only impersonation.
///
/// # Errors
/// An invalid user entry, an unreadable file, or a failed plugin, in kubectl's words.
pub(super) async fn load_auth_config(
    picked: &KubeconfigSelection,
    tls: bool,
    account: Option<PathBuf>,
    authority: Option<&[u8]>,
    around: &ProcessEnv,
) -> Result<AuthConfig> {
    check_auth_methods(&picked.user, &picked.user_name)?;
    let mut auth_info = read_certificate_files(picked.user.clone(), &picked.user_name)?;
    if !tls {
        return Ok(AuthConfig {
            auth_info: impersonation(&picked.user),
            credentials: None,
            renewal: None,
        });
    }
    check_provider(&picked.user)?;
    let token = secret_field(&picked.user, "token");
    let renewal = CredentialRenewal::of(&auth_info, token.as_deref(), &picked.user_name);
    // Tokens are sent, and plugins run, by this crate and not by kube.
    auth_info.token = None;
    let file = auth_info.token_file.take().filter(|path| !path.is_empty());
    let exec = auth_info.exec.take();
    let nothing = || String::new().into();
    auth_info.password = auth_info
        .password
        .or_else(|| auth_info.username.as_ref().map(|_| nothing()));
    let credentials = if let Some(path) = file {
        Some(Credentials::from_file(PathBuf::from(path))?)
    } else if let Some(token) = token {
        Some(Credentials::from_token(&token)?)
    } else if let Some(exec) = exec {
        let plugin =
            CredentialPlugin::new(exec, &picked.user_name, &picked.cluster, authority, around)?;
        let first = plugin.run().await?;
        if let Some((certificate, key)) = &first.client_certificate {
            auth_info.client_certificate_data = Some(STANDARD.encode(certificate));
            auth_info.client_key_data = Some(STANDARD.encode(key).into());
        }
        Some(Credentials::from_plugin(plugin, &first)?)
    } else {
        account.map(Credentials::from_file).transpose()?
    };
    Ok(AuthConfig {
        auth_info,
        credentials,
        renewal,
    })
}

/// Returns the impersonation fields, which are not secret.
fn impersonation(user: &AuthInfo) -> AuthInfo {
    AuthInfo {
        impersonate: user.impersonate.clone(),
        impersonate_uid: user.impersonate_uid.clone(),
        impersonate_groups: user.impersonate_groups.clone(),
        impersonate_user_extra: user.impersonate_user_extra.clone(),
        ..AuthInfo::default()
    }
}

/// Returns a secret field of the user; `None` if absent or empty. Serializing is the only access that kube's type offers.
fn secret_field(user: &AuthInfo, key: &str) -> Option<String> {
    let value = serde_json::to_value(user).ok()?;
    value
        .get(key)
        .and_then(|value| value.as_str())
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
}

fn check_auth_methods(user: &AuthInfo, name: &str) -> Result<()> {
    let basic = user.username.as_ref().is_some_and(|text| !text.is_empty());
    let mut methods = Vec::new();
    if secret_field(user, "token").is_some() {
        methods.push("token");
    }
    if basic {
        methods.push("basicAuth");
    }
    if methods.len() > 1 {
        bail!(
            "more than one authentication method found for {name}; found [{}], only one is allowed",
            methods.join(" ")
        );
    }
    let is_named = |path: &Option<String>| path.as_ref().is_some_and(|path| !path.is_empty());
    let has_certificate =
        is_named(&user.client_certificate) || user.client_certificate_data.is_some();
    let has_key = is_named(&user.client_key) || user.client_key_data.is_some();
    if has_certificate && !has_key {
        bail!(
            "client-key-data or client-key must be specified for {name} to use the clientCert authentication method."
        );
    }
    if user.auth_provider.is_some() && user.exec.is_some() {
        bail!("authProvider cannot be provided in combination with an exec plugin for {name}");
    }
    Ok(())
}

/// Replaces file names by the files' content, so that each file is read once and not by kube.
fn read_certificate_files(mut user: AuthInfo, name: &str) -> Result<AuthInfo> {
    let read = |what: &str, path: Option<String>| {
        let Some(path) = path.filter(|path| !path.is_empty()) else {
            return Ok(None);
        };
        match PEM_LIMIT.read_file(Path::new(&path)) {
            Ok(bytes) => Ok(Some(STANDARD.encode(bytes))),
            Err(error) => bail!(
                "unable to read {what} {path} for {name} due to {}",
                go_io_error("open", Path::new(&path), &error)
            ),
        }
    };
    let certificate = user.client_certificate.take();
    if user.client_certificate_data.is_none() {
        user.client_certificate_data = read("client-cert", certificate)?;
    }
    let key = user.client_key.take();
    if user.client_key_data.is_none() {
        user.client_key_data = read("client-key", key)?.map(Into::into);
    }
    Ok(user)
}

/// Refuses the auth providers that client-go no longer supports. They ran commands named in the kubeconfig.
fn check_provider(user: &AuthInfo) -> Result<()> {
    let Some(provider) = &user.auth_provider else {
        return Ok(());
    };
    let (removed, plugin) = match provider.name.as_str() {
        "oidc" => return Ok(()),
        "gcp" => ("gcp", "gke-gcloud-auth-plugin"),
        "azure" => ("azure", "kubelogin (https://github.com/Azure/kubelogin)"),
        name => bail!("no Auth Provider found for name {name:?}"),
    };
    Err(with_hint(
        anyhow!("The {removed} auth plugin has been removed."),
        format!("use the credential plugin {plugin} in the kubeconfig"),
    ))
}
