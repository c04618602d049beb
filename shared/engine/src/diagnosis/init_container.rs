//! The init container that failed.

use k8s_openapi::api::core::v1::{ContainerStatus, Pod};

/// Returns the name of the first init container that ended with an error and does not run again by now. Its log says why the
/// Pod does not start, and is not the default container's.
pub fn failed_init_container(pod: &Pod) -> Option<&str> {
    let statuses = pod.status.iter();
    let mut statuses = statuses.flat_map(|status| status.init_container_statuses.iter().flatten());
    let failed = statuses.find(|status| has_failed(status))?;
    Some(&failed.name)
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
