//! Diagnosis of a Pod in phase Succeeded or Failed: its containers ended, or its node or the cluster terminated it.

use super::eviction::{StorageExcess, describe_loss};
use super::pod::{PodAssessment, PodInspection};
use super::rejection::Rejection;
use super::{Cause, Prognosis};
use session_model::progress::WaitStage;

impl PodInspection<'_> {
    /// Diagnoses a Pod that ended. The first container with an error decides, else the first that ended.
    pub(super) fn after_end(&self) -> PodAssessment {
        let init = self.status.init_container_statuses.iter().flatten();
        let own = self.status.container_statuses.iter().flatten();
        let all = init.map(|s| (s, true)).chain(own.map(|s| (s, false)));
        let ended = all.filter_map(|(status, init)| {
            let end = status.state.as_ref()?.terminated.as_ref()?;
            Some((end, status, init))
        });
        let ended: Vec<_> = ended.collect();
        let decisive = ended
            .iter()
            .find(|(end, ..)| end.exit_code != 0)
            .or(ended.first());
        // The Pod itself has a reason where its node evicted or preempted it, often without a container that ended.
        if let (Some(word), "Failed") = (
            self.status
                .reason
                .as_deref()
                .filter(|word| !word.is_empty()),
            self.status.phase.as_deref().unwrap_or_default(),
        ) {
            let code = decisive.map_or(1, |(end, ..)| end.exit_code.max(1));
            return self.after_eviction(word, code);
        }
        let Some((end, status, init)) = decisive else {
            let code = i32::from(self.status.phase.as_deref() == Some("Failed"));
            return self.after_eviction("", code);
        };
        let cause = self.container_facts(status, *init).crash_cause();
        PodAssessment {
            prognosis: Prognosis::Ended {
                code: end.exit_code,
                reason: end.reason.clone().unwrap_or_default(),
            },
            problem: (end.exit_code != 0).then(|| cause.clone()),
            ..PodAssessment::waiting(WaitStage::Starting, cause.message)
        }
    }

    /// Diagnoses a Pod that was terminated by its node or by the cluster, not by a container.
    fn after_eviction(&self, word: &str, code: i32) -> PodAssessment {
        let node = self
            .pod
            .spec
            .as_ref()
            .and_then(|spec| spec.node_name.as_deref());
        let node = node.map(|node| format!(" {node:?}")).unwrap_or_default();
        let said = self.status.message.as_deref().unwrap_or_default().trim();
        let name = self.name;
        let excess = StorageExcess::parse(said).filter(|_| word == "Evicted");
        let excess_remedy = excess.as_ref().map(StorageExcess::remedy);
        let rejection = Rejection::parse(word, said);
        let rejection_remedy = rejection.map(|rejection| rejection.remedy());
        let (how, remedy) = match (word, &excess) {
            ("Evicted", Some(excess)) => (
                format!(
                    "pod {name:?} was evicted by its node{node}: {}",
                    excess.describe()
                ),
                excess_remedy.as_deref().unwrap_or_default(),
            ),
            ("Evicted", None) => (
                format!("pod {name:?} was evicted by its node{node}"),
                "set resource requests to the real usage, so that a node with room is chosen; then start the session again",
            ),
            ("DeadlineExceeded", _) => (
                format!("pod {name:?} ran longer than its activeDeadlineSeconds"),
                "raise activeDeadlineSeconds, or remove it and set the session's timeout",
            ),
            ("", _) => (format!("pod {name:?} ended for an unknown reason"), ""),
            (other, _) => match &rejection {
                Some(rejection) => (
                    format!(
                        "pod {name:?} was rejected by its node{node}: {}",
                        rejection.why
                    ),
                    rejection_remedy.as_deref().unwrap_or_default(),
                ),
                None => (
                    format!("pod {name:?} was terminated by its node{node}, for reason {other}"),
                    "check the events of the node, then start the session again",
                ),
            },
        };
        let cause = Cause {
            reason: word.to_owned(),
            message: how,
            evidence: self.eviction_evidence(word),
            remedy: Some(remedy.to_owned()).filter(|remedy| !remedy.is_empty()),
            ..Cause::default()
        };
        let detail = if said.is_empty() || excess.is_some() {
            cause.message.clone()
        } else {
            said.to_owned()
        };
        PodAssessment {
            prognosis: Prognosis::Ended {
                code,
                reason: word.to_owned(),
            },
            problem: (code != 0).then_some(cause),
            ..PodAssessment::waiting(WaitStage::Starting, detail)
        }
    }

    /// Returns the lines of the Pod's status that tell its end, and what ended with it.
    fn eviction_evidence(&self, word: &str) -> Vec<String> {
        let name = self.name;
        let said = self.status.message.as_deref().unwrap_or_default().trim();
        let mut evidence = vec![format!(
            "pod {name:?}: {} {word}: {}",
            self.status.phase.as_deref().unwrap_or_default(),
            if said.is_empty() { "no message" } else { said }
        )];
        let disruption = self.condition("DisruptionTarget");
        evidence.extend(disruption.map(|condition| {
            let reason = condition.reason.as_deref().unwrap_or_default();
            // The kubelet writes the same message into status and condition.
            match condition.message.as_deref().unwrap_or_default().trim() {
                message if message.is_empty() || message == said => {
                    format!("condition DisruptionTarget: {reason}")
                }
                message => format!("condition DisruptionTarget: {reason}: {message}"),
            }
        }));
        if word == "Evicted" {
            evidence.push(describe_loss(self.pod));
        }
        evidence
    }
}
