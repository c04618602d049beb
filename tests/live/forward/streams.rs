//! What goes through: many connections in one, each direction to its own end, and every byte.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::forwarding::Forwarding;
use super::serving;
use crate::world::World;
use crate::{Live, kubelet};

pub(crate) fn tests() -> Vec<Live> {
    vec![
        kubelet(
            "forward_fifty_connections_are_one_upgrade",
            fifty_connections_are_one_upgrade,
        ),
        kubelet("forward_each_side_ends_by_itself", each_side_ends_by_itself),
        kubelet("forward_a_gibibyte_is_exact", a_gibibyte_is_exact),
    ]
}

fn fifty_connections_are_one_upgrade() -> Result<()> {
    let world = serving(World::installed("fifty")?)?;
    let forwarding = Forwarding::start(&world, &[":echo"])?;
    let mut streams = Vec::new();
    for _ in 0..50 {
        streams.push(forwarding.connect(0)?);
    }
    for (number, stream) in streams.iter_mut().enumerate() {
        write!(stream, "{number:04}")?;
    }
    for (number, stream) in streams.iter_mut().enumerate() {
        let mut back = [0; 4];
        stream.read_exact(&mut back)?;
        ensure!(
            back == format!("{number:04}").as_bytes(),
            "{number}: {back:?}"
        );
    }
    let (code, took) = forwarding.interrupt()?;
    ensure!(code == Some(130), "{code:?}");
    // It does not wait for the connections to end, which stay open.
    ensure!(took < Duration::from_secs(10), "{took:?}");
    let upgrades = || -> Result<usize> {
        let events = world.cluster.audit(world.namespace.name())?;
        let is_upgrade = |event: &&session_cluster::AuditEvent| event.subresource == "portforward";
        Ok(events.iter().filter(is_upgrade).count())
    };
    // The log tells of a connection when it has ended.
    let begun = Instant::now();
    while upgrades()? == 0 {
        ensure!(
            begun.elapsed() < Duration::from_secs(30),
            "no upgrade in the audit log"
        );
    }
    ensure!(upgrades()? == 1, "{}", upgrades()?);
    Ok(())
}

/// Kubernetes' node gives the other direction one second once one has ended; what that brings must be whole.
fn each_side_ends_by_itself() -> Result<()> {
    let world = serving(World::installed("halves")?)?;
    let forwarding = Forwarding::start(&world, &[":7000", ":7001", ":7002"])?;
    let sent: Vec<u8> = (0..100_000_u32).flat_map(u32::to_be_bytes).collect();
    // We end our side first, and its answer comes whole.
    let mut echo = forwarding.connect(0)?;
    echo.write_all(&sent)?;
    echo.shutdown(Shutdown::Write)?;
    let mut back = Vec::new();
    echo.read_to_end(&mut back)?;
    ensure!(back == sent, "{} bytes came back", back.len());
    // It ended its side first, and what we send arrives whole.
    let mut keep = forwarding.connect(2)?;
    keep.write_all(&sent)?;
    keep.shutdown(Shutdown::Write)?;
    ensure!(keep.read(&mut [0; 8])? == 0, "it says nothing");
    let begun = Instant::now();
    loop {
        let mut kept = Vec::new();
        forwarding.connect(1)?.read_to_end(&mut kept)?;
        if kept == sent {
            break;
        }
        ensure!(
            begun.elapsed() < Duration::from_secs(30),
            "{} bytes were kept",
            kept.len()
        );
    }
    ensure!(forwarding.said().is_empty(), "{}", forwarding.said());
    Ok(())
}

/// A block whose length fits no buffer, again and again: what is lost, doubled or moved shows.
const BLOCK: usize = 1_000_003;
const GIBIBYTE: usize = 1 << 30;

fn a_gibibyte_is_exact() -> Result<()> {
    let world = serving(World::installed("gibibyte")?)?;
    let forwarding = Forwarding::start(&world, &[":echo"])?;
    let mut state = 1_u64;
    let block: Vec<u8> = (0..BLOCK)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 33) as u8
        })
        .collect();
    let mut read = forwarding.connect(0)?;
    let mut write = read.try_clone()?;
    let sent = block.clone();
    let begun = Instant::now();
    let writing = std::thread::spawn(move || -> Result<()> {
        let mut left = GIBIBYTE;
        while left > 0 {
            let length = left.min(BLOCK);
            write.write_all(&sent[..length])?;
            left -= length;
        }
        Ok(())
    });
    let (mut back, mut left) = (vec![0; BLOCK], GIBIBYTE);
    while left > 0 {
        let length = left.min(BLOCK);
        read.read_exact(&mut back[..length])
            .with_context(|| format!("{left} bytes to come; it said: {}", forwarding.said()))?;
        ensure!(back[..length] == block[..length], "{left} bytes to come");
        left -= length;
    }
    let Ok(written) = writing.join() else {
        bail!("the writer failed")
    };
    written?;
    eprintln!(
        "1 GiB there and back: {:.1} s",
        begun.elapsed().as_secs_f64()
    );
    Ok(())
}
