//! What goes through `connect --port-forward`, beside `kubectl port-forward`, and how soon it is back: `cargo bench-forward`.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

use anyhow::{Context as _, Result};
use clap::Parser;
use session_bench::figure::{Samples, Table, Verdict};
use session_bench::forwarding::{Forwarding, PORTS, manifest};
use session_bench::process::{Rival, by_turns, milliseconds, output};
use session_bench::program::{Building, UMBRELLA, say_load};
use session_bench::user::User;
use session_cluster::{Cluster, Part};

/// Connections, streams and ends through both forwards by turns; then Pods that are replaced, and API servers that die.
#[derive(Parser)]
struct Arguments {
    /// Rounds of connections
    #[arg(long, default_value_t = 200)]
    n: usize,
    /// Rounds of 256 MiB each way
    #[arg(long, default_value_t = 5)]
    streams: usize,
    /// Times that the Pod is replaced, and times that the API server dies
    #[arg(long, default_value_t = 3)]
    faults: usize,
    /// Let the API server live: nobody else can use the cluster while it does not
    #[arg(long)]
    no_restart: bool,
    #[command(flatten)]
    building: Building,
}

/// Of kubectl's time.
const CONNECTION: f64 = 1.5;
/// Of kubectl's speed.
const SPEED: f64 = 0.9;
/// Milliseconds from the last byte to the end, beyond what kubectl takes.
const END: f64 = 20.0;
/// Seconds until a forward is back.
const BACK: f64 = 10.0;
/// Session, Pods, ReplicaSet, Deployment; the upgrade, however many connections; the watch of the Pod.
const REQUESTS: usize = 6;
/// Rounds of starts: a start takes long.
const STARTS: usize = 20;
/// Rounds of ends: a node holds each back for a second.
const ENDS: usize = 30;

/// A session that serves, and its user.
struct Bench {
    umbrella: PathBuf,
    kubectl: PathBuf,
    user: User,
}

impl Bench {
    fn new(cluster: &Cluster, umbrella: &Path) -> Result<Self> {
        let user = User::new(cluster, "bench-forward")?;
        let file = std::env::temp_dir().join(format!("{}.yaml", user.namespace().name()));
        std::fs::File::create(&file)?.write_all(manifest().as_bytes())?;
        let create = ["create", "s", "-f", &file.to_string_lossy()];
        let created = output(&mut user.command(umbrella, &create));
        std::fs::remove_file(&file)?;
        created?;
        Ok(Self {
            umbrella: umbrella.to_owned(),
            kubectl: cluster.kubectl_path(),
            user,
        })
    }

    fn ours(&self) -> Result<Forwarding> {
        let ports = PORTS.map(|port| format!(":{port}")).join(",");
        let words = ["connect", "s", "--port-forward", &ports];
        start(self.user.command(&self.umbrella, &words))
    }

    fn kubectl(&self) -> Result<Forwarding> {
        let mut command = self.user.command(&self.kubectl, &["port-forward"]);
        command.args(["--address", "127.0.0.1", "deployment/servers"]);
        command.args(PORTS.map(|port| format!(":{port}")));
        start(command)
    }
}

fn start(mut command: Command) -> Result<Forwarding> {
    Forwarding::start(&mut command, PORTS.len())
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let umbrella = arguments.building.program(UMBRELLA)?;
    say_load("before")?;
    let mut table = Table::of_times();
    let mut counts = Table::new(&["WHAT", "REQUESTS", "WANTED", "VERDICT"]);
    {
        let cluster = Cluster::shared()?;
        let bench = Bench::new(&cluster, &umbrella)?;
        requests(&bench, &cluster, &mut counts)?;
        speeds(&bench, &arguments, &mut table)?;
        pods(&bench, arguments.faults, &mut table)?;
    }
    if !arguments.no_restart {
        servers(&umbrella, arguments.faults, &mut table)?;
    }
    table.write(&mut std::io::stdout().lock())?;
    counts.write(&mut std::io::stdout().lock())?;
    say_load("after")?;
    Ok(ExitCode::from(u8::from(table.missed() || counts.missed())))
}

