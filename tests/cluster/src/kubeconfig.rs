//! kubeconfig files with everything embedded, so that they can be copied anywhere on this machine.

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::folder::Folder;
use crate::pki::Pair;

/// The text of a kubeconfig with one cluster, one user and one context (`session-cluster`).
pub(crate) fn text(server: &str, authority: &str, pair: &Pair) -> String {
    let value = serde_json::json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "session-cluster",
        "clusters": [{
            "name": "session-cluster",
            "cluster": { "server": server, "certificate-authority-data": STANDARD.encode(authority) },
        }],
        "users": [{
            "name": "user",
            "user": {
                "client-certificate-data": STANDARD.encode(&pair.certificate),
                "client-key-data": STANDARD.encode(&pair.key),
            },
        }],
        "contexts": [{ "name": "session-cluster", "context": { "cluster": "session-cluster", "user": "user" } }],
    });
    // JSON is YAML, and needs no writer of YAML.
    format!("{value:#}\n")
}

/// Writes `kubeconfigs/FILE.kubeconfig` for a user signed by the cluster's CA.
///
/// # Errors
/// When the CA cannot be read or the file not be written.
pub(crate) fn write(
    folder: &Folder,
    server: &str,
    file: &str,
    user: &str,
    groups: &[&str],
) -> Result<()> {
    let authority = std::fs::read_to_string(folder.path("pki/ca.crt"))
        .context("cannot read the CA's certificate")?;
    let pair = crate::pki::client(folder, user, groups)?;
    folder.write(
        &format!("kubeconfigs/{file}.kubeconfig"),
        text(server, &authority, &pair),
    )
}

/// Writes the kubeconfigs of the admin and of every part that is a client.
///
/// # Errors
/// When one of them cannot be written.
pub(crate) fn write_all(folder: &Folder, server: &str) -> Result<()> {
    let node = format!("system:node:{}", crate::settings::NODE);
    let clients: [(&str, &str, &[&str]); 7] = [
        ("admin", "session-cluster-admin", &["system:masters"]),
        ("controller-manager", "system:kube-controller-manager", &[]),
        ("scheduler", "system:kube-scheduler", &[]),
        ("kubelet", &node, &["system:nodes"]),
        ("proxy", "system:kube-proxy", &[]),
        ("kwok", "system:session-cluster:kwok", &["system:masters"]),
        ("csi", "system:session-cluster:csi", &["system:masters"]),
    ];
    clients
        .into_iter()
        .try_for_each(|(file, user, groups)| write(folder, server, file, user, groups))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kubeconfig_holds_server_and_certificates() {
        let pair = Pair {
            certificate: "CERT".into(),
            key: "KEY".into(),
        };
        let value: serde_json::Value =
            serde_json::from_str(&text("https://127.0.0.1:1", "CA", &pair)).unwrap();
        assert_eq!(
            value["clusters"][0]["cluster"]["server"],
            "https://127.0.0.1:1"
        );
        assert_eq!(
            value["users"][0]["user"]["client-key-data"],
            STANDARD.encode("KEY")
        );
        assert_eq!(value["current-context"], value["contexts"][0]["name"]);
    }
}
