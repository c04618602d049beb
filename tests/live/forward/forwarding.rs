//! A forward as a user has it, beside the test.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::world::World;

/// A forward that runs. Ended when it is dropped.
pub(super) struct Forwarding {
    child: Child,
    ports: Vec<u16>,
    said: Arc<Mutex<String>>,
}

impl Forwarding {
    pub(super) fn start(world: &World, ports: &[&str]) -> Result<Self> {
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

    pub(super) fn connect(&self, index: usize) -> Result<TcpStream> {
        let stream = TcpStream::connect(("127.0.0.1", self.ports[index]))?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        Ok(stream)
    }

    /// Sends a word through the echo.
    pub(super) fn echoes(&self) -> Result<()> {
        let mut stream = self.connect(0)?;
        stream.write_all(b"hello")?;
        let mut back = [0; 5];
        stream.read_exact(&mut back)?;
        ensure!(&back == b"hello");
        Ok(())
    }

    /// How long it takes until the echo works again.
    pub(super) fn until_it_echoes(&self) -> Result<Duration> {
        let begun = Instant::now();
        loop {
            match self.echoes() {
                Ok(()) => return Ok(begun.elapsed()),
                Err(_) if begun.elapsed() < Duration::from_secs(30) => {}
                Err(error) => bail!("{error:#}; it said: {}", self.said()),
            }
        }
    }

    pub(super) fn said(&self) -> String {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.clone()
    }

    /// How many times it said that.
    pub(super) fn times(&self, words: &str) -> usize {
        self.said().matches(words).count()
    }

    /// Waits until it has said that.
    pub(super) fn until_said(&self, words: &str) -> Result<()> {
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

    pub(super) fn descriptors(&self) -> Result<usize> {
        Ok(std::fs::read_dir(format!("/proc/{}/fd", self.child.id()))?.count())
    }

    /// Ctrl-C: the exit code, and how long it took.
    pub(super) fn interrupt(mut self) -> Result<(Option<i32>, Duration)> {
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
