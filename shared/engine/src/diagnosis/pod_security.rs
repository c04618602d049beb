//! Check of Pods against the Pod Security level that their namespace enforces.

use serde_json::Value;

use super::Cause;
use session_model::encode::shell;
use session_model::objects::Untyped;
use session_model::objects::pod_security::{Level, find_violations};

/// Label of a Namespace with the level that the API server enforces.
const ENFORCE: &str = "pod-security.kubernetes.io/enforce";

/// Returns true for objects whose Pods need more than the level `baseline` allows, so that the namespace decides about them.
pub fn needs_privileged_namespace(objects: &[Value]) -> bool {
    objects
        .iter()
        .any(|object| !above_baseline(object).is_empty())
}

fn above_baseline(object: &Value) -> Vec<String> {
    let found = find_violations(object).into_iter();
    found
        .filter(|violation| violation.level == Level::Baseline)
        .map(|violation| violation.to_string())
        .collect()
}

/// Returns the first of `objects` whose Pods `namespace` refuses, as a cause; its remedy is the command that allows them. A
/// namespace without the label refuses nothing that is known here.
pub fn find_pod_security_refusal(objects: &[Value], namespace: &Value) -> Option<Cause> {
    let level = Untyped(namespace).label(ENFORCE)?;
    if !["baseline", "restricted"].contains(&level) {
        return None;
    }
    let (object, violations) = objects
        .iter()
        .map(|object| (object, above_baseline(object)))
        .find(|(_, violations)| !violations.is_empty())?;
    let name = Untyped(namespace).name();
    Some(Cause {
        reason: "PodSecurity".to_owned(),
        message: format!(
            "namespace {name:?} enforces Pod Security level {level:?}, and {} {:?} needs \"privileged\": {}",
            Untyped(object).kind(),
            Untyped(object).name(),
            violations.join("; ")
        ),
        remedy: Some(format!(
            "use a namespace that allows it, or ask an admin to: kubectl label namespace {} {ENFORCE}=privileged --overwrite",
            shell::quote_word(name)
        )),
        ..Cause::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn refusal(context: Value, labels: Value) -> Option<Cause> {
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {
            "containers": [{"name": "c", "image": "i", "securityContext": context}]}});
        let namespace =
            json!({"kind": "Namespace", "metadata": {"name": "labs", "labels": labels}});
        let objects = [pod];
        let found = find_pod_security_refusal(&objects, &namespace);
        assert!(found.is_none() || needs_privileged_namespace(&objects));
        found
    }

    #[test]
    fn a_privileged_pod_is_refused_where_the_namespace_says_so() {
        let privileged = json!({"privileged": true});
        for level in ["baseline", "restricted"] {
            let cause = refusal(privileged.clone(), json!({ENFORCE: level})).unwrap();
            assert_eq!(
                cause.message,
                format!(
                    "namespace \"labs\" enforces Pod Security level {level:?}, and Pod \"p\" needs \"privileged\": container \"c\": securityContext.privileged is true"
                )
            );
            assert_eq!(
                cause.remedy.unwrap(),
                "use a namespace that allows it, or ask an admin to: kubectl label namespace labs pod-security.kubernetes.io/enforce=privileged --overwrite"
            );
        }
        assert_eq!(
            refusal(privileged.clone(), json!({ENFORCE: "privileged"})),
            None
        );
        assert_eq!(refusal(privileged, json!({})), None);
        // The level "restricted" is left to the server.
        assert_eq!(refusal(json!({}), json!({ENFORCE: "restricted"})), None);
    }
}
