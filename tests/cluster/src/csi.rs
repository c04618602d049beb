//! Volumes that are made when claimed: our CSI driver of folders (`go/csi/driver`) and the usual programs around it.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::folder::Folder;
use crate::parts::Part;
use crate::settings::{NODE, Settings};
use crate::{kubectl, lifecycle, locks, running};

/// The driver's name: the provisioner of its StorageClasses.
pub const DRIVER: &str = "folders.csi.streaming.platform";
/// A StorageClass whose volumes can grow and are made at once.
pub const EXPANDABLE_CLASS: &str = "session-fast";
/// A StorageClass whose volumes cannot grow and are made when a Pod wants them.
pub const FIXED_CLASS: &str = "session-fixed";
/// A VolumeSnapshotClass that deletes a snapshot's content with it.
pub const SNAPSHOT_CLASS: &str = "session-snapshots";

/// The driver's socket below the cluster's folder.
pub(crate) const SOCKET: &str = "csi/csi.sock";

/// How long the storage may take to work, and the kubelet to find the driver.
const PATIENCE: Duration = Duration::from_secs(60);

impl Cluster {
    /// Whether claims get volumes; else the reason why there is no CSI driver.
    ///
    /// # Errors
    /// The reason.
    pub fn has_storage(&self) -> Result<(), String> {
        self.has_kubelet()
    }

