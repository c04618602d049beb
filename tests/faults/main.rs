//! Killed at any point: each verb that changes something is run against a real API server through a proxy that kills it,
//! interrupts it, or lets one of its requests fail. Whatever happens, nothing is left that nobody owns, no data is lost, and running the verb once
//! more comes to what it comes to without a fault.
//!
//! kwok plays the node, the CSI driver makes volumes and snapshots. `cargo test --test faults` kills and interrupts the six verbs of
//! daily life at every request and lets three requests of each fail in every way; `-- --ignored` does everything to every verb.

#![allow(
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "the table of what was tried is what this is run for"
)]

mod case;
mod kubelet;
mod place;
mod scenario;
mod state;
mod table;

use std::process::ExitCode;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use anyhow::{Result, bail, ensure};
use http::Method;
use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;
use session_cluster::Cluster;
use session_support::{At, Fault, Real};

use case::Server;
use scenario::{COMMON, RARE, Scenario};
use table::{FAULTS, Table, word};

/// A template whose workload is a Pod.
const POD: &str = include_str!("pod.yaml");
/// One whose workload is a StatefulSet.
const SET: &str = include_str!("set.yaml");

/// Which faults happen at which requests.
#[derive(Clone, Copy)]
enum Which {
    /// The client is killed at every request.
    Killed,
    /// The client is interrupted at every request.
    Interrupted,
    /// Errors happen at three requests.
    Errors,
    /// Everything happens at every request.
    All,
}

/// What the trials share: the server, prepared by the first of them.
struct Shared {
    server: OnceLock<Result<Server, String>>,
    table: Table,
}

impl Shared {
    fn server(&self) -> Result<&Server> {
        let server = self
            .server
            .get_or_init(|| prepared().map_err(|error| format!("{error:#}")));
        server.as_ref().map_err(|error| anyhow::anyhow!("{error}"))
    }

    fn run(&self, scenario: &Scenario, which: Which) -> Result<()> {
        let server = self.server()?;
        let wanted = server.undisturbed(scenario)?;
        let mut failed = Vec::new();
        for fault in FAULTS.into_iter().filter(|fault| which.has(*fault)) {
            let all = || Box::new(1_usize..) as Box<dyn Iterator<Item = usize>>;
            let requests = match which {
                Which::Errors => Box::new(scenario.errors_at.into_iter()),
                Which::Killed | Which::Interrupted | Which::All => all(),
            };
            for request in requests {
                let judged = server.disturbed(scenario, At { request, fault }, &wanted);
                if matches!(judged, Ok(false)) {
                    ensure!(
                        !matches!(which, Which::Errors),
                        "there is no request {request}"
                    );
                    break;
                }
                let line = wanted.requests.get(request - 1).map_or("", String::as_str);
                self.table
                    .note(scenario.name, request, line, fault, judged.is_ok());
                if let Err(error) = judged {
                    let told = format!("{} {} at {request}: {error:#}", scenario.name, word(fault));
                    // At once: the whole matrix takes long.
                    eprintln!("{told}\n");
                    failed.push(told);
                }
            }
        }
        if !failed.is_empty() {
            bail!("{}", failed.join("\n\n"));
        }
        Ok(())
    }
}

impl Which {
    fn has(self, fault: Fault) -> bool {
        match self {
            Which::Killed => fault == Fault::Killed,
            Which::Interrupted => fault == Fault::Interrupted,
            Which::Errors => !matches!(fault, Fault::Killed | Fault::Interrupted),
            Which::All => true,
        }
    }
}

/// Has a node, the API, and the template of all sessions.
fn prepared() -> Result<Server> {
    let cluster = Cluster::shared()?;
    cluster.wait_for_storage()?;
    cluster.kwok_nodes(1)?;
    let kubeconfig = cluster.admin_kubeconfig();
    let template = format!("faults-{:x}", std::process::id());
    let server = Server {
        real: Real::of(&kubeconfig),
        kubeconfig,
        template,
    };
    let folder = tempfile::tempdir()?;
    let file = |name: &str, text: &str| -> Result<String> {
        let path = folder.path().join(name);
        std::fs::write(&path, text.replace("NAME", &server.template))?;
        Ok(path.to_string_lossy().into_owned())
    };
    let (pod, set) = (file("pod.yaml", POD)?, file("set.yaml", SET)?);
    for args in [
        &["setup"][..],
        &["template", "apply", "-f", &pod],
        &["template", "apply", "-f", &set],
    ] {
        let run = std::process::Command::new(place::program())
            .args(args)
            .env("KUBECONFIG", &server.kubeconfig)
            .output()?;
        ensure!(
            run.status.success(),
            "{args:?}: {}",
            String::from_utf8_lossy(&run.stderr)
        );
    }
    Ok(server)
}

fn trials(shared: &Arc<Shared>) -> Vec<Trial> {
    let trial = |scenario: Scenario, what: &str, which| {
        let shared = shared.clone();
        let run = move || {
            shared
                .run(&scenario, which)
                .map_err(|error| Failed::from(format!("{error:#}")))
        };
        Trial::test(format!("{}_{what}", scenario.name), run)
    };
    let mut trials = Vec::new();
    for scenario in COMMON {
        trials.push(trial(scenario, "killed_at_every_request", Which::Killed));
        let interrupted = "interrupted_at_every_request";
        trials.push(trial(scenario, interrupted, Which::Interrupted));
        trials.push(trial(scenario, "with_requests_that_fail", Which::Errors));
    }
    for scenario in COMMON.into_iter().chain(RARE) {
        let whole = trial(scenario, "with_every_fault_at_every_request", Which::All);
        trials.push(whole.with_ignored_flag(true));
    }
    trials
}

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // Most of the time they wait for the control plane, which has two cores at best.
    arguments.test_threads = arguments.test_threads.or(Some(6));
    let shared = Arc::new(Shared {
        server: OnceLock::new(),
        table: Table::default(),
    });
    let began = Instant::now();
    let code = libtest_mimic::run(&arguments, trials(&shared)).exit_code();
    if let Some(Ok(server)) = shared.server.get() {
        let path = format!(
            "/apis/streaming.platform/v1/sessiontemplates/{}",
            server.template
        );
        let _ = server
            .real
            .ask(Method::DELETE, &path, "application/json", &Value::Null);
        let (cases, failed) = shared.table.counts();
        println!("{}", shared.table.text());
        println!(
            "faults: {cases} cases, {failed} failed, {} s",
            began.elapsed().as_secs()
        );
    }
    code
}
