//! Every way not to come up, brought about for real: what `create` says about it.

mod admission;
mod registry;

use anyhow::{Result, ensure};
use session_cluster::Cluster;
use tempfile::NamedTempFile;

use crate::world::{Output, World, run};
use crate::{Live, kubelet, server};

pub(crate) fn tests() -> Vec<Live> {
    let mut all = vec![
        kubelet("diagnosis_of_images", images),
        kubelet("diagnosis_of_containers_that_end", containers_that_end),
        kubelet("diagnosis_of_a_crash_loop", a_crash_loop),
        kubelet("diagnosis_of_probes", probes),
        kubelet("diagnosis_of_init_containers", init_containers),
        kubelet("diagnosis_of_missing_references", missing_references),
        kubelet("diagnosis_of_scheduling", scheduling),
        kubelet("diagnosis_of_a_gpu_in_use", a_gpu_in_use),
        kubelet("diagnosis_of_a_taint", a_taint),
        kubelet("diagnosis_of_claims", claims),
        kubelet("diagnosis_without_rights", without_rights),
        kubelet("diagnosis_of_a_finalizer", a_finalizer),
    ];
    all.extend(admission::tests());
    all.push(server("diagnosis_of_limits", limits));
    all
}

/// The image every node has.
const BUSYBOX: &str = "image: \"localhost/busybox:1\", imagePullPolicy: Never";

/// A Pod of one session: the fields of its spec, and further documents.
fn pod(spec: &str, rest: &str) -> Result<NamedTempFile> {
    file(&format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: \"${{SESSION_ID}}\"}}\nspec: {{terminationGracePeriodSeconds: 0, {spec}}}\n{rest}"
    ))
}

pub(crate) fn file(text: &str) -> Result<NamedTempFile> {
    use std::io::Write;
    let mut file = NamedTempFile::new()?;
    file.write_all(text.as_bytes())?;
    Ok(file)
}

/// What `create` of such a Pod says.
fn create(world: &World, name: &str, timeout: &str, spec: &str) -> Result<Output> {
    let file = pod(spec, "")?;
    create_file(world, name, timeout, &file)
}

pub(crate) fn create_file(
    world: &World,
    name: &str,
    timeout: &str,
    file: &NamedTempFile,
) -> Result<Output> {
    let path = file.path().to_string_lossy().into_owned();
    world.session(&[
        "create",
        name,
        "-f",
        &path,
        "--timeout",
        timeout,
        "--skip-checks",
    ])
}

/// `create` failed, and its standard error has all these texts, in this order.
pub(crate) fn says(failed: Result<Output>, texts: &[&str]) -> Result<()> {
    let failed = failed?.exits(1)?;
    let mut rest = failed.stderr.as_str();
    for text in texts {
        let Some((_, after)) = rest.split_once(text) else {
            anyhow::bail!("not said, or not in its place: {text}\n{}", failed.stderr);
        };
        rest = after;
    }
    Ok(())
}

fn images() -> Result<()> {
    let world = World::installed("diag-image")?;
    let registry = registry::start()?;
    let image = |name: &str, policy: &str| {
        format!("containers: [{{name: main, image: \"{name}\", imagePullPolicy: {policy}}}]")
    };
    says(
        create(
            &world,
            "never",
            "60s",
            &image("localhost/no-such:1", "Never"),
        ),
        &[
            "error: session \"never\" did not get ready: container \"main\" of pod \"never\": image \"localhost/no-such:1\" is not on node \"localhost\" and its pull policy is Never\n",
            "  container \"main\": waiting: ErrImageNeverPull: ",
            "hint: bring the image to the node, or change imagePullPolicy",
        ],
    )?;
    says(
        create(
            &world,
            "invalid",
            "60s",
            &image("localhost/UPPER:1", "IfNotPresent"),
        ),
        &[
            "container \"main\" of pod \"invalid\": image name \"localhost/UPPER:1\" is not valid",
            "  container \"main\": waiting: InvalidImageName",
        ],
    )?;
    says(
        create(
            &world,
            "login",
            "60s",
            &image(&format!("{registry}/private/x:1"), "Always"),
        ),
        &[
            &format!(
                "registry \"{registry}\" refuses image \"{registry}/private/x:1\" without a login, or does not have it"
            ),
            "  container \"main\": waiting: ErrImagePull: ",
            "hint: name a Secret with the registry's login in imagePullSecrets",
        ],
    )?;
    says(
        create(
            &world,
            "absent",
            "60s",
            &image(&format!("{registry}/x:1"), "Always"),
        ),
        &[
            &format!("registry \"{registry}\" does not have image \"{registry}/x:1\""),
            "not found",
            "hint: check the image's name and tag",
        ],
    )?;
    // Nobody listens there: a registry that is restarted comes back, so it is waited for.
    says(
        create(&world, "away", "3s", &image("127.0.0.1:1/x:1", "Always")),
        &[
            "timed out",
            "  container \"main\" of pod \"away\": registry \"127.0.0.1:1\" of image \"127.0.0.1:1/x:1\" cannot be reached from the node",
            "connection refused",
        ],
    )
}

