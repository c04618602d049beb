use serde_json::json;
use session_model::labels;

use super::*;

fn session(spec: Value, status: Value) -> Session {
    let mut object = json!({
        "apiVersion": "streaming.platform/v1", "kind": "Session",
        "metadata": { "name": "a", "namespace": "ns", "uid": "S" },
        "spec": { "userId": "alice" }, "status": status,
    });
    for (key, value) in spec.as_object().unwrap() {
        object["spec"][key] = value.clone();
    }
    serde_json::from_value(object).unwrap()
}

/// Returns a session whose last start recorded these UIDs.
fn started(objects: &[(&str, &str, &str)]) -> Session {
    let objects: Vec<Value> = objects
        .iter()
        .map(|(kind, name, uid)| json!({ "apiVersion": "v1", "kind": kind, "name": name, "uid": uid }))
        .collect();
    let at = "2026-01-01T11:00:00Z";
    let status =
        json!({ "phase": "running", "startRequest": at, "applied": { "objects": objects } });
    session(json!({ "startRequest": at }), status)
}

fn owned(kind: &str, name: &str, uid: &str, owner: (&str, &str, &str)) -> Value {
    let (owner_kind, owner_name, owner_uid) = owner;
    json!({ "apiVersion": "v1", "kind": kind, "spec": { "containers": [] }, "metadata": {
        "name": name, "uid": uid, "labels": { "app": "x" },
        "ownerReferences": [{ "apiVersion": "v1", "kind": owner_kind, "name": owner_name, "uid": owner_uid, "controller": true }],
    } })
}

const SESSION: (&str, &str, &str) = ("Session", "a", "S");

fn pod(object: Value) -> Pod {
    serde_json::from_value(object).unwrap()
}

/// Returns the names of the session's own Pods, and of the ignored objects.
fn told_apart(
    session: &Session,
    pods: Vec<Value>,
    owners: Vec<Value>,
) -> (Vec<String>, Vec<String>) {
    let live = LiveObjects {
        pods: pods.into_iter().map(pod).collect(),
        owners,
        ..LiveObjects::default()
    };
    let live = live.attribute(session);
    let own = live
        .own_pods(Some("S"))
        .filter_map(|pod| pod.metadata.name.clone());
    let strangers = live.impostors.iter().map(|stranger| stranger.name.clone());
    (own.collect(), strangers.collect())
}

fn names(own: &[&str], strangers: &[&str]) -> (Vec<String>, Vec<String>) {
    let all = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    (all(own), all(strangers))
}

#[test]
fn a_pod_with_a_forged_reference_to_the_session_is_a_stranger() {
    let pods = vec![
        owned("Pod", "evil", "E", SESSION),
        owned("Pod", "true", "P", SESSION),
    ];
    let session = started(&[("Pod", "true", "P")]);
    assert_eq!(
        told_apart(&session, pods, Vec::new()),
        names(&["true"], &["evil"])
    );
}

#[test]
fn a_workload_with_a_forged_reference_and_all_below_it_are_strangers() {
    let owners = vec![owned("StatefulSet", "evil", "E", SESSION)];
    let pods = vec![owned("Pod", "evil-0", "E0", ("StatefulSet", "evil", "E"))];
    let session = started(&[("Pod", "true", "P")]);
    let (own, strangers) = told_apart(&session, pods, owners);
    assert_eq!((own, strangers), names(&[], &["evil"]));
}

#[test]
fn a_pod_of_a_controller_is_controlled_and_selected_by_it() {
    let mut set = owned("StatefulSet", "w", "W", SESSION);
    set["spec"]["selector"]["matchLabels"]["app"] = "x".into();
    let by = ("StatefulSet", "w", "W");
    let (mut loose, mut unselected) = (owned("Pod", "w-1", "1", by), owned("Pod", "w-2", "2", by));
    loose["metadata"]["ownerReferences"][0]["controller"] = false.into();
    unselected["metadata"]["labels"]["app"] = "y".into();
    let pods = vec![owned("Pod", "w-0", "0", by), loose, unselected];
    let session = started(&[("StatefulSet", "w", "W")]);
    assert_eq!(
        told_apart(&session, pods, vec![set]),
        names(&["w-0"], &["w-1", "w-2"])
    );
}

#[test]
fn the_chain_of_a_deployment_ends_at_the_one_that_was_made() {
    let by = ("Deployment", "w", "D");
    let mut deployment = owned("Deployment", "w", "D", SESSION);
    deployment["spec"]["selector"]["matchLabels"]["app"] = "x".into();
    let mut evil = owned("ReplicaSet", "evil", "E", by);
    evil["metadata"]["labels"]["app"] = "y".into();
    let owners = vec![owned("ReplicaSet", "w-5d", "R", by), deployment, evil];
    let pods = vec![
        owned("Pod", "w-5d-x", "P", ("ReplicaSet", "w-5d", "R")),
        owned("Pod", "evil-x", "X", ("ReplicaSet", "evil", "E")),
    ];
    let session = started(&[("Deployment", "w", "D")]);
    assert_eq!(
        told_apart(&session, pods, owners),
        names(&["w-5d-x"], &["evil"])
    );
}

