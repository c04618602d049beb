//! What a create asks the server, and what it takes longer than its requests: `cargo bench-create`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};
use session_bench::figure::{Samples, Table};
use session_bench::process::{Rival, by_turns, milliseconds, output, timed};
use session_bench::program::{Building, UMBRELLA, say, say_load};
use session_bench::raw::{self, Bodies};
use session_bench::requests::{self, Scenario};
use session_bench::user::{self, User};
use session_cluster::Cluster;

/// Requests by template, and our own share of the time.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    part: Option<Part>,
    /// Rounds
    #[arg(long, default_value_t = 300)]
    n: usize,
    /// Only the time
    #[arg(long)]
    no_requests: bool,
    #[command(flatten)]
    building: Building,
}

#[derive(Subcommand)]
enum Part {
    /// Sends the requests of one create and prints how many milliseconds they took
    #[command(hide = true)]
    Raw {
        #[arg(long)]
        kubeconfig: PathBuf,
        #[arg(long)]
        namespace: String,
        #[arg(long)]
        bodies: PathBuf,
        #[arg(long)]
        name: String,
    },
}

/// The share of the median, in milliseconds.
const SHARE: f64 = 10.0;
/// Rounds after which what was made is deleted.
const BATCH: usize = 20;

const SCENARIOS: [Scenario<'_>; 4] = [
    Scenario {
        template: "shell",
        objects: 2,
        lists: 1,
        flags: &[],
        waits: true,
    },
    Scenario {
        template: "shell",
        objects: 2,
        lists: 1,
        flags: &[],
        waits: false,
    },
    Scenario {
        template: "nvim",
        objects: 2,
        lists: 1,
        flags: &["--set", "IMAGE=localhost/http-page:1"],
        waits: false,
    },
    // Session, Secret of the generated password, Secret, Pod and Service.
    Scenario {
        template: "lab",
        objects: 5,
        lists: 1,
        flags: &[
            "--set",
            "ROOTFS_IMAGE_URL=https://storage.example.com/lab.ext4",
            "--set",
            "INIT_IMAGE=localhost/busybox:1",
            "--set",
            "NETWORK_IMAGE=localhost/busybox:1",
            "--set",
            "VM_IMAGE=localhost/dropbear:1",
            "--set",
            "TERMINAL_IMAGE=localhost/http-page:1",
            "--set",
            "EDITOR_IMAGE=localhost/http-page:1",
        ],
        waits: false,
    },
];

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    if let Some(Part::Raw {
        kubeconfig,
        namespace,
        bodies,
        name,
    }) = &arguments.part
    {
        send(kubeconfig, namespace, bodies, name)?;
        return Ok(ExitCode::SUCCESS);
    }
    let umbrella = arguments.building.program(UMBRELLA)?;
    let cluster = Cluster::shared()?;
    say_load("before")?;
    let mut missed = false;
    if !arguments.no_requests {
        let mut table = requests::table();
        for scenario in &SCENARIOS {
            let events = scenario.requests(&cluster, &umbrella)?;
            requests::tell(&mut table, scenario, &events);
        }
        table.write(&mut std::io::stdout().lock())?;
        missed = table.missed();
    }
    let table = share(&cluster, &umbrella, arguments.n)?;
    table.write(&mut std::io::stdout().lock())?;
    say_load("after")?;
    Ok(ExitCode::from(u8::from(missed || table.missed())))
}

/// The requests alone, in a process of their own that starts as the suite does.
fn send(kubeconfig: &Path, namespace: &str, bodies: &Path, name: &str) -> Result<()> {
    let text = std::fs::read_to_string(bodies).context("cannot read the bodies")?;
    let bodies = Bodies::from_text(&text)?.named(name)?;
    let connection = user::connection(kubeconfig, namespace);
    let took = user::runtime()?.block_on(async {
        let started = Instant::now();
        let cluster = user::connect(&connection).await?;
        bodies.send(&cluster).await?;
        anyhow::Ok(milliseconds(started))
    })?;
    say(&took.to_string())
}

