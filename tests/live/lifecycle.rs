//! A session from create to delete: up to Ready, listed, deleted, nothing left over.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::Value;

use crate::world::{LAB_TEMPLATE, World, run};
use crate::{Live, kubelet};

pub(crate) fn tests() -> Vec<Live> {
    vec![
        kubelet(
            "lifecycle_a_shell_comes_up_and_goes_without_a_trace",
            a_shell_comes_up_and_goes_without_a_trace,
        ),
        kubelet(
            "lifecycle_a_lab_comes_up_with_its_secret",
            a_lab_comes_up_with_its_secret,
        ),
        kubelet(
            "lifecycle_edit_is_all_a_user_needs",
            edit_is_all_a_user_needs,
        ),
        kubelet(
            "lifecycle_a_manifest_with_a_deployment_is_a_session",
            a_manifest_with_a_deployment_is_a_session,
        ),
        kubelet(
            "lifecycle_a_pod_that_cannot_come_up_is_kept_and_explained",
            a_pod_that_cannot_come_up_is_kept_and_explained,
        ),
    ]
}

/// Time in which the garbage collector has deleted what a Session owned, however busy the machine is.
const COLLECTED: Duration = Duration::from_secs(60);

/// Everything in the namespace that a session could leave behind.
pub(crate) fn traces(world: &World) -> Result<String> {
    world.namespace.kubectl(
        &["get", "sessions,pods,services,secrets,configmaps,persistentvolumeclaims,deployments,statefulsets", "-o", "name"],
        None,
    )
}

/// Waits until nothing is there that was not before: the garbage collector deletes after the Session, at its own pace.
pub(crate) fn leaves_no_trace(world: &World, before: &str) -> Result<()> {
    until_left(world, |left| left == before)
}

fn until_left(world: &World, holds: impl Fn(&str) -> bool) -> Result<()> {
    let begun = Instant::now();
    loop {
        let left = traces(world)?;
        if holds(&left) {
            return Ok(());
        }
        ensure!(begun.elapsed() < COLLECTED, "left over: {left}");
        std::thread::sleep(Duration::from_millis(250));
    }
}

fn a_shell_comes_up_and_goes_without_a_trace() -> Result<()> {
    let world = World::installed("shell")?;
    let before = traces(&world)?;
    let created = world
        .session(&["create", "alice", "--template", "shell"])?
        .exits(0)?;
    ensure!(
        created.stdout == "session.streaming.platform/alice created\n",
        "{created:?}"
    );
    ensure!(
        created
            .stderr
            .contains("connect: kubectl session connect alice -n "),
        "{created:?}"
    );
    let listed = world.session(&["list", "--no-headers"])?.exits(0)?;
    ensure!(
        listed.stdout.split_whitespace().nth(3) == Some("running"),
        "{listed:?}"
    );
    let said = world
        .session(&["connect", "alice", "--", "sh", "-c", "id -u; echo $HOME"])?
        .exits(0)?;
    ensure!(said.stdout.starts_with("1000\n"), "{said:?}");
    let again = world
        .session(&["create", "alice", "--template", "shell"])?
        .exits(1)?;
    ensure!(again.stderr.starts_with("Error from server (AlreadyExists): sessions.streaming.platform \"alice\" already exists\n"), "{again:?}");
    let still = world
        .session(&["list", "alice", "-o", "jsonpath={.status.phase}"])?
        .exits(0)?;
    ensure!(
        still.stdout == "running",
        "the live session was left alone: {still:?}"
    );
    let deleted = world.session(&["delete", "alice", "-y"])?.exits(0)?;
    let line = format!(
        "session.streaming.platform \"alice\" deleted from {} namespace\n",
        world.namespace.name()
    );
    ensure!(deleted.stdout == line, "{deleted:?}");
    leaves_no_trace(&world, &before)?;
    let empty = world.session(&["list"])?.exits(0)?;
    ensure!(
        empty.stderr
            == format!(
                "No resources found in {} namespace.\n",
                world.namespace.name()
            ),
        "{empty:?}"
    );
    Ok(())
}

/// Parameters that let the lab run from the cluster's local images, which read what Dozlab's images read: a missing variable ends
/// them, and the session does not become ready.
const LAB: &[&str] = &[
    "--set",
    "ROOTFS_IMAGE_URL=https://storage.example.com/lab.ext4",
    "--set",
    "VM_IMAGE=localhost/lab-vm:1",
    "--set",
    "INIT_IMAGE=localhost/lab-init:1",
    "--set",
    "NETWORK_IMAGE=localhost/busybox:1",
    "--set",
    "EDITOR_IMAGE=localhost/lab-editor:1",
    "--set",
    "TERMINAL_IMAGE=localhost/lab-terminal:1",
];

