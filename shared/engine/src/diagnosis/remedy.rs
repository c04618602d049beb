//! The commands that repair a session: one table from phase and cause to commands, for every verb that says what to do next.
//! Least destructive first, the deletion last. Pure.

use k8s_openapi::api::core::v1::{ContainerStateTerminated, ContainerStatus};
use session_model::api::{DataPolicy, Phase, Session};
use session_model::encode::shell;
use session_model::objects::kept_data::is_claim;

use super::image_parameters::is_image_reason;
use super::init_container::running_init_container;
use super::{Cause, failed_init_container};
use crate::reconcile::{LiveObjects, WorkloadState, effective_data_policy, is_start_requested};

/// A command that repairs a session or brings it on, with the words that introduce it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remedy {
    /// Effect of the command, as an imperative: `start the session`.
    pub what: &'static str,
    /// The verb of `kubectl session`.
    pub verb: &'static str,
    /// Words after name and namespace.
    pub flags: Vec<String>,
}

impl Remedy {
    fn new(what: &'static str, verb: &'static str, flags: &[&str]) -> Self {
        Self {
            what,
            verb,
            flags: flags.iter().map(|flag| (*flag).to_owned()).collect(),
        }
    }

    /// Returns the start of a session whose workload is not there.
    pub fn start() -> Self {
        Self::new("start the session", "start", &[])
    }

    /// Returns the deletion, in words that say what it does to the claims.
    pub fn deletion(facts: &RemedyFacts) -> Self {
        let what = match facts.claims_on_deletion {
            None => "delete the session",
            Some(DataPolicy::Keep) => "delete the session and keep its claims",
            Some(DataPolicy::Snapshot) => "delete the session and keep a snapshot of its claims",
            Some(DataPolicy::Delete) => "delete the session and the data of its claims",
        };
        Self::new(what, "delete", &[])
    }

    /// Returns the creation after the deletion, for a session whose stored manifest is at fault: no verb changes it.
    fn creation() -> Self {
        let what = "create the session again from a corrected manifest, after the deletion";
        Self::new(what, "create", &["-f", "FILENAME"])
    }

    /// Returns true for the command that deletes the session, and for the one that creates it after that.
    pub fn is_deletion(&self) -> bool {
        matches!(self.verb, "delete" | "create")
    }

    /// Returns the command line, which works when pasted.
    pub fn command(&self, session: &str, namespace: &str) -> String {
        let mut words = vec!["kubectl", "session", self.verb, session, "-n", namespace];
        words.extend(self.flags.iter().map(String::as_str));
        shell::quote_command(&words)
    }

    /// Returns the hint: the words and the command.
    pub fn hint(&self, session: &str, namespace: &str) -> String {
        format!("{}: {}", self.what, self.command(session, namespace))
    }
}

/// Facts that decide about remedies, beside phase and cause.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RemedyFacts {
    /// Data policy for the session's claims on deletion; `None` without claims.
    pub claims_on_deletion: Option<DataPolicy>,
    /// True if a container has run, so that there is a log.
    pub has_run: bool,
    /// True if a container was restarted and is not ready: the log of its previous run tells why.
    pub was_restarted: bool,
    /// Name of the init container that failed; the default container has no log then.
    pub failed_init_container: Option<String>,
    /// Name of the init container that runs now: its log tells what the Pod waits for.
    pub running_init_container: Option<String>,
    /// Parameters that the failing image comes from, as `NAME=VALUE` for `--set`; empty where none is known.
    pub image_values: Vec<String>,
    /// True for a session that was created from a manifest, which each start carries out again.
    pub has_manifest: bool,
    /// True for a session whose lifetime is over.
    pub is_expired: bool,
    /// True for a session whose start was requested and not carried out.
    pub is_start_requested: bool,
}

impl RemedyFacts {
    /// Reads the facts from a session and its objects. Data that was not read counts as absent.
    pub fn new(session: &Session, live: &LiveObjects, state: &WorkloadState) -> Self {
        let has_claims = live.own_data(session).any(is_claim);
        let containers = || {
            let pods = live.own_pods(session.uid());
            let pods = pods.filter_map(|pod| pod.status.as_ref());
            // The kubelet removes the containers of a Pod that it evicts, and their logs.
            pods.filter(|status| status.reason.as_deref() != Some("Evicted"))
                .flat_map(|status| status.container_statuses.iter().flatten())
        };
        Self {
            claims_on_deletion: has_claims.then(|| effective_data_policy(session)),
            has_run: containers().any(has_run),
            was_restarted: containers().any(|one| has_earlier_run(one) && !one.ready),
            failed_init_container: live
                .own_pods(session.uid())
                .find_map(failed_init_container)
                .map(str::to_owned),
            running_init_container: live
                .own_pods(session.uid())
                .find_map(running_init_container)
                .map(str::to_owned),
            image_values: state
                .cause()
                .map_or_else(Vec::new, |cause| cause.image_values.clone()),
            has_manifest: session.spec.manifest.is_some(),
            is_expired: false,
            is_start_requested: is_start_requested(session),
        }
    }
}

