//! Overrides of the template by a Session's spec: resources of the primary container, size and class of its claims.

use anyhow::{Result, bail};
use serde_json::{Map, Value, json};

use super::ownership::has_kind_and_name;
use super::pods::{container_mut, pod_metadata_paths, pod_spec_mut};
use super::untyped::Untyped;
use crate::api::{IntOrString, PrimaryRef, ResourceLimits, StorageSpec};
use crate::failure::with_hint;
use crate::labels;
use crate::quantity::Quantity;

/// GPU resource that is requested if the template names none.
const DEFAULT_GPU_RESOURCE: &str = "nvidia.com/gpu";

/// Sets the limits of the primary container. Requests keep the template's ratio to the limits; if the template has only one of
/// them, the other follows Kubernetes' rule that an absent request equals the limit.
///
/// # Errors
/// A value that is no quantity, zero or negative; a GPU count that is no whole number.
pub fn set_resources(
    objects: &mut [Value],
    primary: &PrimaryRef,
    wanted: &ResourceLimits,
) -> Result<()> {
    let mut workload = objects
        .iter_mut()
        .find(|o| has_kind_and_name(o, &primary.kind, &primary.name));
    let gpu_resource = workload
        .as_deref()
        .and_then(|workload| pod_annotation(workload, labels::GPU_RESOURCE))
        .unwrap_or_else(|| DEFAULT_GPU_RESOURCE.to_owned());
    let container = workload.as_deref_mut();
    let container = container.and_then(|w| container_mut(w, primary.container.as_deref()));
    let Some(container) = container else {
        bail!(
            "cannot set resources: primary workload {}/{} has no container",
            primary.kind,
            primary.name
        );
    };
    let resources = container.entry("resources").or_insert_with(|| json!({}));
    set_limits(resources, wanted)?;
    if let Some(gpu) = &wanted.gpu {
        let count = parse_gpu_count(&gpu.to_string())?;
        let name = set_gpu(resources, count, gpu_resource);
        if let (Some(spec), 1..) = (workload.and_then(pod_spec_mut), count) {
            tolerate_taint(spec, &name);
        }
    }
    Ok(())
}

/// Makes a Pod tolerate the taint that GPU nodes have by convention, whose key is the resource's name: what the admission plugin
/// ExtendedResourceToleration does, which few clusters have.
fn tolerate_taint(spec: &mut Map<String, Value>, key: &str) {
    let tolerations = spec.entry("tolerations").or_insert_with(|| json!([]));
    if let Some(tolerations) = tolerations.as_array_mut()
        && tolerations
            .iter()
            .all(|toleration| toleration["key"] != key)
    {
        tolerations.push(json!({ "key": key, "operator": "Exists", "effect": "NoSchedule" }));
    }
}

/// Sets the limits of CPU and memory in the `resources` of a container, as [`set_resources`] does; GPUs stay unchanged.
///
/// # Errors
/// A value that is no quantity, zero or negative.
pub fn set_limits(resources: &mut Value, wanted: &ResourceLimits) -> Result<()> {
    for (name, wanted) in [("cpu", &wanted.cpu), ("memory", &wanted.memory)] {
        if let Some(wanted) = wanted {
            set_limit(resources, name, parse_positive_quantity(name, wanted)?);
        }
    }
    Ok(())
}

fn parse_positive_quantity(field: &str, value: &IntOrString) -> Result<Quantity> {
    let parsed: Quantity = match value.to_string().parse() {
        Ok(parsed) => parsed,
        Err(error) => bail!("invalid {field} {:?}: {error:#}", value.to_string()),
    };
    if parsed.is_zero() || parsed.is_negative() {
        bail!(
            "invalid {field} {:?}: must be greater than 0",
            value.to_string()
        );
    }
    Ok(parsed)
}

/// Hint for a share of a GPU.
pub const GPU_SHARE_HINT: &str =
    "request 1 of a GPU that the node shares by time-slicing, or a MIG resource";

/// Parses a number of GPUs.
///
/// # Errors
/// Anything but a whole number: extended resources cannot be divided, and their request must equal the limit.
pub fn parse_gpu_count(text: &str) -> Result<u32> {
    if let Ok(count) = text.parse::<u32>() {
        return Ok(count);
    }
    let error = anyhow::anyhow!(
        "invalid gpu {text:?}: must be a whole number, as extended resources cannot be divided"
    );
    Err(with_hint(error, GPU_SHARE_HINT))
}

fn section_mut<'a>(resources: &'a mut Value, name: &str) -> Option<&'a mut Map<String, Value>> {
    resources
        .as_object_mut()?
        .entry(name)
        .or_insert_with(|| json!({}))
        .as_object_mut()
}

fn read_quantity(resources: &Value, section: &str, name: &str) -> Option<Quantity> {
    let value = resources.get(section)?.get(name)?;
    value
        .as_str()
        .map(str::to_owned)
        .or_else(|| value.as_i64().map(|n| n.to_string()))?
        .parse()
        .ok()
}

