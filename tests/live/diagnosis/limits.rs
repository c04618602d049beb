//! What a LimitRange and a ResourceQuota forbid.

use anyhow::Result;

use super::{admission, asking, create, create_file, says};
use crate::world::World;
use crate::{Live, server};

pub(super) fn tests() -> Vec<Live> {
    vec![server("diagnosis_of_limits", limits)]
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
            "error: cannot start session \"alone\": a LimitRange of the namespace is violated: maximum memory usage per Container is 64Mi, but limit is 1Gi",
            "hint: set requests and limits within the LimitRange",
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
            "session \"set\" did not become ready: Deployment \"set\" cannot create its Pod: a LimitRange of the namespace is violated: maximum memory usage per Container is 64Mi, but limit is 1Gi\n",
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
            "Deployment \"many\" cannot create its Pod: quota \"few\" is exceeded: pods: requested 1, used 0, hard 0\n",
            "  quota \"few\": pods 0 of 0 used\n",
            "hint: request less, or ask an administrator to raise the quota",
        ],
    )
}
