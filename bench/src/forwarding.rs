//! A session that serves, and forwards that lead to its ports: ours and kubectl's.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use crate::process::milliseconds;

/// Sends back what it gets.
pub(crate) const ECHO: u16 = 7000;
/// Sends [`MIBIBYTES`], and ends.
pub(crate) const FLOOD: u16 = 7001;
/// Says `done` when it has got all.
pub(crate) const SINK: u16 = 7002;
/// Says a word, and ends.
pub(crate) const LAST: u16 = 7003;
/// All of them, in this order.
pub(crate) const PORTS: [u16; 4] = [ECHO, FLOOD, SINK, LAST];

/// Bytes sent in one run; the manifest holds the same number.
pub(crate) const MIBIBYTES: usize = 256;
const MIBIBYTE: usize = 1 << 20;
/// Nothing that is measured takes longer.
const LIMIT: Duration = Duration::from_secs(120);

/// The session's manifest: a Deployment, so that its Pod is made anew when it goes.
pub(crate) const MANIFEST: &str = r#"
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
        readinessProbe: {tcpSocket: {port: 7003}, periodSeconds: 1}
        command:
        - sh
        - -c
        - |
          printf '#!/bin/sh\nexec cat\n' > /tmp/echo
          printf '#!/bin/sh\nexec dd if=/dev/zero bs=65536 count=$((256 * 16)) 2>/dev/null\n' > /tmp/flood
          printf '#!/bin/sh\ndd of=/dev/null bs=65536 count=$((256 * 16)) iflag=fullblock 2>/dev/null; echo done\n' > /tmp/sink
          printf '#!/bin/sh\necho last\n' > /tmp/last
          chmod +x /tmp/echo /tmp/flood /tmp/sink /tmp/last
          nc -ll -p 7000 -e /tmp/echo & nc -ll -p 7001 -e /tmp/flood &
          nc -ll -p 7002 -e /tmp/sink & exec nc -ll -p 7003 -e /tmp/last
"#;

/// A forward that runs. Ended when it is dropped.
#[derive(Debug)]
pub(crate) struct Forwarding {
    child: Child,
    ports: Vec<u16>,
}

impl Forwarding {
    /// Starts a program that forwards `count` ports, and waits until it says so.
    pub(crate) fn start(command: &mut Command, count: usize) -> Result<Self> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let stdout = child.stdout.take().context("a program without output")?;
        let mut forwarding = Self {
            child,
            ports: Vec::new(),
        };
        let mut lines = BufReader::new(stdout).lines();
        for _ in 0..count {
            let line = lines.next().context("it ended")??;
            let place = line.strip_prefix("Forwarding from 127.0.0.1:");
            let (port, _) = place
                .and_then(|place| place.split_once(" -> "))
                .with_context(|| format!("no port in {line:?}"))?;
            forwarding.ports.push(port.parse()?);
        }
        // Or it would stop at a full pipe.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        Ok(forwarding)
    }

    /// A new connection to one of the ports, by its place among them.
    pub(crate) fn connect(&self, index: usize) -> Result<TcpStream> {
        let port = self.ports.get(index).context("no such port")?;
        let stream = TcpStream::connect(("127.0.0.1", *port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(LIMIT))?;
        Ok(stream)
    }

    /// Milliseconds from before a new connection to the first byte that comes back.
    pub(crate) fn first_byte(&self) -> Result<f64> {
        let since = Instant::now();
        let mut stream = self.connect(0)?;
        stream.write_all(b"x")?;
        stream.read_exact(&mut [0])?;
        Ok(milliseconds(since))
    }

    /// MiB/s from the session to here.
    pub(crate) fn down(&self) -> Result<f64> {
        let since = Instant::now();
        let mut stream = self.connect(1)?;
        let (mut buffer, mut total) = (vec![0; MIBIBYTE], 0);
        loop {
            match stream.read(&mut buffer)? {
                0 => break,
                count => total += count,
            }
        }
        ensure!(total == MIBIBYTES * MIBIBYTE, "{total} bytes came");
        Ok(speed(since))
    }

    /// MiB/s from here to the session.
    pub(crate) fn up(&self) -> Result<f64> {
        let since = Instant::now();
        let mut stream = self.connect(2)?;
        let buffer = vec![7; MIBIBYTE];
        for _ in 0..MIBIBYTES {
            stream.write_all(&buffer)?;
        }
        // Our end would tell it nothing: a node ends both directions of a stream one second after the first of them.
        let mut word = String::new();
        stream.read_to_string(&mut word)?;
        ensure!(word == "done\n", "it said {word:?}");
        Ok(speed(since))
    }

    /// Milliseconds from the session's last byte to its end of the connection.
    pub(crate) fn end(&self) -> Result<f64> {
        let mut stream = self.connect(3)?;
        stream.read_exact(&mut [0; 5])?;
        let since = Instant::now();
        let rest = stream.read(&mut [0; 16])?;
        let took = milliseconds(since);
        ensure!(rest == 0, "{rest} bytes more");
        Ok(took)
    }

    /// Waits until a byte comes back.
    pub(crate) fn until_it_echoes(&self) -> Result<()> {
        let since = Instant::now();
        loop {
            match self.first_byte() {
                Ok(_) => return Ok(()),
                Err(_) if since.elapsed() < Duration::from_secs(30) => {}
                Err(error) => bail!("no echo for 30 s: {error:#}"),
            }
        }
    }
}

impl Drop for Forwarding {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn speed(since: Instant) -> f64 {
    MIBIBYTES as f64 / since.elapsed().as_secs_f64()
}
