//! Named users with roles.

use std::path::PathBuf;

use anyhow::Result;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::cluster::Cluster;
use crate::kubeconfig;

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
    cluster.apply(&binding.to_string())
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
