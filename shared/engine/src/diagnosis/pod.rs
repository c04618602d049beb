//! Diagnosis of one Pod from its status and events: scheduling first, then its init containers, then its containers.

use k8s_openapi::api::core::v1::{ContainerStatus, Pod, PodCondition, PodStatus};

use super::container_facts::{ContainerFacts, ContainerProgress};
use super::fact_query::FactQuery;
use super::{
    Cause, EventNote, Finding, Prognosis, claim_failure, scale_up, scheduling, volume_failure,
};
use session_model::objects::conditions::pod_condition;
use session_model::objects::metadata::{name_of, uid_of};
use session_model::progress::WaitStage;

/// Diagnoses one Pod of the primary workload. Events of other objects in `events` are ignored, except those of claims that the
/// Pod mounts.
pub fn inspect_pod(pod: &Pod, events: &[EventNote]) -> Finding {
    let (name, uid) = (name_of(&pod.metadata), uid_of(&pod.metadata));
    let made = pod.metadata.creation_timestamp.as_ref();
    let made = made.map(|time| time.0.to_string());
    let is_claims = |event: &&EventNote| {
        event.object_kind == "PersistentVolumeClaim"
            && made.as_ref().is_none_or(|made| event.is_not_before(made))
            && claim_names(pod).any(|claim| claim == event.object_name)
    };
    let status = pod.status.clone().unwrap_or_default();
    let mut found = PodInspection {
        pod,
        name,
        status: &status,
        events: events.iter().filter(|event| event.is_about(uid)).collect(),
        claims: events.iter().filter(is_claims).collect(),
    };
    // The first events of a watch come in no order of time.
    found.events.sort_by_key(|event| event.time_to_second());
    found.claims.sort_by_key(|event| event.time_to_second());
    let read = found.assess();
    Finding {
        stage: read.stage,
        object: format!("pod/{name}"),
        detail: read.detail,
        prognosis: read.prognosis,
        problem: read.problem,
    }
}

/// A Pod under diagnosis, with the events that concern it, oldest first.
pub(super) struct PodInspection<'a> {
    pub(super) pod: &'a Pod,
    pub(super) name: &'a str,
    pub(super) status: &'a PodStatus,
    pub(super) events: Vec<&'a EventNote>,
    claims: Vec<&'a EventNote>,
}

/// The result for one Pod: a [`Finding`] without the object's name.
pub(super) struct PodAssessment {
    pub(super) stage: WaitStage,
    pub(super) detail: String,
    pub(super) prognosis: Prognosis,
    pub(super) problem: Option<Cause>,
}

impl PodAssessment {
    pub(super) fn waiting(stage: WaitStage, detail: impl Into<String>) -> Self {
        Self {
            stage,
            detail: detail.into(),
            prognosis: Prognosis::Waiting,
            problem: None,
        }
    }

    pub(super) fn recoverable(stage: WaitStage, cause: Cause) -> Self {
        Self {
            problem: Some(cause.clone()),
            ..Self::waiting(stage, cause.message)
        }
    }

    pub(super) fn unrecoverable(stage: WaitStage, cause: Cause) -> Self {
        Self {
            prognosis: Prognosis::Unrecoverable(cause.clone()),
            ..Self::waiting(stage, cause.message)
        }
    }
}

