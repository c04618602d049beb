//! The suite on a real cluster: the umbrella binary against a real API server and a real kubelet.
//!
//! One cluster for all tests: started by the first, left running for the next run. Each test has a namespace of its own, and
//! prints its Pods and events when it fails. Where containers cannot run, tests that need them are listed as ignored with the
//! reason; with `SESSION_REQUIRE_KUBELET=1` they fail instead.
//!
//! With `SESSION_LIVE_RETRIES=N` the first N tests of a run that fail are tried once more. What they said first is printed, and
//! their names come in the last lines: passing at the second try is a fault to be found, but no reason to keep a change back.

#![allow(
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a failed test may fail loudly; clippy does not know this target for one"
)]

mod api;
mod class;
mod cleanup;
mod connect;
mod csi;
mod data;
mod diagnosis;
mod embedded;
mod extend;
mod faults;
mod files;
mod fit;
mod forward;
mod home;
mod keeping;
mod krew;
mod lifecycle;
mod logs;
mod parts;
mod platforms;
mod pod_security;
mod preview;
mod quota;
mod quota_set;
mod readme;
mod resize;
mod rights;
mod room;
mod schedule;
mod secrets;
mod shell;
mod snapshot;
mod ssh;
mod start;
mod status;
mod stop;
mod template;
mod tenants;
mod two_users;
mod usage;
mod workloads;
mod world;

use std::process::ExitCode;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use libtest_mimic::{Arguments, Failed, Trial};
use session_cluster::Cluster;

/// How long each test took; one that waits for the cluster's exclusive lease counts the wait.
static TIMES: Mutex<Vec<(Duration, &str)>> = Mutex::new(Vec::new());

/// The tests that were tried once more.
static RETRIED: Mutex<Vec<&str>> = Mutex::new(Vec::new());

/// One test.
struct Live {
    name: &'static str,
    /// Whether it needs containers that really run.
    kubelet: bool,
    /// Whether it has the cluster to itself, as [`World::alone`](world::World::alone) gives it.
    alone: bool,
    run: fn() -> anyhow::Result<()>,
}

fn all() -> Vec<Live> {
    let mut tests: Vec<Live> = [
        embedded::tests(),
        api::tests(),
        csi::tests(),
        lifecycle::tests(),
        logs::tests(),
        template::tests(),
        tenants::tests(),
        data::tests(),
        keeping::tests(),
        connect::tests(),
        shell::tests(),
        ssh::tests(),
        forward::tests(),
        status::tests(),
        stop::tests(),
        start::tests(),
        extend::tests(),
        cleanup::tests(),
        parts::tests(),
        platforms::tests(),
        pod_security::tests(),
        preview::tests(),
        quota_set::tests(),
        resize::tests(),
        rights::tests(),
        room::tests(),
        snapshot::tests(),
        schedule::tests(),
        class::tests(),
        secrets::tests(),
        files::tests(),
        fit::tests(),
        diagnosis::tests(),
        two_users::tests(),
        usage::tests(),
        faults::tests(),
        krew::tests(),
        readme::tests(),
        workloads::tests(),
        quota::tests(),
    ]
    .into_iter()
    .flatten()
    .collect();
    // One after the other at the beginning: each waits for all others to end, and lets none begin.
    tests.sort_by_key(|test| !test.alone);
    tests
}

impl Live {
    /// The same test, which has the cluster to itself.
    const fn alone(mut self) -> Self {
        self.alone = true;
        self
    }
}

/// A test that needs real containers.
const fn kubelet(name: &'static str, run: fn() -> anyhow::Result<()>) -> Live {
    Live {
        name,
        kubelet: true,
        alone: false,
        run,
    }
}

/// A test that an API server alone can answer.
const fn server(name: &'static str, run: fn() -> anyhow::Result<()>) -> Live {
    Live {
        name,
        kubelet: false,
        alone: false,
        run,
    }
}

/// Tries a failed test once more, as long as the run may.
fn retry(test: &Live, error: anyhow::Error) -> anyhow::Result<()> {
    let allowed = std::env::var("SESSION_LIVE_RETRIES").map_or(Ok(0), |number| number.parse())?;
    match RETRIED.lock() {
        Ok(mut retried) if retried.len() < allowed => retried.push(test.name),
        _ => return Err(error),
    }
    eprintln!("{} failed and is tried once more: {error:#}", test.name);
    (test.run)()
}

fn trial(test: Live, missing: Option<&str>) -> Trial {
    let required = std::env::var_os("SESSION_REQUIRE_KUBELET").is_some_and(|word| word == "1");
    let Some(reason) = missing.filter(|_| test.kubelet).map(str::to_owned) else {
        return Trial::test(test.name, move || {
            let began = Instant::now();
            let result = (test.run)().or_else(|error| retry(&test, error));
            if let Ok(mut times) = TIMES.lock() {
                times.push((began.elapsed(), test.name));
            }
            result.map_err(|error| Failed::from(format!("{error:#}")))
        });
    };
    if required {
        return Trial::test(test.name, move || {
            Err(Failed::from(format!("needs a kubelet: {reason}")))
        });
    }
    eprintln!("ignored: {}: needs a kubelet: {reason}", test.name);
    Trial::test(test.name, || Ok(())).with_ignored_flag(true)
}

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // More than cores: most of a test is waiting for the cluster.
    arguments.test_threads = arguments.test_threads.or(Some(6));
    if arguments.list {
        return libtest_mimic::run(
            &arguments,
            all().into_iter().map(|test| trial(test, None)).collect(),
        )
        .exit_code();
    }
    let missing = match Cluster::shared() {
        Ok(cluster) => cluster.has_kubelet().err(),
        Err(error) => {
            eprintln!("the embedded cluster does not come up: {error:#}");
            return ExitCode::FAILURE;
        }
    };
    let trials = all()
        .into_iter()
        .map(|test| trial(test, missing.as_deref()))
        .collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    print_slowest();
    print_retried();
    conclusion.exit_code()
}

/// Prints the tests that took longest: the whole run has a limit of its own.
#[allow(
    clippy::print_stdout,
    reason = "it belongs to the test runner's own lines"
)]
fn print_slowest() {
    let Ok(mut times) = TIMES.lock() else { return };
    times.sort_by(|one, other| other.cmp(one));
    println!("slowest:");
    for (time, name) in times.iter().take(25) {
        println!("{:>6.1} s  {name}", time.as_secs_f64());
    }
}

/// Prints the tests that failed at first.
#[allow(
    clippy::print_stdout,
    reason = "it belongs to the test runner's own lines"
)]
fn print_retried() {
    let Ok(retried) = RETRIED.lock() else { return };
    for name in retried.iter() {
        println!("tried twice: {name}");
    }
}