#[test]
fn what_a_start_that_was_cut_off_has_made_is_its_own() {
    let pods = || vec![owned("Pod", "new", "N", SESSION)];
    let mut begun = started(&[("Pod", "old", "O")]);
    assert_eq!(told_apart(&begun, pods(), Vec::new()), names(&[], &["new"]));
    begun.spec.start_request = Some("2026-01-01T12:00:00Z".into());
    assert_eq!(told_apart(&begun, pods(), Vec::new()), names(&["new"], &[]));
    let half_made = session(
        json!({ "startRequest": "2026-01-01T12:00:00Z" }),
        Value::Null,
    );
    assert_eq!(
        told_apart(&half_made, pods(), Vec::new()),
        names(&["new"], &[])
    );
}

#[test]
fn a_copy_that_was_never_started_has_made_nothing() {
    let copy = session(json!({ "state": "stopped" }), json!({ "phase": "stopped" }));
    let pods = vec![owned("Pod", "evil", "E", SESSION)];
    assert_eq!(told_apart(&copy, pods, Vec::new()), names(&[], &["evil"]));
}

#[test]
fn what_is_recorded_goes_before_what_is_not() {
    let mut begun = started(&[("Pod", "true", "P")]);
    begun.spec.start_request = Some("2026-01-01T12:00:00Z".into());
    let own = [
        owned("Pod", "evil", "E", SESSION),
        owned("Pod", "true", "P", SESSION),
    ]
    .map(pod);
    let live = LiveObjects {
        pods: own.to_vec(),
        ..LiveObjects::default()
    };
    let first = |pods: &[Pod]| {
        let found = live.prefer_recorded(&begun, pods.iter().collect());
        found
            .into_iter()
            .filter_map(|pod| pod.metadata.name.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(first(&own), ["true"]);
    assert_eq!(
        first(&own[..1]),
        ["evil"],
        "nothing that is recorded is left"
    );
}

#[test]
fn a_pod_that_only_carries_a_label_claims_nothing() {
    let mut other = owned("Pod", "other", "O", ("StatefulSet", "theirs", "T"));
    other["metadata"]["labels"]["streaming.platform/session"] = "a".into();
    let session = started(&[("Pod", "true", "P")]);
    assert_eq!(
        told_apart(&session, vec![other], Vec::new()),
        names(&[], &[])
    );
}

#[test]
fn strangers_of_an_earlier_read_are_added_once() {
    let session = started(&[("Pod", "p", "u")]);
    let live = |names: &[(&str, &str)]| {
        let pods = names
            .iter()
            .map(|(name, uid)| pod(owned("Pod", name, uid, SESSION)));
        let live = LiveObjects {
            pods: pods.collect(),
            ..LiveObjects::default()
        };
        live.attribute(&session)
    };
    let mut before = live(&[("p", "u"), ("x", "ux"), ("y", "uy")]);
    // A stranger that the start has recorded since counts as the session's own.
    let recorded = Impostor {
        uid: Some("u".into()),
        ..before.impostors[0].clone()
    };
    before.impostors.push(recorded);
    let after = live(&[("p", "u"), ("y", "uy"), ("z", "uz")]).beside_strangers(&before);
    let names: Vec<&str> = after
        .impostors
        .iter()
        .map(|stranger| stranger.name.as_str())
        .collect();
    assert_eq!(names, ["y", "z", "x"]);
    assert_eq!(after.pods.len(), 1);
}

#[test]
fn data_and_a_session_without_uid_do_not_belong_together_by_it() {
    let session = |uid: Option<&str>| -> Session {
        let metadata = json!({ "name": "a", "namespace": "ns", "uid": uid });
        let spec = json!({ "userId": "alice", "template": "lab" });
        serde_json::from_value(json!({ "metadata": metadata, "spec": spec })).unwrap()
    };
    let data = |uid: Option<&str>| {
        json!({ "kind": "PersistentVolumeClaim", "metadata": { "name": "c",
            "labels": { labels::SESSION: "a" },
            "annotations": { labels::USER_ID: "alice", labels::TEMPLATE: "other", labels::SESSION_UID: uid } } })
    };
    let belongs =
        |data: &Value, session: &Session| super::super::live_objects::is_data_of(data, session);
    assert!(belongs(&data(Some("u")), &session(Some("u"))));
    assert!(!belongs(&data(None), &session(None)));
    assert!(!belongs(&data(Some("")), &session(Some(""))));
}
