//! The cause of a container that ended: exit code, signal, memory limit, failed probe or failed start.

use k8s_openapi::api::core::v1::{Container, ContainerStateTerminated};

use super::container_facts::ContainerFacts;
use super::download_failure::container_urls;
use super::fact_query::FactQuery;
use super::lifecycle_hook::POST_START_FAILED;
use super::message_text::non_empty_or;
use super::placeholder::is_plain_exit;
use super::probe::{listen_remedy, refused_port};
use super::start_error::{innermost_error, start_error_remedy};
use super::{Cause, EventNote};
use session_model::labels;
use session_model::objects::metadata::name_of;
use session_template::is_reminder;

/// Reason of a container that was killed because its node ran out of memory, not for its own limit: the kubelet's word for it.
pub(super) const NODE_OUT_OF_MEMORY: &str = "SystemOOM";

/// Remedy for a node that ran out of memory.
pub(super) const NODE_MEMORY_REMEDY: &str = "set memory requests to the real usage, so that a node with room is chosen, then restart the session";

/// How a container ended: the reason for programs, the clause that follows the container's name, and the remedy.
type TerminationText = (&'static str, String, &'static str);

impl ContainerFacts<'_> {
    /// Returns the cause of the container's last end, with the number of restarts.
    pub(super) fn crash_cause(&self) -> Cause {
        let state = self.status.state.as_ref();
        let last = self.status.last_state.as_ref();
        let end = state
            .and_then(|state| state.terminated.as_ref())
            .or_else(|| last.and_then(|state| state.terminated.as_ref()));
        let (reason, how, remedy) = self.describe_termination(end);
        // The runtime's error ends the sentence.
        let again = self.describe_restarts().filter(|_| reason != "StartError");
        let again = again.map_or_else(String::new, |times| format!(" and was restarted {times}"));
        let runs = state.is_some_and(|state| state.running.is_some());
        let mut cause = Cause {
            reason: reason.to_owned(),
            // Some clauses end in a comma, for the restarts that may follow.
            message: format!("{} {how}{again}", self.quoted_name())
                .trim_end_matches(',')
                .to_owned(),
            evidence: self.state_evidence(),
            remedy: Some(remedy.to_owned()),
            ..Cause::default()
        };
        if let Some(probe) = self.killing_probe() {
            let told = self.probe_events(probe).next();
            cause.evidence.extend(told.map(EventNote::evidence_line));
            if let Some(port) = told.and_then(|event| refused_port(&event.message)) {
                cause.message += &format!(": nothing listens on port {port}");
                cause.remedy = Some(listen_remedy(port));
            }
        }
        cause.evidence.extend(self.hook_evidence(end));
        // Signals, and commands that are not there, have other causes.
        let code = end.map_or(0, |end| end.exit_code);
        let may_lack_value = is_plain_exit(reason) && matches!(code, 1..=125 | 193..);
        let reminder = self.find_reminder().filter(|_| may_lack_value);
        if may_lack_value && reminder.is_none() {
            cause.queries.extend(self.parameters_query());
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
                pod: name_of(&self.pod.metadata).to_owned(),
                container: self.status.name.clone(),
                previous: runs,
                urls: self
                    .container_spec()
                    .map(container_urls)
                    .unwrap_or_default(),
                reminder,
            });
        }
        cause
    }

    /// Returns how often the container was restarted: `once`, `3 times`; `None` for never.
    fn describe_restarts(&self) -> Option<String> {
        match self.status.restart_count {
            0 => None,
            1 => Some("once".to_owned()),
            times => Some(format!("{times} times")),
        }
    }

    /// Describes how the container ended last, `end`, as far as it is known.
    fn describe_termination(&self, end: Option<&ContainerStateTerminated>) -> TerminationText {
        let Some(end) = end else {
            return (
                "CrashLoopBackOff",
                "ended".into(),
                "check the container's log",
            );
        };
        let code = end.exit_code;
        let reason = end.reason.as_deref().unwrap_or_default();
        match (reason, self.killing_probe()) {
            ("OOMKilled", _) => self.describe_memory_kill(),
            ("StartError" | "ContainerCannotRun", _) => {
                let message = end.message.as_deref().unwrap_or_default();
                let error = innermost_error(message);
                let error = non_empty_or(&error, reason);
                let again = self.describe_restarts();
                let again = again.map_or_else(String::new, |times| format!(" (restarted {times})"));
                (
                    "StartError",
                    format!("could not be started{again}: {error}"),
                    start_error_remedy(message, self.container_spec()),
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
            _ if self.is_ended_by_hook(end) => (
                POST_START_FAILED,
                format!("was stopped with exit code {code}, because its postStart hook failed,"),
                "correct the command or the target of the container's postStart hook, then restart the session",
            ),
            _ => self.describe_exit(code, reason),
        }
    }

    /// Describes a container that was killed for memory: its own, or its node's if it has no limit.
    fn describe_memory_kill(&self) -> TerminationText {
        match self.memory_limit() {
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
        }
    }

    /// Describes a container that ended by itself, or by a signal of which no more is known.
    fn describe_exit(&self, code: i32, reason: &str) -> TerminationText {
        let looped = if self.status.restart_count > 0 {
            "CrashLoopBackOff"
        } else {
            "Error"
        };
        if code == 0 {
            return (
                looped,
                "completed with exit code 0".into(),
                "set a command that keeps running",
            );
        }
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

    fn node_name(&self) -> Option<&str> {
        self.pod.spec.as_ref()?.node_name.as_deref()
    }

    pub(super) fn container_spec(&self) -> Option<&Container> {
        let spec = self.pod.spec.as_ref()?;
        let init = spec.init_containers.iter().flatten();
        let mut all = init.chain(&spec.containers);
        all.find(|container| container.name == self.status.name)
    }

    /// Returns the container's variable whose value was left to be replaced.
    fn find_reminder(&self) -> Option<String> {
        let variables = self.container_spec()?.env.as_deref()?;
        let is_placeholder = |value: &Option<String>| value.as_deref().is_some_and(is_reminder);
        let found = variables.iter().find(|one| is_placeholder(&one.value))?;
        Some(found.name.clone())
    }

    /// Returns the query for a parameter of the session whose value was left to be replaced.
    fn parameters_query(&self) -> Option<FactQuery> {
        let session = self.pod.metadata.labels.as_ref()?.get(labels::SESSION)?;
        Some(FactQuery::SessionParameters {
            session: session.clone(),
        })
    }

    fn memory_limit(&self) -> Option<String> {
        let own = self.container_spec()?;
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
