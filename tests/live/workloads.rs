//! Sessions whose primary workload is none of Pod, StatefulSet and Deployment: a Job, kinds with a scale subresource, agent-sandbox.

use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use session_cluster::{AgentSandbox, Cluster};

use crate::world::World;
use crate::{Live, kubelet};

pub(crate) fn tests() -> Vec<Live> {
    vec![
        kubelet("workloads_a_job_rests_and_ends", a_job_rests_and_ends),
        kubelet("workloads_a_controller_is_scaled", a_controller_is_scaled),
        kubelet("workloads_a_custom_kind_is_scaled", a_custom_kind_is_scaled),
        kubelet("workloads_a_custom_kind_goes_away", a_custom_kind_goes_away),
        kubelet(
            "workloads_a_sandbox_is_suspended_by_a_patch",
            a_sandbox_is_suspended_by_a_patch,
        ),
    ]
}

/// The one container of every workload here: it ends when told to, with the code in `/tmp/code`.
const CONTAINER: &str = r#"{name: main, image: "localhost/busybox:1", imagePullPolicy: Never,
  command: [sh, -c, "trap 'exit 0' TERM; until [ -e /tmp/code ]; do sleep 0.2; done; exit $(cat /tmp/code)"]}"#;

/// A session `w` made of a manifest.
struct Workload<'a>(&'a World);

impl<'a> Workload<'a> {
    fn created(world: &'a World, manifest: &str) -> Result<Self> {
        let mut file = tempfile::NamedTempFile::new()?;
        file.write_all(manifest.replace("CONTAINER", CONTAINER).as_bytes())?;
        let path = file.path().to_string_lossy();
        let create = ["create", "w", "-f", &*path, "--timeout", "60s"];
        world.session(&create)?.exits(0)?;
        let this = Self(world);
        this.is("running")?;
        Ok(this)
    }

    fn field(&self, object: &str, path: &str) -> Result<String> {
        let path = format!("jsonpath={path}");
        self.0
            .namespace
            .kubectl(&["get", object, "-o", &path], None)
    }

    /// The phase, which list and status must agree about.
    fn is(&self, phase: &str) -> Result<()> {
        let listed = ["list", "w", "-o", "jsonpath={.status.phase}"];
        let listed = self.0.session(&listed)?.exits(0)?;
        let status = self.0.session(&["status", "w"])?.exits(0)?;
        ensure!(listed.stdout == phase, "{listed:?}\n{}", status.stdout);
        ensure!(status.stdout.contains(phase), "{phase}: {}", status.stdout);
        Ok(())
    }

    fn says(&self, script: &str) -> Result<String> {
        let connect = ["connect", "w", "--", "sh", "-c", script];
        Ok(self.0.session(&connect)?.exits(0)?.stdout)
    }

    fn pods(&self) -> Result<usize> {
        let pods = [
            "get",
            "pods",
            "--field-selector=status.phase=Running",
            "-o",
            "name",
        ];
        Ok(self.0.namespace.kubectl(&pods, None)?.lines().count())
    }

    fn verb(&self, args: &[&str]) -> Result<()> {
        self.0.session(args)?.exits(0).map(drop)
    }

    /// Stops the session, looks that no Pod is left, and starts it again.
    fn rests_and_runs_again(&self, pods: usize) -> Result<()> {
        ensure!(self.pods()? == pods);
        ensure!(self.says("echo here")? == "here\n");
        self.verb(&["stop", "w", "-y"])?;
        ensure!(self.pods()? == 0);
        self.is("stopped")?;
        self.verb(&["start", "w", "--timeout", "60s"])?;
        self.is("running")?;
        ensure!(self.says("echo again")? == "again\n");
        ensure!(self.pods()? == pods);
        Ok(())
    }