/// Returns true for a container that runs or has run, so that it has a log.
fn has_run(container: &ContainerStatus) -> bool {
    let state = container.state.as_ref();
    let end = state.and_then(|state| state.terminated.as_ref());
    let runs = state.is_some_and(|state| state.running.is_some());
    runs || end.is_some_and(is_end_of_run) || has_earlier_run(container)
}

/// Returns true for a container that has run before this run.
fn has_earlier_run(container: &ContainerStatus) -> bool {
    let last = container.last_state.as_ref();
    let end = last.and_then(|last| last.terminated.as_ref());
    end.is_some_and(is_end_of_run)
}

/// Returns true for the end of a container that has run: the runtime could start it, and it is known what became of it.
fn is_end_of_run(end: &ContainerStateTerminated) -> bool {
    let reason = end.reason.as_deref().unwrap_or_default();
    !["StartError", "ContainerCannotRun", "ContainerStatusUnknown"].contains(&reason)
}

/// The kind of repair that a cause needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Repair {
    /// Another image, or the same one where it is by now.
    Image,
    /// More memory for the container.
    Memory,
    /// A start, once the cause is fixed.
    Start,
}

/// The table: which repair the reason of a cause needs.
fn repair_of(cause: Option<&Cause>) -> Repair {
    match cause.map_or("", |cause| cause.reason.as_str()) {
        reason if is_image_reason(reason) => Repair::Image,
        "OOMKilled" => Repair::Memory,
        _ => Repair::Start,
    }
}

/// Returns the commands that repair the session, in the order in which to try them; none for one that runs well.
pub fn find_remedies(phase: Phase, state: &WorkloadState, facts: &RemedyFacts) -> Vec<Remedy> {
    let watch = |what| Remedy::new(what, "status", &["-w"]);
    let mut remedies = match phase {
        Phase::Terminating => return vec![watch("watch the deletion")],
        Phase::Pending
            if matches!(state, WorkloadState::NoWorkload) && facts.is_start_requested =>
        {
            vec![Remedy::start()]
        }
        Phase::Pending => {
            // The cause may pass by itself, or never.
            let mut remedies = vec![watch("watch the session start")];
            if let Some(container) = &facts.running_init_container {
                let what = "show the logs of the init container";
                remedies.push(Remedy::new(what, "logs", &["-c", container]));
            }
            if state.cause().is_some() {
                remedies.extend(failed_remedies(state, facts));
            }
            return remedies;
        }
        Phase::Stopped => vec![Remedy::start()],
        Phase::Running if facts.is_expired => Vec::new(),
        Phase::Running => logs(facts),
        Phase::Failed => failed_remedies(state, facts),
    };
    remedies.push(Remedy::deletion(facts));
    if phase == Phase::Failed && facts.has_manifest && state.cause().is_some() {
        remedies.push(Remedy::creation());
    }
    remedies
}

/// Returns the remedies of a failed session without its deletion.
fn failed_remedies(state: &WorkloadState, facts: &RemedyFacts) -> Vec<Remedy> {
    // A workload that is still there is replaced by --restart alone.
    let (what, restart): (_, &[&str]) = match state {
        WorkloadState::Unrecoverable(_) | WorkloadState::NotReady(_) => (
            "restart the session once the cause is fixed",
            &["--restart"],
        ),
        _ => ("start the session", &[]),
    };
    let start = Remedy::new(what, "start", restart);
    let mut remedies = logs(facts);
    match repair_of(state.cause()) {
        Repair::Image => {
            let set = facts.image_values.iter();
            let set = set.flat_map(|value| ["--set", value.as_str()]);
            let flags: Vec<&str> = restart.iter().copied().chain(set).collect();
            if flags.len() > restart.len() {
                let what = "start the session with another image";
                remedies.push(Remedy::new(what, "start", &flags));
            }
            remedies.push(start);
        }
        // Only a running Pod can be resized.
        Repair::Memory if restart.is_empty() => {
            remedies.push(start);
            remedies.push(resize("raise the memory limit of the running session"));
        }
        Repair::Memory => remedies.push(resize("raise the memory limit")),
        Repair::Start => remedies.push(start),
    }
    remedies
}

fn resize(what: &'static str) -> Remedy {
    Remedy::new(what, "resize", &["--memory", "SIZE", "--restart"])
}

fn logs(facts: &RemedyFacts) -> Vec<Remedy> {
    if let Some(container) = &facts.failed_init_container {
        let flags = ["-c", container.as_str()];
        return vec![Remedy::new(
            "show the logs of the failed init container",
            "logs",
            &flags,
        )];
    }
    let logs = match (facts.has_run, facts.was_restarted) {
        (_, true) => Remedy::new("show the logs of the previous run", "logs", &["--previous"]),
        (true, false) => Remedy::new("show the logs", "logs", &[]),
        (false, false) => return Vec::new(),
    };
    vec![logs]
}

#[cfg(test)]
#[path = "remedy_tests.rs"]
mod tests;
