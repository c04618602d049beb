//! Expansion of claims: checks, waits, and reverts when the driver refuses the size.

use serde_json::{Value, json};
use session_support::{Answer, FakeApi, SessionFixture, golden};

use crate::scene::{deny_change, half, kept, resize, server, session, told};

const CLAIM: &str = "/api/v1/namespaces/default/persistentvolumeclaims/home-alice";

/// Returns a server with session alice and a bound claim whose class allows expansion.
fn stored() -> FakeApi {
    let api = server("Pod", &half());
    api.serve("storage.k8s.io/v1", "CSIDriver", "csidrivers", false);
    api.put(SessionFixture::running("alice").claim_object("home-alice"));
    api.put(json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "fast"},
        "provisioner": "csi.example.com", "allowVolumeExpansion": true}));
    api.put(
        json!({"apiVersion": "storage.k8s.io/v1", "kind": "CSIDriver", "metadata": {"name": "csi.example.com"}, "spec": {}}),
    );
    api
}

fn claim(api: &FakeApi) -> Value {
    let found = api.object("persistentvolumeclaims", "default", "home-alice");
    found.unwrap()
}

fn asked(api: &FakeApi) -> Value {
    claim(api)["spec"]["resources"]["requests"]["storage"].clone()
}

/// Sets the claim's status when its request exceeds 1Gi.
fn resizer(api: &FakeApi, status: Value) {
    api.react("persistentvolumeclaims", move |claim| {
        let mut after = claim.clone();
        if claim["spec"]["resources"]["requests"]["storage"] == "2Gi" {
            after["status"] = status.clone();
        }
        if after == *claim { vec![] } else { vec![after] }
    });
}

#[test]
fn a_claim_grows_and_the_session_keeps_the_size() {
    let api = stored();
    resizer(
        &api,
        json!({"phase": "Bound", "capacity": {"storage": "2Gi"}}),
    );
    let played = resize(&api, "alice --storage 2Gi");
    golden("resize-storage.txt", &told(&api, &played));
    assert_eq!(asked(&api), "2Gi");
    assert_eq!(session(&api)["spec"]["storage"], json!({"size": "2Gi"}));
    let before = kept(&api).len();
    let again = resize(&api, "alice --storage 2048Mi");
    assert_eq!(again.done(), "session.streaming.platform/alice unchanged\n");
    assert_eq!(kept(&api).len(), before);
}

#[test]
fn what_a_killed_client_asked_is_waited_for() {
    let api = stored();
    let mut half_grown = claim(&api);
    half_grown["spec"]["resources"]["requests"]["storage"] = "2Gi".into();
    api.put(half_grown);
    let played = resize(&api, "alice --storage 2Gi --timeout=50ms");
    assert!(played.failed().contains("timed out"), "{played:?}");
    let mut grown = claim(&api);
    grown["status"]["capacity"]["storage"] = "2Gi".into();
    api.put(grown);
    let played = resize(&api, "alice --storage 2Gi");
    assert_eq!(
        played.done(),
        "session.streaming.platform/alice unchanged\n"
    );
    assert_eq!(session(&api)["spec"]["storage"]["size"], "2Gi");
}

#[test]
fn a_size_that_the_driver_refuses_is_taken_back() {
    let api = stored();
    let said =
        json!([{"type": "ControllerResizeError", "status": "True", "message": "out of space"}]);
    resizer(
        &api,
        json!({"phase": "Bound", "capacity": {"storage": "1Gi"}, "conditions": said,
            "allocatedResourceStatuses": {"storage": "ControllerResizeInfeasible"}}),
    );
    let played = resize(&api, "alice --storage 2Gi");
    golden("resize-storage-infeasible.txt", &played.text());
    // A server accepts only requests above the capacity.
    assert_eq!(asked(&api), "1073741825");
    assert_eq!(session(&api)["spec"].get("storage"), None);
}

#[test]
fn a_file_system_that_waits_is_told_when_time_is_over() {
    let api = stored();
    let said = json!([{"type": "FileSystemResizePending", "status": "True", "message": "Waiting for user to (re-)start a pod"}]);
    resizer(
        &api,
        json!({"phase": "Bound", "capacity": {"storage": "1Gi"}, "conditions": said}),
    );
    let played = resize(&api, "alice --storage 2Gi --timeout=50ms");
    golden("resize-storage-timeout.txt", &played.text());
    assert_eq!(
        (asked(&api), &session(&api)["spec"]["storage"]["size"]),
        (json!("2Gi"), &json!("2Gi"))
    );
}

