//! Primary workloads of kinds that are not built in: which objects can be one, and what a template says about stop, start and
//! readiness.

use anyhow::{Result, bail};
use serde_json::Value;

use super::conditions::condition;
use super::pods::WORKLOAD_KINDS;
use super::untyped::Untyped;
use crate::api::{PrimaryRef, ReadyCheck};
use crate::failure::with_hint;

/// Returns true for a kind of a custom API: its group has a dot, and is not one of Kubernetes' own.
pub fn is_custom_api(api_version: &str) -> bool {
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    group.contains('.') && !group.ends_with(".k8s.io")
}

/// Returns true for an object that may own Pods although its kind is not one of [`WORKLOAD_KINDS`].
pub fn is_custom_workload(object: &Value) -> bool {
    is_custom_api(Untyped(object).api_version())
        || Untyped(object).kind() == "ReplicationController"
}

/// Returns true if a list of containers stands anywhere in the object: its controller most likely makes a Pod of them.
pub fn has_containers(object: &Value) -> bool {
    match object {
        Value::Object(fields) => fields
            .iter()
            .any(|(key, value)| (key == "containers" && value.is_array()) || has_containers(value)),
        Value::Array(items) => items.iter().any(has_containers),
        _ => false,
    }
}

/// Checks that `primary` says how a workload is stopped, started and found ready only where its kind needs it, and completely.
///
/// # Errors
/// The field that is wrong or missing.
pub fn validate_primary(primary: &PrimaryRef) -> Result<()> {
    let kind = &primary.kind;
    let given = [
        ("stop", primary.stop.is_some()),
        ("start", primary.start.is_some()),
        ("ready", primary.ready.is_some()),
    ];
    if let Some((field, _)) = given.iter().find(|(_, given)| *given)
        && WORKLOAD_KINDS.contains(&kind.as_str())
    {
        bail!(
            "primary.{field} is not allowed for kind {kind:?}: it is stopped, started and found ready as Kubernetes defines"
        );
    }
    for (field, patch) in [("stop", &primary.stop), ("start", &primary.start)] {
        if patch.as_ref().is_some_and(|patch| !patch.is_object()) {
            bail!("primary.{field} must be a merge patch, such as {{\"spec\": {{…}}}}");
        }
        // A patch of the metadata could take the object away from its session.
        if patch
            .as_ref()
            .is_some_and(|patch| patch.get("metadata").is_some())
        {
            bail!("primary.{field} must not change metadata");
        }
    }
    match (&primary.stop, &primary.start) {
        (Some(_), None) => bail!("primary.start is required with primary.stop"),
        (None, Some(_)) => bail!("primary.stop is required with primary.start"),
        _ => {}
    }
    primary.ready.as_ref().map_or(Ok(()), validate_ready)
}

fn validate_ready(check: &ReadyCheck) -> Result<()> {
    match (&check.condition, &check.json_path, &check.value) {
        (Some(_), None, None) => Ok(()),
        (None, Some(path), Some(_)) if field_pointer(path).is_some() => Ok(()),
        (None, Some(path), Some(_)) => {
            let error =
                anyhow::anyhow!("primary.ready.jsonPath {path:?} is not the path of a field");
            Err(with_hint(
                error,
                "write names and indexes only, such as .status.phase or .status.parts[0].state",
            ))
        }
        _ => bail!("primary.ready needs either condition, or jsonPath and value"),
    }
}

/// Returns a path such as `.status.parts[0].state`, in braces or not, as a JSON pointer; `None` for any other form.
fn field_pointer(path: &str) -> Option<String> {
    let path = path
        .strip_prefix('{')
        .and_then(|path| path.strip_suffix('}'))
        .unwrap_or(path);
    let mut pointer = String::new();
    for step in path.strip_prefix('.')?.split('.') {
        let (name, indexes) = step.split_at(step.find('[').unwrap_or(step.len()));
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if name.is_empty() || !name.chars().all(is_name) {
            return None;
        }
        pointer.push('/');
        pointer.push_str(name);
        for index in indexes.split_terminator(']') {
            let number: u16 = index.strip_prefix('[')?.parse().ok()?;
            pointer.push_str(&format!("/{number}"));
        }
        if !indexes.is_empty() && !indexes.ends_with(']') {
            return None;
        }
    }
    Some(pointer)
}