/// A container that is not ready before its probe says so, and never is: what ends it decides.
const UNREADY: &str = "readinessProbe: {exec: {command: [\"false\"]}}";

fn containers_that_end() -> Result<()> {
    let world = World::installed("diag-end")?;
    let sh = |script: &str, more: &str| {
        format!(
            "containers: [{{name: main, {BUSYBOX}, command: [sh, -c, \"{script}\"], {UNREADY}{more}}}]"
        )
    };
    says(
        create(
            &world,
            "once",
            "60s",
            &format!(
                "restartPolicy: Never, {}",
                sh("echo no config found; exit 3", "")
            ),
        ),
        &[
            "session \"once\" did not get ready: container \"main\" of pod \"once\" ended with exit code 3\n",
            "  container \"main\": terminated: Error, exit code 3\n",
            "  log of container \"main\", its last lines:\n    no config found\n",
        ],
    )?;
    says(
        create(
            &world,
            "memory",
            "60s",
            &format!(
                "restartPolicy: Never, {}",
                sh(
                    "x=a; while true; do x=$x$x; done",
                    ", resources: {limits: {memory: 20Mi}}"
                )
            ),
        ),
        &[
            "container \"main\" of pod \"memory\" was killed for more memory than its limit of 20Mi (OOMKilled)\n",
            "exit code 137",
            "hint: raise the container's memory limit",
        ],
    )?;
    says(
        create(
            &world,
            "command",
            "60s",
            &format!("containers: [{{name: main, {BUSYBOX}, command: [/no/such]}}]"),
        ),
        &[
            "container \"main\" of pod \"command\" could not be started: exec: \"/no/such\": stat /no/such: no such file or directory\n",
            "hint: correct the container's command or image",
        ],
    )
}

fn a_crash_loop() -> Result<()> {
    let world = World::installed("diag-crash")?;
    let spec = format!(
        "containers: [{{name: main, {BUSYBOX}, command: [sh, -c, \"echo boom; exit 3\"], {UNREADY}}}]"
    );
    says(
        create(&world, "soon", "4s", &spec),
        &[
            "error: timed out waiting for the condition on session.streaming.platform/soon\n",
            "  container \"main\" of pod \"soon\" ended with exit code 3 and was restarted",
            "    log of container \"main\", its last lines:\n      boom\n",
        ],
    )
}

fn probes() -> Result<()> {
    let world = World::installed("diag-probe")?;
    says(
        create(
            &world,
            "ready",
            "4s",
            &format!(
                "containers: [{{name: main, {BUSYBOX}, command: [sleep, \"600\"], readinessProbe: {{httpGet: {{port: 81}}, periodSeconds: 1}}}}]"
            ),
        ),
        &[
            "  container \"main\" of pod \"ready\" runs, but its readiness probe fails: Get \"http://",
            "connection refused\n",
            ": Unhealthy: Readiness probe failed: ",
            "hint: have the readiness probe's target answer",
        ],
    )?;
    says(
        create(
            &world,
            "alive",
            "15s",
            &format!(
                "containers: [{{name: main, {BUSYBOX}, command: [sleep, \"600\"], {UNREADY}, livenessProbe: {{exec: {{command: [sh, -c, \"echo too slow; false\"]}}, periodSeconds: 1, failureThreshold: 1}}}}]"
            ),
        ),
        &[
            "  container \"main\" of pod \"alive\" was ended with exit code 137, because its liveness probe fails, and was restarted",
            ": Unhealthy: Liveness probe failed: too slow",
            "hint: have the probe's target answer in time",
        ],
    )
}

