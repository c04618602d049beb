//! What a Pod's status and events mean.

use k8s_openapi::api::core::v1::{ContainerStatus, Pod, PodStatus};

use serde_json::Value;

use super::container::{self, State};
use super::{Cause, EventNote, Finding, Verdict};
use crate::objects::resource::text;
use crate::progress::Stage;

/// Reads one Pod of the primary workload. `events` may hold events of other objects: they are passed over.
pub fn inspect(pod: &Pod, events: &[EventNote]) -> Finding {
    let name = pod.metadata.name.clone().unwrap_or_default();
    let uid = pod.metadata.uid.clone().unwrap_or_default();
    let own: Vec<&EventNote> = events.iter().filter(|event| event.uid == uid).collect();
    let status = pod.status.clone().unwrap_or_default();
    let made = pod
        .metadata
        .creation_timestamp
        .as_ref()
        .map(|time| time.0.to_string())
        .unwrap_or_default();
    let is_claims = |event: &&EventNote| {
        event.kind == "PersistentVolumeClaim"
            && event.warning
            && event.is_since(&made)
            && mounts(pod, &event.name)
    };
    let claims: Vec<&EventNote> = events.iter().filter(is_claims).collect();
    let found = Inspection {
        name: &name,
        status: &status,
        events: &own,
        claims: &claims,
    };
    let (stage, detail, verdict) = found.read(pod);
    Finding {
        stage,
        object: format!("pod/{name}"),
        detail,
        verdict,
        trouble: None,
    }
}

/// A workload that has no Pod yet: its controller's events say why, when there is a why. A Deployment's are those of the
/// ReplicaSets it makes, which are known by their names alone.
pub fn inspect_missing(workload: &Value, events: &[EventNote]) -> Finding {
    let (kind, name) = (text(workload, "/kind"), text(workload, "/metadata/name"));
    let (uid, made) = (
        text(workload, "/metadata/uid"),
        text(workload, "/metadata/creationTimestamp"),
    );
    let object = format!("{}/{name}", kind.to_lowercase());
    let is_mine = |event: &EventNote| {
        let by_name = event
            .name
            .strip_prefix(name)
            .is_some_and(|rest| rest.starts_with('-'));
        event.uid == uid || (event.kind == "ReplicaSet" && by_name && event.is_since(made))
    };
    let failed = events
        .iter()
        .rev()
        .find(|event| event.reason == "FailedCreate" && is_mine(event));
    let (detail, verdict) = match failed {
        None => (String::new(), Verdict::Waiting),
        Some(event) => {
            let message = format!("{} {:?} cannot make its Pod: {}", kind, name, event.message);
            let cause = Cause {
                reason: event.reason.clone(),
                message,
                evidence: vec![format!("{}: {}", event.reason, event.message)],
                ..Cause::default()
            };
            (event.message.clone(), Verdict::Hopeless(cause))
        }
    };
    Finding {
        stage: Stage::Scheduling,
        object,
        detail,
        verdict,
        trouble: None,
    }
}

struct Inspection<'a> {
    name: &'a str,
    status: &'a PodStatus,
    events: &'a [&'a EventNote],
    claims: &'a [&'a EventNote],
}

type Read = (Stage, String, Verdict);

