//! Data of a session when the session is deleted.

use serde_json::json;

use super::*;

/// Returns the steps for data in the deletion of a session with a bound claim, a claim that was never bound, and a Secret.
fn of_data(policy: &str, snapshot: bool, saved: &[&str]) -> Vec<String> {
    let named = |kind: &str, name: &str, status: Value| {
        let mut object = claim();
        (object["kind"], object["status"]) = (kind.into(), status);
        object["metadata"]["name"] = name.into();
        object["metadata"]["uid"] = name.into();
        object
    };
    let mut secret = named("Secret", "s", json!({}));
    secret["metadata"]["labels"][labels::PARAMETERS] = "true".into();
    let mut live = LiveObjects {
        data: vec![
            named(
                "PersistentVolumeClaim",
                "bound",
                json!({ "phase": "Bound" }),
            ),
            named(
                "PersistentVolumeClaim",
                "never",
                json!({ "phase": "Pending" }),
            ),
            secret,
        ],
        snapshotted_claims: saved.iter().map(|uid| (*uid).to_owned()).collect(),
        ..LiveObjects::default()
    };
    if snapshot {
        let mut taken = named("VolumeSnapshot", "v", json!({}));
        taken["apiVersion"] = "snapshot.storage.k8s.io/v1".into();
        live.data.push(taken);
    }
    let session = session(json!({ "dataPolicy": policy }), json!({}));
    let gone = TargetState::Deleted { skip_sync: true };
    let mut steps = words(&reconcile(&session, gone, None, &live, now()).plan);
    steps.retain(|step| !step.contains("Session") && !step.starts_with("wait"));
    steps
}

#[test]
fn a_claim_that_never_was_bound_is_not_kept() {
    let steps = of_data("keep", false, &[]);
    assert_eq!(steps[1], "delete PersistentVolumeClaim \"never\"");
}

#[test]
fn each_policy_takes_what_it_says_and_the_secret_stays_with_what_it_opens() {
    let (bound, never) = (
        "PersistentVolumeClaim \"bound\"",
        "PersistentVolumeClaim \"never\"",
    );
    let steps = |bound_goes: bool, never_goes: bool, secret_goes: bool| {
        let word = |goes: bool| if goes { "delete" } else { "patch" };
        [
            format!("{} {bound}", word(bound_goes)),
            format!("{} {never}", word(never_goes)),
            format!("{} Secret \"s\"", word(secret_goes)),
        ]
    };
    assert_eq!(of_data("keep", false, &[]), steps(false, true, false));
    assert_eq!(of_data("delete", false, &[]), steps(true, true, true));
    assert_eq!(of_data("delete", true, &[]), steps(true, true, false));
    assert_eq!(
        of_data("snapshot", true, &["bound"]),
        steps(true, true, false)
    );
    // A dry run has a snapshot that does not exist.
    assert_eq!(
        of_data("snapshot", false, &["bound"]),
        steps(true, true, false)
    );
    // Without a snapshot, no claim with data is deleted.
    assert_eq!(of_data("snapshot", false, &[]), steps(false, true, false));
    assert_eq!(
        of_data("snapshot", true, &["another"]),
        steps(false, true, false)
    );
}

#[test]
fn data_kept_of_another_template_is_not_this_sessions() {
    let mut session = session(json!({ "template": "lab" }), json!({}));
    session.metadata.uid = Some("new".into());
    let mut data = claim();
    assert!(is_data_of(&data, &session), "it says no template");
    data["metadata"]["annotations"][labels::TEMPLATE] = "lab".into();
    assert!(is_data_of(&data, &session));
    data["metadata"]["annotations"][labels::TEMPLATE] = "desktop".into();
    assert!(!is_data_of(&data, &session));
    // The template was changed since.
    data["metadata"]["annotations"][labels::SESSION_UID] = "new".into();
    assert!(is_data_of(&data, &session));
}
