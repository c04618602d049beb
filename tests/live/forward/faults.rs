//! What goes wrong with one connection, and what connections leave behind.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::forwarding::Forwarding;
use super::serving;
use crate::world::World;
use crate::{Live, kubelet};

pub(crate) fn tests() -> Vec<Live> {
    vec![
        kubelet(
            "forward_a_refused_port_harms_no_other",
            a_refused_port_harms_no_other,
        ),
        kubelet(
            "forward_connections_leave_no_descriptor",
            connections_leave_no_descriptor,
        ),
    ]
}

fn a_refused_port_harms_no_other() -> Result<()> {
    let world = serving(World::installed("refused")?)?;
    let forwarding = Forwarding::start(&world, &[":echo", ":7999"])?;
    let mut other = forwarding.connect(0)?;
    other.write_all(b"before")?;
    let mut refused = forwarding.connect(1)?;
    let ended = refused.read(&mut [0; 8]);
    ensure!(
        ended
            .as_ref()
            .is_err_and(|e| e.kind() == std::io::ErrorKind::ConnectionReset),
        "{ended:?}"
    );
    other.write_all(b" after")?;
    let mut back = [0; 12];
    other.read_exact(&mut back)?;
    ensure!(&back == b"before after");
    forwarding.echoes()?;
    forwarding.until_said(
        "failed to forward to port 7999: no process in the Pod listens on the port; ports of the Pod are 7000 (echo)\n",
    )?;
    ensure!(
        forwarding.said().lines().count() == 1,
        "{}",
        forwarding.said()
    );
    Ok(())
}

fn connections_leave_no_descriptor() -> Result<()> {
    let world = serving(World::installed("cycles")?)?;
    let forwarding = Forwarding::start(&world, &[":echo"])?;
    forwarding.echoes()?;
    let before = forwarding.descriptors()?;
    for cycle in 0..500 {
        forwarding
            .echoes()
            .with_context(|| format!("cycle {cycle}"))?;
    }
    let begun = Instant::now();
    while forwarding.descriptors()? > before {
        let left = forwarding.descriptors()?;
        ensure!(
            begun.elapsed() < Duration::from_secs(10),
            "{before}, then {left}"
        );
    }
    ensure!(forwarding.said().is_empty(), "{}", forwarding.said());
    Ok(())
}
