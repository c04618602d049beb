//! Check that a Pod that is Ready will stay Ready: a container without a readiness probe counts as ready as soon as it runs,
//! even in a crash loop and even if it is about to end in its first second.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ContainerStateTerminated, ContainerStatus, Pod};

use super::container_facts::ContainerFacts;
use super::{EventNote, Finding, Prognosis};
use session_model::objects::metadata::{name_of, uid_of};
use session_model::progress::WaitStage;

/// Time by which a run must outlast the previous one. Kubernetes' times are whole seconds, and the kubelet reports an end up to
/// a second late.
const STABLE_MARGIN: Duration = Duration::from_secs(2);
/// Upper bound of the wait, however long the previous run was.
const STABLE_WAIT_MAX: Duration = Duration::from_secs(10);

/// Time for which a Pod must have been seen Ready before a first run is believed. The kubelet learns of an end by its relist,
/// once a second (`genericPlegRelistPeriod` in pkg/kubelet/kubelet.go), so a Pod stays Ready for up to a second after its
/// container ended; the rest is for the relist's run and the status on its way.
const RELIST_WAIT: Duration = Duration::from_millis(1300);
/// Age of a first run from which no wait is needed: the first second, a relist, and a start that is rounded down to the second.
const FIRST_RUN_AGE: Duration = Duration::from_secs(3);

/// Returns a finding for a Ready Pod that may be crashing, and the time after which that is ruled out. Such a Pod has a
/// container without a readiness probe that
/// - ended before, and has not yet run longer than it did then: at most 10 s; or
/// - runs for the first time, for less than three seconds, in a Pod seen Ready for `ready_for`: at most 1.3 s.
pub fn check_stability(
    pod: &Pod,
    events: &[EventNote],
    ready_for: Duration,
    now: Timestamp,
) -> Option<(Finding, Duration)> {
    let statuses = pod.status.as_ref()?.container_statuses.iter().flatten();
    let probed = |name: &str| {
        let mut containers = pod.spec.iter().flat_map(|spec| &spec.containers);
        containers.any(|container| container.name == name && container.readiness_probe.is_some())
    };
    let (status, left) = statuses
        .filter(|status| !probed(&status.name))
        .filter_map(|status| Some((status, remaining_time(status, ready_for, now)?)))
        .max_by_key(|(_, left)| *left)?;
    let uid = uid_of(&pod.metadata);
    let events: Vec<&EventNote> = events.iter().filter(|event| event.is_about(uid)).collect();
    let contained = ContainerFacts {
        pod,
        status,
        is_init: false,
        events: &events,
    };
    let ended_before = last_end(status).is_some();
    let problem = ended_before.then(|| contained.crash_cause());
    let finding = Finding {
        stage: WaitStage::Starting,
        object: format!("pod/{}", name_of(&pod.metadata)),
        detail: match &problem {
            Some(cause) => cause.message.clone(),
            None => format!("{} has just started", contained.quoted_name()),
        },
        prognosis: Prognosis::Waiting,
        problem,
    };
    Some((finding, left))
}

fn last_end(status: &ContainerStatus) -> Option<&ContainerStateTerminated> {
    status.last_state.as_ref()?.terminated.as_ref()
}

/// Returns the time until this run outlasts the previous one, or until a first run is believed; `None` where that time has
/// passed, and where the container does not run.
fn remaining_time(
    status: &ContainerStatus,
    ready_for: Duration,
    now: Timestamp,
) -> Option<Duration> {
    let run = status.state.as_ref()?.running.as_ref()?;
    // A start in the future means that the node's clock is ahead of ours: counts as just started.
    let past = run
        .started_at
        .as_ref()
        .map(|from| Duration::try_from(now.duration_since(from.0)).unwrap_or_default());
    let left = match last_end(status) {
        Some(last) => {
            let lasted = last
                .started_at
                .as_ref()
                .zip(last.finished_at.as_ref())
                .map(|(from, to)| to.0.duration_since(from.0))
                .and_then(|lasted| Duration::try_from(lasted).ok())
                .unwrap_or_default();
            let needed = lasted.saturating_add(STABLE_MARGIN).min(STABLE_WAIT_MAX);
            needed.saturating_sub(past.unwrap_or(needed))
        }
        // A status without the time of the start cannot be judged, and is believed.
        None if past? < FIRST_RUN_AGE => RELIST_WAIT.saturating_sub(ready_for),
        None => Duration::ZERO,
    };
    Some(left).filter(|left| !left.is_zero())
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
        let found = check_stability(pod, &[], Duration::ZERO, at(second).parse().unwrap());
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
        let now = at(30).parse().unwrap();
        let (finding, _) = check_stability(&restarted(0), &[], Duration::ZERO, now).unwrap();
        assert_eq!(
            finding.detail,
            "container \"main\" of pod \"p\" ended with exit code 3 and was restarted once"
        );
    }

    fn first_run() -> Pod {
        let mut new = restarted(0);
        let statuses = new.status.as_mut().unwrap().container_statuses.as_mut();
        statuses.unwrap()[0].last_state = None;
        new
    }

    /// The kubelet looks once a second: a container that ended in its first second is still Ready for up to a second.
    #[test]
    fn a_first_run_is_believed_after_one_relist() {
        let left = |second: u32, ready_for: u64| {
            let ready_for = Duration::from_millis(ready_for);
            check_stability(&first_run(), &[], ready_for, at(second).parse().unwrap())
        };
        let (finding, wait) = left(30, 0).unwrap();
        assert_eq!(wait, RELIST_WAIT);
        assert_eq!(
            finding.detail,
            "container \"main\" of pod \"p\" has just started"
        );
        assert_eq!(finding.problem, None);
        assert_eq!(left(31, 1000).unwrap().1, Duration::from_millis(300));
        assert_eq!(left(31, 1300), None);
        // It has run for longer, whoever looks now.
        assert_eq!(left(33, 0), None);
    }

    #[test]
    fn what_has_a_readiness_probe_is_ready_when_it_says_so() {
        for mut probed in [restarted(0), first_run()] {
            probed.spec.as_mut().unwrap().containers[0].readiness_probe = Some(Default::default());
            assert_eq!(left_at(&probed, 30), None);
        }
    }
}
