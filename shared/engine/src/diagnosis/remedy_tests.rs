//! Tests of the commands that repair a session.

use super::*;
use serde_json::json;
use session_model::api::SessionSpec;

fn commands(phase: Phase, state: &WorkloadState, facts: &RemedyFacts) -> Vec<String> {
    let found = find_remedies(phase, state, facts);
    found
        .iter()
        .map(|remedy| remedy.command("a", "d").replacen("kubectl session ", "", 1))
        .collect()
}

fn unrecoverable(reason: &str) -> WorkloadState {
    WorkloadState::Unrecoverable(Cause {
        reason: reason.into(),
        ..Cause::default()
    })
}

fn ended(reason: &str) -> WorkloadState {
    WorkloadState::Terminated {
        pod: "p".into(),
        code: 1,
        reason: reason.into(),
        detail: String::new(),
        cause: Some(Cause {
            reason: reason.into(),
            ..Cause::default()
        }),
    }
}

fn ran() -> RemedyFacts {
    RemedyFacts {
        has_run: true,
        image_values: vec!["APP_IMAGE=IMAGE".into()],
        ..RemedyFacts::default()
    }
}

#[test]
fn a_failed_session_is_repaired_before_it_is_deleted() {
    let facts = RemedyFacts {
        image_values: vec!["APP_IMAGE=IMAGE".into()],
        ..RemedyFacts::default()
    };
    assert_eq!(
        commands(Phase::Failed, &unrecoverable("ErrImagePull"), &facts),
        [
            "start a -n d --restart --set APP_IMAGE=IMAGE",
            "start a -n d --restart",
            "delete a -n d"
        ]
    );
    let facts = RemedyFacts {
        was_restarted: true,
        ..ran()
    };
    assert_eq!(
        commands(Phase::Failed, &unrecoverable("OOMKilled"), &facts),
        [
            "logs a -n d --previous",
            "resize a -n d --memory SIZE --restart",
            "delete a -n d"
        ]
    );
    assert_eq!(
        commands(Phase::Failed, &unrecoverable("SystemOOM"), &ran()),
        ["logs a -n d", "start a -n d --restart", "delete a -n d"]
    );
    assert_eq!(
        commands(Phase::Failed, &ended("OOMKilled"), &ran()),
        [
            "logs a -n d",
            "start a -n d",
            "resize a -n d --memory SIZE --restart",
            "delete a -n d"
        ]
    );
}

#[test]
fn a_lost_pod_and_a_session_that_nobody_started_are_started() {
    let none = RemedyFacts::default();
    let started = ["start a -n d", "delete a -n d"];
    assert_eq!(
        commands(Phase::Failed, &WorkloadState::Lost, &none),
        started
    );
    let stopped = commands(Phase::Stopped, &WorkloadState::NoWorkload, &none);
    assert_eq!(stopped, started);
    let asked = RemedyFacts {
        is_start_requested: true,
        ..none
    };
    let pending = commands(Phase::Pending, &WorkloadState::NoWorkload, &asked);
    assert_eq!(pending, started);
}

#[test]
fn a_deletion_says_what_it_does_to_the_claims() {
    let what = |policy| {
        let facts = RemedyFacts {
            claims_on_deletion: policy,
            ..RemedyFacts::default()
        };
        find_remedies(Phase::Failed, &WorkloadState::Lost, &facts)
            .pop()
            .map(|last| last.what)
    };
    assert_eq!(what(None), Some("delete the session"));
    let kept = what(Some(DataPolicy::Keep));
    assert_eq!(kept, Some("delete the session and keep its claims"));
    let gone = what(Some(DataPolicy::Delete));
    assert_eq!(gone, Some("delete the session and the data of its claims"));
}

#[test]
fn logs_are_offered_of_runs_that_there_were() {
    let started = || json!({ "exitCode": 1, "reason": "Error" });
    let unstarted = || json!({ "exitCode": 128, "reason": "StartError" });
    let waiting = || json!({ "waiting": { "reason": "CrashLoopBackOff" } });
    for (state, last, pod_reason, has_run, was_restarted) in [
        (
            waiting(),
            json!({ "terminated": started() }),
            "",
            true,
            true,
        ),
        (
            waiting(),
            json!({ "terminated": unstarted() }),
            "",
            false,
            false,
        ),
        (
            json!({ "terminated": unstarted() }),
            json!({}),
            "",
            false,
            false,
        ),
        (
            json!({ "terminated": started() }),
            json!({}),
            "",
            true,
            false,
        ),
        (
            json!({ "terminated": started() }),
            json!({ "terminated": started() }),
            "Evicted",
            false,
            false,
        ),
    ] {
        let mut session = Session::new("a", SessionSpec::default());
        session.metadata.uid = Some("S".into());
        let pod = serde_json::from_value(json!({ "metadata": { "name": "a", "uid": "P", "ownerReferences": [
                { "apiVersion": "streaming.platform/v1", "kind": "Session", "name": "a", "uid": "S", "controller": true }] },
                "status": { "reason": pod_reason, "containerStatuses": [{ "name": "main", "image": "", "imageID": "",
                    "ready": false, "restartCount": 3, "state": state, "lastState": last }] } })).unwrap();
        let live = LiveObjects {
            pods: vec![pod],
            ..LiveObjects::default()
        };
        let facts = RemedyFacts::new(&session, &live, &WorkloadState::NoWorkload);
        assert_eq!(
            (facts.has_run, facts.was_restarted),
            (has_run, was_restarted),
            "{state} {last} {pod_reason}"
        );
    }
}

#[test]
fn an_image_without_a_parameter_has_no_other_one() {
    let cause = Cause {
        reason: "ErrImagePull".into(),
        image_values: vec!["REGISTRY=VALUE".into(), "TAG=VALUE".into()],
        ..Cause::default()
    };
    let session = Session::new("a", SessionSpec::default());
    let commands_of = |cause: Cause| {
        let state = WorkloadState::Unrecoverable(cause);
        let facts = RemedyFacts::new(&session, &LiveObjects::default(), &state);
        commands(Phase::Failed, &state, &facts)
    };
    let other = "start a -n d --restart --set REGISTRY=VALUE --set TAG=VALUE";
    assert_eq!(commands_of(cause.clone())[0], other);
    let fixed = commands_of(Cause {
        image_values: Vec::new(),
        ..cause
    });
    assert_eq!(fixed, ["start a -n d --restart", "delete a -n d"]);
}

/// `start` carries out the stored manifest again, and has no flag for another one.
#[test]
fn a_manifest_that_is_at_fault_is_replaced_by_a_creation() {
    let facts = RemedyFacts {
        has_manifest: true,
        ..RemedyFacts::default()
    };
    let state = unrecoverable("StartError");
    assert_eq!(
        commands(Phase::Failed, &state, &facts),
        [
            "start a -n d --restart",
            "delete a -n d",
            "create a -n d -f FILENAME"
        ]
    );
    let found = find_remedies(Phase::Failed, &state, &facts);
    assert!(found[0].what.starts_with("restart the session"));
    let rest = found.iter().filter(|remedy| !remedy.is_deletion());
    assert_eq!(rest.count(), 1, "a creation without the deletion fails");
    let lost = commands(Phase::Failed, &WorkloadState::Lost, &facts);
    assert_eq!(lost, ["start a -n d", "delete a -n d"]);
}
