//! Recordings of a real cluster, each a List of one Pod and its events. The first lines of each file say how it was made.

use serde_json::Value;

use crate::diagnosis::{Cause, EventNote, Finding, Prognosis, inspect_pod};

const EVICTED: &str = include_str!("../../../../../tests/fixtures/diagnosis/evicted.yaml");
const MOUNT: &str = include_str!("../../../../../tests/fixtures/diagnosis/mount-failing.yaml");
const LOST: &str = include_str!("../../../../../tests/fixtures/diagnosis/node-not-ready.yaml");

/// Returns the finding for a recording.
fn found(recording: &str) -> Finding {
    let list: Value = serde_saphyr::from_str(recording).unwrap();
    let (pods, events): (Vec<_>, Vec<_>) = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .partition(|item| item["kind"] == "Pod");
    let events: Vec<EventNote> = events
        .into_iter()
        .filter_map(EventNote::from_value)
        .collect();
    let [pod] = pods.as_slice() else {
        panic!("one Pod is recorded, not {}", pods.len())
    };
    inspect_pod(&serde_json::from_value((*pod).clone()).unwrap(), &events)
}

/// Returns the recorded cases, with objects renamed as in the other cases, so that messages are not distinct by name alone.
pub(super) fn findings() -> Vec<(&'static str, Finding)> {
    let named = |mut finding: Finding, names: &[(&str, &str)]| {
        let cause = finding.cause_mut().unwrap();
        for (from, to) in names {
            cause.message = cause
                .message
                .replace(&format!("{from:?}"), &format!("{to:?}"));
        }
        finding
    };
    vec![
        (
            "evicted",
            named(found(EVICTED), &[("evicted", "p"), ("diag-lost", "n")]),
        ),
        ("mount", named(found(MOUNT), &[("x", "p"), ("data", "v")])),
        (
            "node lost",
            named(found(LOST), &[("lost", "p"), ("diag-lost", "n")]),
        ),
    ]
}

/// Returns a cause as the user sees it.
fn text(cause: &Cause) -> String {
    let remedy = cause.remedy.as_deref().unwrap_or("none");
    format!(
        "{}\n{}\nhint: {remedy}",
        cause.reason,
        cause.lines().join("\n")
    )
}

#[test]
fn each_begins_with_the_command_and_version_that_made_it() {
    for recording in [EVICTED, MOUNT, LOST] {
        let first = recording.lines().next().unwrap();
        assert!(first.starts_with("# kubectl v1."), "{first}");
        assert!(first.contains(": kubectl get pods,events -n "), "{first}");
    }
}

#[test]
fn an_evicted_pod() {
    let finding = found(EVICTED);
    let ended = Prognosis::Ended {
        code: 1,
        reason: "Evicted".into(),
    };
    assert_eq!(finding.prognosis, ended);
    assert_eq!(
        text(finding.cause().unwrap()),
        "Evicted
pod \"evicted\" was evicted by its node \"diag-lost\"
  pod \"evicted\": Failed Evicted: The node was low on resource: memory. Threshold quantity: 100Mi, available: 53Mi. Container main was using 812Mi, request is 0, has larger consumption of memory.
  condition DisruptionTarget: TerminationByKubelet
  lost with pod \"evicted\": files outside of volumes
hint: set resource requests to the real usage, so that a node with room is chosen; then start the session again"
    );
}

#[test]
fn a_volume_that_cannot_be_mounted() {
    let finding = found(MOUNT);
    assert_eq!(finding.prognosis, Prognosis::Waiting);
    assert_eq!(
        text(finding.cause().unwrap()),
        "FailedMount
volume \"data\" of pod \"x\" cannot be mounted: hostPath type check failed: /no/such/folder is not a directory
  event (x6): FailedMount: MountVolume.SetUp failed for volume \"data\" : hostPath type check failed: /no/such/folder is not a directory
hint: fix the problem that the message names; mounting is retried"
    );
}

#[test]
fn a_node_that_is_not_ready() {
    let finding = found(LOST);
    assert_eq!(finding.prognosis, Prognosis::Waiting);
    let cause = finding.cause().unwrap();
    assert_eq!(
        text(cause),
        "NodeNotReady
node \"diag-lost\" of pod \"lost\" no longer responds
  event: NodeNotReady: Node is not ready
hint: wait for the node, or restart the session on another node"
    );
    assert_eq!(cause.queries.len(), 1, "what the node says of itself");
}
