//! Limit of the local storage that a Pod may write before the kubelet evicts it.

use k8s_openapi::api::core::v1::{Container, Pod};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Text;

use super::pod_containers::lasting_containers;
use crate::quantity::Quantity;

/// Returns the largest number of bytes, including existing ones, that `container` may have in the file system mounted at `mount`:
/// for an emptyDir, the smaller one of its size limit and the ephemeral-storage limits of the Pod's containers; for `/`, the
/// container's ephemeral-storage limit. `None` if Kubernetes sets no limit.
pub fn storage_limit(pod: &Pod, container: &str, mount: &str) -> Option<u64> {
    let spec = pod.spec.as_ref()?;
    let own = lasting_containers(pod).find(|one| one.name == container)?;
    let bare = |path: &str| path.trim_end_matches('/').to_owned();
    if bare(mount).is_empty() {
        return ephemeral_storage_limit(own);
    }
    let mut mounts = own.volume_mounts.iter().flatten();
    let mounted = mounts.find(|one| bare(&one.mount_path) == bare(mount))?;
    let mut volumes = spec.volumes.iter().flatten();
    let volume = volumes.find(|volume| volume.name == mounted.name)?;
    let empty = volume.empty_dir.as_ref()?;
    let size = empty.size_limit.as_ref().and_then(quantity_bytes);
    let is_memory = empty.medium.as_deref() == Some("Memory");
    let all: Vec<u64> = spec
        .containers
        .iter()
        .filter_map(ephemeral_storage_limit)
        .collect();
    let of_pod = (!is_memory && !all.is_empty())
        .then(|| all.iter().fold(0_u64, |sum, one| sum.saturating_add(*one)));
    [size, of_pod].into_iter().flatten().min()
}

fn ephemeral_storage_limit(container: &Container) -> Option<u64> {
    let limits = container.resources.as_ref()?.limits.as_ref()?;
    limits.get("ephemeral-storage").and_then(quantity_bytes)
}

fn quantity_bytes(text: &Text) -> Option<u64> {
    let quantity: Quantity = text.0.parse().ok()?;
    u64::try_from(quantity.value()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn pod(empty: Value) -> Pod {
        let limited = |name: &str, limit: Option<&str>| {
            json!({"name": name, "resources": {"limits": limit.map(|limit| json!({"ephemeral-storage": limit}))},
                "volumeMounts": [{"name": "home", "mountPath": "/home/dev/"}, {"name": "claim", "mountPath": "/data"}]})
        };
        serde_json::from_value(json!({"spec": {
            "containers": [limited("main", Some("2Gi")), limited("sidecar", Some("1Gi")), limited("free", None)],
            "volumes": [{"name": "home", "emptyDir": empty}, {"name": "claim", "persistentVolumeClaim": {"claimName": "x"}}],
        }}))
        .unwrap()
    }

    #[test]
    fn the_smallest_limit_of_what_is_mounted_counts() {
        let gi = 1 << 30;
        let limited = pod(json!({"sizeLimit": "512Mi"}));
        let wide = pod(json!({"sizeLimit": "50Gi"}));
        let memory = pod(json!({"medium": "Memory"}));
        for (pod, container, mount, limit) in [
            (&limited, "main", "/home/dev", Some(gi / 2)),
            (&wide, "main", "/home/dev", Some(3 * gi)),
            (&memory, "main", "/home/dev", None),
            (&wide, "main", "/", Some(2 * gi)),
            (&wide, "free", "/", None),
            (&wide, "main", "/data", None),
            (&wide, "main", "/dev/shm", None),
            (&wide, "nobody", "/", None),
        ] {
            assert_eq!(
                storage_limit(pod, container, mount),
                limit,
                "{container} {mount}"
            );
        }
    }
}
