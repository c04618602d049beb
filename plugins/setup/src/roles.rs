//! The Namespace of the controller and the ClusterRoles for users, admins and the controller, as objects to apply.

use serde_json::{Value, json};
use session_shared::api::ADMISSION_POLICY;

/// Namespace of the controller and its Lease.
pub(crate) const SYSTEM_NAMESPACE: &str = "session-system";
const GROUP: &str = "streaming.platform";
const RBAC: &str = "rbac.authorization.k8s.io/v1";
const READ: [&str; 3] = ["get", "list", "watch"];

fn rule(groups: &[&str], resources: &[&str], verbs: &[&str]) -> Value {
    json!({ "apiGroups": groups, "resources": resources, "verbs": verbs })
}

fn role(name: &str, aggregate: Option<&str>, rules: Vec<Value>) -> Value {
    let mut labels = json!({ "app.kubernetes.io/managed-by": "kubectl-session" });
    if let Some(into) = aggregate {
        labels[format!("rbac.authorization.k8s.io/aggregate-to-{into}")] = "true".into();
    }
    json!({
        "apiVersion": RBAC,
        "kind": "ClusterRole",
        "metadata": { "name": name, "labels": labels },
        "rules": rules,
    })
}

/// Returns the Namespace of the controller. Clients look for the controller's Lease in this Namespace, even if no controller is
/// installed.
pub(crate) fn system_namespace() -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": { "name": SYSTEM_NAMESPACE, "labels": { "app.kubernetes.io/managed-by": "kubectl-session" } },
    })
}

/// Returns all roles, and the binding of session-reader to all authenticated users.
pub(crate) fn roles() -> Vec<Value> {
    vec![
        reader_role(),
        json!({
            "apiVersion": RBAC,
            "kind": "ClusterRoleBinding",
            "metadata": { "name": "session-reader", "labels": { "app.kubernetes.io/managed-by": "kubectl-session" } },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "session-reader" },
            "subjects": [
                { "apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "system:authenticated" },
            ],
        }),
        client_role(),
        user_role(),
        manager_role(),
        role(
            "session-viewer",
            Some("view"),
            vec![rule(&[GROUP], &["sessions"], &READ)],
        ),
        role(
            "session-template-admin",
            None,
            vec![rule(
                &[GROUP],
                &["sessiontemplates"],
                &[
                    "get", "list", "watch", "create", "update", "patch", "delete",
                ],
            )],
        ),
    ]
}

/// Returns the role that lets all users read what clients need before they create a session. None of it is confidential.
fn reader_role() -> Value {
    let lease = json!({
        "apiGroups": ["coordination.k8s.io"],
        "resources": ["leases"],
        "resourceNames": ["session-controller"],
        "verbs": ["get"],
    });
    role(
        "session-reader",
        None,
        vec![
            rule(&[GROUP], &["sessiontemplates"], &READ),
            rule(&["storage.k8s.io"], &["storageclasses"], &READ),
            rule(&["networking.k8s.io"], &["ingressclasses"], &READ),
            rule(
                &["snapshot.storage.k8s.io"],
                &["volumesnapshotclasses"],
                &READ,
            ),
            lease,
            // Needed to decide whether the policy is in force, without which stored manifests and hooks need confirmation.
            json!({
                "apiGroups": ["admissionregistration.k8s.io"],
                "resources": ["validatingadmissionpolicies", "validatingadmissionpolicybindings"],
                "resourceNames": [ADMISSION_POLICY],
                "verbs": ["get"],
            }),
        ],
    )
}

/// Returns the role for users of the command line without a controller. It is aggregated to Kubernetes' `edit` role, and adds
/// sessions, in-place resize and snapshots.
fn client_role() -> Value {
    role(
        "session-client",
        Some("edit"),
        vec![
            rule(
                &[GROUP],
                &["sessions"],
                &[
                    "get",
                    "list",
                    "watch",
                    "create",
                    "update",
                    "patch",
                    "delete",
                    "deletecollection",
                ],
            ),
            rule(&[GROUP], &["sessions/status"], &["get", "patch", "update"]),
            // Required by the admission plugin OwnerReferencesPermissionEnforcement for ownerReferences that block deletion.
            rule(&[GROUP], &["sessions/finalizers"], &["update"]),
            rule(&[""], &["pods/resize"], &["patch"]),
            rule(
                &["snapshot.storage.k8s.io"],
                &["volumesnapshots"],
                &["get", "list", "watch", "create", "delete"],
            ),
        ],
    )
}

/// Returns the role for users of a controller, which creates the objects for them.
fn user_role() -> Value {
    role(
        "session-user",
        None,
        vec![
            rule(
                &[GROUP],
                &["sessions"],
                &[
                    "get", "list", "watch", "create", "update", "patch", "delete",
                ],
            ),
            rule(
                &[""],
                &["pods", "events", "services", "persistentvolumeclaims"],
                &READ,
            ),
            rule(&[""], &["pods/log"], &["get"]),
            rule(
                &[""],
                &["pods/exec", "pods/portforward"],
                &["get", "create"],
            ),
            rule(&[""], &["pods/resize"], &["patch"]),
            rule(
                &["snapshot.storage.k8s.io"],
                &["volumesnapshots"],
                &["get", "list", "watch", "create", "delete"],
            ),
        ],
    )
}

/// Returns the role for managing other users' sessions: it grants the verbs `assign` and `manage`, which the admission policy
/// requires. It is aggregated to Kubernetes' `admin` role, because namespace admins control all Pods and Secrets anyway. The
/// controller needs this role too.
fn manager_role() -> Value {
    role(
        "session-manager",
        Some("admin"),
        vec![
            rule(
                &[GROUP],
                &["sessions"],
                &[
                    "get", "list", "watch", "create", "update", "patch", "delete", "assign",
                    "manage",
                ],
            ),
            // All verbs that the Roles of session managers (`setup roles --for`) name, so that an admin may grant these.
            rule(
                &[GROUP],
                &["sessions/status"],
                &[
                    "get", "list", "watch", "create", "update", "patch", "delete",
                ],
            ),
        ],
    )
}
