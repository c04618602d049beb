//! How long `cleanup` takes to plan for thousands of sessions: `cargo bench-cleanup`.

use std::process::{Command, ExitCode};

use anyhow::{Result, ensure};
use clap::Parser;
use session_bench::figure::Table;
use session_bench::process::{Rival, by_turns, output, peak_memory};
use session_bench::program::{Building, UMBRELLA, say, say_load};
use session_bench::{sessions, user};
use session_cluster::Cluster;

/// The plan of `cleanup --all` for sessions whose create was never finished: each has its line. Beside it `kubectl get` of
/// the same sessions, as JSON: what the server needs to hand them out.
#[derive(Parser)]
struct Arguments {
    /// Rounds
    #[arg(long, default_value_t = 10)]
    n: usize,
    /// Sessions
    #[arg(long, default_value_t = 5000)]
    sessions: usize,
    /// Of them, how many have a Pod
    #[arg(long, default_value_t = 0)]
    pods: usize,
    #[command(flatten)]
    building: Building,
}

const SECONDS: f64 = 2.0;

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let umbrella = arguments.building.program(UMBRELLA)?;
    let cluster = Cluster::shared()?;
    let namespace = cluster.namespace("bench-cleanup")?;
    let kubeconfig = cluster.admin_kubeconfig();
    let connection = user::connection(&kubeconfig, namespace.name());
    let (all, pods) = (arguments.sessions, arguments.pods);
    user::runtime()?.block_on(async {
        let client = user::connect(&connection).await?;
        sessions::fill(&client, all, pods).await
    })?;
    say(&format!("made {all} sessions, {pods} of them with a Pod"))?;
    let plan = || {
        let mut command = Command::new(&umbrella);
        command
            .args(["cleanup", "--all", "--dry-run=client", "--kubeconfig"])
            .arg(&kubeconfig)
            .args(["--namespace", namespace.name()]);
        command
    };
    let lines = output(&mut plan())?.lines().count();
    ensure!(lines > all - pods, "the plan has {lines} lines");
    say_load("before")?;
    let get = [
        "get",
        "sessions",
        "-o",
        "json",
        "--namespace",
        namespace.name(),
    ];
    let samples = by_turns(
        arguments.n,
        &mut [
            Rival::program("cleanup", plan),
            Rival::program("kubectl get", || cluster.kubectl_command(&get)),
        ],
    )?;
    let mut table = Table::of_times();
    table.tell(
        &format!("kubectl get sessions -o json, {all}"),
        &samples[1],
        "ms",
    );
    let what = format!("plan of cleanup --all, {all} and {pods} Pods");
    table.at_most(&what, &samples[0], SECONDS * 1000.0, "ms");
    table.tell("plan / kubectl", &samples[0].over(&samples[1]), "x");
    let mut memory = session_bench::figure::Samples::default();
    memory.push(peak_memory(&mut plan())?);
    table.tell("peak memory of the plan", &memory, "MB");
    table.write(&mut std::io::stdout().lock())?;
    say_load("after")?;
    Ok(ExitCode::from(u8::from(table.missed())))
}
