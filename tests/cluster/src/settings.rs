//! What one cluster's start decided: ports, programs, and what this machine cannot do. Kept in `cluster.json`.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use crate::folder::Folder;

/// The Pods' bridge, and the address of the API server and the node on it.
pub(crate) const BRIDGE: &str = "ksession0";
pub(crate) const NODE_IP: &str = "10.244.0.1";
pub(crate) const POD_RANGE: &str = "10.244.0.0/16";
pub(crate) const SERVICE_RANGE: &str = "10.96.0.0/16";
pub(crate) const SERVICE_IP: &str = "10.96.0.1";
/// A name that resolves anywhere.
pub(crate) const NODE: &str = "localhost";

/// The port of each part, all below the range that outgoing connections take theirs from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ports {
    pub(crate) apiserver: u16,
    pub(crate) etcd: u16,
    pub(crate) etcd_peer: u16,
    pub(crate) etcd_health: u16,
    pub(crate) controller_manager: u16,
    pub(crate) scheduler: u16,
    pub(crate) kubelet: u16,
    pub(crate) kubelet_health: u16,
    pub(crate) proxy_health: u16,
    pub(crate) proxy_metrics: u16,
    pub(crate) kwok: u16,
    pub(crate) csi_provisioner: u16,
    pub(crate) csi_snapshotter: u16,
    pub(crate) csi_resizer: u16,
    pub(crate) snapshot_controller: u16,
}

impl Ports {
    /// The usual port of each part, or the next free one after it.
    ///
    /// # Errors
    /// When there is none within 400.
    pub(crate) fn free() -> Result<Self> {
        Ok(Self {
            apiserver: free_from(16443)?,
            etcd: free_from(12379)?,
            etcd_peer: free_from(12780)?,
            etcd_health: free_from(13181)?,
            controller_manager: free_from(13582)?,
            scheduler: free_from(13983)?,
            kubelet: free_from(14384)?,
            kubelet_health: free_from(14785)?,
            proxy_health: free_from(15186)?,
            proxy_metrics: free_from(15587)?,
            kwok: free_from(15988)?,
            csi_provisioner: free_from(16844)?,
            csi_snapshotter: free_from(17245)?,
            csi_resizer: free_from(17646)?,
            snapshot_controller: free_from(18047)?,
        })
    }
}

fn free_from(first: u16) -> Result<u16> {
    let free = |port: &u16| TcpListener::bind((Ipv4Addr::UNSPECIFIED, *port)).is_ok();
    (first..first + 400)
        .find(free)
        .with_context(|| format!("no free port from {first} to {}", first + 400))
}

/// One cluster's decisions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Settings {
    pub(crate) programs: PathBuf,
    /// The machine's boot the cluster was started in; after another one nothing of it runs.
    pub(crate) boot: String,
    pub(crate) ports: Ports,
    /// Why there is no bridge; then the API server listens on loopback and nothing runs in containers.
    pub(crate) no_network: Option<String>,
    /// Why containers do not run; then kwok plays the node.
    pub(crate) no_containers: Option<String>,
    /// Why kube-proxy does not run; then Services have addresses that lead nowhere.
    pub(crate) no_proxy: Option<String>,
    /// The value to put back when the cluster goes.
    pub(crate) ip_forward_before: Option<String>,
    /// containerd's way to stack layers: `overlayfs`, or `native` where the kernel has no overlay.
    pub(crate) snapshotter: String,
    /// Set when `up` came to its end once. Without it the folder is a wreck.
    pub(crate) complete: bool,
}

impl Settings {
    /// Reads what the last start wrote; none if there was none or it is not readable (then nothing can be built on it).
    pub(crate) fn read(folder: &Folder) -> Option<Self> {
        let text = std::fs::read_to_string(folder.path("cluster.json")).ok()?;
        serde_json::from_str(&text).ok()
    }

    /// Writes them down, replacing the file at once so that a reader never sees half of it.
    pub(crate) fn write(&self, folder: &Folder) -> Result<()> {
        folder.write(
            "cluster.json.new",
            serde_json::to_string_pretty(self).context("cannot write the cluster's settings")?,
        )?;
        std::fs::rename(folder.path("cluster.json.new"), folder.path("cluster.json"))
            .context("cannot replace cluster.json")
    }

    /// One built program.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.programs.join(name)
    }

    /// The folder of the built programs.
    pub(crate) fn programs(&self) -> &Path {
        &self.programs
    }

    /// The API server's address for clients on this machine.
    pub(crate) fn server(&self) -> String {
        format!("https://127.0.0.1:{}", self.ports.apiserver)
    }

    /// Whether real containers run.
    pub(crate) fn has_kubelet(&self) -> bool {
        self.no_containers.is_none()
    }
}

#[cfg(test)]
pub(crate) fn example() -> Settings {
    Settings {
        programs: PathBuf::from("/programs"),
        boot: "boot".into(),
        ports: Ports {
            apiserver: 1,
            etcd: 2,
            etcd_peer: 3,
            etcd_health: 4,
            controller_manager: 5,
            scheduler: 6,
            kubelet: 7,
            kubelet_health: 8,
            proxy_health: 9,
            proxy_metrics: 10,
            kwok: 11,
            csi_provisioner: 12,
            csi_snapshotter: 13,
            csi_resizer: 14,
            snapshot_controller: 15,
        },
        no_network: None,
        no_containers: None,
        no_proxy: None,
        ip_forward_before: None,
        snapshotter: "overlayfs".into(),
        complete: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_survive_being_written() {
        let text = serde_json::to_string(&example()).unwrap();
        assert_eq!(serde_json::from_str::<Settings>(&text).unwrap(), example());
    }

    #[test]
    fn a_taken_port_is_passed_over() {
        let taken = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
        let port = taken.local_addr().unwrap().port().min(65000);
        assert_ne!(free_from(port).unwrap(), taken.local_addr().unwrap().port());
    }
}
