//! Privileges that objects grant or ask for, and for which their author has to be trusted.

use serde_json::Value;

use super::pod_security::{Level, find_violations};
use super::untyped::Untyped;

/// Type of a Secret that the control plane fills with a ServiceAccount's token.
const TOKEN_SECRET_TYPE: &str = "kubernetes.io/service-account-token";

/// Returns the privileges of `objects`, a line each: violations of the Pod Security Standard `baseline`, ServiceAccounts other than
/// `default`, token Secrets and RBAC kinds.
pub fn find_privileges(objects: &[Value]) -> Vec<String> {
    objects.iter().flat_map(object_privileges).collect()
}

fn object_privileges(object: &Value) -> Vec<String> {
    let kind = Untyped(object).kind();
    let what = format!("{kind} {:?}", Untyped(object).name());
    if let Some(right) = granted_privilege(object) {
        return vec![format!("{what}: {right}")];
    }
    let asked = find_violations(object).into_iter();
    let asked = asked.filter(|one| one.level != Level::Restricted);
    asked.map(|one| format!("{what}: {one}")).collect()
}

/// Returns the grant of an object that is not a Pod: permissions by RBAC, or a ServiceAccount token.
pub fn granted_privilege(object: &Value) -> Option<&'static str> {
    if Untyped(object)
        .api_version()
        .starts_with("rbac.authorization.k8s.io/")
    {
        return Some("grants permissions");
    }
    let secret = Untyped(object).kind() == "Secret"
        && Untyped(object).str_at("/type") == Some(TOKEN_SECRET_TYPE);
    secret.then_some("type is kubernetes.io/service-account-token")
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
        let set = json!({"kind": "StatefulSet", "metadata": {"name": "s"}, "spec": {"template": {"spec": {
            "hostIPC": true, "serviceAccountName": "builder", "containers": []}}}});
        let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "r"}});
        let token = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "t"}, "type": TOKEN_SECRET_TYPE});
        let plain = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "x"}});
        assert_eq!(
            find_privileges(&[pod, set, role, token, plain]),
            [
                "Pod \"p\": hostPID is true",
                "Pod \"p\": container \"b\": securityContext.privileged is true",
                "Pod \"p\": volume \"v\" is the hostPath \"/\"",
                "StatefulSet \"s\": hostIPC is true",
                "StatefulSet \"s\": serviceAccountName is \"builder\"",
                "Role \"r\": grants permissions",
                "Secret \"t\": type is kubernetes.io/service-account-token",
            ]
        );
    }
}
