//! Containers of a Pod that run beside each other: its containers, its native sidecars (init containers that keep running) and
//! its ephemeral containers.

use k8s_openapi::api::core::v1::{Container, ContainerStatus, Pod};
use serde_json::Value;

use super::untyped::Untyped;

/// Restart policy that makes an init container a sidecar.
const SIDECAR_POLICY: &str = "Always";

/// Returns the containers of a Pod in order, then its sidecars.
pub fn lasting_containers(pod: &Pod) -> impl Iterator<Item = &Container> {
    let spec = pod.spec.as_ref();
    let main = spec.into_iter().flat_map(|spec| &spec.containers);
    let init = spec
        .into_iter()
        .flat_map(|spec| spec.init_containers.iter().flatten());
    main.chain(init.filter(|init| is_sidecar(init)))
}

/// Returns true for an init container that runs beside the containers.
pub fn is_sidecar(init: &Container) -> bool {
    init.restart_policy.as_deref() == Some(SIDECAR_POLICY)
}

/// Returns the names of all containers that a command can run in: containers, sidecars, then ephemeral containers.
pub fn container_names(pod: &Pod) -> impl Iterator<Item = &str> {
    let spec = pod.spec.iter();
    let ephemeral = spec.flat_map(|spec| spec.ephemeral_containers.iter().flatten());
    lasting_containers(pod)
        .map(|container| container.name.as_str())
        .chain(ephemeral.map(|container| container.name.as_str()))
}

/// Returns the status of a container of any kind.
pub fn container_status<'a>(pod: &'a Pod, container: &str) -> Option<&'a ContainerStatus> {
    let status = pod.status.as_ref()?;
    let sorts = [
        &status.container_statuses,
        &status.init_container_statuses,
        &status.ephemeral_container_statuses,
    ];
    let mut all = sorts.into_iter().flatten().flatten();
    all.find(|status| status.name == container)
}

/// Returns the containers of a Pod spec in order, then its sidecars, each with the name of the list that it stands in.
pub fn lasting_in_spec(
    spec: &serde_json::Map<String, Value>,
) -> impl Iterator<Item = (&'static str, &Value)> {
    ["containers", "initContainers"]
        .into_iter()
        .flat_map(move |key| {
            let list = spec.get(key).and_then(Value::as_array);
            list.into_iter().flatten().map(move |one| (key, one))
        })
        .filter(|(key, container)| {
            *key == "containers"
                || Untyped(container).str_at("/restartPolicy") == Some(SIDECAR_POLICY)
        })
}

/// Returns the names of the containers and sidecars of a Pod spec.
pub fn names_in_spec(spec: &serde_json::Map<String, Value>) -> Vec<&str> {
    lasting_in_spec(spec)
        .filter_map(|(_, container)| Untyped(container).str_at("/name"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_runs_beside_the_containers_is_counted_and_what_ends_is_not() {
        let spec = json!({
            "containers": [{"name": "main"}],
            "initContainers": [{"name": "first"}, {"name": "proxy", "restartPolicy": "Always"}],
            "ephemeralContainers": [{"name": "debugger"}],
        });
        assert_eq!(names_in_spec(spec.as_object().unwrap()), ["main", "proxy"]);
        let pod: Pod = serde_json::from_value(json!({"spec": spec})).unwrap();
        let names: Vec<&str> = container_names(&pod).collect();
        assert_eq!(names, ["main", "proxy", "debugger"]);
        let lasting: Vec<&str> = lasting_containers(&pod)
            .map(|one| one.name.as_str())
            .collect();
        assert_eq!(lasting, ["main", "proxy"]);
    }
}