impl Inspection<'_> {
    fn read(&self, pod: &Pod) -> Read {
        if pod.metadata.deletion_timestamp.is_some() {
            return (Stage::Terminating, "being deleted".into(), Verdict::Waiting);
        }
        match self.status.phase.as_deref() {
            Some("Succeeded" | "Failed") => self.ended(),
            _ if self.condition("Ready") == Some("True") => {
                (Stage::Probing, String::new(), Verdict::Ready)
            }
            _ if self.condition("PodScheduled") != Some("True") => self.unscheduled(),
            _ => self.starting(pod),
        }
    }

    fn condition(&self, kind: &str) -> Option<&str> {
        let conditions = self.status.conditions.as_deref().unwrap_or_default();
        conditions
            .iter()
            .find(|condition| condition.type_ == kind)
            .map(|condition| condition.status.as_str())
    }

    fn last_event(&self, reasons: &[&str]) -> Option<&str> {
        let found = self
            .events
            .iter()
            .rev()
            .find(|event| reasons.contains(&event.reason.as_str()));
        found.map(|event| event.message.as_str())
    }

    /// A Pod that ended: the first container with an error decides, else the first one.
    fn ended(&self) -> Read {
        let statuses = self.containers();
        let ended = statuses
            .iter()
            .filter(|status| container::end_of(status).is_some_and(|end| end.exit_code != 0));
        let decisive = ended
            .clone()
            .next()
            .or_else(|| statuses.iter().find(|s| container::end_of(s).is_some()));
        let word = self.status.reason.clone();
        let end = decisive.and_then(container::end_of);
        let (code, reason) = match end {
            Some(end) => (
                end.exit_code,
                word.or_else(|| end.reason.clone()).unwrap_or_default(),
            ),
            // Evicted and preempted Pods have no container that ended.
            None => (
                i32::from(self.status.phase.as_deref() == Some("Failed")),
                word.unwrap_or_default(),
            ),
        };
        let said = self
            .status
            .message
            .clone()
            .or_else(|| decisive.map(container::describe_end));
        let detail = said.unwrap_or_else(|| format!("ended with exit code {code}"));
        (Stage::Starting, detail, Verdict::Ended { code, reason })
    }

    fn containers(&self) -> Vec<ContainerStatus> {
        let init = self
            .status
            .init_container_statuses
            .clone()
            .unwrap_or_default();
        init.into_iter()
            .chain(self.status.container_statuses.clone().unwrap_or_default())
            .collect()
    }

    /// An autoscaler may still add a node: it is waited for, with the scheduler's reason on the screen.
    fn unscheduled(&self) -> Read {
        let conditions = self.status.conditions.as_deref().unwrap_or_default();
        let scheduled = conditions
            .iter()
            .find(|condition| condition.type_ == "PodScheduled");
        let message = scheduled
            .and_then(|condition| condition.message.clone())
            .unwrap_or_default();
        match self.claims.last() {
            Some(event)
                if message.contains("unbound") || message.contains("persistentvolumeclaim") =>
            {
                let detail = format!("claim {:?}: {}", event.name, event.message);
                (Stage::Binding, detail, Verdict::Waiting)
            }
            _ => (Stage::Scheduling, message, Verdict::Waiting),
        }
    }

    fn starting(&self, pod: &Pod) -> Read {
        let policy = pod
            .spec
            .as_ref()
            .and_then(|spec| spec.restart_policy.as_deref())
            .unwrap_or("Always");
        for status in self.status.init_container_statuses.iter().flatten() {
            match container::read(self.name, status, None) {
                State::Hopeless(cause) => {
                    return (
                        Stage::Initializing,
                        cause.message.clone(),
                        Verdict::Hopeless(cause),
                    );
                }
                State::Ended { code, .. } if code != 0 && policy == "Never" => {
                    return self.failed_init(status, code);
                }
                State::Ended { code: 0, .. } => {}
                State::Pulling(detail) => return (Stage::Pulling, detail, Verdict::Waiting),
                // A sidecar (an init container that keeps running) is started once it has passed its startup probe.
                State::Running if status.started == Some(true) && is_sidecar(pod, &status.name) => {
                }
                State::Running => {
                    let detail = format!("init container {:?} runs", status.name);
                    return (Stage::Initializing, detail, Verdict::Waiting);
                }
                State::Waiting(detail) if detail.is_empty() => return self.creating(),
                State::Waiting(detail) => return (Stage::Initializing, detail, Verdict::Waiting),
                State::Ended { code, .. } => {
                    let detail = format!(
                        "init container {:?} ended with exit code {code}",
                        status.name
                    );
                    return (Stage::Initializing, detail, Verdict::Waiting);
                }
            }
        }
        self.containers_starting(policy)
    }

    fn failed_init(&self, status: &ContainerStatus, code: i32) -> Read {
        let message = format!(
            "init container {:?} of pod {:?} ended with exit code {code}",
            status.name, self.name
        );
        let remedy = Some(format!("see its logs: container {:?}", status.name));
        let cause = Cause {
            reason: "InitContainerFailed".into(),
            message: message.clone(),
            remedy,
            ..Cause::default()
        };
        (Stage::Initializing, message, Verdict::Hopeless(cause))
    }

    fn containers_starting(&self, policy: &str) -> Read {
        let statuses = self
            .status
            .container_statuses
            .as_deref()
            .unwrap_or_default();
        let mut probing = None;
        for status in statuses {
            match container::read(self.name, status, self.last_event(&["Failed"])) {
                State::Hopeless(cause) => {
                    return (
                        Stage::Starting,
                        cause.message.clone(),
                        Verdict::Hopeless(cause),
                    );
                }
                State::Pulling(detail) => return (Stage::Pulling, detail, Verdict::Waiting),
                State::Waiting(detail) if detail.is_empty() => return self.creating(),
                State::Waiting(detail) => return (Stage::Starting, detail, Verdict::Waiting),
                State::Ended { code, reason } if policy == "Never" => {
                    let detail = container::describe_end(status);
                    return (Stage::Starting, detail, Verdict::Ended { code, reason });
                }
                State::Ended { code, .. } => {
                    let detail = format!("container {:?} ended with exit code {code}", status.name);
                    return (Stage::Starting, detail, Verdict::Waiting);
                }
                State::Running if !status.ready => probing = probing.or(Some(status)),
                State::Running => {}
            }
        }
        let Some(status) = probing else {
            return (Stage::Starting, String::new(), Verdict::Waiting);
        };
        let failing = self
            .last_event(&["Unhealthy"])
            .map(|message| format!(": {message}"))
            .unwrap_or_default();
        let detail = format!("container {:?} is not ready{failing}", status.name);
        (Stage::Probing, detail, Verdict::Waiting)
    }

    /// Nothing has been started: the newest event tells whether an image or a volume is waited for.
    fn creating(&self) -> Read {
        let told = [
            "Pulling",
            "FailedMount",
            "FailedAttachVolume",
            "FailedCreatePodSandBox",
            "Pulled",
        ];
        let newest = self
            .events
            .iter()
            .rev()
            .find(|event| told.contains(&event.reason.as_str()));
        match newest {
            Some(event) if event.reason == "Pulling" => {
                (Stage::Pulling, event.message.clone(), Verdict::Waiting)
            }
            Some(event) if event.reason.starts_with("Failed") => {
                (Stage::Starting, event.message.clone(), Verdict::Waiting)
            }
            _ => (Stage::Starting, String::new(), Verdict::Waiting),
        }
    }
}

fn mounts(pod: &Pod, claim: &str) -> bool {
    let volumes = pod
        .spec
        .iter()
        .flat_map(|spec| spec.volumes.iter().flatten());
    volumes
        .filter_map(|volume| volume.persistent_volume_claim.as_ref())
        .any(|source| source.claim_name == claim)
}

fn is_sidecar(pod: &Pod, name: &str) -> bool {
    let init = pod
        .spec
        .iter()
        .flat_map(|spec| spec.init_containers.iter().flatten());
    init.clone()
        .any(|c| c.name == name && c.restart_policy.as_deref() == Some("Always"))
}

#[cfg(test)]
#[path = "pod_tests.rs"]
mod tests;