impl PodInspection<'_> {
    fn assess(&self) -> PodAssessment {
        if self.pod.metadata.deletion_timestamp.is_some() {
            return self.assess_deletion();
        }
        match self.status.phase.as_deref() {
            Some("Succeeded" | "Failed") => self.after_end(),
            _ if self.has_condition("Ready", "True") => PodAssessment {
                prognosis: Prognosis::Ready,
                ..PodAssessment::waiting(WaitStage::Probing, "")
            },
            _ if !self.has_condition("PodScheduled", "True") => self.assess_scheduling(),
            _ => self
                .assess_node()
                .unwrap_or_else(|| self.assess_init_containers()),
        }
    }

    pub(super) fn condition(&self, kind: &str) -> Option<&PodCondition> {
        pod_condition(self.pod, kind)
    }

    fn has_condition(&self, kind: &str, word: &str) -> bool {
        self.condition(kind)
            .is_some_and(|condition| condition.status == word)
    }

    pub(super) fn container_facts<'s>(
        &'s self,
        status: &'s ContainerStatus,
        init: bool,
    ) -> ContainerFacts<'s> {
        ContainerFacts {
            pod: self.pod,
            status,
            is_init: init,
            events: &self.events,
        }
    }

    /// Returns true for a Pod of a StatefulSet, which creates the claims of its Pods itself.
    fn is_of_statefulset(&self) -> bool {
        let owners = self.pod.metadata.owner_references.iter().flatten();
        let mut kinds = owners.map(|owner| owner.kind.as_str());
        kinds.any(|kind| kind == "StatefulSet")
    }

    /// Diagnoses a Pod without a node. It may still become ready, because an autoscaler may add a node or other Pods may end.
    fn assess_scheduling(&self) -> PodAssessment {
        if let Some(cause) = self.scheduling_gates_cause() {
            return PodAssessment::recoverable(WaitStage::Scheduling, cause);
        }
        let scheduled = self.condition("PodScheduled");
        let message = scheduled
            .and_then(|condition| condition.message.clone())
            .unwrap_or_default();
        if let Some(cause) = claim_failure::missing_claim_cause(self.name, &message) {
            // The scheduler may see the Pod before it sees the claim that was created for it just before.
            if self.is_of_statefulset() {
                return PodAssessment::recoverable(
                    WaitStage::Binding,
                    self.with_scheduler_evidence(cause, &message),
                );
            }
            return PodAssessment::unrecoverable(
                WaitStage::Binding,
                self.with_scheduler_evidence(cause, &message),
            );
        }
        let unbound = message.contains("unbound immediate PersistentVolumeClaims");
        if unbound || message.is_empty() {
            for event in self.claims.iter().rev() {
                match claim_failure::parse_claim_event(self.name, event) {
                    Some(claim_failure::ClaimState::Unrecoverable(cause)) => {
                        return PodAssessment::unrecoverable(WaitStage::Binding, cause);
                    }
                    Some(claim_failure::ClaimState::Recoverable(cause)) => {
                        return PodAssessment::recoverable(WaitStage::Binding, cause);
                    }
                    Some(claim_failure::ClaimState::WaitsForConsumer) | None => {}
                }
            }
        }
        if unbound {
            let claims: Vec<&str> = claim_names(self.pod).collect();
            let cause = claim_failure::unbound_claims_cause(self.name, &claims);
            return PodAssessment::recoverable(
                WaitStage::Binding,
                self.with_scheduler_evidence(cause, &message),
            );
        }
        if message.is_empty() {
            return match self.silent_scheduler_cause() {
                Some(cause) => PodAssessment::recoverable(WaitStage::Scheduling, cause),
                None => PodAssessment::waiting(WaitStage::Scheduling, ""),
            };
        }
        let cause = scheduling::unschedulable_cause(self.pod, &message);
        let mut cause = self.with_scheduler_evidence(cause, &message);
        if let Some(event) = self.newest_event(&scale_up::SCALE_UP_REASONS) {
            scale_up::add_scale_up(&mut cause, event);
        }
        PodAssessment::recoverable(WaitStage::Scheduling, cause)
    }

    fn with_scheduler_evidence(&self, mut cause: Cause, message: &str) -> Cause {
        cause
            .evidence
            .push(match self.newest_event(&["FailedScheduling"]) {
                Some(event) if event.message == message => event.evidence_line(),
                _ => format!("scheduler: {message}"),
            });
        cause
    }

    fn newest_event(&self, reasons: &[&str]) -> Option<&EventNote> {
        let mut own = self.events.iter().rev();
        own.find(|event| reasons.contains(&event.reason.as_str()))
            .copied()
    }

    /// Returns the diagnosis of a Pod whose node no longer responds: the state of its containers is out of date.
    fn assess_node(&self) -> Option<PodAssessment> {
        let event = self
            .events
            .last()
            .filter(|event| event.reason == "NodeNotReady")?;
        let node = self
            .pod
            .spec
            .as_ref()?
            .node_name
            .clone()
            .unwrap_or_default();
        let cause = Cause {
            reason: "NodeNotReady".into(),
            message: format!("node {node:?} of pod {:?} no longer responds", self.name),
            evidence: vec![event.evidence_line()],
            remedy: Some("wait for the node, or restart the session on another node".into()),
            queries: vec![FactQuery::Node { name: node }],
            ..Cause::default()
        };
        Some(PodAssessment::recoverable(WaitStage::Starting, cause))
    }

    fn assess_init_containers(&self) -> PodAssessment {
        for status in self.status.init_container_statuses.iter().flatten() {
            let contained = self.container_facts(status, true);
            match contained.progress() {
                ContainerProgress::Unrecoverable(cause) => {
                    return PodAssessment::unrecoverable(WaitStage::Initializing, cause);
                }
                ContainerProgress::Terminated { code: 0, .. } => {}
                ContainerProgress::Terminated { .. } => {
                    return PodAssessment::unrecoverable(
                        WaitStage::Initializing,
                        contained.crash_cause(),
                    );
                }
                ContainerProgress::PullRetried(cause) => {
                    return PodAssessment::recoverable(WaitStage::Pulling, cause);
                }
                ContainerProgress::Recoverable(cause) => {
                    return PodAssessment::recoverable(WaitStage::Initializing, cause);
                }
                // A sidecar (an init container that keeps running) counts as started once its startup probe has succeeded.
                ContainerProgress::Running if contained.is_sidecar() => {
                    if status.started != Some(true) {
                        return assess_unready(&contained);
                    }
                }
                ContainerProgress::Running => {
                    let detail = format!("init container {:?} is running", status.name);
                    return PodAssessment::waiting(WaitStage::Initializing, detail);
                }
                ContainerProgress::Waiting => return self.assess_creation(),
            }
        }
        self.assess_containers()
    }

    fn assess_containers(&self) -> PodAssessment {
        let statuses = self
            .status
            .container_statuses
            .as_deref()
            .unwrap_or_default();
        let mut probing = None;
        for status in statuses {
            let contained = self.container_facts(status, false);
            match contained.progress() {
                ContainerProgress::Unrecoverable(cause) => {
                    return PodAssessment::unrecoverable(WaitStage::Starting, cause);
                }
                ContainerProgress::PullRetried(cause) => {
                    return PodAssessment::recoverable(WaitStage::Pulling, cause);
                }
                ContainerProgress::Recoverable(cause) => {
                    return PodAssessment::recoverable(WaitStage::Starting, cause);
                }
                ContainerProgress::Waiting => return self.assess_creation(),
                ContainerProgress::Terminated { code, reason } => {
                    let cause = contained.crash_cause();
                    return PodAssessment {
                        prognosis: Prognosis::Ended { code, reason },
                        problem: (code != 0).then(|| cause.clone()),
                        ..PodAssessment::waiting(WaitStage::Starting, cause.message)
                    };
                }
                ContainerProgress::Running if !status.ready => probing = probing.or(Some(status)),
                ContainerProgress::Running => {}
            }
        }
        if statuses.is_empty() {
            return self.assess_creation();
        }
        // The Pod is ready only if its sidecars are ready, too.
        let init = self.status.init_container_statuses.iter().flatten();
        let mut sidecars = init.map(|status| self.container_facts(status, true));
        let unready = match probing {
            Some(status) => Some(self.container_facts(status, false)),
            None => sidecars.find(|facts| facts.is_sidecar() && !facts.status.ready),
        };
        match (unready, self.readiness_gates_cause()) {
            (Some(unready), _) => assess_unready(&unready),
            (None, Some(cause)) => PodAssessment::recoverable(WaitStage::Probing, cause),
            (None, None) => PodAssessment::waiting(WaitStage::Starting, ""),
        }
    }

    /// Diagnoses a Pod of which no container has started: the newest event tells if an image or a volume is awaited.
    fn assess_creation(&self) -> PodAssessment {
        let told = [
            "Pulling",
            "Pulled",
            "FailedMount",
            "FailedAttachVolume",
            "FailedCreatePodSandBox",
            "SuccessfulAttachVolume",
        ];
        let Some(event) = self.newest_event(&told) else {
            return PodAssessment::waiting(WaitStage::Starting, "");
        };
        match event.reason.as_str() {
            "Pulling" => PodAssessment::waiting(WaitStage::Pulling, event.message.clone()),
            "FailedMount" | "FailedAttachVolume" => {
                let (cause, is_final) = volume_failure::volume_failure_cause(self.pod, event);
                if is_final {
                    PodAssessment::unrecoverable(WaitStage::Starting, cause)
                } else {
                    PodAssessment::recoverable(WaitStage::Starting, cause)
                }
            }
            "FailedCreatePodSandBox" => PodAssessment::recoverable(
                WaitStage::Starting,
                Cause {
                    reason: event.reason.clone(),
                    message: format!("the node cannot create the sandbox of pod {:?}", self.name),
                    evidence: vec![event.evidence_line()],
                    remedy: Some(
                        "check the logs of the node's container runtime and network plugin; creation is retried"
                            .into(),
                    ),
                    ..Cause::default()
                },
            ),
            _ => PodAssessment::waiting(WaitStage::Starting, ""),
        }
    }
}

/// Assesses a running container that is not ready, or a sidecar that has not started.
fn assess_unready(unready: &ContainerFacts<'_>) -> PodAssessment {
    // Restarted and likely to crash again: the cause of its last end says more than a probe that has not begun.
    if unready.status.restart_count > 0 {
        return PodAssessment::recoverable(WaitStage::Starting, unready.crash_cause());
    }
    match unready.unready_cause() {
        Some(cause) => PodAssessment::recoverable(WaitStage::Probing, cause),
        None => {
            let kind = if unready.is_sidecar() {
                "sidecar container"
            } else {
                "container"
            };
            let detail = format!("{kind} {:?} is not ready", unready.status.name);
            PodAssessment::waiting(WaitStage::Probing, detail)
        }
    }
}

/// Returns the names of the claims that a Pod mounts.
pub fn claim_names(pod: &Pod) -> impl Iterator<Item = &str> {
    let volumes = pod
        .spec
        .iter()
        .flat_map(|spec| spec.volumes.iter().flatten());
    volumes
        .filter_map(|volume| volume.persistent_volume_claim.as_ref())
        .map(|source| source.claim_name.as_str())
}

#[cfg(test)]
#[path = "pod_tests.rs"]
mod tests;
