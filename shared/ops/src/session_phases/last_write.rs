//! The last writer of an object, from the managedFields in its metadata: a Table has no other sign that a status is out of date.

use serde_json::Value;
use session_model::objects::Untyped;

/// Returns true if something of a session was written after its status: a start may have been requested since.
pub(super) fn is_status_outdated(session: &Value) -> bool {
    let writes = |of_status| {
        let writes = writes(session).filter(move |write| write.is_status == of_status);
        writes.map(|write| write.time).max()
    };
    writes(false) > writes(true) && writes(true).is_some()
}

/// Returns true if the control plane wrote a Pod's status after its kubelet: it does so when the node no longer answers, and leaves
/// the containers as they were.
pub(super) fn is_status_by_control_plane(pod: &Value) -> bool {
    let by_control_plane = |is: bool| {
        let writes = writes(pod).filter(|write| write.is_status);
        let writes = writes.filter(move |write| (write.manager == CONTROL_PLANE) == is);
        writes.map(|write| write.time).max()
    };
    by_control_plane(true).is_some() && by_control_plane(true) > by_control_plane(false)
}

/// Field manager of the controllers that come with Kubernetes.
const CONTROL_PLANE: &str = "kube-controller-manager";

struct Write<'o> {
    manager: &'o str,
    /// RFC 3339 in UTC, so that texts compare as times.
    time: &'o str,
    is_status: bool,
}

fn writes(object: &Value) -> impl Iterator<Item = Write<'_>> {
    Untyped(object)
        .items_at("/metadata/managedFields")
        .filter_map(|entry| {
            Some(Write {
                manager: entry.str_at("/manager")?,
                time: entry.str_at("/time")?,
                is_status: entry.str_at("/subresource") == Some("status"),
            })
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(writes: &[(&str, &str, bool)]) -> Value {
        let entries = writes.iter().map(|(manager, time, status)| {
            let subresource = if *status { "status" } else { "" };
            json!({ "manager": manager, "time": format!("2026-01-01T12:00:{time}Z"), "subresource": subresource })
        });
        json!({ "metadata": { "managedFields": entries.collect::<Vec<_>>() } })
    }

    #[test]
    fn a_start_that_no_status_answers_is_seen() {
        let stopped = [
            ("kubectl-session", "01", false),
            ("kubectl-session", "02", true),
        ];
        assert!(!is_status_outdated(&object(&stopped)));
        let started = [
            ("kubectl-session", "03", false),
            ("kubectl-session", "02", true),
        ];
        assert!(is_status_outdated(&object(&started)));
        assert!(!is_status_outdated(&json!({})));
        assert!(!is_status_outdated(&object(&[("apply", "03", false)])));
    }

    #[test]
    fn a_node_that_no_longer_answers_is_seen() {
        let lost = [("kubelet", "01", true), (CONTROL_PLANE, "02", true)];
        assert!(is_status_by_control_plane(&object(&lost)));
        let back = [("kubelet", "03", true), (CONTROL_PLANE, "02", true)];
        assert!(!is_status_by_control_plane(&object(&back)));
        let made = [("kubelet", "01", true), (CONTROL_PLANE, "02", false)];
        assert!(!is_status_by_control_plane(&object(&made)));
    }
}
