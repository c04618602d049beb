//! Named users with roles.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::cluster::Cluster;
use crate::kubeconfig;
use crate::namespace::unique;

/// The server hears of a Role within a second; on a busy machine it takes longer.
const NOTICE: Duration = Duration::from_secs(90);

/// The kubeconfig of a user; made anew on each call, with the same rights.
///
/// # Errors
/// When the CA cannot be read or the file not be written.
pub(crate) fn kubeconfig(cluster: &Cluster, name: &str, groups: &[&str]) -> Result<PathBuf> {
    let file = format!("user-{}", plain(&[&[name], groups].concat()));
    kubeconfig::write(&cluster.folder, &cluster.server(), &file, name, groups)?;
    Ok(cluster
        .folder
        .path(&format!("kubeconfigs/{file}.kubeconfig")))
}

/// Binds a ClusterRole to a user, in one namespace or everywhere.
///
/// # Errors
/// When the API server refuses.
pub(crate) fn bind(
    cluster: &Cluster,
    namespace: Option<&str>,
    user: &str,
    cluster_role: &str,
) -> Result<()> {
    let mut binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": if namespace.is_some() { "RoleBinding" } else { "ClusterRoleBinding" },
        "metadata": { "name": plain(&[user, cluster_role]) },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": cluster_role },
        "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user }],
    });
    if let Some(namespace) = namespace {
        binding["metadata"]["namespace"] = json!(namespace);
    }
    cluster.apply(&binding.to_string())?;
    await_rights(cluster)
}

/// Waits until a controller has aggregated rules for an API group into `edit` and `admin`, and the API server decides by them.
///
/// # Errors
/// When it does not within a long time.
pub(crate) fn await_aggregation(cluster: &Cluster, api_group: &str) -> Result<()> {
    let begun = Instant::now();
    for role in ["edit", "admin"] {
        let rules = ["get", "clusterrole", role, "-o", "jsonpath={.rules}"];
        while !cluster.kubectl_ok(&rules, None)?.contains(api_group) {
            ensure!(
                begun.elapsed() < NOTICE,
                "nothing of {api_group} is aggregated into {role}"
            );
        }
    }
    await_rights(cluster)
}

/// Waits until the API server decides by every Role and binding written so far. It decides by what its watches told it, which is
/// late. Each of the four kinds has one watch and keeps its order: an object of each that came last is known after all others.
///
/// # Errors
/// When the API server refuses the objects, or decides without them for a long time.
pub(crate) fn await_rights(cluster: &Cluster) -> Result<()> {
    let last = unique("last");
    let group = "rbac.authorization.k8s.io";
    let object = |kind: &str, more: serde_json::Value| {
        let mut object = json!({
            "apiVersion": format!("{group}/v1"), "kind": kind,
            "metadata": { "name": last, "namespace": "default" },
        });
        for (key, value) in more.as_object().into_iter().flatten() {
            object[key] = value.clone();
        }
        object
    };
    let binding = |role: &str| {
        json!({
            "roleRef": { "apiGroup": group, "kind": role, "name": last },
            "subjects": [{ "apiGroup": group, "kind": "User", "name": last }],
        })
    };
    let path = format!("/{last}");
    let objects = json!({ "apiVersion": "v1", "kind": "List", "items": [
        object("Role", json!({ "rules": [{ "apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"] }] })),
        object("ClusterRole", json!({ "rules": [{ "nonResourceURLs": [path], "verbs": ["get"] }] })),
        object("RoleBinding", binding("Role")),
        object("ClusterRoleBinding", binding("ClusterRole")),
    ] })
    .to_string();
    cluster.kubectl_ok(&["create", "-f", "-"], Some(&objects))?;
    let begun = Instant::now();
    for asked in [&["configmaps", "--namespace", "default"][..], &[&path]] {
        let words = [&["auth", "can-i", "--as", &last, "get"], asked].concat();
        // It answers `no` with exit code 1.
        while cluster.kubectl(&words, None)?.stdout.trim() != "yes" {
            ensure!(
                begun.elapsed() < NOTICE,
                "the API server does not notice {last}"
            );
        }
    }
    let delete = ["delete", "-f", "-", "--wait=false"];
    cluster.kubectl_ok(&delete, Some(&objects)).map(drop)
}

/// A name for files and objects: readable, and different for different words.
fn plain(words: &[&str]) -> String {
    let all = words.join("\0");
    let readable = words[0].chars().map(|c| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_lowercase()
        } else {
            '-'
        }
    });
    let readable: String = readable.take(40).collect();
    let digest: String = Sha256::digest(all.as_bytes())
        .iter()
        .take(4)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("{readable}-{digest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain_and_differ() {
        assert!(plain(&["alice@example.com"]).starts_with("alice-example-com-"));
        assert_ne!(plain(&["a@b"]), plain(&["a.b"]));
        assert_ne!(plain(&["a", "b"]), plain(&["a", "c"]));
        assert!(
            plain(&[&"ü/../".repeat(50)])
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '-')
        );
    }
}