fn init_containers() -> Result<()> {
    let world = World::installed("diag-init")?;
    let spec = format!(
        "initContainers: [{{name: prepare, {BUSYBOX}, command: [sh, -c, \"echo no root file system; exit 4\"]}}], containers: [{{name: main, {BUSYBOX}}}]"
    );
    says(
        create(
            &world,
            "never",
            "60s",
            &format!("restartPolicy: Never, {spec}"),
        ),
        &[
            "session \"never\" did not get ready: init container \"prepare\" of pod \"never\" ended with exit code 4\n",
            "  log of container \"prepare\", its last lines:\n    no root file system\n",
        ],
    )?;
    says(
        create(&world, "again", "4s", &spec),
        &[
            "  init container \"prepare\" of pod \"again\" ended with exit code 4 and was restarted",
            "      no root file system\n",
        ],
    )
}

fn missing_references() -> Result<()> {
    let world = World::installed("diag-ref")?;
    let with = |field: &str| {
        format!("containers: [{{name: main, {BUSYBOX}, command: [sleep, \"600\"], {field}}}]")
    };
    let key = |kind: &str, name: &str| {
        with(&format!(
            "env: [{{name: A, valueFrom: {{{kind}KeyRef: {{name: {name}, key: port}}}}}}]"
        ))
    };
    world.namespace.kubectl(
        &[
            "create",
            "secret",
            "generic",
            "half",
            "--from-literal=host=a",
        ],
        None,
    )?;
    for (name, spec, text) in [
        (
            "secret",
            with("envFrom: [{secretRef: {name: gone}}]"),
            "needs Secret \"gone\", which does not exist\n",
        ),
        (
            "config",
            with("envFrom: [{configMapRef: {name: gone}}]"),
            "needs ConfigMap \"gone\", which does not exist\n",
        ),
        (
            "secret-key",
            key("secret", "half"),
            "needs key \"port\" of Secret \"half\", which does not have it\n",
        ),
        (
            "config-key",
            key("configMap", "kube-root-ca.crt"),
            "needs key \"port\" of ConfigMap \"kube-root-ca.crt\", which does not have it\n",
        ),
    ] {
        let whole = format!("container \"main\" of pod \"{name}\" {text}");
        says(
            create(&world, name, "60s", &spec),
            &[&whole, "CreateContainerConfigError", "hint: "],
        )?;
    }
    let mounted = with("volumeMounts: [{name: conf, mountPath: /conf}]");
    says(
        create(
            &world,
            "volume",
            "60s",
            &format!("volumes: [{{name: conf, secret: {{secretName: gone}}}}], {mounted}"),
        ),
        &[
            "volume \"conf\" of pod \"volume\" needs Secret \"gone\", which does not exist\n",
            ": FailedMount: MountVolume.SetUp failed",
        ],
    )
}

fn asking(resources: &str) -> String {
    format!("containers: [{{name: main, {BUSYBOX}, resources: {{limits: {{{resources}}}}}}}]")
}

fn scheduling() -> Result<()> {
    let world = World::installed("diag-room")?;
    let resource = format!("{}.example.com/gpu", world.namespace.name());
    for (name, spec, why, fact, hint) in [
        (
            "cpu",
            asking("cpu: 640"),
            "without enough free cpu (640 requested)",
            "    node \"localhost\": ".to_owned(),
            "hint: ask for less: no node has more than ",
        ),
        (
            "memory",
            asking("memory: 64Ti"),
            "without enough free memory (64Ti requested)",
            "    node \"localhost\": ".to_owned(),
            "hint: ask for less: no node has more than ",
        ),
        (
            "gpu",
            asking(&format!("{resource}: 1")),
            &format!("without enough free {resource} (1 requested)"),
            format!("    no node offers {resource}\n"),
            "hint: add a node that offers ",
        ),
        (
            "selector",
            format!(
                "nodeSelector: {{disk: {}}}, containers: [{{name: main, {BUSYBOX}}}]",
                world.namespace.name()
            ),
            "without the labels its nodeSelector or affinity wants",
            "    0 of ".to_owned(),
            "hint: change the nodeSelector or affinity, or label a node",
        ),
    ] {
        let begin = format!("  no node takes pod \"{name}\": ");
        says(
            create(&world, name, "1s", &spec),
            &[
                "error: timed out",
                &begin,
                why,
                "FailedScheduling: 0/",
                &fact,
                hint,
            ],
        )?;
    }
    Ok(())
}