/// Returns what `check` finds missing in a workload, as a line for the user; `None` if the workload is ready.
pub fn unmet_check(workload: &Value, check: &ReadyCheck) -> Option<String> {
    if let Some(wanted) = &check.condition {
        let Some(found) = condition(workload, wanted) else {
            return Some(format!("condition {wanted} is not set"));
        };
        let status = Untyped(found).str_at("/status").unwrap_or("Unknown");
        let message = Untyped(found)
            .str_at("/message")
            .map(|text| format!(": {text}"));
        return (status != "True").then(|| {
            format!(
                "condition {wanted} is {status}{}",
                message.unwrap_or_default()
            )
        });
    }
    let (path, wanted) = (check.json_path.as_ref()?, check.value.as_ref()?);
    let found = match field_pointer(path).and_then(|pointer| workload.pointer(&pointer)) {
        None | Some(Value::Null) => return Some(format!("{path} is not set")),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    (found != *wanted).then(|| format!("{path} is {found:?}, not {wanted:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn primary(fields: Value) -> PrimaryRef {
        let mut whole = json!({ "kind": "Sandbox", "name": "x" });
        super::super::json_merge::merge(&mut whole, &fields);
        serde_json::from_value(whole).unwrap()
    }

    #[test]
    fn the_fields_of_a_custom_primary_are_complete_and_only_its_own() {
        let patch = json!({ "spec": { "mode": "x" } });
        let valid = [
            json!({}),
            json!({ "stop": patch, "start": patch }),
            json!({ "ready": { "condition": "Ready" } }),
            json!({ "ready": { "jsonPath": "{.status.parts[0].state}", "value": "Up" } }),
        ];
        for fields in valid {
            validate_primary(&primary(fields)).unwrap();
        }
        let invalid = [
            (
                json!({ "kind": "Pod", "stop": patch, "start": patch }),
                "primary.stop is not allowed for kind \"Pod\"",
            ),
            (
                json!({ "kind": "Job", "ready": { "condition": "Ready" } }),
                "primary.ready is not allowed for kind \"Job\"",
            ),
            (
                json!({ "stop": patch }),
                "primary.start is required with primary.stop",
            ),
            (
                json!({ "start": patch }),
                "primary.stop is required with primary.start",
            ),
            (
                json!({ "stop": "x", "start": patch }),
                "primary.stop must be a merge patch",
            ),
            (
                json!({ "stop": { "metadata": {} }, "start": patch }),
                "primary.stop must not change metadata",
            ),
            (
                json!({ "ready": {} }),
                "primary.ready needs either condition, or jsonPath and value",
            ),
            (
                json!({ "ready": { "condition": "A", "value": "x" } }),
                "primary.ready needs either",
            ),
            (
                json!({ "ready": { "jsonPath": ".a[*]", "value": "x" } }),
                "primary.ready.jsonPath \".a[*]\" is not the path",
            ),
            (
                json!({ "ready": { "jsonPath": "a", "value": "x" } }),
                "primary.ready.jsonPath \"a\" is not the path",
            ),
        ];
        for (fields, message) in invalid {
            let error = validate_primary(&primary(fields)).unwrap_err().to_string();
            assert!(error.starts_with(message), "{error}");
        }
    }

    #[test]
    fn a_check_says_what_is_missing() {
        let ready = |fields| {
            unmet_check(
                &json!({ "status": { "phase": "Up", "count": 2, "parts": [{ "state": "Down" }], "conditions": [
                { "type": "Ready", "status": "False", "message": "no room" }, { "type": "Synced", "status": "True" }] } }),
                &serde_json::from_value(fields).unwrap(),
            )
        };
        let path = |path: &str, value: &str| ready(json!({ "jsonPath": path, "value": value }));
        assert_eq!(ready(json!({ "condition": "Synced" })), None);
        assert_eq!(
            ready(json!({ "condition": "Ready" })).as_deref(),
            Some("condition Ready is False: no room")
        );
        assert_eq!(
            ready(json!({ "condition": "Up" })).as_deref(),
            Some("condition Up is not set")
        );
        assert_eq!(path(".status.phase", "Up"), None);
        assert_eq!(path("{.status.count}", "2"), None);
        assert_eq!(
            path(".status.parts[0].state", "Up").as_deref(),
            Some(".status.parts[0].state is \"Down\", not \"Up\"")
        );
        assert_eq!(
            path(".status.parts[1].state", "Up").as_deref(),
            Some(".status.parts[1].state is not set")
        );
    }

    #[test]
    fn custom_apis_are_told_from_kubernetes_own() {
        for custom in ["agents.x-k8s.io/v1", "kubevirt.io/v1", "ray.io/v1"] {
            assert!(is_custom_api(custom), "{custom}");
        }
        for own in [
            "v1",
            "apps/v1",
            "networking.k8s.io/v1",
            "autoscaling/v2",
            "snapshot.storage.k8s.io/v1",
        ] {
            assert!(!is_custom_api(own), "{own}");
        }
        let pod = json!({ "spec": { "podTemplate": { "spec": { "containers": [{}] } } } });
        assert!(has_containers(&json!({ "spec": { "groups": [pod] } })));
        assert!(!has_containers(&json!({ "spec": { "containers": 2 } })));
    }
}
