//! Failed lifecycle hooks of a container: a postStart hook ends it, a preStop hook only takes time.

use k8s_openapi::api::core::v1::ContainerStateTerminated;

use super::EventNote;
use super::container_facts::ContainerFacts;

/// Reason of a container that the kubelet stopped because its postStart hook failed: that of the kubelet's event.
pub(super) const POST_START_FAILED: &str = "FailedPostStartHook";

/// Exit codes of a container that the kubelet stopped: by SIGKILL and SIGTERM.
const STOPPED_CODES: [i32; 2] = [137, 143];

impl ContainerFacts<'_> {
    /// Returns true if the kubelet stopped the container at `end` because its postStart hook failed. A container that ended by itself
    /// makes its hook fail, too.
    pub(super) fn is_ended_by_hook(&self, end: &ContainerStateTerminated) -> bool {
        STOPPED_CODES.contains(&end.exit_code)
            && self.hook_event(POST_START_FAILED, Some(end)).is_some()
    }

    /// Returns the lines of evidence about failed hooks of the run that ended at `end`.
    pub(super) fn hook_evidence(&self, end: Option<&ContainerStateTerminated>) -> Vec<String> {
        let reasons = [POST_START_FAILED, "FailedPreStopHook"];
        let events = reasons.map(|reason| self.hook_event(reason, end));
        let events = events.into_iter().flatten();
        events.map(EventNote::evidence_line).collect()
    }

    /// Returns the event about a hook of the run that ended at `end`, or of a later one.
    fn hook_event(
        &self,
        reason: &str,
        end: Option<&ContainerStateTerminated>,
    ) -> Option<&EventNote> {
        let started = end.and_then(|end| Some(end.started_at.as_ref()?.0.to_string()));
        let event = self.newest_event(reason)?;
        let is_of_run = started.is_none_or(|started| event.is_not_before(&started));
        is_of_run.then_some(event)
    }
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::tests::fixtures::{ended, event};

    #[test]
    fn a_container_that_ended_by_itself_is_not_its_hooks_affair() {
        let told = [event("FailedPostStartHook", "PostStartHook failed")];
        for (code, reason, expected) in [
            (137, "Error", "FailedPostStartHook"),
            (143, "Error", "FailedPostStartHook"),
            (1, "Error", "CrashLoopBackOff"),
            (137, "OOMKilled", "OOMKilled"),
        ] {
            let found = ended(code, reason, "", &told);
            let cause = found.cause().unwrap();
            assert_eq!(cause.reason, expected);
            let line = "event: FailedPostStartHook: PostStartHook failed".to_owned();
            assert!(cause.evidence.contains(&line), "{cause:?}");
        }
        assert_eq!(
            ended(137, "Error", "", &[]).cause().unwrap().reason,
            "CrashLoopBackOff"
        );
    }
}
