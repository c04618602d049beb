//! How long `status` takes, beside `kubectl describe pod`, and what it asks the server: `cargo bench-status`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use session_bench::figure::{Table, Verdict};
use session_bench::process::{Rival, by_turns, output};
use session_bench::program::{Building, UMBRELLA, say_load};
use session_bench::user::User;
use session_cluster::Cluster;

/// `status` of a running shell against `kubectl describe pod` of its Pod, as a user who may edit the namespace.
#[derive(Parser)]
struct Arguments {
    /// Rounds
    #[arg(long, default_value_t = 300)]
    n: usize,
    #[command(flatten)]
    building: Building,
}

/// Of `kubectl describe pod`.
const WANTED: f64 = 1.0 / 3.0;
/// Session, Pods, claims, snapshots, Secret; then template, events, snapshot schedule, use of the node.
const REQUESTS: usize = 9;

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let umbrella = arguments.building.program(UMBRELLA)?;
    let cluster = Cluster::shared()?;
    let user = User::new(&cluster, "bench-status")?;
    output(&mut user.command(&umbrella, &["create", "one", "--template", "shell"]))?;
    say_load("before")?;
    let kubectl = cluster.kubectl_path();
    let describe = ["describe", "pod", "shell-one"];
    let samples = by_turns(
        arguments.n,
        &mut [
            Rival::program("status", || user.command(&umbrella, &["status", "one"])),
            Rival::program("kubectl describe pod", || user.command(&kubectl, &describe)),
        ],
    )?;
    let mut table = Table::of_times();
    table.tell("kubectl describe pod", &samples[1], "ms");
    table.against("status", &samples[0], &samples[1], WANTED);
    table.write(&mut std::io::stdout().lock())?;
    let mut counts = Table::new(&["WHAT", "REQUESTS", "WANTED", "VERDICT"]);
    let ours = user.count_of(&cluster, "kubectl-session-status")? / (arguments.n + 1);
    let theirs = user.count_of(&cluster, "kubectl/")? / (arguments.n + 1);
    let row =
        |what: &str, count: usize, wanted: String| vec![what.to_owned(), count.to_string(), wanted];
    counts.row(
        row("kubectl describe pod", theirs, String::new()),
        Verdict::Told,
    );
    let verdict = Verdict::of(ours > 0 && ours <= REQUESTS);
    counts.row(row("status", ours, format!("<= {REQUESTS}")), verdict);
    counts.write(&mut std::io::stdout().lock())?;
    say_load("after")?;
    Ok(ExitCode::from(u8::from(table.missed() || counts.missed())))
}
