//! Claims that no volume fits.

use anyhow::{Result, ensure};
use session_cluster::Cluster;

use super::{BUSYBOX, create, create_file, pod, says, says_at_the_end_of_file};
use crate::world::World;
use crate::{Live, kubelet};

pub(super) fn tests() -> Vec<Live> {
    vec![kubelet("diagnosis_of_claims", claims)]
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
            "session \"unnamed\" did not become ready: claim \"unnamed\" of pod \"unnamed\" names no StorageClass, and no volume matches the claim\n",
            ": FailedBinding: ",
            "  claim \"unnamed\": Pending, StorageClass \"\" (explicitly none), 1Gi ReadWriteOnce\n",
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
            "hint: use an existing StorageClass",
        ],
    )?;
    for (name, class) in [("nobody", &now), ("nobody-late", &late)] {
        says_at_the_end_of_file(
            &world,
            name,
            3,
            &with(name, class, "")?,
            &[
                &format!(
                    "  claim \"{name}\" of pod \"{name}\" waits for provisioner \"nobody.example.com\" to create its volume\n"
                ),
                ": ExternalProvisioning: ",
                "    CSI driver \"nobody.example.com\" is not installed",
                "hint: check that the provisioner runs",
            ],
        )?;
    }
    // A claim that waits for its first consumer is nothing wrong: what keeps the Pod from a node is.
    let consumer = says_at_the_end_of_file(
        &world,
        "consumer",
        2,
        &with(
            "consumer",
            &late,
            &format!("nodeSelector: {{disk: {own}}},"),
        )?,
        &[
            " no node fits pod \"consumer\": ",
            "without the labels that its nodeSelector",
        ],
    )?;
    ensure!(!consumer.stderr.contains("claim \""), "{consumer:?}");
    let gone = format!(
        "volumes: [{{name: v, persistentVolumeClaim: {{claimName: gone}}}}], containers: [{{name: main, {BUSYBOX}, volumeMounts: [{{name: v, mountPath: /v}}]}}]"
    );
    says(
        create(&world, "gone", "60s", &gone),
        &[
            "session \"gone\" did not become ready: pod \"gone\" mounts claim \"gone\", which does not exist\n",
            "hint: create claim \"gone\"",
        ],
    )
}
