//! How long `stop` and `start` take, beside kubectl that deletes and applies the same Pod: `cargo bench-restart`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Parser;
use session_bench::figure::{Samples, Table};
use session_bench::process::{Rival, by_turns, output, timed};
use session_bench::program::{Building, UMBRELLA, say_load};
use session_bench::user::{User, set_up};
use session_cluster::Cluster;

/// A session is stopped and started, and by turns the same Pod is deleted, applied and waited for with kubectl.
#[derive(Parser)]
struct Arguments {
    /// Rounds
    #[arg(long, default_value_t = 20)]
    n: usize,
    #[command(flatten)]
    building: Building,
}

/// Of kubectl's time.
const WANTED: f64 = 1.1;
/// Ends as soon as it is told to, so that what is measured is not the grace of what runs.
const POD: &str = r#"
apiVersion: v1
kind: Pod
metadata: {name: NAME}
spec:
  containers:
  - {name: main, image: "localhost/pause:1", imagePullPolicy: Never}
"#;

/// A session and a Pod of kubectl's, in one namespace.
struct Bench {
    umbrella: PathBuf,
    kubectl: PathBuf,
    user: User,
    file: PathBuf,
}

impl Bench {
    fn new(cluster: &Cluster, umbrella: &Path) -> Result<Self> {
        set_up(cluster, umbrella)?;
        let user = User::new(cluster, "bench-restart")?;
        let file = std::env::temp_dir().join(format!("{}.yaml", user.namespace().name()));
        let bench = Self {
            umbrella: umbrella.to_owned(),
            kubectl: cluster.kubectl_path(),
            user,
            file,
        };
        let path = bench.file.to_string_lossy().into_owned();
        bench.write("${SESSION_ID}")?;
        output(
            &mut bench
                .user
                .command(umbrella, &["create", "ours", "-f", &path]),
        )?;
        bench.write("theirs")?;
        output(&mut bench.user.command(&bench.kubectl, &["apply", "-f", &path]))?;
        output(&mut bench.user.command(&bench.kubectl, &READY))?;
        Ok(bench)
    }

    fn write(&self, name: &str) -> Result<()> {
        let text = POD.replace("NAME", &format!("\"{name}\""));
        std::fs::write(&self.file, text).context("cannot write the manifest")
    }

    fn ours(&self, words: &[&str]) -> Result<f64> {
        timed(&mut self.user.command(&self.umbrella, words))
    }

    fn theirs(&self, words: &[&str]) -> Result<f64> {
        timed(&mut self.user.command(&self.kubectl, words))
    }
}

const READY: [&str; 4] = [
    "wait",
    "--for=condition=Ready",
    "--timeout=60s",
    "pod/theirs",
];

/// Both halves of each round.
#[derive(Default)]
struct Halves {
    down: Samples,
    up: Samples,
}

impl Halves {
    fn push(&mut self, round: usize, down: f64, up: f64) -> f64 {
        // The first round fills caches.
        if round > 0 {
            self.down.push(down);
            self.up.push(up);
        }
        down + up
    }
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let umbrella = arguments.building.program(UMBRELLA)?;
    let cluster = Cluster::shared()?;
    let bench = Bench::new(&cluster, &umbrella)?;
    say_load("before")?;
    let path = bench.file.to_string_lossy().into_owned();
    let (mut our_halves, mut their_halves) = (Halves::default(), Halves::default());
    let ours = Rival::new("stop and start", |round| {
        let down = bench.ours(&["stop", "ours", "-y"])?;
        let up = bench.ours(&["start", "ours"])?;
        Ok(our_halves.push(round, down, up))
    });
    let theirs = Rival::new("kubectl delete, apply, wait", |round| {
        let down = bench.theirs(&["delete", "pod", "theirs"])?;
        let up = bench.theirs(&["apply", "-f", &path])? + bench.theirs(&READY)?;
        Ok(their_halves.push(round, down, up))
    });
    let samples = by_turns(arguments.n, &mut [ours, theirs])?;
    std::fs::remove_file(&bench.file).context("cannot remove the manifest")?;
    let mut table = Table::of_times();
    table.tell("kubectl delete pod", &their_halves.down, "ms");
    table.tell("stop", &our_halves.down, "ms");
    table.tell("kubectl apply, wait until Ready", &their_halves.up, "ms");
    table.tell("start", &our_halves.up, "ms");
    table.tell("kubectl delete, apply, wait", &samples[1], "ms");
    table.by_rounds("stop + start", &samples[0], &samples[1], WANTED);
    table.write(&mut std::io::stdout().lock())?;
    say_load("after")?;
    Ok(ExitCode::from(u8::from(table.missed())))
}
