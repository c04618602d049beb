//! The cause of a container that ended: exit code, signal, memory limit, failed probe or failed start.

use k8s_openapi::api::core::v1::{Container, ContainerStateTerminated};

use super::container_facts::{ContainerFacts, innermost_error, non_empty_or, start_error_remedy};
use super::fact_query::FactQuery;
use super::{Cause, EventNote};

/// Reason of a container that was killed because its node ran out of memory, not for its own limit: the kubelet's word for it.
pub(super) const NODE_OUT_OF_MEMORY: &str = "SystemOOM";

/// Remedy for a node that ran out of memory.
pub(super) const NODE_MEMORY_REMEDY: &str = "set memory requests to the real usage, so that a node with room is chosen, then restart the session";

impl ContainerFacts<'_> {
    /// Returns the cause of the container's last end, with the number of restarts.
    pub(super) fn crash_cause(&self) -> Cause {
        let state = self.status.state.as_ref();
        let last = self.status.last_state.as_ref();
        let end = state
            .and_then(|state| state.terminated.as_ref())
            .or_else(|| last.and_then(|state| state.terminated.as_ref()));
        let again = match self.status.restart_count {
            0 => String::new(),
            1 => " and was restarted once".to_owned(),
            times => format!(" and was restarted {times} times"),
        };
        let (reason, how, remedy) = self.describe_termination(end);
        let runs = state.is_some_and(|state| state.running.is_some());
        let mut cause = Cause {
            reason: reason.to_owned(),
            // Some clauses end in a comma, for the restarts that may follow.
            message: format!("{} {how}{again}", self.quoted_name())
                .trim_end_matches(',')
                .to_owned(),
            evidence: self.state_evidence(),
            remedy: Some(remedy.to_owned()),
            queries: Vec::new(),
        };
        if let Some(probe) = self.killing_probe() {
            let told = self.probe_events(probe).map(EventNote::evidence_line);
            cause.evidence.extend(told);
        }
        if reason == "OOMKilled"
            && let (Some(limit), Some(node)) = (self.memory_limit(), self.node_name())
        {
            cause.queries.push(FactQuery::NodeMemory {
                name: node.to_owned(),
                limit,
            });
        }
        if reason != "StartError" {
            cause.queries.push(FactQuery::Log {
                pod: self.pod.metadata.name.clone().unwrap_or_default(),
                container: self.status.name.clone(),
                previous: runs,
            });
        }
        cause
    }

    fn describe_termination(
        &self,
        end: Option<&ContainerStateTerminated>,
    ) -> (&'static str, String, &'static str) {
        let Some(end) = end else {
            return (
                "CrashLoopBackOff",
                "ended".into(),
                "check the container's log",
            );
        };
        let code = end.exit_code;
        let reason = end.reason.as_deref().unwrap_or_default();
        let looped = if self.status.restart_count > 0 {
            "CrashLoopBackOff"
        } else {
            "Error"
        };
        match (reason, self.killing_probe()) {
            ("OOMKilled", _) => match self.memory_limit() {
                Some(limit) => (
                    "OOMKilled",
                    format!("was killed for exceeding its memory limit of {limit} (OOMKilled)"),
                    "raise the container's memory limit, or reduce its memory use",
                ),
                None => (
                    NODE_OUT_OF_MEMORY,
                    "was killed because its node ran out of memory (OOMKilled, no memory limit set)"
                        .to_owned(),
                    NODE_MEMORY_REMEDY,
                ),
            },
            ("StartError" | "ContainerCannotRun", _) => {
                let message = innermost_error(end.message.as_deref().unwrap_or_default());
                (
                    "StartError",
                    format!("could not be started: {}", non_empty_or(message, reason)),
                    start_error_remedy(end.message.as_deref().unwrap_or_default()),
                )
            }
            (_, Some("Liveness")) => (
                "LivenessFailed",
                format!("was stopped with exit code {code}, because its liveness probe failed,"),
                "make the probe's target answer in time, or allow more time (initialDelaySeconds, failureThreshold, a startupProbe)",
            ),
            (_, Some(_)) => (
                "StartupFailed",
                format!("was stopped with exit code {code}, because its startup probe failed,"),
                "make the probe's target answer in time, or raise the startupProbe's failureThreshold",
            ),
            _ if code == 0 => (
                looped,
                "completed with exit code 0".into(),
                "set a command that keeps running",
            ),
            _ => {
                let what = match code {
                    126 => " (its command cannot be executed)".to_owned(),
                    127 => " (its command was not found)".to_owned(),
                    129..=192 => format!(" (signal {})", code - 128),
                    _ => String::new(),
                };
                let named = if matches!(reason, "" | "Error" | "Completed") {
                    String::new()
                } else {
                    format!(" ({reason})")
                };
                (
                    looped,
                    format!("ended with exit code {code}{what}{named}"),
                    "check the last lines of the container's log, then correct its command, image or settings",
                )
            }
        }
    }

    fn node_name(&self) -> Option<&str> {
        self.pod.spec.as_ref()?.node_name.as_deref()
    }

    fn memory_limit(&self) -> Option<String> {
        let spec = self.pod.spec.as_ref()?;
        let init = spec.init_containers.iter().flatten();
        let mut all = init.chain(&spec.containers);
        let own: &Container = all.find(|container| container.name == self.status.name)?;
        Some(
            own.resources
                .as_ref()?
                .limits
                .as_ref()?
                .get("memory")?
                .0
                .clone(),
        )
    }
}