/// An extended resource of this test's own on the real node, taken away at the end.
struct Gpu<'a>(&'a Cluster, String);

impl<'a> Gpu<'a> {
    fn patched(cluster: &'a Cluster, name: &str, change: &str) -> Result<Self> {
        // A slash in a JSON pointer is ~1.
        let path = format!("/status/capacity/{name}~1gpu");
        let patch = format!("[{{\"op\": \"add\", \"path\": \"{path}\", \"value\": \"{change}\"}}]");
        cluster.kubectl_ok(
            &[
                "patch",
                "node",
                "localhost",
                "--subresource=status",
                "--type=json",
                "-p",
                &patch,
            ],
            None,
        )?;
        Ok(Self(cluster, path))
    }
}

impl Drop for Gpu<'_> {
    fn drop(&mut self) {
        let allocatable = self.1.replace("capacity", "allocatable");
        for path in [&self.1, &allocatable] {
            let patch = format!("[{{\"op\": \"remove\", \"path\": \"{path}\"}}]");
            // The kubelet may have been faster with one of them.
            let _ = self.0.kubectl_ok(
                &[
                    "patch",
                    "node",
                    "localhost",
                    "--subresource=status",
                    "--type=json",
                    "-p",
                    &patch,
                ],
                None,
            );
        }
    }
}

fn a_gpu_in_use() -> Result<()> {
    let world = World::installed("diag-gpu")?;
    let domain = format!("{}.example.com", world.namespace.name());
    let _gpu = Gpu::patched(&world.cluster, &domain, "2")?;
    let wait = format!(
        "--for=jsonpath={{.status.allocatable.{}/gpu}}=2",
        domain.replace('.', "\\.")
    );
    world
        .cluster
        .kubectl_ok(&["wait", &wait, "node/localhost", "--timeout=30s"], None)?;
    let running = format!(
        "containers: [{{name: main, {BUSYBOX}, command: [sleep, \"600\"], resources: {{limits: {{{domain}/gpu: 2}}}}}}]"
    );
    create(&world, "first", "60s", &running)?.exits(0)?;
    says(
        create(&world, "second", "1s", &asking(&format!("{domain}/gpu: 1"))),
        &[
            &format!("without enough free {domain}/gpu (1 requested)"),
            &format!(
                "    node \"localhost\": Pods there have taken 2 of 2 {domain}/gpu, 1 more is requested\n"
            ),
            &format!(
                "hint: ask for less {domain}/gpu, delete sessions that are no longer needed, or add a node"
            ),
        ],
    )
}

/// A node that is none: nothing runs on it, and nothing may. Taken away at the end.
struct Node<'a>(&'a Cluster, String);

impl Drop for Node<'_> {
    fn drop(&mut self) {
        // What fails here has failed before: the test says why.
        let _ = self.0.kubectl_ok(&["delete", "node", &self.1], None);
    }
}

fn a_taint() -> Result<()> {
    let world = World::installed("diag-taint")?;
    let name = world.namespace.name().to_owned();
    let manifest = format!(
        "{{apiVersion: v1, kind: Node, metadata: {{name: {name}, labels: {{disk: {name}}}}}, spec: {{taints: [{{key: example.com/own, value: theirs, effect: NoSchedule}}]}}}}"
    );
    world
        .cluster
        .kubectl_ok(&["create", "-f", "-"], Some(&manifest))?;
    let _node = Node(&world.cluster, name.clone());
    says(
        create(
            &world,
            "taint",
            "2s",
            &format!("nodeSelector: {{disk: {name}}}, containers: [{{name: main, {BUSYBOX}}}]"),
        ),
        &[
            "  no node takes pod \"taint\": ",
            "with a taint it does not tolerate\n",
            &format!("    1 of 2 nodes have label disk={name}\n"),
            &format!("    node {name:?}: taint example.com/own=theirs:NoSchedule"),
            "add a toleration for the taint, or take the taint away",
        ],
    )
}

