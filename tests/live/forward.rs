//! `connect --port-forward` on the real cluster: one connection for all, ends, faults, and what is lost and found again.
//!
//! Long because the proofs of a forwarded port share one world.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use session_cluster::Part;

use crate::world::World;
use crate::{Live, kubelet};

pub(crate) fn tests() -> Vec<Live> {
    vec![
        kubelet(
            "forward_fifty_connections_are_one_upgrade",
            fifty_connections_are_one_upgrade,
        ),
        kubelet("forward_each_side_ends_by_itself", each_side_ends_by_itself),
        kubelet(
            "forward_a_refused_port_harms_no_other",
            a_refused_port_harms_no_other,
        ),
        kubelet(
            "forward_connections_leave_no_descriptor",
            connections_leave_no_descriptor,
        ),
        kubelet("forward_a_gibibyte_is_exact", a_gibibyte_is_exact),
        kubelet("forward_a_new_pod_is_found", a_new_pod_is_found),
        kubelet(
            "forward_a_server_that_dies_is_found",
            a_server_that_dies_is_found,
        ),
    ]
}

/// What listens in the session: 7000 sends back what it gets, 7001 says what it was sent before, 7002 keeps what it is sent, unless
/// that is nothing, as from its probe.
const SERVERS: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata:
  name: servers
spec:
  replicas: 1
  selector: {matchLabels: {app: servers}}
  template:
    metadata:
      labels: {app: servers}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: main
        image: localhost/busybox:1
        imagePullPolicy: Never
        ports: [{name: echo, containerPort: 7000}]
        readinessProbe: {tcpSocket: {port: 7002}, periodSeconds: 1}
        command:
        - sh
        - -c
        - |
          printf '#!/bin/sh\nexec cat\n' > /tmp/echo
          printf '#!/bin/sh\ncat /tmp/kept\n' > /tmp/tell
          printf '#!/bin/sh\nexec 1>&-\nnew=$(mktemp)\ncat > $new\n[ -s $new ] && mv $new /tmp/kept\n' > /tmp/keep
          chmod +x /tmp/echo /tmp/tell /tmp/keep
          nc -ll -p 7000 -e /tmp/echo & nc -ll -p 7001 -e /tmp/tell & exec nc -ll -p 7002 -e /tmp/keep
"#;

/// A world with a session `s` that serves.
fn serving(world: World) -> Result<World> {
    let mut file = tempfile::NamedTempFile::new()?;
    file.write_all(SERVERS.as_bytes())?;
    world
        .session(&["create", "s", "-f", &file.path().to_string_lossy()])?
        .exits(0)?;
    Ok(world)
}

/// A forward that runs. Ended when it is dropped.
struct Forwarding {
    child: Child,
    ports: Vec<u16>,
    said: Arc<Mutex<String>>,
}

impl Forwarding {
    fn start(world: &World, ports: &[&str]) -> Result<Self> {
        let flags = ports.iter().flat_map(|port| ["--port-forward", *port]);
        let args: Vec<&str> = ["connect", "s"].into_iter().chain(flags).collect();
        let mut child = world
            .command(&args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let said = Arc::new(Mutex::new(String::new()));
        let (hears, stderr) = (said.clone(), child.stderr.take().context("no stderr")?);
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let mut said = hears.lock().unwrap_or_else(PoisonError::into_inner);
                said.push_str(&line);
                said.push('\n');
            }
        });
        let mut lines = BufReader::new(child.stdout.take().context("no stdout")?).lines();
        let mut found = Vec::new();
        for _ in ports {
            let line = lines.next().context("it ended")??;
            let place = line
                .strip_prefix("Forwarding from 127.0.0.1:")
                .and_then(|rest| rest.split_once(" -> "));
            found.push(place.with_context(|| line.clone())?.0.parse()?);
        }
        // Or it would stop at a full pipe.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        Ok(Self {
            child,
            ports: found,
            said,
        })
    }

    fn connect(&self, index: usize) -> Result<TcpStream> {
        let stream = TcpStream::connect(("127.0.0.1", self.ports[index]))?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        Ok(stream)
    }

    /// Sends a word through the echo.
    fn echoes(&self) -> Result<()> {
        let mut stream = self.connect(0)?;
        stream.write_all(b"hello")?;
        let mut back = [0; 5];
        stream.read_exact(&mut back)?;
        ensure!(&back == b"hello");
        Ok(())
    }

    /// How long it takes until the echo works again.
    fn until_it_echoes(&self) -> Result<Duration> {
        let begun = Instant::now();
        loop {
            match self.echoes() {
                Ok(()) => return Ok(begun.elapsed()),
                Err(_) if begun.elapsed() < Duration::from_secs(30) => {}
                Err(error) => bail!("{error:#}; it said: {}", self.said()),
            }
        }
    }

    fn said(&self) -> String {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.clone()
    }

    /// How many times it said that.
    fn times(&self, words: &str) -> usize {
        self.said().matches(words).count()
    }

    /// Waits until it has said that.
    fn until_said(&self, words: &str) -> Result<()> {
        let begun = Instant::now();
        while self.times(words) == 0 {
            ensure!(
                begun.elapsed() < Duration::from_secs(30),
                "it said: {}",
                self.said()
            );
            std::thread::yield_now();
        }
        Ok(())
    }

    fn descriptors(&self) -> Result<usize> {
        Ok(std::fs::read_dir(format!("/proc/{}/fd", self.child.id()))?.count())
    }

    /// Ctrl-C: the exit code, and how long it took.
    fn interrupt(mut self) -> Result<(Option<i32>, Duration)> {
        let begun = Instant::now();
        let pid = self.child.id().to_string();
        ensure!(
            Command::new("kill")
                .args(["-INT", &pid])
                .status()?
                .success()
        );
        let status = self.child.wait()?;
        Ok((status.code(), begun.elapsed()))
    }
}

impl Drop for Forwarding {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
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
    ensure!(took < Duration::from_secs(1), "{took:?}");
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
    forwarding.until_said("failed to forward to port 7999: nothing listens on it in the Pod\n")?;
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

fn a_new_pod_is_found() -> Result<()> {
    let world = serving(World::installed("replaced")?)?;
    let forwarding = Forwarding::start(&world, &[":echo"])?;
    forwarding.echoes()?;
    world
        .namespace
        .kubectl(&["delete", "pod", "-l", "app=servers", "--wait=true"], None)?;
    let took = forwarding.until_it_echoes()?;
    ensure!(took < Duration::from_secs(10), "{took:?}");
    told_once_each(&forwarding)
}

fn told_once_each(forwarding: &Forwarding) -> Result<()> {
    forwarding.until_said("Forwarding again, to pod")?;
    let (lost, back) = (
        forwarding.times("Lost connection to the Pod"),
        forwarding.times("Forwarding again"),
    );
    ensure!((lost, back) == (1, 1), "it said: {}", forwarding.said());
    Ok(())
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