/// What fifty connections ask of the server.
fn requests(bench: &Bench, cluster: &Cluster, table: &mut Table) -> Result<()> {
    let agent = "kubectl-session-connect";
    let forwarding = bench.ours()?;
    for _ in 0..50 {
        forwarding.first_byte()?;
    }
    drop(forwarding);
    let count = bench.user.count_of(cluster, agent)?;
    let what = "connect --port-forward, 50 connections".to_owned();
    let row = vec![what, count.to_string(), format!("<= {REQUESTS}")];
    table.row(row, Verdict::of(count > 0 && count <= REQUESTS));
    Ok(())
}

fn speeds(bench: &Bench, arguments: &Arguments, table: &mut Table) -> Result<()> {
    let since_start = |start: &dyn Fn() -> Result<Forwarding>| -> Result<f64> {
        let since = Instant::now();
        start()?.first_byte()?;
        Ok(milliseconds(since))
    };
    let [ours, kubectl] = race(
        STARTS,
        |_| since_start(&|| bench.ours()),
        |_| since_start(&|| bench.kubectl()),
    )?;
    table.tell("kubectl port-forward: start to first byte", &kubectl, "ms");
    table.by_rounds("connect: start to first byte", &ours, &kubectl, CONNECTION);
    let (a, b) = (bench.ours()?, bench.kubectl()?);
    let [ours, kubectl] = race(arguments.n, |_| a.first_byte(), |_| b.first_byte())?;
    table.tell("kubectl port-forward: new connection", &kubectl, "ms");
    table.by_rounds("connect: new connection", &ours, &kubectl, CONNECTION);
    let [ours, kubectl] = race(ENDS, |_| a.end(), |_| b.end())?;
    table.tell("kubectl port-forward: last byte to end", &kubectl, "ms");
    table.tell("connect: last byte to end", &ours, "ms");
    table.at_most("  beyond kubectl's", &ours.minus(&kubectl), END, "ms");
    let [ours, kubectl] = race(arguments.streams, |_| a.down(), |_| b.down())?;
    table.tell("kubectl port-forward: from the session", &kubectl, "MiB/s");
    table.speed_by_rounds("connect: from the session", &ours, &kubectl, SPEED);
    let [ours, kubectl] = race(arguments.streams, |_| a.up(), |_| b.up())?;
    table.tell("kubectl port-forward: to the session", &kubectl, "MiB/s");
    table.speed_by_rounds("connect: to the session", &ours, &kubectl, SPEED);
    Ok(())
}

/// Ours and kubectl's by turns.
fn race<'a>(
    n: usize,
    ours: impl FnMut(usize) -> Result<f64> + 'a,
    kubectl: impl FnMut(usize) -> Result<f64> + 'a,
) -> Result<[Samples; 2]> {
    let mut rivals = [
        Rival::new("connect --port-forward", ours),
        Rival::new("kubectl port-forward", kubectl),
    ];
    let samples = by_turns(n, &mut rivals)?;
    samples.try_into().ok().context("two rivals")
}

/// From the deletion of a Pod until the one in its place is reached: the old one's end and the new one's start are in it.
fn pods(bench: &Bench, times: usize, table: &mut Table) -> Result<()> {
    let forwarding = bench.ours()?;
    let mut seconds = Samples::default();
    for _ in 0..times {
        forwarding.first_byte()?;
        let delete = ["delete", "pod", "-l", "app=servers", "--wait=true"];
        let since = Instant::now();
        bench.user.namespace().kubectl(&delete, None)?;
        forwarding.until_it_echoes()?;
        seconds.push(since.elapsed().as_secs_f64());
    }
    table.at_most("back after the Pod was replaced", &seconds, BACK, "s");
    Ok(())
}

/// From an API server's start until it is forwarded again.
fn servers(umbrella: &Path, times: usize, table: &mut Table) -> Result<()> {
    let cluster = Cluster::exclusive()?;
    let bench = Bench::new(&cluster, umbrella)?;
    let forwarding = bench.ours()?;
    let mut seconds = Samples::default();
    for _ in 0..times {
        forwarding.first_byte()?;
        let server = cluster.part(Part::ApiServer);
        server.kill()?;
        server.start()?;
        let since = Instant::now();
        forwarding.until_it_echoes()?;
        seconds.push(since.elapsed().as_secs_f64());
    }
    table.at_most("back after the API server's restart", &seconds, BACK, "s");
    Ok(())
}
