//! Secrets, ConfigMaps and keys that are not there.

use anyhow::Result;

use super::{BUSYBOX, create, says};
use crate::world::World;
use crate::{Live, kubelet};

pub(super) fn tests() -> Vec<Live> {
    vec![kubelet(
        "diagnosis_of_missing_references",
        missing_references,
    )]
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
            "needs key \"port\" of Secret \"half\", which has no such key\n",
        ),
        (
            "config-key",
            key("configMap", "kube-root-ca.crt"),
            "needs key \"port\" of ConfigMap \"kube-root-ca.crt\", which has no such key\n",
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
