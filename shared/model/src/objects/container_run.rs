//! The current run of a container, from the Pod's status: a container that restarts has a new run with a new id.

use k8s_openapi::api::core::v1::{ContainerState, Pod};

use super::conditions::pod_condition;
use super::pod_containers::{container_status, is_sidecar};
use super::pods::is_end_phase;

/// One run of a container, whose output its log is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerRun {
    /// Container id of the run; empty before the first run. While a container waits to be restarted, the id of its last run.
    pub id: String,
    /// Container id of the run before; empty if there was none.
    pub previous_id: String,
    /// State of the run.
    pub state: RunState,
}

/// The state of a container's run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunState {
    /// The container waits for its first start or a restart, for this reason.
    Waiting(String),
    /// The container is running.
    Running,
    /// The run has ended, and the kubelet will restart the container.
    Restarting,
    /// The run has ended, and the container will not be restarted.
    Finished,
    /// The Pod is gone.
    PodGone,
}

impl ContainerRun {
    /// Returns the run of a Pod that is gone.
    pub fn of_gone_pod() -> Self {
        Self {
            id: String::new(),
            previous_id: String::new(),
            state: RunState::PodGone,
        }
    }

    /// Returns the current run of a container, which may be an ordinary, init or ephemeral one.
    pub fn of(pod: &Pod, container: &str) -> Self {
        let waits = |reason: &str| Self {
            id: String::new(),
            previous_id: String::new(),
            state: RunState::Waiting(reason.to_owned()),
        };
        let Some(status) = container_status(pod, container) else {
            return if is_pod_finished(pod) {
                Self {
                    state: RunState::Finished,
                    ..waits("")
                }
            } else {
                waits(&pending_reason(pod))
            };
        };
        let last = status.last_state.as_ref().and_then(terminated_container_id);
        let current = status.state.as_ref();
        if current.is_some_and(|state| state.running.is_some()) {
            return Self {
                id: status.container_id.clone().unwrap_or_default(),
                previous_id: last.unwrap_or_default(),
                state: RunState::Running,
            };
        }
        if let Some(ended) = current.and_then(|state| state.terminated.as_ref()) {
            let again = !is_pod_finished(pod) && will_restart(pod, container, ended.exit_code);
            return Self {
                id: ended.container_id.clone().unwrap_or_default(),
                previous_id: last.unwrap_or_default(),
                state: if again {
                    RunState::Restarting
                } else {
                    RunState::Finished
                },
            };
        }
        let reason = current
            .and_then(|state| state.waiting.as_ref()?.reason.clone())
            .unwrap_or_else(|| pending_reason(pod));
        let stage = if is_pod_finished(pod) {
            RunState::Finished
        } else {
            RunState::Waiting(reason)
        };
        Self {
            id: last.unwrap_or_default(),
            previous_id: String::new(),
            state: stage,
        }
    }
}

fn terminated_container_id(state: &ContainerState) -> Option<String> {
    state.terminated.as_ref()?.container_id.clone()
}

fn pod_phase(pod: &Pod) -> Option<&str> {
    let phase = pod.status.as_ref()?.phase.as_deref();
    phase.filter(|phase| !phase.is_empty())
}

fn is_pod_finished(pod: &Pod) -> bool {
    is_end_phase(pod_phase(pod))
}

/// Returns true if all containers of a Pod have ended and will not be restarted. The kubelet reports that for each container before
/// it sets the Pod's phase.
pub fn are_containers_finished(pod: &Pod) -> bool {
    let is_over = |name: &str| ContainerRun::of(pod, name).state == RunState::Finished;
    let spec = pod.spec.as_ref();
    is_pod_finished(pod)
        || spec.is_some_and(|spec| spec.containers.iter().all(|one| is_over(&one.name)))
}