    /// Waits until claims get volumes and snapshots are cut: `up` does not wait for that.
    ///
    /// # Errors
    /// When there is no CSI driver here, or a part of the storage does not come up within a minute.
    pub fn wait_for_storage(&self) -> Result<()> {
        if let Err(reason) = self.has_storage() {
            bail!("there is no storage, as containers do not run here: {reason}");
        }
        for part in Part::STORAGE {
            running::wait(&self.folder, &self.settings, part)?;
        }
        let until = Instant::now() + PATIENCE;
        let path = "jsonpath={.spec.drivers[*].name}";
        loop {
            let found = self.kubectl(&["get", "csinode", NODE, "-o", path], None)?;
            if found.stdout.split_whitespace().any(|name| name == DRIVER) {
                return Ok(());
            }
            if Instant::now() > until {
                bail!(
                    "the kubelet does not know the CSI driver after {} s: {}",
                    PATIENCE.as_secs(),
                    found.stderr.trim()
                );
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// The folder with the files of a bound claim's volume, for tests that look at them from outside.
    ///
    /// # Errors
    /// When the claim is not bound to a volume of the CSI driver.
    pub fn claim_folder(&self, namespace: &str, claim: &str) -> Result<PathBuf> {
        let path = "jsonpath={.spec.volumeName}";
        let volume = self.kubectl_ok(
            &["get", "pvc", claim, "--namespace", namespace, "-o", path],
            None,
        )?;
        let path = "jsonpath={.spec.csi.volumeHandle}";
        let handle = self
            .kubectl_ok(&["get", "pv", &volume, "-o", path], None)
            .with_context(|| format!("claim {claim} is not bound"))?;
        let folder = self.folder.path(&format!("csi/volumes/{handle}/content"));
        if handle.is_empty() || !folder.is_dir() {
            bail!("claim {claim} has no volume of the CSI driver");
        }
        Ok(folder)
    }

    /// What the kubelet tells of a claim that a Pod uses: its size and what its files take, in bytes. The kubelet looks
    /// every 10 s; this waits until `wanted` likes what it has seen.
    ///
    /// # Errors
    /// When it does not within a minute.
    pub fn claim_use(
        &self,
        namespace: &str,
        claim: &str,
        wanted: impl Fn(u64, u64) -> bool,
    ) -> Result<(u64, u64)> {
        let path = format!("/api/v1/nodes/{NODE}/proxy/stats/summary");
        let until = Instant::now() + PATIENCE;
        let mut last = None;
        while Instant::now() < until {
            let text = self.kubectl_ok(&["get", "--raw", &path], None)?;
            let summary: Value = serde_json::from_str(&text).context("no statistics")?;
            if let Some((size, used)) = use_in(&summary, namespace, claim) {
                if wanted(size, used) {
                    return Ok((size, used));
                }
                last = Some((size, used));
            }
            std::thread::sleep(Duration::from_millis(500));
        }
        bail!("the kubelet tells (size, used) {last:?} of claim {claim}")
    }

    /// Starts the parts that do not run, as the end of [`Cluster::exclusive`] does, and waits until they work.
    ///
    /// # Errors
    /// When one does not come up.
    pub fn mend(&self) -> Result<()> {
        let _change = locks::change(&self.folder)?;
        lifecycle::repair(&self.folder, &self.settings)
    }
}

fn use_in(summary: &Value, namespace: &str, claim: &str) -> Option<(u64, u64)> {
    let pods = summary["pods"].as_array()?.iter();
    let mut volumes = pods.filter_map(|pod| pod["volume"].as_array()).flatten();
    let found = volumes.find(|volume| {
        volume["pvcRef"]["name"] == claim && volume["pvcRef"]["namespace"] == namespace
    })?;
    Some((
        found["capacityBytes"].as_u64()?,
        found["usedBytes"].as_u64()?,
    ))
}

/// Starts the storage and makes the objects it needs. Waits for the API server's answers, not until the storage works.
///
/// # Errors
/// When a program cannot be started or the API server refuses.
pub(crate) fn start(folder: &Folder, settings: &Settings) -> Result<()> {
    for part in [Part::CsiDriver, Part::CsiProvisioner, Part::CsiResizer] {
        running::start(folder, settings, part)?;
    }
    let crds = settings.program("snapshot-crds.yaml");
    let crds = crds.to_string_lossy();
    kubectl::must(folder, settings, &["create", "-f", &crds], None)?;
    // These two end, or wait long between tries, when the API they watch is not there.
    for part in [Part::CsiSnapshotter, Part::SnapshotController] {
        running::start(folder, settings, part)?;
    }
    let established = [
        "wait",
        "--for=condition=Established",
        "--timeout=60s",
        "-f",
        &crds,
    ];
    kubectl::must(folder, settings, &established, None)?;
    let objects = objects().to_string();
    kubectl::must(folder, settings, &["create", "-f", "-"], Some(&objects)).map(drop)
}

/// The driver and the standing classes. None is the default: a test that wants one marks its own, and tests of claims
/// without a class need that there is none.
fn objects() -> Value {
    let driver = json!({
        "apiVersion": "storage.k8s.io/v1",
        "kind": "CSIDriver",
        "metadata": { "name": DRIVER },
        // Folders are at hand without being attached, and get a Pod's fsGroup as a file system of their own would.
        "spec": { "attachRequired": false, "fsGroupPolicy": "File", "podInfoOnMount": false },
    });
    let class = |name: &str, expandable: bool, binding: &str| {
        json!({
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": { "name": name },
            "provisioner": DRIVER,
            "reclaimPolicy": "Delete",
            "allowVolumeExpansion": expandable,
            "volumeBindingMode": binding,
        })
    };
    let snapshots = json!({
        "apiVersion": "snapshot.storage.k8s.io/v1",
        "kind": "VolumeSnapshotClass",
        "metadata": { "name": SNAPSHOT_CLASS },
        "driver": DRIVER,
        "deletionPolicy": "Delete",
    });
    let items = [
        driver,
        class(EXPANDABLE_CLASS, true, "Immediate"),
        class(FIXED_CLASS, false, "WaitForFirstConsumer"),
        snapshots,
    ];
    json!({ "apiVersion": "v1", "kind": "List", "items": items })
}

pub(crate) fn driver(folder: &Folder) -> Vec<String> {
    vec![
        format!("-state={}", folder.text("csi")),
        format!("-endpoint={}", folder.text(SOCKET)),
        format!(
            "-registration={}",
            folder.text("kubelet/plugins_registry/csi.sock")
        ),
        format!("-node={NODE}"),
    ]
}

pub(crate) fn provisioner(folder: &Folder, settings: &Settings) -> Vec<String> {
    let mut args = around(folder, settings.ports.csi_provisioner);
    args.push("--timeout=60s".to_owned());
    args
}

pub(crate) fn snapshotter(folder: &Folder, settings: &Settings) -> Vec<String> {
    let mut args = around(folder, settings.ports.csi_snapshotter);
    args.push("--timeout=60s".to_owned());
    args
}

pub(crate) fn resizer(folder: &Folder, settings: &Settings) -> Vec<String> {
    let mut args = around(folder, settings.ports.csi_resizer);
    args.extend([
        "--timeout=60s".to_owned(),
        "--resize-timeout=60s".to_owned(),
    ]);
    args
}

pub(crate) fn snapshot_controller(folder: &Folder, settings: &Settings) -> Vec<String> {
    client(folder, settings.ports.snapshot_controller)
}

/// What every sidecar takes.
fn around(folder: &Folder, port: u16) -> Vec<String> {
    let mut args = client(folder, port);
    args.push(format!("--csi-address={}", folder.text(SOCKET)));
    args
}

/// Tests disturb the driver on purpose: five minutes between two tries would be too long for them, and a handful of
/// requests a second too few when many run at once.
fn client(folder: &Folder, port: u16) -> Vec<String> {
    vec![
        format!("--kubeconfig={}", folder.text("kubeconfigs/csi.kubeconfig")),
        format!("--http-endpoint=127.0.0.1:{port}"),
        "--retry-interval-start=500ms".to_owned(),
        "--retry-interval-max=10s".to_owned(),
        "--kube-api-qps=50".to_owned(),
        "--kube-api-burst=100".to_owned(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_standing_class_is_the_default() {
        let objects = objects();
        let items = objects["items"].as_array().unwrap();
        assert_eq!(items.len(), 4);
        assert!(
            items
                .iter()
                .all(|item| item["metadata"]["annotations"].is_null())
        );
    }

    #[test]
    fn the_use_of_a_claim_is_found_in_the_statistics() {
        let volume = |claim: &str, size: u64| json!({ "capacityBytes": size, "usedBytes": 7, "pvcRef": { "name": claim, "namespace": "n" } });
        let summary = json!({ "pods": [{}, { "volume": [{ "usedBytes": 1 }, volume("a", 1), volume("b", 2)] }] });
        assert_eq!(use_in(&summary, "n", "b"), Some((2, 7)));
        assert_eq!(use_in(&summary, "m", "b"), None);
    }

    #[test]
    fn the_longest_socket_path_fits() {
        let folder = Folder::at(format!("/var/{}", "x".repeat(55)).into()).unwrap();
        for argument in driver(&folder) {
            let (_, path) = argument.split_once('=').unwrap();
            assert!(path.len() <= 107, "{path}");
        }
    }

    #[test]
    fn the_driver_has_the_name_of_its_classes() {
        let source = include_str!("../go/csi/driver/main.go");
        assert!(source.contains(&format!("const driverName = \"{DRIVER}\"")));
    }
}
