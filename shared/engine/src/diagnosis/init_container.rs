//! The init container that failed, or runs.

use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use session_model::objects::pod_containers::is_sidecar;

/// Returns the name of the first init container that ended with an error and does not run again by now. Its log says why the
/// Pod does not start, and is not the default container's.
pub fn failed_init_container(pod: &Pod) -> Option<&str> {
    let statuses = pod.status.iter();
    let mut statuses = statuses.flat_map(|status| status.init_container_statuses.iter().flatten());
    let failed = statuses.find(|status| has_failed(status))?;
    Some(&failed.name)
}

/// Returns the name of the init container that runs and must end before the others start. Sidecars go on running.
pub(super) fn running_init_container(pod: &Pod) -> Option<&str> {
    let sidecars = pod.spec.iter();
    let sidecars = sidecars.flat_map(|spec| spec.init_containers.iter().flatten());
    let sidecars: Vec<&str> = sidecars
        .filter(|one| is_sidecar(one))
        .map(|one| one.name.as_str())
        .collect();
    let statuses = pod.status.iter();
    let mut statuses = statuses.flat_map(|status| status.init_container_statuses.iter().flatten());
    let running = statuses.find(|status| {
        let runs = status
            .state
            .as_ref()
            .is_some_and(|state| state.running.is_some());
        runs && !sidecars.contains(&status.name.as_str())
    })?;
    Some(&running.name)
}

fn has_failed(status: &ContainerStatus) -> bool {
    let Some(state) = &status.state else {
        return false;
    };
    let last = status.last_state.as_ref();
    let waits_after = || {
        last.filter(|_| state.waiting.is_some())?
            .terminated
            .as_ref()
    };
    let end = state.terminated.as_ref().or_else(waits_after);
    end.is_some_and(|end| end.exit_code != 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn an_init_container_that_runs_is_no_sidecar() {
        let status = |name: &str| {
            json!({ "name": name, "image": "", "imageID": "", "ready": false, "restartCount": 0,
            "state": { "running": {} } })
        };
        let pod: Pod = serde_json::from_value(json!({
            "spec": { "containers": [], "initContainers": [{ "name": "proxy", "restartPolicy": "Always" }, { "name": "prep" }] },
            "status": { "initContainerStatuses": [status("proxy"), status("prep")] } }))
        .unwrap();
        assert_eq!(running_init_container(&pod), Some("prep"));
        let facts = crate::diagnosis::RemedyFacts {
            running_init_container: Some("prep".into()),
            ..Default::default()
        };
        let state = crate::reconcile::WorkloadState::NoWorkload;
        let found =
            crate::diagnosis::find_remedies(session_model::api::Phase::Pending, &state, &facts);
        assert_eq!(
            found[1].command("a", "d"),
            "kubectl session logs a -n d -c prep"
        );
    }

    #[test]
    fn a_failed_init_container_is_found_in_every_state_after_its_end() {
        let failed = |state: Value, last: Value| {
            let pod: Pod = serde_json::from_value(json!({ "status": { "initContainerStatuses": [
                { "name": "ok", "image": "", "imageID": "", "ready": true, "restartCount": 0,
                    "state": { "terminated": { "exitCode": 0 } } },
                { "name": "prep", "image": "", "imageID": "", "ready": false, "restartCount": 0,
                    "state": state, "lastState": last }] } }))
            .unwrap();
            failed_init_container(&pod).map(str::to_owned)
        };
        let end = || json!({ "terminated": { "exitCode": 2 } });
        assert_eq!(failed(end(), json!({})).as_deref(), Some("prep"));
        let backoff = json!({ "waiting": { "reason": "CrashLoopBackOff" } });
        assert_eq!(failed(backoff, end()).as_deref(), Some("prep"));
        assert_eq!(failed(json!({ "running": {} }), end()), None);
        assert_eq!(
            failed(json!({ "terminated": { "exitCode": 0 } }), json!({})),
            None
        );
    }
}
