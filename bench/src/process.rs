//! Running programs: how long they take, and how much memory.

use std::io::{Read as _, Write as _};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};

use crate::figure::Samples;

/// One of several that run by turns: what it is called, and a run that tells its milliseconds.
pub(crate) struct Rival<'a> {
    /// For error messages.
    pub(crate) what: &'a str,
    /// One run.
    pub(crate) run: Box<dyn FnMut(usize) -> Result<f64> + 'a>,
}

impl<'a> Rival<'a> {
    /// A rival.
    pub(crate) fn new(what: &'a str, run: impl FnMut(usize) -> Result<f64> + 'a) -> Self {
        Self {
            what,
            run: Box::new(run),
        }
    }
}

/// Lets them run by turns, A B A B …: `rounds` that count, after one that does not and fills the caches.
pub(crate) fn by_turns(rounds: usize, rivals: &mut [Rival<'_>]) -> Result<Vec<Samples>> {
    let mut samples = vec![Samples::default(); rivals.len()];
    for round in 0..=rounds {
        for (rival, samples) in rivals.iter_mut().zip(&mut samples) {
            let sample = (rival.run)(round).with_context(|| rival.what.to_owned())?;
            if round > 0 {
                samples.push(sample);
            }
        }
    }
    Ok(samples)
}

/// Milliseconds from the start of a program to its end, its output read and thrown away.
pub(crate) fn timed(command: &mut Command) -> Result<f64> {
    let started = Instant::now();
    output(command)?;
    Ok(milliseconds(started))
}

/// Milliseconds from the last byte that a program writes, a newline, to its end.
pub(crate) fn ends_after_its_output(command: &mut Command) -> Result<f64> {
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command.spawn()?;
    let mut pipe = child.stdout.take().context("a program without output")?;
    until_newline(&mut pipe)?;
    let since = Instant::now();
    let rest = pipe.read(&mut [0; 16])?;
    let status = child.wait()?;
    let took = milliseconds(since);
    ensure!(
        rest == 0 && status.success(),
        "{command:?} ended with {status}"
    );
    Ok(took)
}

/// Milliseconds from the end of a program's input, which it has echoed by then, to its own.
pub(crate) fn ends_after_its_input(command: &mut Command) -> Result<f64> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn()?;
    let mut pipe = child.stdout.take().context("a program without output")?;
    let mut input = child.stdin.take().context("a program without input")?;
    input.write_all(b"line\n")?;
    until_newline(&mut pipe)?;
    let since = Instant::now();
    drop(input);
    let status = child.wait()?;
    let took = milliseconds(since);
    ensure!(status.success(), "{command:?} ended with {status}");
    Ok(took)
}

fn until_newline(pipe: &mut ChildStdout) -> Result<()> {
    let mut byte = [0];
    while byte != *b"\n" {
        pipe.read_exact(&mut byte).context("it says too little")?;
    }
    Ok(())
}

/// Runs a program and returns its standard output.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output();
    let output = output.with_context(|| format!("cannot start {command:?}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{command:?} ended with {}: {}", output.status, said.trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Milliseconds since an instant.
pub(crate) fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1000.0
}

/// The most memory (resident, in MB) that a program holds at once. It must write more than a pipe takes, 64 KiB: the kernel
/// tells the peak only while the program lives, and so it lives on until we read its last bytes.
pub(crate) fn peak_memory(command: &mut Command) -> Result<f64> {
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command
        .spawn()
        .with_context(|| format!("cannot start {command:?}"))?;
    let mut pipe = child.stdout.take().context("a program without output")?;
    let (mut buffer, mut peak) = ([0_u8; 4096], None);
    while pipe.read(&mut buffer).context("cannot read its output")? > 0 {
        // Once it has ended there is nothing to read: the last number counts.
        peak = high_water(&child).or(peak);
    }
    let status = child.wait().context("cannot wait for it")?;
    if !status.success() {
        bail!("{command:?} ended with {status}");
    }
    peak.with_context(|| format!("{command:?} ended before its memory could be read"))
}

/// `VmHWM` of a running program, in MB.
fn high_water(child: &Child) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024.0 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rivals_take_turns_and_the_first_round_does_not_count() {
        let order = std::cell::RefCell::new(String::new());
        let rival = |name: char, takes: f64| {
            let order = &order;
            Rival::new("x", move |_| {
                order.borrow_mut().push(name);
                Ok(takes)
            })
        };
        let samples = by_turns(2, &mut [rival('a', 1.0), rival('b', 2.0)]).unwrap();
        assert_eq!(order.into_inner(), "ababab");
        assert_eq!((samples[0].count(), samples[1].median()), (2, 2.0));
    }

    #[test]
    fn a_failure_says_what_the_program_said() {
        let error = timed(Command::new("sh").args(["-c", "echo no such luck >&2; exit 3"]));
        assert!(error.unwrap_err().to_string().contains("no such luck"));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn memory_is_read_while_the_program_lives() {
        let mut command = Command::new("sh");
        command.args(["-c", "head -c 300000 /dev/zero"]);
        let megabytes = peak_memory(&mut command).unwrap();
        assert!(megabytes > 0.1 && megabytes < 100.0, "{megabytes}");
    }
}