fn set_limit(resources: &mut Value, name: &str, limit: Quantity) {
    let (old_limit, old_request) = (
        read_quantity(resources, "limits", name),
        read_quantity(resources, "requests", name),
    );
    let request = match (old_limit, old_request) {
        (Some(old_limit), Some(old_request)) if !old_limit.is_zero() => {
            Some(limit.scale_ratio(&old_request, &old_limit))
        }
        // A request without a limit must not exceed the new limit.
        (None, Some(old_request)) if old_request > limit => Some(limit),
        _ => None,
    };
    if let Some(limits) = section_mut(resources, "limits") {
        limits.insert(name.to_owned(), limit.to_string().into());
    }
    if let (Some(request), Some(requests)) = (request, section_mut(resources, "requests")) {
        requests.insert(name.to_owned(), request.to_string().into());
    }
}

/// Returns true for an extended resource that counts GPUs: nvidia.com/gpu, amd.com/gpu, a MIG profile.
pub fn is_gpu_resource(name: &str) -> bool {
    name.contains('/') && (name.ends_with("gpu") || name.contains("/mig-"))
}

/// Sets the count of the GPU resource that the container already names (nvidia.com/gpu, amd.com/gpu, a MIG profile), else of
/// `default`, and returns its name.
fn set_gpu(resources: &mut Value, count: u32, default: String) -> String {
    let named = ["limits", "requests"].iter().find_map(|part| {
        let map = resources.get(*part)?.as_object()?;
        map.keys().find(|name| is_gpu_resource(name)).cloned()
    });
    let name = named.unwrap_or(default);
    for part in ["limits", "requests"] {
        if let Some(map) = section_mut(resources, part) {
            match count {
                0 => drop(map.shift_remove(&name)),
                _ => drop(map.insert(name.clone(), count.to_string().into())),
            }
        }
    }
    name
}

/// Sets size and class of the session's claims. If the template has no claims but names the volume with the user's data
/// (annotation `streaming.platform/data-volume`), that emptyDir is replaced by a claim.
///
/// # Errors
/// No claim and no such volume; a size that is no quantity.
pub fn set_storage(objects: &mut Vec<Value>, wanted: &StorageSpec) -> Result<()> {
    let size = match &wanted.size {
        Some(size) => Some(parse_positive_quantity("storage", size)?.to_string()),
        None => None,
    };
    let made = match &size {
        Some(size) if claims_mut(objects).next().is_none() => replace_data_volume(objects, size),
        _ => false,
    };
    let mut found = made;
    for claim in claims_mut(objects) {
        found = true;
        let Some(spec) = claim.get_mut("spec").and_then(Value::as_object_mut) else {
            continue;
        };
        if let Some(size) = &size {
            let resources = spec.entry("resources").or_insert_with(|| json!({}));
            if let Some(requests) = section_mut(resources, "requests") {
                requests.insert("storage".into(), size.as_str().into());
            }
        }
        if let Some(class) = &wanted.class {
            spec.insert("storageClassName".into(), class.as_str().into());
        }
    }
    if found {
        return Ok(());
    }
    let error = anyhow::anyhow!("cannot set storage: the session has no PersistentVolumeClaim");
    Err(with_hint(
        error,
        "omit --storage and --storage-class, or use a template with a claim",
    ))
}

/// Returns every claim: PersistentVolumeClaim objects and claim templates of StatefulSets.
fn claims_mut(objects: &mut [Value]) -> impl Iterator<Item = &mut Value> {
    objects
        .iter_mut()
        .flat_map(|object| match Untyped(object).kind() {
            "PersistentVolumeClaim" => vec![object],
            "StatefulSet" => {
                let inside = object
                    .pointer_mut("/spec/volumeClaimTemplates")
                    .and_then(Value::as_array_mut);
                inside
                    .map(|claims| claims.iter_mut().collect())
                    .unwrap_or_default()
            }
            _ => Vec::new(),
        })
}

/// Returns an annotation of a workload's Pods.
fn pod_annotation(workload: &Value, key: &str) -> Option<String> {
    let path = pod_metadata_paths(Untyped(workload).kind()).last()?;
    let annotations = workload.pointer(&format!("{path}/annotations"))?;
    annotations.get(key)?.as_str().map(str::to_owned)
}

