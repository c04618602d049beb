//! Check that a Pod that is Ready will stay Ready: a container without a readiness probe counts as ready as soon as it runs,
//! even in a crash loop.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};

use super::container_facts::ContainerFacts;
use super::{EventNote, Finding, Prognosis};
use session_model::progress::WaitStage;

/// Time by which a run must outlast the previous one. Kubernetes' times are whole seconds, and the kubelet reports an end up to
/// a second late.
const STABLE_MARGIN: Duration = Duration::from_secs(2);
/// Upper bound of the wait, however long the previous run was.
const STABLE_WAIT_MAX: Duration = Duration::from_secs(10);

/// Returns a finding for a Ready Pod that may still be crashing, and the time after which that is ruled out (at most 10 s).
/// Such a Pod has a container without a readiness probe that ended before and has not yet run longer than it did then.
/// `None` for a Pod whose containers never ended, so that a healthy session waits no longer.
pub fn check_stability(
    pod: &Pod,
    events: &[EventNote],
    now: Timestamp,
) -> Option<(Finding, Duration)> {
    let statuses = pod.status.as_ref()?.container_statuses.iter().flatten();
    let probed = |name: &str| {
        let mut containers = pod.spec.iter().flat_map(|spec| &spec.containers);
        containers.any(|container| container.name == name && container.readiness_probe.is_some())
    };
    let (status, left) = statuses
        .filter(|status| !probed(&status.name))
        .filter_map(|status| Some((status, remaining_time(status, now)?)))
        .max_by_key(|(_, left)| *left)?;
    let uid = pod.metadata.uid.as_deref().unwrap_or_default();
    let events: Vec<&EventNote> = events
        .iter()
        .filter(|event| event.object_uid == uid)
        .collect();
    let contained = ContainerFacts {
        pod,
        status,
        is_init: false,
        events: &events,
    };
    let cause = contained.crash_cause();
    let finding = Finding {
        stage: WaitStage::Starting,
        object: format!("pod/{}", pod.metadata.name.as_deref().unwrap_or_default()),
        detail: cause.message.clone(),
        prognosis: Prognosis::Waiting,
        problem: Some(cause),
    };
    Some((finding, left))
}

/// Returns the time until this run outlasts the previous one; `None` where it already has, or where there was none.
fn remaining_time(status: &ContainerStatus, now: Timestamp) -> Option<Duration> {
    let run = status.state.as_ref()?.running.as_ref()?;
    let last = status.last_state.as_ref()?.terminated.as_ref()?;
    let lasted = last
        .started_at
        .as_ref()
        .zip(last.finished_at.as_ref())
        .map(|(from, to)| to.0.duration_since(from.0))
        .and_then(|lasted| Duration::try_from(lasted).ok())
        .unwrap_or_default();
    let needed = lasted.saturating_add(STABLE_MARGIN).min(STABLE_WAIT_MAX);
    // A start in the future means that the node's clock is ahead of ours: counts as just started.
    let past = run
        .started_at
        .as_ref()
        .map(|from| now.duration_since(from.0));
    let past = past.map_or(needed, |past| Duration::try_from(past).unwrap_or_default());
    Some(needed.saturating_sub(past)).filter(|left| !left.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn at(second: u32) -> String {
        format!("2026-01-01T00:00:{second:02}Z")
    }

    /// A Pod whose container ended after `lasted` seconds and runs again since second 30.
    fn restarted(lasted: u32) -> Pod {
        serde_json::from_value(json!({
            "metadata": { "name": "p", "uid": "u" },
            "spec": { "containers": [{ "name": "main" }] },
            "status": { "phase": "Running", "containerStatuses": [{ "name": "main", "image": "", "imageID": "", "ready": true,
                "restartCount": 1, "state": { "running": { "startedAt": at(30) } },
                "lastState": { "terminated": { "exitCode": 3, "startedAt": at(5), "finishedAt": at(5 + lasted) } } }] },
        }))
        .unwrap()
    }

    fn left_at(pod: &Pod, second: u32) -> Option<u64> {
        let found = check_stability(pod, &[], at(second).parse().unwrap());
        found.map(|(_, left)| left.as_secs())
    }

    #[test]
    fn a_run_has_to_outlast_the_one_before() {
        assert_eq!(left_at(&restarted(0), 30), Some(2));
        assert_eq!(left_at(&restarted(0), 31), Some(1));
        assert_eq!(left_at(&restarted(0), 32), None);
        assert_eq!(left_at(&restarted(4), 31), Some(5));
        assert_eq!(left_at(&restarted(20), 31), Some(9));
        assert_eq!(left_at(&restarted(20), 40), None);
        // Its node's clock is ahead.
        assert_eq!(left_at(&restarted(0), 1), Some(2));
        let (finding, _) = check_stability(&restarted(0), &[], at(30).parse().unwrap()).unwrap();
        assert_eq!(
            finding.detail,
            "container \"main\" of pod \"p\" ended with exit code 3 and was restarted once"
        );
    }

    #[test]
    fn what_never_ended_or_has_a_probe_is_ready_when_it_says_so() {
        let mut new = restarted(0);
        let statuses = new.status.as_mut().unwrap().container_statuses.as_mut();
        statuses.unwrap()[0].last_state = None;
        assert_eq!(left_at(&new, 30), None);
        let mut probed = restarted(0);
        probed.spec.as_mut().unwrap().containers[0].readiness_probe = Some(Default::default());
        assert_eq!(left_at(&probed, 30), None);
    }
}
