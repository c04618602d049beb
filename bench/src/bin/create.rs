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
use session_shared::flags::connection::ConnectionFlags;

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
        #[arg(long)]
        skip_checks: bool,
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
        lists: 2,
        flags: &[],
        waits: true,
    },
    Scenario {
        template: "shell",
        objects: 2,
        lists: 2,
        flags: &[],
        waits: false,
    },
    Scenario {
        template: "nvim",
        objects: 2,
        lists: 2,
        flags: &["--set", "IMAGE=localhost/http-page:1"],
        waits: false,
    },
    // Session, Secret of the generated password, Secret, Pod and Service.
    Scenario {
        template: "lab",
        objects: 5,
        lists: 2,
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
        skip_checks,
    }) = &arguments.part
    {
        send(
            &user::connection(kubeconfig, namespace),
            bodies,
            name,
            !skip_checks,
        )?;
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
    for checks in [false, true] {
        let table = share(&cluster, &umbrella, arguments.n, checks)?;
        table.write(&mut std::io::stdout().lock())?;
        missed |= table.missed();
    }
    say_load("after")?;
    Ok(ExitCode::from(u8::from(missed)))
}

/// The requests alone, in a process of their own that starts as the suite does.
fn send(connection: &ConnectionFlags, bodies: &Path, name: &str, checks: bool) -> Result<()> {
    let text = std::fs::read_to_string(bodies).context("cannot read the bodies")?;
    let bodies = Bodies::from_text(&text)?.named(name)?;
    let took = user::runtime()?.block_on(async {
        let started = Instant::now();
        let cluster = user::connect(connection).await?;
        bodies.send(&cluster, checks).await?;
        anyhow::Ok(milliseconds(started))
    })?;
    say(&took.to_string())
}

/// What the race is about.
struct Race<'a> {
    umbrella: &'a Path,
    user: &'a User,
    bodies: &'a Bodies,
    /// The bodies again, for processes.
    file: &'a Path,
    template: &'a str,
    checks: bool,
}

/// Our share of a create's time. It is judged without the checks: their LIST of quotas waits until the server's cache has
/// caught up with the last write, up to a tenth of a second, and whatever is slow before it is lost in that wait. With the
/// checks the same numbers only tell what a user waits.
fn share(cluster: &Cluster, umbrella: &Path, n: usize, checks: bool) -> Result<Table> {
    let user = User::new(cluster, "bench-share")?;
    let template = unscheduled(cluster, user.namespace().name())?;
    let bodies = Bodies::render(umbrella, &user, &template)?;
    let file = std::env::temp_dir().join(format!("{template}.json"));
    std::fs::write(&file, bodies.to_text()).context("cannot write the bodies")?;
    let race = Race {
        umbrella,
        user: &user,
        bodies: &bodies,
        file: &file,
        template: &template,
        checks,
    };
    let times = race.run(n);
    // The template is no namespace's: it has to be taken away by itself.
    cluster.kubectl_ok(&["delete", "sessiontemplate", &template], None)?;
    std::fs::remove_file(&file).context("cannot remove the bodies")?;
    Ok(times?.table(checks))
}

/// The rivals' times.
struct Times {
    ours: Samples,
    /// The same requests, one by one, by a process of their own.
    process: Samples,
    /// The same, by that process' own clock: without its start and end.
    inside: Samples,
    /// The same requests on a connection that is open already.
    open: Samples,
    /// The POSTs alone, there.
    posts: Samples,
}

impl Times {
    fn table(&self, checks: bool) -> Table {
        let flag = if checks { "" } else { " --skip-checks" };
        let mut table = Table::of_times();
        for (what, samples) in [
            (format!("create --wait=false{flag}"), &self.ours),
            ("its requests, a process".to_owned(), &self.process),
            ("its requests, TLS included".to_owned(), &self.inside),
            ("its requests, connection open".to_owned(), &self.open),
            (
                "its POSTs of objects alone, connection open".to_owned(),
                &self.posts,
            ),
        ] {
            table.tell(&what, samples, "ms");
        }
        for (rival, samples, judged) in [
            ("a process", &self.process, true),
            ("requests with TLS", &self.inside, true),
            ("requests, connection open", &self.open, true),
            ("POSTs alone, connection open", &self.posts, false),
        ] {
            let what = format!("share{flag}: create - {rival}");
            let share = self.ours.minus(samples);
            if judged && !checks {
                table.at_most(&what, &share, SHARE, "ms");
            } else {
                table.tell(&what, &share, "ms");
            }
        }
        table
    }
}

impl Race<'_> {
    fn create(&self, round: usize) -> Result<f64> {
        if round.is_multiple_of(BATCH) {
            clear(self.user)?;
        }
        let name = format!("a-{round}");
        let create = ["create", &name, "--template", self.template, "--wait=false"];
        let mut command = self.user.command(self.umbrella, &create);
        if !self.checks {
            command.arg("--skip-checks");
        }
        timed(&mut command)
    }

    fn run(&self, n: usize) -> Result<Times> {
        let runtime = user::runtime()?;
        let client = runtime.block_on(user::connect(&self.user.connection()))?;
        let mut inside = Samples::default();
        let ours = Rival::new("create", |round| self.create(round));
        let process = Rival::new("requests of a process", |round| {
            let name = format!("b-{round}");
            let mut command = raw::command(self.user, self.file, &name, self.checks)?;
            let started = Instant::now();
            let told = output(&mut command)?;
            let took = milliseconds(started);
            if round > 0 {
                inside.push(told.trim().parse().context("the process told no time")?);
            }
            Ok(took)
        });
        let open = Rival::new("requests", |round| {
            let bodies = self.bodies.named(&format!("c-{round}"))?;
            let started = Instant::now();
            runtime.block_on(bodies.send(&client, self.checks))?;
            Ok(milliseconds(started))
        });
        let posts = Rival::new("POSTs", |round| {
            let bodies = self.bodies.named(&format!("d-{round}"))?;
            let started = Instant::now();
            runtime.block_on(bodies.post(&client))?;
            Ok(milliseconds(started))
        });
        let samples = by_turns(n, &mut [ours, process, open, posts])?;
        let [ours, process, open, posts] = <[Samples; 4]>::try_from(samples)
            .map_err(|_| anyhow::anyhow!("four rivals have four times"))?;
        Ok(Times {
            ours,
            process,
            inside,
            open,
            posts,
        })
    }
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