fn replace_data_volume(objects: &mut Vec<Value>, size: &str) -> bool {
    let mut claim = None;
    for object in objects.iter_mut() {
        let (Some(volume), Some(name)) = (
            pod_annotation(object, labels::DATA_VOLUME),
            pod_annotation(object, labels::DATA_CLAIM),
        ) else {
            continue;
        };
        let volumes = pod_spec_mut(object)
            .and_then(|spec| spec.get_mut("volumes"))
            .and_then(Value::as_array_mut);
        for entry in volumes
            .into_iter()
            .flatten()
            .filter(|v| Untyped(v).str_at("/name") == Some(volume.as_str()))
        {
            *entry = json!({ "name": volume, "persistentVolumeClaim": { "claimName": name } });
            claim = Some(name.clone());
        }
    }
    let Some(name) = claim else { return false };
    objects.push(json!({
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": { "name": name },
        "spec": { "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": size } } },
    }));
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod() -> Value {
        json!({ "apiVersion": "v1", "kind": "Pod",
            "metadata": { "name": "p", "annotations": { labels::DATA_VOLUME: "home", labels::DATA_CLAIM: "claim-a" } },
            "spec": { "volumes": [{ "name": "home", "emptyDir": {} }], "containers": [{ "name": "main", "resources": {
                "requests": { "cpu": "500m", "memory": "1Gi" }, "limits": { "cpu": "1500m", "memory": "2Gi" } } }] } })
    }

    fn primary() -> PrimaryRef {
        PrimaryRef {
            kind: "Pod".into(),
            name: "p".into(),
            container: None,
            ..PrimaryRef::default()
        }
    }

    fn resources(cpu: Option<&str>, memory: Option<&str>, gpu: Option<&str>) -> ResourceLimits {
        ResourceLimits {
            cpu: cpu.map(Into::into),
            memory: memory.map(Into::into),
            gpu: gpu.map(Into::into),
        }
    }

    #[test]
    fn requests_keep_the_templates_ratio() {
        let mut objects = vec![pod()];
        set_resources(
            &mut objects,
            &primary(),
            &resources(Some("3"), Some("4Gi"), Some("1")),
        )
        .unwrap();
        let found = &objects[0]["spec"]["containers"][0]["resources"];
        assert_eq!(found["limits"]["cpu"], "3");
        assert_eq!(found["requests"]["cpu"], "1");
        assert_eq!(found["requests"]["memory"], "2Gi");
        assert_eq!(found["limits"]["nvidia.com/gpu"], "1");
        let taint =
            json!([{ "key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule" }]);
        assert_eq!(objects[0]["spec"]["tolerations"], taint);
        set_resources(&mut objects, &primary(), &resources(None, None, Some("0"))).unwrap();
        assert!(
            objects[0]["spec"]["containers"][0]["resources"]["limits"]
                .get("nvidia.com/gpu")
                .is_none()
        );
    }

    #[test]
    fn the_template_may_name_the_gpu_resource() {
        let mut objects = vec![pod()];
        objects[0]["metadata"]["annotations"][labels::GPU_RESOURCE] =
            "nvidia.com/gpu.shared".into();
        let gpu = |objects: &mut [Value], count| {
            set_resources(objects, &primary(), &resources(None, None, Some(count))).unwrap();
            objects[0]["spec"]["containers"][0]["resources"]["limits"].clone()
        };
        let limits = gpu(&mut objects, "1");
        assert_eq!(limits["nvidia.com/gpu.shared"], "1");
        assert!(limits.get(DEFAULT_GPU_RESOURCE).is_none());
        assert!(
            gpu(&mut objects, "0")
                .get("nvidia.com/gpu.shared")
                .is_none()
        );
    }

    #[test]
    fn fractions_of_a_gpu_are_refused_with_the_reason() {
        for bad in ["0.25", "500m", "-1", "one"] {
            let error = set_resources(&mut [pod()], &primary(), &resources(None, None, Some(bad)))
                .unwrap_err();
            assert!(
                error.to_string().contains("cannot be divided"),
                "{bad}: {error}"
            );
        }
        assert!(
            set_resources(&mut [pod()], &primary(), &resources(Some("0"), None, None)).is_err()
        );
        assert!(
            set_resources(&mut [pod()], &primary(), &resources(Some("x"), None, None)).is_err()
        );
    }

    #[test]
    fn a_named_data_volume_becomes_a_claim() {
        let mut objects = vec![pod()];
        let wanted = StorageSpec {
            size: Some("1Gi".into()),
            class: Some("fast".into()),
        };
        set_storage(&mut objects, &wanted).unwrap();
        assert_eq!(
            objects[0]["spec"]["volumes"][0]["persistentVolumeClaim"]["claimName"],
            "claim-a"
        );
        assert_eq!(
            objects[1]["spec"]["resources"]["requests"]["storage"],
            "1Gi"
        );
        assert_eq!(objects[1]["spec"]["storageClassName"], "fast");
    }

    #[test]
    fn storage_without_anything_to_store_is_an_error() {
        let mut bare = pod();
        bare["metadata"]["annotations"] = json!({});
        let error = set_storage(
            &mut vec![bare],
            &StorageSpec {
                size: Some("1Gi".into()),
                class: None,
            },
        )
        .unwrap_err();
        assert!(error.to_string().starts_with("cannot set storage"));
    }
}
