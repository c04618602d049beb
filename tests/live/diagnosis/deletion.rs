//! Objects that stay although they are deleted.

use anyhow::Result;

use super::{BUSYBOX, create, says};
use crate::world::World;
use crate::{Live, kubelet};

pub(super) fn tests() -> Vec<Live> {
    vec![kubelet("diagnosis_of_a_finalizer", a_finalizer)]
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
    let said = world.session(&["delete", "held", "-y", "--timeout", "3s"]);
    let freed = finalizers("null");
    says(
        said,
        &[
            "error: timed out waiting for the condition on pod/held\n",
            "  Pod \"held\" is held by finalizer example.com/hold, which its controller has not removed yet\n",
            "    finalizers: example.com/hold\n",
            "hint: check that the controller of the finalizer runs",
        ],
    )?;
    freed?;
    world.session(&["delete", "held", "-y"])?.exits(0).map(drop)
}
