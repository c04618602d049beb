//! Who may do what: the Namespace of a controller and the roles of design §6, as objects to apply.

use serde_json::{Value, json};
use session_shared::api::ADMISSION_POLICY;

/// Namespace of a controller and of its Lease.
pub(crate) const SYSTEM: &str = "session-system";
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

/// The Namespace a controller lives in. It holds nothing yet: its Lease is where everybody looks for one.
pub(crate) fn namespace() -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": { "name": SYSTEM, "labels": { "app.kubernetes.io/managed-by": "kubectl-session" } },
    })
}

/// The roles, and the one binding that everybody needs.
pub(crate) fn roles() -> Vec<Value> {
    vec![
        reader(),
        json!({
            "apiVersion": RBAC,
            "kind": "ClusterRoleBinding",
            "metadata": { "name": "session-reader", "labels": { "app.kubernetes.io/managed-by": "kubectl-session" } },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "session-reader" },
            "subjects": [
                { "apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "system:authenticated" },
            ],
        }),
        client(),
        user(),
        manager(),
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

/// What everybody reads before a session is made: none of it is anybody's secret.
fn reader() -> Value {
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
            // The command line runs what is stored unasked only where these are in force.
            json!({
                "apiGroups": ["admissionregistration.k8s.io"],
                "resources": ["validatingadmissionpolicies", "validatingadmissionpolicybindings"],
                "resourceNames": [ADMISSION_POLICY],
                "verbs": ["get"],
            }),
        ],
    )
}

/// What the command line needs while it makes the objects itself. Kubernetes' `edit` covers those; it lacks our own kind, in-place
/// resize and snapshots.
fn client() -> Value {
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
            // Owner references that block deletion are refused without it where that admission check is on.
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

/// What a user needs where a controller makes the objects.
fn user() -> Value {
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

/// Who looks after everybody's sessions: they are made for others and changed, which the admission policy keeps from everybody
/// else. Namespace admins may do it, since every Pod and Secret there is theirs already; a controller is given this role.
fn manager() -> Value {
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
            rule(&[GROUP], &["sessions/status"], &["get", "patch", "update"]),
        ],
    )
}
