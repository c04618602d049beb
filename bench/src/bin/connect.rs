//! How long a command in a session takes, beside `kubectl exec`, and what the verbs that look into a session ask the server:
//! `cargo bench-connect`.

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{ChildStdout, Command, ExitCode, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use clap::Parser;
use session_bench::figure::{Samples, Table, Verdict};
use session_bench::process::{Rival, by_turns, milliseconds, output};
use session_bench::program::{Building, UMBRELLA, say_load};
use session_bench::user::User;
use session_cluster::Cluster;

/// Commands in a shell, run by `connect` and by `kubectl exec` by turns, as a user who may edit the namespace.
#[derive(Parser)]
struct Arguments {
    /// Rounds
    #[arg(long, default_value_t = 100)]
    n: usize,
    #[command(flatten)]
    building: Building,
}

/// Of `kubectl exec`; 1.0, and a tenth for noise.
const WANTED: f64 = 1.1;
/// Milliseconds from the last byte to the end, beyond what kubectl takes.
const END: f64 = 20.0;

/// What is asked by a call, and how many requests it may take.
const CALLS: [(&[&str], usize); 6] = [
    // The session and its Pods; then the upgrade.
    (&["connect", "one", "--", "true"], 3),
    (&["connect", "one", "--print", "-o", "json"], 2),
    (&["logs", "one"], 3),
    (&["list"], 2),
    (&["list", "-o", "json"], 2),
    // Session, Pods, claims, snapshots, Secret; then template, schedule, events of the session and of the Pod, use of the node.
    (&["status", "one"], 10),
];

struct Bench<'a> {
    cluster: &'a Cluster,
    umbrella: &'a Path,
    user: &'a User,
}

impl Bench<'_> {
    fn ours(&self, words: &[&str]) -> Command {
        self.command(self.umbrella, &["connect", "one", "-c", "shell"], words)
    }

    fn kubectl(&self, words: &[&str]) -> Command {
        // Its input is passed on, as ours is.
        self.command(
            &self.cluster.kubectl_path(),
            &["exec", "-i", "shell-one"],
            words,
        )
    }

    /// Flags stand before the words of the remote command.
    fn command(&self, program: &Path, flags: &[&str], words: &[&str]) -> Command {
        let mut command = self.user.command(program, flags);
        command.arg("--").args(words);
        command
    }

    /// By turns: ours, then kubectl's.
    fn race(
        &self,
        n: usize,
        words: &[&str],
        run: fn(&mut Command) -> Result<f64>,
    ) -> Result<[Samples; 2]> {
        let ours = Rival::new("connect", |_| run(&mut self.ours(words)));
        let kubectl = Rival::new("kubectl exec", |_| run(&mut self.kubectl(words)));
        let samples = by_turns(n, &mut [ours, kubectl])?;
        samples.try_into().ok().context("two rivals")
    }
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let umbrella = arguments.building.program(UMBRELLA)?;
    let cluster = Cluster::shared()?;
    let user = User::new(&cluster, "bench-connect")?;
    output(&mut user.command(&umbrella, &["create", "one", "--template", "shell"]))?;
    let bench = Bench {
        cluster: &cluster,
        umbrella: &umbrella,
        user: &user,
    };
    say_load("before")?;
    let mut table = Table::of_times();
    times(&bench, arguments.n, &mut table)?;
    table.write(&mut std::io::stdout().lock())?;
    let counts = requests(&bench)?;
    counts.write(&mut std::io::stdout().lock())?;
    say_load("after")?;
    Ok(ExitCode::from(u8::from(table.missed() || counts.missed())))
}

fn times(bench: &Bench<'_>, n: usize, table: &mut Table) -> Result<()> {
    let [ours, kubectl] = bench.race(n, &["true"], |command| {
        session_bench::process::timed(command)
    })?;
    table.tell("kubectl exec -i -- true", &kubectl, "ms");
    table.by_rounds("connect -- true", &ours, &kubectl, WANTED);
    let [ours, kubectl] = bench.race(n, &["echo", "last"], after_its_last_byte)?;
    table.tell("kubectl exec: last byte to end", &kubectl, "ms");
    table.tell("connect: last byte to end", &ours, "ms");
    table.at_most("  beyond kubectl's", &ours.minus(&kubectl), END, "ms");
    let [ours, kubectl] = bench.race(n, &["cat"], after_our_last_byte)?;
    table.tell("kubectl exec -i: end of input to end", &kubectl, "ms");
    table.tell("connect: end of input to end", &ours, "ms");
    table.at_most("  beyond kubectl's", &ours.minus(&kubectl), END, "ms");
    Ok(())
}

/// Milliseconds from the last byte that a program writes, a newline, to its end.
fn after_its_last_byte(command: &mut Command) -> Result<f64> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()?;
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
fn after_our_last_byte(command: &mut Command) -> Result<f64> {
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

/// The requests of each call, by the server's audit log.
fn requests(bench: &Bench<'_>) -> Result<Table> {
    let mut table = Table::new(&["WHAT", "REQUESTS", "WANTED", "VERDICT"]);
    for (words, wanted) in CALLS {
        let before = bench.user.count_of(bench.cluster, "kubectl-session")?;
        output(&mut called(bench, words))?;
        let count = bench.user.count_of(bench.cluster, "kubectl-session")? - before;
        let row = vec![words.join(" "), count.to_string(), format!("<= {wanted}")];
        table.row(row, Verdict::of(count > 0 && count <= wanted));
    }
    Ok(table)
}

/// Flags of ours go before the words of a remote command.
fn called(bench: &Bench<'_>, words: &[&str]) -> Command {
    let mut parts = words.splitn(2, |word| *word == "--");
    let mut command = bench
        .user
        .command(bench.umbrella, parts.next().unwrap_or_default());
    if let Some(remote) = parts.next() {
        command.arg("--").args(remote);
    }
    command
}