    fn is_deleted_without_a_trace(&self, kind: &str) -> Result<()> {
        self.verb(&["delete", "w", "-y"])?;
        let wait = ["wait", "--for=delete", kind, "--all", "--timeout=60s"];
        self.0.namespace.kubectl(&wait, None)?;
        ensure!(self.pods()? == 0);
        Ok(())
    }
}

fn a_job_rests_and_ends() -> Result<()> {
    let world = World::installed("job")?;
    let session = Workload::created(
        &world,
        r#"
apiVersion: batch/v1
kind: Job
metadata: {name: "job-${SESSION_ID}"}
spec:
  backoffLimit: 0
  template:
    spec: {restartPolicy: Never, terminationGracePeriodSeconds: 1, containers: [CONTAINER]}
"#,
    )?;
    let uid = || session.field("job/job-w", "{.metadata.uid}");
    let first = uid()?;
    session.rests_and_runs_again(1)?;
    ensure!(uid()? == first, "a suspended Job is resumed, not made anew");
    session.says("echo 0 > /tmp/code")?;
    let wait = [
        "wait",
        "--for=condition=Complete",
        "job/job-w",
        "--timeout=60s",
    ];
    world.namespace.kubectl(&wait, None)?;
    session.is("stopped")?;
    let ended = world.session(&["status", "w"])?.exits(0)?;
    ensure!(ended.stdout.contains("Completed"), "{}", ended.stdout);
    session.verb(&["start", "w", "--timeout", "60s"])?;
    ensure!(uid()? != first, "a Job that has ended is made anew");
    session.says("echo 7 > /tmp/code")?;
    let wait = [
        "wait",
        "--for=condition=Failed",
        "job/job-w",
        "--timeout=60s",
    ];
    world.namespace.kubectl(&wait, None)?;
    session.is("failed")?;
    let status = world.session(&["status", "w"])?.exits(0)?;
    ensure!(status.stdout.contains("exit code 7"), "{}", status.stdout);
    session.is_deleted_without_a_trace("job")
}

/// A kind that the suite does not know, with a controller that copies labels to its Pods: it is stopped by its scale subresource.
fn a_controller_is_scaled() -> Result<()> {
    let world = World::installed("scaled")?;
    let session = Workload::created(
        &world,
        r#"
apiVersion: v1
kind: ReplicationController
metadata: {name: "rc-${SESSION_ID}"}
spec:
  replicas: 2
  selector: {app: rc}
  template:
    metadata: {labels: {app: rc}}
    spec: {terminationGracePeriodSeconds: 1, containers: [CONTAINER]}
"#,
    )?;
    session.rests_and_runs_again(2)?;
    session.is_deleted_without_a_trace("rc")
}

const MACHINES: &str = r#"
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: machines.live.example.com}
spec:
  group: live.example.com
  scope: Namespaced
  names: {kind: Machine, plural: machines, singular: machine}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {scale: {specReplicasPath: .spec.size, statusReplicasPath: .status.size}}
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec: {type: object, properties: {size: {type: integer}}}
          status: {type: object, properties: {size: {type: integer}}}
"#;

/// Makes and deletes the Pods of the Machines, or the like, of a namespace, as their controller would, until `ended` is set. The Pods
/// have no label of the session.
fn control_machines(
    cluster: &Cluster,
    namespace: &str,
    kind: &str,
    ended: &AtomicBool,
) -> Result<()> {
    let plural = format!("{}s", kind.to_lowercase());
    let kubectl = |args: &[&str], input: Option<&str>| {
        cluster.kubectl_ok(&[&["-n", namespace], args].concat(), input)
    };
    while !ended.load(Ordering::Relaxed) {
        let path =
            "jsonpath={range .items[*]}{.metadata.name} {.metadata.uid} {.spec.size}{'\\n'}{end}";
        let listed = kubectl(&["get", &plural, "-o", path], None);
        // The kind itself may go away.
        for line in listed.unwrap_or_default().lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [name, uid, size] = words.as_slice() else {
                continue;
            };
            if *size == "0" {
                let delete = [
                    "delete",
                    "pod",
                    "machine",
                    "--ignore-not-found",
                    "--wait=false",
                ];
                kubectl(&delete, None)?;
                continue;
            }
            let pod = format!(
                "apiVersion: v1\nkind: Pod\nmetadata:\n  name: machine\n  ownerReferences:\n  - {{apiVersion: live.example.com/v1, kind: \
                 {kind}, name: {name}, uid: {uid}, controller: true}}\nspec: {{terminationGracePeriodSeconds: 1, containers: [{CONTAINER}]}}\n"
            );
            // A Pod that is on its way out still has the name.
            let _ = kubectl(&["create", "-f", "-"], Some(&pod));
        }
        std::thread::sleep(Duration::from_millis(300));
    }
    Ok(())
}

