//! Whose requests they are: certificates, tokens, plugins, impersonation.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kube::config::AuthInfo;

use super::credentials::Credentials;
use super::kubeconfig::Picked;
use super::plugin::Plugin;
use super::surroundings::{Surroundings, go_words};

/// Who we are: what kube is told, and the token, which we keep to ourselves.
pub(super) struct Identity {
    pub(super) auth_info: AuthInfo,
    pub(super) credentials: Option<Credentials>,
}

/// Finds out who we are. As in client-go nothing secret is sent in clear text: without TLS there are no credentials at all, only
/// impersonation.
pub(super) async fn identify(
    picked: &Picked,
    tls: bool,
    account: Option<PathBuf>,
    authority: Option<&[u8]>,
    around: &Surroundings,
) -> Result<Identity> {
    check_identity(&picked.user, &picked.user_name)?;
    if !tls {
        return Ok(Identity {
            auth_info: impersonation(&picked.user),
            credentials: None,
        });
    }
    let mut auth_info = picked.user.clone();
    // The token is ours to send, and the plugin ours to run.
    auth_info.token = None;
    let file = auth_info.token_file.take().filter(|path| !path.is_empty());
    let exec = auth_info.exec.take();
    let nothing = || String::new().into();
    auth_info.password = auth_info
        .password
        .or_else(|| auth_info.username.as_ref().map(|_| nothing()));
    let credentials = if let Some(path) = file {
        Some(Credentials::file(PathBuf::from(path))?)
    } else if let Some(token) = plain(&picked.user, "token") {
        Some(Credentials::fixed(&token)?)
    } else if let Some(exec) = exec {
        let plugin = Plugin::new(exec, &picked.user_name, &picked.cluster, authority, around)?;
        let first = plugin.run().await?;
        if let Some((certificate, key)) = &first.identity {
            auth_info.client_certificate_data = Some(STANDARD.encode(certificate));
            auth_info.client_key_data = Some(STANDARD.encode(key).into());
        }
        Some(Credentials::plugin(plugin, &first)?)
    } else {
        account.map(Credentials::file).transpose()?
    };
    Ok(Identity {
        auth_info,
        credentials,
    })
}

/// What may be said in clear text.
fn impersonation(user: &AuthInfo) -> AuthInfo {
    AuthInfo {
        impersonate: user.impersonate.clone(),
        impersonate_uid: user.impersonate_uid.clone(),
        impersonate_groups: user.impersonate_groups.clone(),
        impersonate_user_extra: user.impersonate_user_extra.clone(),
        ..AuthInfo::default()
    }
}

/// A secret of the user, `None` where it is absent or empty. The type that kube keeps it in has no other way out.
fn plain(user: &AuthInfo, key: &str) -> Option<String> {
    let value = serde_json::to_value(user).ok()?;
    value
        .get(key)
        .and_then(|value| value.as_str())
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
}

fn check_identity(user: &AuthInfo, name: &str) -> Result<()> {
    let basic = user.username.as_ref().is_some_and(|text| !text.is_empty());
    let mut methods = Vec::new();
    if plain(user, "token").is_some() {
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
    let (certificate, key) = (
        user.client_certificate.as_deref(),
        user.client_key.as_deref(),
    );
    let has_certificate = certificate.is_some() || user.client_certificate_data.is_some();
    let has_key = key.is_some() || user.client_key_data.is_some();
    if has_certificate && !has_key {
        bail!(
            "client-key-data or client-key must be specified for {name} to use the clientCert authentication method."
        );
    }
    for (what, path, data) in [
        (
            "client-cert",
            certificate,
            user.client_certificate_data.is_some(),
        ),
        ("client-key", key, user.client_key_data.is_some()),
    ] {
        if let Some(path) = path.filter(|_| !data).map(Path::new)
            && let Err(error) = std::fs::File::open(path)
        {
            bail!(
                "unable to read {what} {} for {name} due to {}",
                path.display(),
                go_words("open", path, &error)
            );
        }
    }
    Ok(())
}
