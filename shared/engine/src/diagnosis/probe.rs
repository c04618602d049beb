//! Failed probes of a container: those that stop it, and those that keep it from being ready.

use super::container_facts::ContainerFacts;
use super::fact_query::FactQuery;
use super::message_text::first_line;
use super::{Cause, EventNote};
use session_model::objects::metadata::name_of;

impl ContainerFacts<'_> {
    /// Returns the probe because of which the kubelet stopped the container, `Liveness` or `Startup`, by its newest Killing event.
    pub(super) fn killing_probe(&self) -> Option<&'static str> {
        let message = &self.newest_event("Killing")?.message;
        let ended_by = |probe: &str| {
            message.contains(&format!("{:?} failed {probe} probe", self.status.name))
                || message.contains(&format!("{} failed {probe} probe", self.status.name))
        };
        if ended_by("liveness") {
            Some("Liveness")
        } else if ended_by("startup") {
            Some("Startup")
        } else {
            self.inferred_killing_probe(message)
        }
    }

    /// Returns the probe in a Pod that restarts no container, where the Killing event names none. A deletion of the Pod and an
    /// eviction are diagnosed before this is called, so a failed probe is the only reason left.
    fn inferred_killing_probe(&self, message: &str) -> Option<&'static str> {
        let policy = self.pod.spec.as_ref()?.restart_policy.as_deref();
        let stopped = message == format!("Stopping container {}", self.status.name);
        if policy != Some("Never") || !stopped {
            return None;
        }
        let probes = ["Liveness", "Startup"];
        probes
            .into_iter()
            .find(|probe| self.probe_events(probe).next().is_some())
    }

    pub(super) fn probe_events(&self, probe: &str) -> impl Iterator<Item = &EventNote> {
        let begin = format!("{probe} probe");
        let own = self.events.iter().rev().copied();
        own.filter(move |event| {
            event.reason == "Unhealthy"
                && event.concerns(&self.status.name)
                && event.message.starts_with(&begin)
        })
        .take(1)
    }

    /// Returns the cause of a running container that is not ready: a failed readiness or startup probe. `None` without such an
    /// event.
    pub(super) fn unready_cause(&self) -> Option<Cause> {
        let (probe, event) = ["Readiness", "Startup"]
            .iter()
            .find_map(|probe| Some((*probe, self.probe_events(probe).next()?)))?;
        let word = probe.to_lowercase();
        let log = FactQuery::Log {
            pod: name_of(&self.pod.metadata).to_owned(),
            container: self.status.name.clone(),
            previous: false,
            urls: Vec::new(),
            reminder: None,
        };
        let evidence = std::iter::once(event.evidence_line()).chain(self.state_evidence());
        if let Some(port) = refused_port(&event.message) {
            let place = self.quoted_name();
            return Some(Cause {
                reason: "PortNotListening".into(),
                message: format!(
                    "{place} runs, but nothing listens on its port {port}: its {word} probe fails, connection refused"
                ),
                evidence: evidence.collect(),
                remedy: Some(listen_remedy(port)),
                queries: vec![log],
                ..Cause::default()
            });
        }
        let said = event
            .message
            .split_once(": ")
            .map_or(event.message.as_str(), |(_, said)| said)
            .trim();
        let said = if said.is_empty() || said.ends_with("failed:") {
            String::new()
        } else {
            format!(": {}", first_line(said))
        };
        Some(Cause {
            reason: format!("{probe}Failed"),
            message: format!(
                "{} runs, but its {word} probe fails{said}",
                self.quoted_name()
            ),
            evidence: evidence.collect(),
            remedy: Some(format!(
                "make the {word} probe's target answer, or correct the probe's port, path or command"
            )),
            queries: vec![log],
            ..Cause::default()
        })
    }
}

/// Reads the port from a probe's message about a refused connection: `dial tcp 10.1.2.3:81: connect: connection refused`.
pub(super) fn refused_port(message: &str) -> Option<u16> {
    let (before, _) = message.split_once(": connect: connection refused")?;
    before.rsplit(':').next()?.parse().ok()
}

/// Returns the remedy of a port that nothing listens on.
pub(super) fn listen_remedy(port: u16) -> String {
    format!(
        "let the program listen on port {port}, on all addresses (0.0.0.0 or ::) and not only on 127.0.0.1, or correct the probe's port"
    )
}
