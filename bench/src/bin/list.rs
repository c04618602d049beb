//! How long `list` takes and how much memory, beside kubectl: `cargo bench-list`.

use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::Result;
use clap::Parser;
use session_bench::figure::{Samples, Table};
use session_bench::process::{Rival, by_turns, peak_memory};
use session_bench::program::{Building, UMBRELLA, say, say_load};
use session_bench::{sessions, user};
use session_cluster::{Cluster, Namespace};

/// `list` of nothing against `kubectl get pods`, and of thousands against `kubectl get sessions`.
#[derive(Parser)]
struct Arguments {
    /// Rounds in the empty namespace
    #[arg(long, default_value_t = 300)]
    n: usize,
    /// Rounds in the full namespace
    #[arg(long, default_value_t = 30)]
    full_n: usize,
    /// Sessions in the full namespace
    #[arg(long, default_value_t = 5000)]
    sessions: usize,
    /// Of them, how many have a Pod
    #[arg(long, default_value_t = 500)]
    pods: usize,
    #[command(flatten)]
    building: Building,
}

/// Of `kubectl get pods`.
const EMPTY: f64 = 0.1;
/// Of `kubectl get sessions`.
const FULL: f64 = 1.0;
const MEGABYTES: f64 = 100.0;
/// Runs whose memory is looked at: it hardly differs.
const MEMORY_RUNS: usize = 5;

struct Bench<'a> {
    cluster: &'a Cluster,
    umbrella: &'a Path,
}

impl Bench<'_> {
    fn ours(&self, namespace: &Namespace) -> Command {
        let mut command = Command::new(self.umbrella);
        command
            .args(["list", "--namespace", namespace.name(), "--kubeconfig"])
            .arg(self.cluster.admin_kubeconfig());
        command
    }

    fn kubectl(&self, namespace: &Namespace, what: &str) -> Command {
        self.cluster
            .kubectl_command(&["get", what, "--namespace", namespace.name()])
    }

    /// By turns: ours, then kubectl's `get` of `what`.
    fn race(&self, n: usize, namespace: &Namespace, what: &str) -> Result<Vec<Samples>> {
        let ours = Rival::program("list", || self.ours(namespace));
        let kubectl = Rival::program("kubectl get", || self.kubectl(namespace, what));
        by_turns(n, &mut [ours, kubectl])
    }
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let umbrella = arguments.building.program(UMBRELLA)?;
    let cluster = Cluster::shared()?;
    let bench = Bench {
        cluster: &cluster,
        umbrella: &umbrella,
    };
    say_load("before")?;
    let mut table = Table::of_times();
    empty(&bench, &arguments, &mut table)?;
    full(&bench, &arguments, &mut table)?;
    table.write(&mut std::io::stdout().lock())?;
    say_load("after")?;
    Ok(ExitCode::from(u8::from(table.missed())))
}

fn empty(bench: &Bench<'_>, arguments: &Arguments, table: &mut Table) -> Result<()> {
    let namespace = bench.cluster.namespace("bench-empty")?;
    let samples = bench.race(arguments.n, &namespace, "pods")?;
    table.tell("kubectl get pods, none there", &samples[1], "ms");
    table.against("list, none there", &samples[0], &samples[1], EMPTY);
    Ok(())
}

fn full(bench: &Bench<'_>, arguments: &Arguments, table: &mut Table) -> Result<()> {
    let namespace = bench.cluster.namespace("bench-full")?;
    let kubeconfig = bench.cluster.admin_kubeconfig();
    let connection = user::connection(&kubeconfig, namespace.name());
    let (all, pods) = (arguments.sessions, arguments.pods);
    user::runtime()?.block_on(async {
        let client = user::connect(&connection).await?;
        sessions::fill(&client, all, pods).await
    })?;
    say(&format!("made {all} sessions, {pods} of them with a Pod"))?;
    let samples = bench.race(arguments.full_n, &namespace, "sessions")?;
    table.tell(&format!("kubectl get sessions, {all}"), &samples[1], "ms");
    let what = format!("list, {all} and {pods} Pods");
    table.against(&what, &samples[0], &samples[1], FULL);
    let (mut ours, mut theirs) = (Samples::default(), Samples::default());
    for _ in 0..MEMORY_RUNS {
        ours.push(peak_memory(&mut bench.ours(&namespace))?);
        theirs.push(peak_memory(&mut bench.kubectl(&namespace, "sessions"))?);
    }
    let what = format!("peak memory, kubectl get sessions, {all}");
    table.tell(&what, &theirs, "MB");
    let what = format!("peak memory, list, {all} and {pods} Pods");
    table.at_most(&what, &ours, MEGABYTES, "MB");
    Ok(())
}
