//! Users who lack a right, on a real API server: what they may not finish, they do not begin.

use anyhow::{Context, Result, ensure};
use serde_json::json;
use session_cluster::EXPANDABLE_CLASS;

use crate::world::{Output, World, run};
use crate::{Live, kubelet};

pub(crate) fn tests() -> Vec<Live> {
    vec![
        kubelet(
            "rights_are_known_before_anything_is_destroyed",
            rights_are_known_before_anything_is_destroyed,
        ),
        kubelet(
            "rights_of_session_managers_suffice_for_their_users",
            session_managers_work_for_their_users,
        ),
    ]
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
    world.cluster.await_rights()?;
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

/// Manifests of the sessions of gimp and lab, for a small cluster.
const TEMPLATE: &str = r#"
apiVersion: streaming.platform/v1
kind: SessionTemplate
metadata: {name: NAME}
spec:
  primary: {kind: Pod, name: "box-${SESSION_ID}", container: box}
  manifest: |
    apiVersion: v1
    kind: PersistentVolumeClaim
    metadata: {name: "box-${SESSION_ID}"}
    spec: {accessModes: [ReadWriteOnce], storageClassName: CLASS, resources: {requests: {storage: 64Mi}}}
    ---
    apiVersion: v1
    kind: Secret
    metadata: {name: "box-${SESSION_ID}"}
    stringData: {key: value}
    ---
    apiVersion: v1
    kind: Service
    metadata: {name: "box-${SESSION_ID}"}
    spec: {selector: {app: "box-${SESSION_ID}"}, ports: [{port: 80}]}
    ---
    apiVersion: v1
    kind: Pod
    metadata: {name: "box-${SESSION_ID}", labels: {app: "box-${SESSION_ID}"}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: box
        image: localhost/busybox:1
        command: [sh, -c, "trap 'exit 0' TERM INT; while :; do sleep 3600 & wait $!; done"]
        resources: {requests: {cpu: 10m, memory: 16Mi}, limits: {cpu: 100m, memory: 32Mi}}
        volumeMounts: [{name: data, mountPath: /data}]
      volumes: [{name: data, persistentVolumeClaim: {claimName: "box-${SESSION_ID}"}}]
"#;

/// An admin of the namespace applies each Role, and its ServiceAccount takes a session of another user through its life.
fn session_managers_work_for_their_users() -> Result<()> {
    let world = World::installed("managers")?;
    world.cluster.wait_for_storage()?;
    let (namespace, admin) = (world.namespace.name(), "managers@example.com");
    let box_template = format!("{namespace}-box");
    world.template(&box_template, &TEMPLATE.replace("CLASS", EXPANDABLE_CLASS))?;
    world.cluster.bind_role(namespace, admin, "admin")?;
    let kubeconfig = world.cluster.user_kubeconfig(admin, &[])?;
    for (platform, account, template) in [
        ("nvim", "nvim-web-router", "shell"),
        ("gimp", "session-manager", box_template.as_str()),
        ("lab", "dozlab-session-manager", box_template.as_str()),
    ] {
        let words = ["setup", "roles", "--for", platform];
        run(&mut world.command_as(&kubeconfig, &words))?.exits(0)?;
        world.cluster.await_rights()?;
        let account = format!("--as=system:serviceaccount:{namespace}:{account}");
        let create = format!("create {platform} --template {template} --user-id carol");
        let resize = format!("resize {platform} --storage 128Mi");
        let steps = [
            create.as_str(),
            &format!("stop {platform} -y"),
            &format!("start {platform}"),
            &format!("resize {platform} --cpu 50m"),
            if template == "shell" { "list" } else { &resize },
            "cleanup --all --dry-run=server",
            &format!("delete {platform} --delete-data -y"),
        ];
        for step in steps {
            let words: Vec<&str> = step.split(' ').chain([account.as_str()]).collect();
            world
                .session(&words)?
                .exits(0)
                .with_context(|| format!("{platform}: {step}"))?;
        }
    }
    Ok(())
}