fn a_custom_kind_is_scaled() -> Result<()> {
    let world = World::installed("machine")?;
    controlled(&world, "Machine", || machine_lives(&world))
}

/// Installs the kind as a CRD of its own, and runs `test` beside its controller.
fn controlled(world: &World, kind: &str, test: impl FnOnce() -> Result<()>) -> Result<()> {
    let small = kind.to_lowercase();
    let definition = MACHINES.replace("Machine", kind).replace("machine", &small);
    world.cluster.apply(&definition)?;
    let crd = format!("crd/{small}s.live.example.com");
    let wait = ["wait", "--for=condition=Established", &crd, "--timeout=60s"];
    world.cluster.kubectl_ok(&wait, None)?;
    let ended = AtomicBool::new(false);
    let namespace = world.namespace.name().to_owned();
    std::thread::scope(|scope| {
        let controller = scope.spawn(|| control_machines(&world.cluster, &namespace, kind, &ended));
        let result = test();
        ended.store(true, Ordering::Relaxed);
        let controlled = controller.join().ok().context("the controller panicked")?;
        result.and(controlled)
    })
}

/// A CRD is deleted, with all objects of its kind, while a session of it runs: every verb says what is wrong, and delete works.
fn a_custom_kind_goes_away() -> Result<()> {
    let world = World::installed("engine")?;
    controlled(&world, "Engine", || engine_goes_away(&world))
}

fn engine_goes_away(world: &World) -> Result<()> {
    let manifest = "apiVersion: live.example.com/v1\nkind: Engine\nmetadata: {name: \"e-${SESSION_ID}\"}\nspec: {size: 1}\n\
        ---\napiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: \"home-${SESSION_ID}\"}\n\
        spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}\n";
    let mut file = tempfile::NamedTempFile::new()?;
    file.write_all(manifest.as_bytes())?;
    let path = file.path().to_string_lossy();
    let create = [
        "create",
        "w",
        "-f",
        &*path,
        "--primary",
        "engine/e-${SESSION_ID}",
    ];
    world
        .session(&[&create[..], &["--timeout", "60s"]].concat())?
        .exits(0)?;
    Workload(world).is("running")?;
    let gone = ["delete", "crd", "engines.live.example.com", "--timeout=60s"];
    world.cluster.kubectl_ok(&gone, None)?;
    // The garbage collector may not know the kind yet, and then leaves its Pod.
    let pod = ["delete", "pod", "machine", "--ignore-not-found"];
    world.namespace.kubectl(&pod, None)?;
    let gone = "the Pods of Engine \"e-w\" are gone: the object, its kind or the Pods were deleted";
    for (args, code, words) in [
        (&["list", "w"][..], 0, "PodLost"),
        (&["status", "w"], 0, gone),
        (&["connect", "w", "--no-start", "--", "true"], 1, gone),
        (&["logs", "w"], 1, "engine/e-w has no Pods"),
        (
            &["start", "w"],
            1,
            "the server does not have Engine (live.example.com/v1)",
        ),
        (&["stop", "w", "-y"], 0, "stopped"),
        (&["status", "w"], 0, "stopped"),
        (&["delete", "w", "--dry-run=server"], 0, "deleted"),
    ] {
        let answer = world.session(args)?.exits(code)?;
        let text = format!("{}{}", answer.stdout, answer.stderr);
        ensure!(text.contains(words), "{args:?}: {text}");
    }
    let claim = ["get", "pvc", "home-w", "-o", "name"];
    world.namespace.kubectl(&claim, None)?;
    world.session(&["delete", "w", "-y"])?.exits(0)?;
    let left = ["get", "sessions.streaming.platform", "-o", "name"];
    ensure!(world.namespace.kubectl(&left, None)?.is_empty());
    Ok(())
}

