//! What objects take that their author had better be trusted with.

use serde_json::Value;

use super::pods::pod_spec;
use super::resource::text;

/// RBAC kinds, privileged containers, namespaces of the host and hostPath volumes among `objects`, a line each.
pub fn privileges(objects: &[Value]) -> Vec<String> {
    objects.iter().flat_map(of_object).collect()
}

fn of_object(object: &Value) -> Vec<String> {
    let what = format!(
        "{} {:?}",
        text(object, "/kind"),
        text(object, "/metadata/name")
    );
    if text(object, "/apiVersion").starts_with("rbac.authorization.k8s.io/") {
        return vec![what];
    }
    let Some(spec) = pod_spec(object) else {
        return Vec::new();
    };
    let list = |field: &str| {
        spec.get(field)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
    };
    let mut found = Vec::new();
    for field in ["hostNetwork", "hostPID", "hostIPC"] {
        if spec.get(field) == Some(&Value::Bool(true)) {
            found.push(format!("{field} of {what}"));
        }
    }
    let containers = list("initContainers").chain(list("containers"));
    for container in containers.chain(list("ephemeralContainers")) {
        if container.pointer("/securityContext/privileged") == Some(&Value::Bool(true)) {
            found.push(format!(
                "privileged container {:?} of {what}",
                text(container, "/name")
            ));
        }
    }
    for volume in list("volumes").filter(|volume| volume.get("hostPath").is_some()) {
        found.push(format!(
            "hostPath volume {:?} of {what}",
            text(volume, "/name")
        ));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_reaches_out_of_the_session_is_named() {
        let pod = json!({"kind": "Pod", "metadata": {"name": "p"}, "spec": {
            "hostPID": true, "hostNetwork": false,
            "containers": [{"name": "a"}, {"name": "b", "securityContext": {"privileged": true}}],
            "volumes": [{"name": "v", "hostPath": {"path": "/"}}, {"name": "w", "emptyDir": {}}]}});
        let set = json!({"kind": "StatefulSet", "metadata": {"name": "s"}, "spec": {"template": {"spec": {"hostIPC": true}}}});
        let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "r"}});
        let plain = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "x"}});
        assert_eq!(
            privileges(&[pod, set, role, plain]),
            [
                "hostPID of Pod \"p\"",
                "privileged container \"b\" of Pod \"p\"",
                "hostPath volume \"v\" of Pod \"p\"",
                "hostIPC of StatefulSet \"s\"",
                "Role \"r\"",
            ]
        );
    }
}
