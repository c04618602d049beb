//! How long the suite takes to start, beside kubectl: `cargo bench-start`.

use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::Result;
use clap::Parser;
use session_bench::figure::Table;
use session_bench::process::{Rival, by_turns};
use session_bench::program::{Building, UMBRELLA, say_load};
use session_cluster::Cluster;

/// `--help` of the suite against `--help` of kubectl: a fifteenth is wanted.
#[derive(Parser)]
struct Arguments {
    /// Rounds
    #[arg(long, default_value_t = 300)]
    n: usize,
    #[command(flatten)]
    building: Building,
}

const WANTED: f64 = 1.0 / 15.0;

/// The kubectl that this machine's package manager gave.
const INSTALLED: &str = "/usr/bin/kubectl";

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let umbrella = arguments.building.program(UMBRELLA)?;
    // Its kubectl is all that is needed: no lease is held meanwhile.
    let embedded = Cluster::shared()?.kubectl_path();
    say_load("before")?;
    let help = |program: &Path| {
        let mut command = Command::new(program);
        command.arg("--help");
        command
    };
    let mut rivals = vec![
        Rival::program("kubectl-session --help", || help(&umbrella)),
        Rival::program("kubectl --help (the cluster's)", || help(&embedded)),
    ];
    if Path::new(INSTALLED).exists() {
        rivals.push(Rival::program("kubectl --help (installed)", || {
            help(Path::new(INSTALLED))
        }));
    }
    let samples = by_turns(arguments.n, &mut rivals)?;
    let mut table = Table::of_times();
    for (rival, theirs) in rivals.iter().zip(&samples).skip(1) {
        table.tell(rival.what, theirs, "ms");
        let what = format!("kubectl-session --help / {}", rival.what);
        table.against(&what, &samples[0], theirs, WANTED);
    }
    table.write(&mut std::io::stdout().lock())?;
    say_load("after")?;
    Ok(ExitCode::from(u8::from(table.missed())))
}
