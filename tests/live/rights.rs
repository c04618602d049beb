//! Users who lack a right, on a real API server: what they may not finish, they do not begin.

use anyhow::{Context, Result, ensure};
use serde_json::json;

use crate::world::{Output, World, run};
use crate::{Live, kubelet};

pub(crate) fn tests() -> Vec<Live> {
    vec![kubelet(
        "rights_are_known_before_anything_is_destroyed",
        rights_are_known_before_anything_is_destroyed,
    )]
}

/// Everything that the suite needs to look at a session, and deletions of Pods.
const RULES: &str = r#"[
    {"apiGroups": [""], "resources": ["pods", "persistentvolumeclaims", "secrets"], "verbs": ["get", "list", "watch"]},
    {"apiGroups": ["apps"], "resources": ["statefulsets", "deployments", "replicasets", "daemonsets"], "verbs": ["list"]},
    {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["list"]},
    {"apiGroups": ["snapshot.storage.k8s.io"], "resources": ["volumesnapshots"], "verbs": ["list"]},
    {"apiGroups": ["streaming.platform"], "resources": ["sessions"], "verbs": ["get", "list", "watch", "patch"]},
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["delete"]}
]"#;

/// Pods may be deleted, Sessions and their status may not be touched: kubectl's word for it, and everything runs on.
fn rights_are_known_before_anything_is_destroyed() -> Result<()> {
    let world = World::installed("rights")?;
    world
        .session(&["create", "alice", "--template", "shell"])?
        .exits(0)?;
    let (name, user) = (world.namespace.name(), "half@example.com");
    let rules: serde_json::Value = serde_json::from_str(RULES)?;
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
        "metadata": {"name": "half", "namespace": name}, "rules": rules,
    });
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": {"name": "half", "namespace": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "half"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}],
    });
    for object in [role, binding] {
        let text = object.to_string();
        world
            .namespace
            .kubectl(&["apply", "-f", "-"], Some(&text))?;
    }
    let kubeconfig = world.cluster.user_kubeconfig(user, &[])?;
    let half =
        |words: &[&str]| -> Result<Output> { run(&mut world.command_as(&kubeconfig, words)) };
    let uid = || {
        let path = "jsonpath={.metadata.uid} {.metadata.deletionTimestamp}";
        let words = ["get", "pod", "shell-alice", "-o", path];
        world.namespace.kubectl(&words, None)
    };
    let before = uid()?;
    let refused = half(&["delete", "alice", "-y"])?.exits(1)?;
    let said = format!(
        "Error from server (Forbidden): sessions.streaming.platform \"alice\" is forbidden: User \"{user}\" cannot delete resource \
         \"sessions\" in API group \"streaming.platform\" in the namespace \"{name}\""
    );
    ensure!(refused.stderr.starts_with(&said), "{refused:?}");
    let own = world.namespace.kubectl(
        &[
            "delete",
            "session",
            "alice",
            "--as",
            user,
            "--dry-run=server",
        ],
        None,
    );
    let own = format!("{:#}", own.err().context("kubectl may delete it")?);
    let line = refused.stderr.lines().next().unwrap_or_default();
    ensure!(own.contains(line), "kubectl: {own}\nwe: {line}");
    let refused = half(&["stop", "alice", "-y"])?.exits(1)?;
    ensure!(
        refused
            .stderr
            .contains("cannot patch resource \"sessions/status\""),
        "{refused:?}"
    );
    ensure!(uid()? == before, "another Pod: {before}, {}", uid()?);
    world.session(&["delete", "alice", "-y"])?.exits(0)?;
    Ok(())
}
