//! A real Kubernetes on this machine, built from Go modules, for live tests and the demo.
//!
//! [`Cluster::shared`] gives the one cluster of this machine, started if need be and left running for the next test;
//! [`Cluster::exclusive`] gives it to one test alone, which may then kill parts. Where containers cannot run,
//! kwok plays the node and [`Cluster::has_kubelet`] tells why.
//!
//! ```no_run
//! # fn main() -> anyhow::Result<()> {
//! let cluster = session_cluster::Cluster::shared()?;
//! let namespace = cluster.namespace("greeting")?;
//! namespace.kubectl(&["run", "hi", "--image=localhost/busybox:1", "--", "echo", "hi"], None)?;
//! # Ok(()) }
//! ```
//!
//! | variable | meaning |
//! |---|---|
//! | `SESSION_CLUSTER_DIR` | the cluster's folder; `/var/lib/kubectl-session/cluster` for root, else `~/.kubectl-session/cluster` |
//! | `SESSION_CLUSTER_CACHE` | where built programs are kept; `~/.cache/kubectl-session/programs` |
//! | `SESSION_CLUSTER_IDLE` | seconds without use after which the cluster is removed; 1200 |
//! | `SESSION_CLUSTER_KEEP` | if set, tests leave their namespaces |
//!
//! What it lacks: DNS for Services (no module of a DNS server is built in), enforcement of NetworkPolicies, an image
//! registry (`imagePullPolicy: Always`, the default for `:latest`, fails), and a default StorageClass.

mod arguments;
mod audit;
mod cgroups;
mod cluster;
mod config_files;
mod containers;
mod csi;
mod csi_sanity;
mod folder;
mod gimp_images;
mod go_build;
mod idle;
mod images;
mod krew;
mod kubeconfig;
mod kubectl;
mod kwok;
mod lab_images;
mod leftovers;
mod lifecycle;
mod local_images;
mod locks;
mod namespace;
mod network;
mod oci;
mod part_handle;
mod parts;
mod pki;
mod prerequisites;
mod preview_images;
mod process;
mod programs;
mod running;
mod sandbox;
mod say;
mod settings;
mod startup;
mod status;
mod storage_classes;
mod third_party;
mod third_party_crds;
mod users;
mod volumes;

pub use audit::AuditEvent;
pub use cluster::{Cluster, Lease};
pub use csi::{DRIVER, EXPANDABLE_CLASS, FIXED_CLASS, SNAPSHOT_CLASS};
pub use csi_sanity::check_csi_driver;
pub use images::Image;
pub use krew::Krew;
pub use kubectl::KubectlOutput;
pub use namespace::Namespace;
pub use part_handle::PartHandle;
pub use parts::Part;
pub use sandbox::AgentSandbox;
pub use status::Status;
pub use storage_classes::{Class, Disturbance, StorageClass, StorageOperation};
pub use third_party::ThirdPartyApis;

/// The cluster's kubectl, without the cluster; built first if need be, as all of its programs.
///
/// # Errors
/// When it cannot be built.
pub fn kubectl_program() -> anyhow::Result<std::path::PathBuf> {
    Ok(programs::built()?.join("kubectl"))
}

/// Waits until nobody has used the cluster for 20 minutes and removes it then. For this crate's own program.
///
/// # Errors
/// When the cluster cannot be removed.
pub fn watch_idle() -> anyhow::Result<()> {
    idle::watch(&folder::Folder::of_this_user()?)
}