fn machine_lives(world: &World) -> Result<()> {
    let manifest = "apiVersion: live.example.com/v1\nkind: Machine\nmetadata: {name: \"m-${SESSION_ID}\"}\nspec: {size: 1}\n";
    let mut file = tempfile::NamedTempFile::new()?;
    file.write_all(manifest.as_bytes())?;
    let path = file.path().to_string_lossy();
    let unnamed = world.session(&["create", "w", "-f", &path])?.exits(1)?;
    ensure!(
        unnamed.stderr.contains(
            "if one of Machine/m-w owns the session's Pods, name it: --primary KIND/NAME"
        ),
        "{unnamed:?}"
    );
    let named = [
        "create",
        "w",
        "-f",
        &*path,
        "--primary",
        "machine/m-${SESSION_ID}",
        "--timeout",
        "60s",
    ];
    world.session(&named)?.exits(0)?;
    let session = Workload(world);
    session.is("running")?;
    session.rests_and_runs_again(1)?;
    let logs = world.session(&["logs", "w"])?.exits(0)?;
    ensure!(logs.stdout.is_empty(), "{logs:?}");
    session.verb(&["delete", "w", "-y"])?;
    let wait = [
        "wait",
        "--for=delete",
        "machine/m-w",
        "pod/machine",
        "--timeout=60s",
    ];
    world.namespace.kubectl(&wait, None).map(drop)
}

const SANDBOX: &str = r#"
apiVersion: agents.x-k8s.io/v1beta1
kind: Sandbox
metadata:
  name: "sandbox-${SESSION_ID}"
  annotations:
    streaming.platform/workload: |
      stop: {spec: {operatingMode: Suspended}}
      start: {spec: {operatingMode: Running}}
      ready: {condition: Ready}
spec:
  podTemplate:
    spec: {terminationGracePeriodSeconds: 1, containers: [CONTAINER]}
"#;

fn a_sandbox_is_suspended_by_a_patch() -> Result<()> {
    let world = World::installed("sandbox")?;
    let controller = AgentSandbox::start(&world.cluster)?;
    sandbox_lives(&world).with_context(|| format!("the controller says:\n{}", controller.log()))
}

fn sandbox_lives(world: &World) -> Result<()> {
    let unsaid = SANDBOX.replace("streaming.platform/workload", "example.com/ignored");
    let mut file = tempfile::NamedTempFile::new()?;
    file.write_all(unsaid.replace("CONTAINER", CONTAINER).as_bytes())?;
    let path = file.path().to_string_lossy();
    let refused = world.session(&["create", "w", "-f", &path])?.exits(1)?;
    ensure!(
        refused.stderr.contains(
            "Sandbox \"sandbox-w\" could not be stopped: its kind has no scale subresource"
        ),
        "{refused:?}"
    );
    let session = Workload::created(world, SANDBOX)?;
    let uid = session.field("sandbox/sandbox-w", "{.metadata.uid}")?;
    session.rests_and_runs_again(1)?;
    ensure!(session.field("sandbox/sandbox-w", "{.metadata.uid}")? == uid);
    session.verb(&["stop", "w", "--dry-run=server"])?;
    ensure!(session.pods()? == 1);
    session.is_deleted_without_a_trace("sandbox")
}