/// Four rivals by turns: the suite; the same requests by a process of their own, and by that process' own clock; the same
/// requests on a connection that is open already.
fn share(cluster: &Cluster, umbrella: &Path, n: usize) -> Result<Table> {
    let user = User::new(cluster, "bench-share")?;
    let template = unscheduled(cluster, user.namespace().name())?;
    let bodies = Bodies::render(umbrella, &user, &template)?;
    let file = std::env::temp_dir().join(format!("{template}.json"));
    std::fs::write(&file, bodies.to_text()).context("cannot write the bodies")?;
    let samples = race(umbrella, &user, &bodies, &file, &template, n);
    // The template is no namespace's: it has to be taken away by itself.
    cluster.kubectl_ok(&["delete", "sessiontemplate", &template], None)?;
    std::fs::remove_file(&file).context("cannot remove the bodies")?;
    let (samples, inside) = samples?;
    let (ours, process, open) = (&samples[0], &samples[1], &samples[2]);
    let mut table = Table::of_times();
    table.tell("create --wait=false", ours, "ms");
    table.tell("its requests one by one, a process", process, "ms");
    table.tell(
        "the same without start and end, TLS included",
        &inside,
        "ms",
    );
    table.tell("its requests one by one, connection open", open, "ms");
    table.at_most("share: create - process", &ours.minus(process), SHARE, "ms");
    let share = ours.minus(&inside);
    table.at_most("share: create - requests with TLS", &share, SHARE, "ms");
    let share = ours.minus(open);
    table.at_most(
        "share: create - requests, connection open",
        &share,
        SHARE,
        "ms",
    );
    Ok(table)
}

fn race(
    umbrella: &Path,
    user: &User,
    bodies: &Bodies,
    file: &Path,
    template: &str,
    n: usize,
) -> Result<(Vec<Samples>, Samples)> {
    let runtime = user::runtime()?;
    let client = runtime.block_on(user::connect(&user.connection()))?;
    let mut inside = Samples::default();
    let ours = Rival::new("create", |round| {
        if round % BATCH == 0 {
            clear(user)?;
        }
        let name = format!("a-{round}");
        let create = ["create", &name, "--template", template, "--wait=false"];
        timed(&mut user.command(umbrella, &create))
    });
    let process = Rival::new("requests of a process", |round| {
        let mut command = raw::command(user, file, &format!("b-{round}"))?;
        let started = Instant::now();
        let told = output(&mut command)?;
        let took = milliseconds(started);
        if round > 0 {
            inside.push(told.trim().parse().context("the process told no time")?);
        }
        Ok(took)
    });
    let open = Rival::new("requests", |round| {
        let bodies = bodies.named(&format!("c-{round}"))?;
        let started = Instant::now();
        runtime.block_on(bodies.send(&client))?;
        Ok(milliseconds(started))
    });
    let samples = by_turns(n, &mut [ours, process, open])?;
    Ok((samples, inside))
}

/// Deletes all sessions of a batch and waits for the collector, so that it does not work while the next batch is timed.
fn clear(user: &User) -> Result<()> {
    let namespace = user.namespace();
    namespace.kubectl(&["delete", "sessions", "--all"], None)?;
    let gone = ["wait", "--for=delete", "--timeout=60s", "pods", "--all"];
    namespace.kubectl(&gone, None).map(drop)
}

/// A copy of the template `shell` whose Pods nobody schedules: containers would cost this machine more than what is measured.
fn unscheduled(cluster: &Cluster, name: &str) -> Result<String> {
    let shell = cluster.kubectl_ok(&["get", "sessiontemplate", "shell", "-o", "json"], None)?;
    let mut shell: serde_json::Value = serde_json::from_str(&shell).context("no JSON")?;
    shell["metadata"] = serde_json::json!({ "name": name });
    let manifest = shell["spec"]["manifest"].as_str().unwrap_or_default();
    let manifest = manifest.replacen("\nspec:\n", "\nspec:\n  schedulerName: nobody\n", 1);
    shell["spec"]["manifest"] = manifest.into();
    if let Some(object) = shell.as_object_mut() {
        object.remove("status");
    }
    cluster.apply(&shell.to_string())?;
    Ok(name.to_owned())
}
