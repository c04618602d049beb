//! Volumes of folders that tests name themselves, for claims of classes without a provisioner.

use anyhow::{Context as _, Result};
use serde_json::json;

use crate::cluster::Cluster;

/// Makes a folder, a PersistentVolume of it and the StorageClass.
///
/// # Errors
/// When the folder cannot be made or the API server refuses.
pub(crate) fn host_path(cluster: &Cluster, name: &str, size: &str, class: &str) -> Result<()> {
    let path = cluster.folder.path("volumes").join(name);
    std::fs::create_dir_all(&path).with_context(|| format!("cannot make {}", path.display()))?;
    // Sessions run as any user.
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    std::fs::set_permissions(&path, mode)
        .with_context(|| format!("cannot set the mode of {}", path.display()))?;
    let class_object = json!({
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": { "name": class },
        "provisioner": "kubernetes.io/no-provisioner",
        "volumeBindingMode": "WaitForFirstConsumer",
    });
    let volume = json!({
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": { "name": name },
        "spec": {
            "capacity": { "storage": size },
            "accessModes": ["ReadWriteOnce", "ReadWriteMany"],
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": class,
            "hostPath": { "path": path, "type": "DirectoryOrCreate" },
        },
    });
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": [class_object, volume] });
    cluster.apply(&list.to_string())
}