/// Returns the reason why a container has no status yet: that of a failed scheduling, else the Pod's phase.
fn pending_reason(pod: &Pod) -> String {
    let unscheduled = pod_condition(pod, "PodScheduled")
        .filter(|condition| condition.status == "False")
        .and_then(|condition| condition.reason.clone());
    unscheduled.unwrap_or_else(|| pod_phase(pod).unwrap_or("Pending").to_owned())
}

/// Returns true if the kubelet restarts a container that ended with this exit code.
fn will_restart(pod: &Pod, container: &str, code: i32) -> bool {
    // Containers of a terminating Pod are not restarted.
    if pod.metadata.deletion_timestamp.is_some() {
        return false;
    }
    let Some(spec) = &pod.spec else { return false };
    let policy = spec.restart_policy.as_deref().unwrap_or("Always");
    if spec.containers.iter().any(|main| main.name == container) {
        return policy == "Always" || (policy == "OnFailure" && code != 0);
    }
    let mut first = spec.init_containers.iter().flatten();
    first
        .find(|init| init.name == container)
        .is_some_and(|init| is_sidecar(init) || (policy != "Never" && code != 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn pod(policy: &str, phase: &str, state: Value, last: Value) -> Pod {
        serde_json::from_value(json!({
            "metadata": { "name": "p" },
            "spec": { "restartPolicy": policy, "containers": [{ "name": "main" }] },
            "status": { "phase": phase, "containerStatuses": [{
                "name": "main", "image": "", "imageID": "", "ready": false, "restartCount": 0,
                "containerID": "c://now", "state": state, "lastState": last,
            }] },
        }))
        .unwrap()
    }

    fn ended(code: i32, id: &str) -> Value {
        json!({ "terminated": { "exitCode": code, "containerID": id } })
    }

    #[test]
    fn a_run_is_what_the_log_is_of() {
        let running = pod(
            "Always",
            "Running",
            json!({ "running": {} }),
            ended(1, "c://old"),
        );
        let found = ContainerRun::of(&running, "main");
        assert_eq!(
            (found.id.as_str(), found.previous_id.as_str()),
            ("c://now", "c://old")
        );
        assert_eq!(found.state, RunState::Running);
        let waits = json!({ "waiting": { "reason": "CrashLoopBackOff" } });
        let found = ContainerRun::of(
            &pod("Always", "Running", waits, ended(1, "c://old")),
            "main",
        );
        assert_eq!(found.id, "c://old");
        assert_eq!(found.state, RunState::Waiting("CrashLoopBackOff".into()));
    }

    #[test]
    fn an_end_is_for_good_unless_the_kubelet_starts_it_again() {
        let stage = |policy, phase, code| {
            ContainerRun::of(&pod(policy, phase, ended(code, "c://x"), json!({})), "main").state
        };
        assert_eq!(stage("Always", "Running", 0), RunState::Restarting);
        assert_eq!(stage("OnFailure", "Running", 1), RunState::Restarting);
        assert_eq!(stage("OnFailure", "Running", 0), RunState::Finished);
        assert_eq!(stage("Never", "Running", 1), RunState::Finished);
        assert_eq!(stage("Always", "Failed", 1), RunState::Finished);
        let over =
            |policy, phase, state| are_containers_finished(&pod(policy, phase, state, json!({})));
        assert!(over("Never", "Running", ended(1, "c://x")));
        assert!(over("Always", "Failed", json!({ "waiting": {} })));
        assert!(!over("Never", "Running", json!({ "running": {} })));
        assert!(!over("Always", "Running", ended(0, "c://x")));
    }

    #[test]
    fn a_pod_without_a_word_on_it_says_why() {
        let text = r#"{"metadata":{},"spec":{"containers":[]},"status":{"phase":"Pending","conditions":[
            {"type":"PodScheduled","status":"False","reason":"Unschedulable"}]}}"#;
        let pod: Pod = serde_json::from_str(text).unwrap();
        assert_eq!(
            ContainerRun::of(&pod, "main").state,
            RunState::Waiting("Unschedulable".into())
        );
    }
}
