//! Overrides of kubeconfig fields by flags.

use std::collections::HashMap;

use anyhow::{Result, anyhow, bail};

use super::kubeconfig::KubeconfigSelection;
use crate::options::{ConnectOptions, non_empty};

fn set_if_given(target: &mut Option<String>, flag: &Option<String>) {
    if let Some(text) = non_empty(flag) {
        *target = Some(text.to_owned());
    }
}

/// Overrides fields of the cluster.
pub(super) fn override_cluster(picked: &mut KubeconfigSelection, options: &ConnectOptions) {
    let cluster = &mut picked.cluster;
    let authority = non_empty(&options.certificate_authority);
    // As in client-go: a flag about trust replaces everything the kubeconfig says about it, and --server drops its TLS
    // server name.
    if options.insecure_skip_tls_verify == Some(true) || authority.is_some() {
        cluster.insecure_skip_tls_verify = options.insecure_skip_tls_verify;
        cluster.certificate_authority = authority.map(str::to_owned);
        cluster.certificate_authority_data = None;
    }
    if non_empty(&options.server).is_some() {
        cluster.tls_server_name = None;
    }
    set_if_given(&mut cluster.server, &options.server);
    set_if_given(&mut cluster.tls_server_name, &options.tls_server_name);
    set_if_given(&mut cluster.proxy_url, &options.proxy_url);
    cluster.disable_compression = options.disable_compression.or(cluster.disable_compression);
    cluster.server = cluster.server.take().filter(|server| !server.is_empty());
}

/// Overrides fields of the user.
///
/// # Errors
/// Groups, UID or extra fields without a user to impersonate; an `--as-user-extra` without `=`.
pub(super) fn override_user(
    picked: &mut KubeconfigSelection,
    options: &ConnectOptions,
) -> Result<()> {
    let user = &mut picked.user;
    if let Some(token) = non_empty(&options.token) {
        user.token = Some(token.to_owned().into());
        user.token_file = None;
        user.exec = None;
    }
    set_if_given(&mut user.username, &options.username);
    if let Some(password) = non_empty(&options.password) {
        user.password = Some(password.to_owned().into());
    }
    if let Some(file) = non_empty(&options.client_certificate) {
        user.client_certificate_data = None;
        user.client_certificate = Some(file.to_owned());
    }
    if let Some(file) = non_empty(&options.client_key) {
        user.client_key_data = None;
        user.client_key = Some(file.to_owned());
    }
    set_if_given(&mut user.impersonate, &options.as_user);
    set_if_given(&mut user.impersonate_uid, &options.as_uid);
    if !options.as_group.is_empty() {
        user.impersonate_groups = Some(options.as_group.clone());
    }
    if !options.as_user_extra.is_empty() {
        user.impersonate_user_extra = Some(parse_user_extra(&options.as_user_extra)?);
    }
    let nobody = user.impersonate.as_deref().unwrap_or_default().is_empty();
    let more = user.impersonate_uid.is_some()
        || user
            .impersonate_groups
            .as_ref()
            .is_some_and(|groups| !groups.is_empty())
        || user
            .impersonate_user_extra
            .as_ref()
            .is_some_and(|extra| !extra.is_empty());
    if nobody && more {
        bail!(
            "requesting uid, groups or user-extra for {} without impersonating a user",
            picked.user_name
        );
    }
    Ok(())
}

fn parse_user_extra(pairs: &[String]) -> Result<HashMap<String, Vec<String>>> {
    let mut extras: HashMap<String, Vec<String>> = HashMap::new();
    for pair in pairs {
        let (key, value) = pair.split_once('=').ok_or_else(|| {
            anyhow!("invalid value {pair:?} for --as-user-extra: must be key=value")
        })?;
        extras
            .entry(key.to_owned())
            .or_default()
            .push(value.to_owned());
    }
    Ok(extras)
}
