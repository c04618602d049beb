//! Pods that no node takes: no room, no label, a taint; and what is said without the right to see nodes.

use anyhow::Result;
use session_cluster::Cluster;

use super::{BUSYBOX, asking, create, pod, says, says_at_the_end};
use crate::world::{World, run};
use crate::{Live, kubelet};

pub(super) fn tests() -> Vec<Live> {
    vec![
        kubelet("diagnosis_of_scheduling", scheduling),
        kubelet("diagnosis_of_a_gpu_in_use", a_gpu_in_use),
        kubelet("diagnosis_of_a_taint", a_taint),
        kubelet("diagnosis_without_rights", without_rights),
    ]
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
            "hint: request less: no node",
        ),
        (
            "memory",
            asking("memory: 64Ti"),
            "without enough free memory (64Ti requested)",
            "    node \"localhost\": ".to_owned(),
            "hint: request less: no node",
        ),
        (
            "gpu",
            asking(&format!("{resource}: 1")),
            &format!("without enough free {resource} (1 requested)"),
            format!("    no node offers {resource}\n"),
            "hint: add a node that offers ",
        ),
    ] {
        let begin = format!("  no node fits pod \"{name}\": ");
        says_at_the_end(
            &world,
            name,
            1,
            &spec,
            &[
                "error: timed out",
                &begin,
                why,
                // An event says it, or the condition where that is newer: nodes of other tests come and go.
                " nodes are available: ",
                &fact,
                hint,
            ],
        )?;
    }
    // No node gets the label by itself: the wait ends as soon as that is known.
    let own = world.namespace.name();
    let spec = format!("nodeSelector: {{disk: {own}}}, containers: [{{name: main, {BUSYBOX}}}]");
    says(
        create(&world, "selector", "60s", &spec),
        &[
            "error: session \"selector\" did not become ready: no node fits pod \"selector\": ",
            "without the labels that its nodeSelector or affinity requires",
            " nodes are available: ",
            "  0 of ",
            "hint: change the nodeSelector or affinity, or label a node",
        ],
    )
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
    says_at_the_end(
        &world,
        "second",
        1,
        &asking(&format!("{domain}/gpu: 1")),
        &[
            &format!("without enough free {domain}/gpu (1 requested)"),
            &format!(
                "    node \"localhost\": its Pods request 2 of 2 {domain}/gpu, 1 more needed\n"
            ),
            &format!(
                "hint: request less {domain}/gpu, delete sessions that are no longer needed, or add a node"
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
    says_at_the_end(
        &world,
        "taint",
        2,
        &format!("nodeSelector: {{disk: {name}}}, containers: [{{name: main, {BUSYBOX}}}]"),
        &[
            "  no node fits pod \"taint\": ",
            "with a taint that it does not tolerate\n",
            // How many nodes there are depends on what other tests have left: kwok's stays.
            "    1 of ",
            &format!(" nodes have label disk={name}\n"),
            &format!("    node {name:?}: taint example.com/own=theirs:NoSchedule"),
            "add a toleration for the taint, or remove the taint from the node",
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
        &["create", "blind", "-f", &path, "--timeout", "5s"],
    ));
    says(
        said,
        &[
            "no node fits pod \"blind\": ",
            "cpu (640 requested)",
            "    nodes: not available (no permission to read)\n",
            "hint: request less cpu",
        ],
    )
}