/// A StorageClass whose volumes nobody makes, taken away at the end.
struct Class<'a>(&'a Cluster, String);

impl<'a> Class<'a> {
    fn made(cluster: &'a Cluster, name: &str, mode: &str) -> Result<Self> {
        let manifest = format!(
            "{{apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {{name: {name}}}, provisioner: nobody.example.com, volumeBindingMode: {mode}}}"
        );
        cluster.kubectl_ok(&["create", "-f", "-"], Some(&manifest))?;
        Ok(Self(cluster, name.to_owned()))
    }
}

impl Drop for Class<'_> {
    fn drop(&mut self) {
        let _ = self
            .0
            .kubectl_ok(&["delete", "storageclass", &self.1], None);
    }
}

fn claims() -> Result<()> {
    let world = World::installed("diag-claim")?;
    let own = world.namespace.name();
    let (now, late) = (format!("{own}-now"), format!("{own}-late"));
    let _now = Class::made(&world.cluster, &now, "Immediate")?;
    let _late = Class::made(&world.cluster, &late, "WaitForFirstConsumer")?;
    let with = |name: &str, class: &str, more: &str| {
        let mount = format!(
            "{more} volumes: [{{name: v, persistentVolumeClaim: {{claimName: {name}}}}}], containers: [{{name: main, {BUSYBOX}, volumeMounts: [{{name: v, mountPath: /v}}]}}]"
        );
        pod(
            &mount,
            &format!(
                "---\napiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {{name: {name}}}\nspec: {{accessModes: [ReadWriteOnce], storageClassName: \"{class}\", resources: {{requests: {{storage: 1Gi}}}}}}\n"
            ),
        )
    };
    says(
        create_file(&world, "unnamed", "60s", &with("unnamed", "", "")?),
        &[
            "session \"unnamed\" did not get ready: claim \"unnamed\" of pod \"unnamed\" names no StorageClass, and no volume fits it\n",
            ": FailedBinding: ",
            "  claim \"unnamed\": Pending, StorageClass \"\" (none, on purpose), 1Gi ReadWriteOnce\n",
            "  StorageClasses: ",
        ],
    )?;
    says(
        create_file(
            &world,
            "unknown",
            "60s",
            &with("unknown", &format!("{own}-no"), "")?,
        ),
        &[
            &format!(
                "claim \"unknown\" of pod \"unknown\" names StorageClass \"{own}-no\", which does not exist\n"
            ),
            ": ProvisioningFailed: ",
            "  StorageClasses: ",
            "hint: name a StorageClass that the cluster has",
        ],
    )?;
    for (name, class) in [("nobody", &now), ("nobody-late", &late)] {
        says(
            create_file(&world, name, "3s", &with(name, class, "")?),
            &[
                &format!(
                    "  claim \"{name}\" of pod \"{name}\" waits for a volume that provisioner \"nobody.example.com\" has not made yet\n"
                ),
                ": ExternalProvisioning: ",
                "    no CSI driver \"nobody.example.com\" is installed",
                "hint: see that the provisioner runs",
            ],
        )?;
    }
    // A claim that waits for its first consumer is nothing wrong: what keeps the Pod from a node is.
    let consumer = create_file(
        &world,
        "consumer",
        "2s",
        &with(
            "consumer",
            &late,
            &format!("nodeSelector: {{disk: {own}}},"),
        )?,
    )?;
    ensure!(!consumer.stderr.contains("claim \""), "{consumer:?}");
    says(
        Ok(consumer),
        &[
            "  no node takes pod \"consumer\": ",
            "without the labels its nodeSelector",
        ],
    )?;
    let gone = format!(
        "volumes: [{{name: v, persistentVolumeClaim: {{claimName: gone}}}}], containers: [{{name: main, {BUSYBOX}, volumeMounts: [{{name: v, mountPath: /v}}]}}]"
    );
    says(
        create(&world, "gone", "60s", &gone),
        &[
            "session \"gone\" did not get ready: pod \"gone\" mounts claim \"gone\", which does not exist\n",
            "hint: make claim \"gone\"",
        ],
    )
}