#[test]
fn what_cannot_grow_is_refused_before_anything_is_written() {
    let mut text = String::new();
    let mut refused = |words: &str, happened: &dyn Fn(&FakeApi)| {
        let api = stored();
        happened(&api);
        let played = resize(&api, words);
        text.push_str(&format!("$ resize {words}\n{}", played.failed()));
        assert_eq!(
            (asked(&api), session(&api)["spec"].get("storage")),
            (json!("1Gi"), None)
        );
    };
    let change = |api: &FakeApi, path: &str, value: Value| {
        let mut claim = claim(api);
        *claim.pointer_mut(path).unwrap() = value;
        api.put(claim);
    };
    refused("alice --storage 512Mi", &|_| {});
    refused("alice --storage 2Gi", &|api| {
        change(api, "/status/phase", "Pending".into())
    });
    refused("alice --storage 2Gi", &|api| {
        change(api, "/spec/storageClassName", "".into())
    });
    refused("alice --storage 2Gi", &|api| {
        api.put(json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "fast"},
            "provisioner": "csi.example.com"}));
    });
    refused("alice --storage 2Gi", &|api| {
        api.remove("storageclasses.storage.k8s.io", "", "fast")
    });
    refused("alice --storage 2Gi", &|api| {
        api.remove("csidrivers.storage.k8s.io", "", "csi.example.com")
    });
    refused("alice --storage 2Gi", &|api| {
        let detail = "requested: requests.storage=1Gi, used: requests.storage=1Gi, limited: requests.storage=1Gi";
        api.on(
            "PATCH",
            CLAIM,
            Answer::quota("persistentvolumeclaims", "home-alice", "q", detail),
        );
    });
    golden("resize-storage-refused.txt", &text);
    let api = server("Pod", &half());
    let played = resize(&api, "alice --storage 2Gi");
    assert!(
        played.failed().contains("has no PersistentVolumeClaim"),
        "{played:?}"
    );
}

#[test]
fn the_claims_of_a_stopped_session_grow_once_it_is_started() {
    let api = stored();
    api.remove("pods", "default", "tool-alice-0");
    let before = asked(&api);
    let played = resize(&api, "alice --storage 2Gi");
    let hint = "hint: start the session: kubectl session start alice -n default\n";
    assert!(played.failed().ends_with(hint), "{played:?}");
    assert_eq!(asked(&api), before);
}

#[test]
fn of_a_session_that_may_not_be_changed_neither_pod_nor_claim_is() {
    let mut text = String::new();
    for (api, words) in [
        (stored(), "alice --cpu 2"),
        (server("StatefulSet", &half()), "alice --memory 2Gi"),
        (stored(), "alice --storage 2Gi"),
        (stored(), "alice --cpu 2 --storage 2Gi"),
    ] {
        deny_change(&api);
        let played = resize(&api, words);
        text.push_str(&format!("$ resize {words}\n{}", played.failed()));
        assert_eq!(kept(&api), Vec::<String>::new(), "{words}");
    }
    golden("resize-not-owner.txt", &text);
}

/// The Session has the size already, so only the restart patches it.
#[test]
fn no_claim_grows_for_a_restart_that_is_refused() {
    let api = crate::restart::running();
    api.serve("storage.k8s.io/v1", "CSIDriver", "csidrivers", false);
    for object in stored().objects("storageclasses.storage.k8s.io") {
        api.put(object);
    }
    for object in stored().objects("csidrivers.storage.k8s.io") {
        api.put(object);
    }
    let mut bound = claim(&api);
    bound["spec"]["storageClassName"] = "fast".into();
    bound["spec"]["volumeName"] = "volume-1".into();
    bound["status"] = json!({"phase": "Bound", "capacity": {"storage": "1Gi"}});
    api.put(bound);
    let mut sized = session(&api);
    sized["spec"]["storage"] = json!({"size": "2Gi"});
    sized["spec"]["resources"] = json!({"memory": "512Mi"});
    api.put(sized);
    deny_change(&api);
    let played = resize(&api, "alice --memory 512Mi --storage 2Gi --restart");
    let why = "denied request: the session belongs to 'alice'";
    assert!(played.failed().contains(why), "{played:?}");
    assert_eq!(kept(&api), Vec::<String>::new());
}