/// The built-in lab without CAP_SYS_RESOURCE, which sandboxed machines cannot give to a container: everything else is as it
/// is shipped. Cluster-scoped, so it is named after the namespace, and taken away at the end.
struct Lab<'a>(&'a World, String);

impl<'a> Lab<'a> {
    fn applied(world: &'a World) -> Result<Self> {
        let _unchanged = LAB_TEMPLATE.lock();
        let shipped = world
            .namespace
            .kubectl(&["get", "sessiontemplate", "lab", "-o", "json"], None)?;
        let mut template: Value = serde_json::from_str(&shipped)?;
        let name = format!("lab-{}", world.namespace.name());
        template["metadata"] = serde_json::json!({ "name": name });
        let manifest = template["spec"]["manifest"].as_str().unwrap_or_default();
        ensure!(
            manifest.contains("NET_ADMIN, SYS_ADMIN, SYS_RESOURCE"),
            "the lab asks for what D25 says"
        );
        template["spec"]["manifest"] = manifest.replace(", SYS_RESOURCE", "").into();
        world
            .namespace
            .kubectl(&["create", "-f", "-"], Some(&template.to_string()))?;
        Ok(Self(world, name))
    }
}

impl Drop for Lab<'_> {
    fn drop(&mut self) {
        // What fails here has failed before: the test says why.
        let _ = self
            .0
            .namespace
            .kubectl(&["delete", "sessiontemplate", &self.1], None);
    }
}

fn a_lab_comes_up_with_its_secret() -> Result<()> {
    let world = World::installed("lab")?;
    let before = traces(&world)?;
    let lab = Lab::applied(&world)?;
    let args = [
        &[
            "create",
            "lab-1",
            "--template",
            lab.1.as_str(),
            "--user-id",
            "alice@example.com",
        ],
        LAB,
    ]
    .concat();
    let created = world.session(&args)?.exits(0)?;
    ensure!(
        created
            .stderr
            .contains("VSCODE_PASSWORD: kubectl get secret session-lab-1-parameters"),
        "{created:?}"
    );
    let get = |what: &str, path: &str| {
        world
            .namespace
            .kubectl(&["get", what, "-o", &format!("jsonpath={path}")], None)
    };
    let password = get("secret/session-lab-1-parameters", "{.data.VSCODE_PASSWORD}")?;
    ensure!(!password.is_empty());
    let decoded = world.session(&["list", "-o", "yaml"])?.exits(0)?;
    let raw = get(
        "secret/lab-session-lab-1-secrets",
        "{.data.vscode-password}",
    )?;
    ensure!(
        raw == password,
        "the session's Secret is rendered from the parameters Secret"
    );
    ensure!(
        !decoded.stdout.contains(&password)
            && !created.stderr.contains(&password)
            && !created.stdout.contains(&password)
    );
    let labels = get(
        "pod/lab-session-lab-1",
        "{.metadata.labels.session-id} {.metadata.labels.user-id} {.metadata.labels.app}",
    )?;
    ensure!(
        labels.starts_with("lab-1 alice-example.com-") && labels.ends_with(" lab-environment"),
        "{labels}"
    );
    let said = world
        .session(&[
            "connect",
            "lab-1",
            "--method",
            "shell",
            "--",
            "cat",
            "/srv/vm/kernels/rootfs.ext4",
            "/shared/network-config",
        ])?
        .exits(0)?;
    ensure!(
        said.stdout.starts_with("4G of https://storage.example.com/lab.ext4\nGATEWAY_IP=172.16.0.1\nVM_IP=172.16.0.2\nPOD_IP=")
            && said.stdout.ends_with("\nTAP_DEVICE=tap0\n"),
        "{said:?}"
    );
    let endpoint = world
        .session(&["list", "lab-1", "-o", "jsonpath={.status.endpoint}"])?
        .exits(0)?;
    ensure!(
        endpoint.stdout.starts_with(&format!(
            "lab-service-lab-1.{}.svc:",
            world.namespace.name()
        )),
        "{endpoint:?}"
    );
    let expires = world
        .session(&["list", "lab-1", "--no-headers"])?
        .exits(0)?;
    ensure!(
        expires.stdout.contains("1h5"),
        "two hours, less what it took to come up: {expires:?}"
    );
    world.session(&["delete", "lab-1", "-y"])?.exits(0)?;
    leaves_no_trace(&world, &before)?;
    Ok(())
}