fn without_rights() -> Result<()> {
    let world = World::installed("diag-rights")?;
    let user = format!("{}@example.com", world.namespace.name());
    let kubeconfig = world.cluster.user_kubeconfig(&user, &[])?;
    world
        .cluster
        .bind_role(world.namespace.name(), &user, "edit")?;
    let file = pod(&asking("cpu: 640"), "")?;
    let path = file.path().to_string_lossy().into_owned();
    let said = run(&mut world.command_as(
        &kubeconfig,
        &["create", "blind", "-f", &path, "--timeout", "1s"],
    ));
    says(
        said,
        &[
            "no node takes pod \"blind\": ",
            "cpu (640 requested)",
            "    not seen: nodes (you may not read it)\n",
            "hint: ask for less cpu",
        ],
    )
}

fn a_finalizer() -> Result<()> {
    let world = World::installed("diag-final")?;
    create(
        &world,
        "held",
        "60s",
        &format!("containers: [{{name: main, {BUSYBOX}, command: [sleep, \"600\"]}}]"),
    )?
    .exits(0)?;
    let finalizers = |list: &str| {
        let patch = format!("{{\"metadata\": {{\"finalizers\": {list}}}}}");
        world.namespace.kubectl(
            &["patch", "pod", "held", "--type=merge", "-p", &patch],
            None,
        )
    };
    finalizers("[\"example.com/hold\"]")?;
    let said = world.session(&["delete", "held", "--timeout", "3s"]);
    let freed = finalizers("null");
    says(
        said,
        &[
            "error: timed out waiting for the condition on pod/held\n",
            "  Pod \"held\" is held by finalizer example.com/hold, which whoever put it there has not taken away\n",
            "    finalizers: example.com/hold\n",
            "hint: have the controller behind the finalizer run",
        ],
    )?;
    freed?;
    world.session(&["delete", "held"])?.exits(0).map(drop)
}

fn limits() -> Result<()> {
    let world = World::installed("diag-limit")?;
    let range = "{apiVersion: v1, kind: LimitRange, metadata: {name: small}, spec: {limits: [{type: Container, max: {memory: 64Mi}}]}}";
    world
        .namespace
        .kubectl(&["create", "-f", "-"], Some(range))?;
    says(
        create(&world, "alone", "60s", &asking("memory: 1Gi")),
        &[
            "Error from server (Forbidden): pods \"alone\" is forbidden: maximum memory usage per Container is 64Mi, but limit is 1Gi",
            "hint: keep the containers' requests and limits within it",
        ],
    )?;
    says(
        create_file(
            &world,
            "set",
            "60s",
            &admission::deployment("resources: {limits: {memory: 1Gi}}")?,
        ),
        &[
            "session \"set\" did not get ready: Deployment \"set\" cannot make its Pod: a LimitRange of the namespace forbids it: maximum memory usage per Container is 64Mi, but limit is 1Gi\n",
            ": FailedCreate: ",
            "  LimitRange \"small\": Container max memory 64Mi\n",
        ],
    )?;
    let quota =
        "{apiVersion: v1, kind: ResourceQuota, metadata: {name: few}, spec: {hard: {pods: \"0\"}}}";
    world
        .namespace
        .kubectl(&["create", "-f", "-"], Some(quota))?;
    world.namespace.kubectl(
        &[
            "wait",
            "--for=jsonpath={.status.hard.pods}=0",
            "quota/few",
            "--timeout=30s",
        ],
        None,
    )?;
    says(
        create_file(
            &world,
            "many",
            "60s",
            &admission::deployment("resources: {limits: {memory: 1Mi}}")?,
        ),
        &[
            "Deployment \"many\" cannot make its Pod: quota \"few\" is exceeded: requested: pods=1, used: pods=0, limited: pods=0\n",
            "  quota \"few\": pods 0 of 0 used\n",
            "hint: ask for less, delete sessions that are no longer needed, or have the quota raised",
        ],
    )
}
