//! Volumes whose data ends with the Pod: emptyDir and generic ephemeral volumes.

use std::fmt;

use serde_json::{Map, Value};

use super::untyped::Untyped;
use crate::labels;

/// Volume sources whose data ends with the Pod, including emptyDirs of medium Memory.
const EPHEMERAL_SOURCES: [&str; 2] = ["emptyDir", "ephemeral"];

/// A volume whose data ends with its Pod.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EphemeralVolume {
    /// Name of the volume in the Pod.
    pub name: String,
    /// `emptyDir` or `ephemeral`.
    pub source: &'static str,
}

impl fmt::Display for EphemeralVolume {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.source, self.name)
    }
}

/// Returns the names of the claims that a Pod mounts, without those that the server makes for its ephemeral volumes.
pub fn mounted_claims(spec: &Map<String, Value>) -> impl Iterator<Item = &str> {
    let volumes = items(spec, "volumes");
    volumes.filter_map(|volume| Untyped(volume).str_at("/persistentVolumeClaim/claimName"))
}

/// Returns the ephemeral volumes that containers of a Pod mount. A volume that none of them mounts holds no data.
pub fn ephemeral_volumes(spec: &Map<String, Value>) -> Vec<EphemeralVolume> {
    let volumes = items(spec, "volumes").filter_map(|volume| {
        let source = EPHEMERAL_SOURCES
            .into_iter()
            .find(|source| volume.get(*source).is_some())?;
        let name = Untyped(volume).str_at("/name")?.to_owned();
        Some(EphemeralVolume { name, source })
    });
    let mounted = |volume: &EphemeralVolume| mount_points(spec, &volume.name).next().is_some();
    volumes.filter(mounted).collect()
}

/// Returns the ephemeral volumes that hold users' work: those mounted at or above a container's working directory or HOME, at
/// `/root` or below `/home`, and the one that the Pod's annotation `streaming.platform/data-volume` names. All others (`/tmp`,
/// caches, shared sockets) are scratch space.
pub fn user_data_volumes(
    spec: &Map<String, Value>,
    annotations: Option<&Map<String, Value>>,
) -> Vec<EphemeralVolume> {
    let named = annotations.and_then(|all| all.get(labels::DATA_VOLUME)?.as_str());
    let mut volumes = ephemeral_volumes(spec);
    volumes.retain(|volume| {
        let mut mounts = mount_points(spec, &volume.name);
        named == Some(volume.name.as_str())
            || mounts.any(|(container, path)| is_user_directory(container, path))
    });
    volumes
}

/// Returns each container that mounts the volume, with the mount path.
fn mount_points<'a>(
    spec: &'a Map<String, Value>,
    volume: &'a str,
) -> impl Iterator<Item = (&'a Value, &'a str)> {
    items(spec, "containers").flat_map(move |container| {
        let mounts = Untyped(container).items_at("/volumeMounts");
        let own = mounts.filter(move |mount| mount.str_at("/name") == Some(volume));
        own.filter_map(move |mount| Some((container, mount.str_at("/mountPath")?)))
    })
}

fn is_user_directory(container: &Value, path: &str) -> bool {
    let path = path.trim_end_matches('/');
    let container = Untyped(container);
    let home = container
        .items_at("/env")
        .find(|one| one.str_at("/name") == Some("HOME"))
        .and_then(|home| home.str_at("/value"));
    let places = [container.str_at("/workingDir"), home];
    let around = |place: &str| {
        let rest = place.strip_prefix(path);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    places.into_iter().flatten().any(around)
        || path == "/root"
        || path == "/home"
        || path.starts_with("/home/")
}

fn items<'a>(spec: &'a Map<String, Value>, field: &str) -> impl Iterator<Item = &'a Value> {
    let all = spec.get(field).and_then(Value::as_array);
    all.into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn spec(mounts: Value) -> Map<String, Value> {
        let spec = json!({
            "containers": [{ "name": "main", "workingDir": "/work/project/", "env": [{ "name": "HOME", "value": "/people/me" }],
                "volumeMounts": mounts }],
            "volumes": [
                { "name": "a", "emptyDir": {} }, { "name": "b", "emptyDir": { "medium": "Memory" } },
                { "name": "c", "ephemeral": { "volumeClaimTemplate": {} } },
                { "name": "d", "persistentVolumeClaim": { "claimName": "claim" } }, { "name": "e", "configMap": {} },
            ],
        });
        spec.as_object().cloned().unwrap()
    }

    fn names(volumes: Vec<EphemeralVolume>) -> Vec<String> {
        volumes.iter().map(ToString::to_string).collect()
    }

    fn mount(name: &str, path: &str) -> Value {
        json!({ "name": name, "mountPath": path })
    }

    #[test]
    fn what_ends_with_a_pod_is_what_its_containers_mount() {
        let mounts = ["a", "b", "c", "d", "e"].map(|name| mount(name, &format!("/{name}")));
        let all = spec(json!(mounts));
        assert_eq!(
            names(ephemeral_volumes(&all)),
            ["emptyDir a", "emptyDir b", "ephemeral c"]
        );
        assert_eq!(mounted_claims(&all).collect::<Vec<_>>(), ["claim"]);
        assert!(ephemeral_volumes(&spec(json!([]))).is_empty());
    }

    #[test]
    fn people_work_where_a_container_begins_at_its_home_or_by_the_authors_word() {
        for (path, works) in [
            ("/work/project", true),
            ("/work", true),
            ("/people/me/", true),
            ("/people", true),
            ("/root", true),
            ("/home", true),
            ("/home/coder", true),
            ("/tmp", false),
            ("/wor", false),
            ("/work/project/.cache", false),
            ("/homes", false),
            ("/run", false),
        ] {
            let found = user_data_volumes(&spec(json!([mount("a", path)])), None);
            assert_eq!(!found.is_empty(), works, "{path}");
        }
        let annotations = json!({ labels::DATA_VOLUME: "b" });
        let spec = spec(json!([mount("a", "/tmp"), mount("b", "/srv")]));
        let named = user_data_volumes(&spec, annotations.as_object());
        assert_eq!(names(named), ["emptyDir b"]);
    }
}