fn edit_is_all_a_user_needs() -> Result<()> {
    let world = World::installed("edit")?;
    let user = format!("{}@example.com", world.namespace.name());
    let kubeconfig = world.cluster.user_kubeconfig(&user, &[])?;
    let session = |args: &[&str]| run(&mut world.command_as(&kubeconfig, args));
    let denied = session(&["create", "mine", "--template", "shell"])?.exits(1)?;
    ensure!(
        denied
            .stderr
            .contains("Error from server (Forbidden): sessions.streaming.platform is forbidden"),
        "{denied:?}"
    );
    world
        .cluster
        .bind_role(world.namespace.name(), &user, "edit")?;
    session(&["create", "mine", "--template", "shell"])?.exits(0)?;
    let owner = session(&["list", "mine", "-o", "jsonpath={.spec.userId}"])?.exits(0)?;
    ensure!(owner.stdout == user, "{owner:?}");
    let found = session(&["list", "--user-id", &user, "-o", "name"])?.exits(0)?;
    ensure!(
        found.stdout == "session.streaming.platform/mine\n",
        "{found:?}"
    );
    session(&["delete", "mine", "-y"])?.exits(0)?;
    until_left(&world, |left| !left.contains("session"))
}

const TEAM: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata: {name: "web-${SESSION_ID}"}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
      - {name: page, image: "localhost/http-page:1", imagePullPolicy: Never, ports: [{containerPort: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: "web-${SESSION_ID}"}
spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: 8080}]}
"#;

fn a_manifest_with_a_deployment_is_a_session() -> Result<()> {
    use std::io::Write;
    let world = World::installed("manifest")?;
    let mut file = tempfile::NamedTempFile::new()?;
    file.write_all(TEAM.as_bytes())?;
    let path = file.path().to_string_lossy().into_owned();
    for name in ["one", "two"] {
        world.session(&["create", name, "-f", &path])?.exits(0)?;
    }
    let listed = world
        .session(&[
            "list",
            "-o",
            "custom-columns=N:.metadata.name,P:.status.phase",
            "--no-headers",
        ])?
        .exits(0)?;
    ensure!(
        listed.stdout == "one   running\ntwo   running\n",
        "{listed:?}"
    );
    // Both sessions' Pods carry app=web: each Service must lead to its own two only.
    let slices = world.namespace.kubectl(
        &[
            "get",
            "endpointslices",
            "-l",
            "kubernetes.io/service-name=web-one",
            "-o",
            "jsonpath={.items[*].endpoints[*].targetRef.name}",
        ],
        None,
    )?;
    let names: Vec<&str> = slices.split_whitespace().collect();
    ensure!(
        names.len() == 2 && names.iter().all(|name| name.starts_with("web-one-")),
        "{slices}"
    );
    world.session(&["delete", "one", "-y"])?.exits(0)?;
    let pods = world
        .namespace
        .kubectl(&["get", "pods", "-o", "name"], None)?;
    ensure!(
        pods.lines().count() == 2 && pods.lines().all(|pod| pod.starts_with("pod/web-two-")),
        "{pods}"
    );
    world.session(&["delete", "--all", "-y"])?.exits(0)?;
    Ok(())
}

fn a_pod_that_cannot_come_up_is_kept_and_explained() -> Result<()> {
    let world = World::installed("hopeless")?;
    let failed = world
        .session(&[
            "create",
            "x",
            "--template",
            "shell",
            "--set",
            "IMAGE=docker.io/library/busybox:no-such-tag",
            "--timeout=15s",
        ])?
        .exits(1)?;
    ensure!(
        failed.stdout == "session.streaming.platform/x created\n",
        "{failed:?}"
    );
    ensure!(
        failed.stderr.contains("kubectl session delete x")
            && failed.stderr.contains("--restart --set IMAGE=IMAGE\n"),
        "{failed:?}"
    );
    let kept = world.session(&["list", "x", "-o", "name"])?.exits(0)?;
    ensure!(kept.stdout == "session.streaming.platform/x\n", "{kept:?}");
    world.session(&["delete", "x", "-y"])?.exits(0)?;
    Ok(())
}
