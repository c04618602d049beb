//! What is lost and found again, at the same local port.

use std::time::Duration;

use anyhow::{Result, ensure};
use session_cluster::Part;

use super::forwarding::Forwarding;
use super::serving;
use crate::world::World;
use crate::{Live, kubelet};

pub(crate) fn tests() -> Vec<Live> {
    vec![
        kubelet("forward_a_new_pod_is_found", a_new_pod_is_found),
        kubelet(
            "forward_a_server_that_dies_is_found",
            a_server_that_dies_is_found,
        )
        .alone(),
    ]
}

fn a_new_pod_is_found() -> Result<()> {
    let world = serving(World::installed("replaced")?)?;
    let forwarding = Forwarding::start(&world, &[":echo"])?;
    forwarding.echoes()?;
    world
        .namespace
        .kubectl(&["delete", "pod", "-l", "app=servers", "--wait=true"], None)?;
    forwarding.until_it_echoes()?;
    told_once_each(&forwarding)
}

fn a_server_that_dies_is_found() -> Result<()> {
    let world = World::alone("dies")?;
    world.session(&["setup"])?.exits(0)?;
    let world = serving(world)?;
    let forwarding = Forwarding::start(&world, &[":echo"])?;
    forwarding.echoes()?;
    let server = world.cluster.part(Part::ApiServer);
    server.kill()?;
    forwarding.until_said("Lost connection to the Pod")?;
    server.start()?;
    let took = forwarding.until_it_echoes()?;
    ensure!(took < Duration::from_secs(10), "{took:?}");
    told_once_each(&forwarding)
}

fn told_once_each(forwarding: &Forwarding) -> Result<()> {
    forwarding.until_said("Forwarding to pod")?;
    let (lost, back) = (
        forwarding.times("Lost connection to the Pod"),
        forwarding.times("Forwarding to pod"),
    );
    ensure!((lost, back) == (1, 1), "it said: {}", forwarding.said());
    Ok(())
}
