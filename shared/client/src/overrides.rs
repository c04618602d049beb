//! Flags over files: which word of the command line replaces which word of the kubeconfig.

use std::collections::HashMap;

use anyhow::{Result, anyhow, bail};

use super::kubeconfig::Picked;
use crate::options::ConnectOptions;

fn set(target: &mut Option<String>, flag: &str) {
    if !flag.is_empty() {
        *target = Some(flag.to_owned());
    }
}

/// Lets the flags change what the file says about the cluster.
pub(super) fn cluster(picked: &mut Picked, options: &ConnectOptions) {
    let cluster = &mut picked.cluster;
    // As in client-go: any word about trust replaces all that the file says about it, and --server its TLS name.
    if options.insecure_skip_tls_verify == Some(true) || !options.certificate_authority.is_empty() {
        cluster.insecure_skip_tls_verify = options.insecure_skip_tls_verify;
        cluster.certificate_authority =
            Some(options.certificate_authority.clone()).filter(|path| !path.is_empty());
        cluster.certificate_authority_data = None;
    }
    if !options.server.is_empty() {
        cluster.tls_server_name = None;
    }
    set(&mut cluster.server, &options.server);
    set(&mut cluster.tls_server_name, &options.tls_server_name);
    set(&mut cluster.proxy_url, &options.proxy_url);
    cluster.disable_compression = options.disable_compression.or(cluster.disable_compression);
    cluster.server = cluster.server.take().filter(|server| !server.is_empty());
}

/// Lets the flags change who we are.
///
/// # Errors
/// Groups, UID or extras of nobody.
pub(super) fn user(picked: &mut Picked, options: &ConnectOptions) -> Result<()> {
    let user = &mut picked.user;
    if !options.token.is_empty() {
        user.token = Some(options.token.clone().into());
        user.token_file = None;
        user.exec = None;
    }
    set(&mut user.username, &options.username);
    if !options.password.is_empty() {
        user.password = Some(options.password.clone().into());
    }
    if !options.client_certificate.is_empty() {
        user.client_certificate_data = None;
        user.client_certificate = Some(options.client_certificate.clone());
    }
    if !options.client_key.is_empty() {
        user.client_key_data = None;
        user.client_key = Some(options.client_key.clone());
    }
    set(&mut user.impersonate, &options.as_user);
    set(&mut user.impersonate_uid, &options.as_uid);
    if !options.as_group.is_empty() {
        user.impersonate_groups = Some(options.as_group.clone());
    }
    if !options.as_user_extra.is_empty() {
        user.impersonate_user_extra = Some(extras(&options.as_user_extra)?);
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

fn extras(pairs: &[String]) -> Result<HashMap<String, Vec<String>>> {
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
