//! Objects of deleted sessions, and objects that are never orphans.

use serde_json::{Value, json};
use session_support::{Answer, FakeApi, golden};

use crate::play::NOW;
use crate::scene::{Session, cleanup, written};

/// A session that has been deleted.
pub const GONE: Session<'_> = Session {
    name: "ghost",
    namespace: "default",
    expires: "",
    on_expiry: "stop",
    policy: "keep",
    claim: false,
    sync: false,
};

pub fn object(api_version: &str, kind: &str, metadata: Value) -> Value {
    json!({"apiVersion": api_version, "kind": kind, "metadata": metadata})
}

fn owned_by(uid: &str, name: &str) -> Value {
    let mut metadata = GONE.metadata(name);
    metadata["ownerReferences"] = json!([{"apiVersion": "streaming.platform/v1", "kind": "Session", "name": "ghost", "uid": uid}]);
    metadata
}

/// A claim that was never bound.
fn unbound(name: &str) -> Value {
    let mut claim = object("v1", "PersistentVolumeClaim", GONE.metadata(name));
    claim["spec"] = json!({"resources": {"requests": {"storage": "1Gi"}}});
    claim["status"] = json!({"phase": "Pending"});
    claim
}

fn orphans(api: &FakeApi) {
    api.put(object("v1", "ConfigMap", owned_by("gone", "settings")));
    // As left by `kubectl delete --cascade=orphan`.
    api.put(object("v1", "Service", GONE.metadata("web")));
    api.put(object("v1", "Secret", GONE.metadata("token")));
    api.put(object("apps/v1", "Deployment", owned_by("gone", "web")));
    let mut pod = object("v1", "Pod", owned_by("gone", "shell"));
    pod["spec"] =
        json!({"containers": [{"name": "main", "envFrom": [{"secretRef": {"name": "token"}}]}]});
    api.put(pod);
    api.put(unbound("never-bound"));
}

#[test]
fn what_is_left_of_sessions_that_are_gone_goes() {
    let api = FakeApi::stateful();
    orphans(&api);
    Session::default().put(&api);
    let played = cleanup(&api, "--orphans -y");
    golden("cleanup-orphans.txt", &played.text());
    let kinds = ["configmaps", "secrets", "deployments.apps"];
    for kind in kinds {
        assert!(api.objects(kind).is_empty(), "{kind}");
    }
    let alive = |kind: &str, name: &str| api.object(kind, "default", name).is_some();
    assert!(alive("pods", "tool-alice") && alive("services", "tool-alice"));
    assert!(alive("persistentvolumeclaims", "home-alice"));
    for write in api.writes() {
        assert!(
            write.json()["preconditions"]["uid"].is_string(),
            "{write:?}"
        );
    }
    let again = cleanup(&api, "--orphans -y");
    assert_eq!(again.done(), "");
}

/// Must never be weakened: --all deletes no data.
#[test]
fn data_is_never_an_orphan() {
    let api = FakeApi::stateful();
    api.serve(
        "snapshot.storage.k8s.io/v1",
        "VolumeSnapshot",
        "volumesnapshots",
        true,
    );
    let claim = |name: &str, change: fn(&mut Value)| {
        let mut claim = unbound(name);
        change(&mut claim);
        api.put(claim);
    };
    claim("bound", |claim| {
        claim["status"] = json!({"phase": "Bound", "capacity": {"storage": "1Gi"}});
        claim["spec"]["volumeName"] = "pv-1".into();
    });
    claim("kept", |claim| {
        claim["status"] = json!({"phase": "Bound"});
        claim["metadata"]["annotations"]["streaming.platform/kept-since"] =
            "2020-01-01T00:00:00Z".into();
    });
    claim("lost", |claim| claim["status"]["phase"] = "Lost".into());
    claim("volume-named", |claim| {
        claim["spec"]["volumeName"] = "pv-2".into()
    });
    claim("bind-completed", |claim| {
        claim["metadata"]["annotations"]["pv.kubernetes.io/bind-completed"] = "yes".into();
    });
    claim("had-capacity", |claim| {
        claim["status"]["capacity"] = json!({"storage": "1Gi"})
    });
    claim("no-status", |claim| claim["status"] = json!({}));
    // Data with a deleted owner: kubectl session never creates it, but it is still data.
    claim("owned", |claim| {
        claim["status"]["phase"] = "Bound".into();
        claim["metadata"]["ownerReferences"] = json!([{"apiVersion": "streaming.platform/v1", "kind": "Session", "name": "ghost", "uid": "gone"}]);
    });
    let mut secret = GONE.metadata("session-ghost-parameters");
    secret["labels"]["streaming.platform/parameters"] = "true".into();
    api.put(object("v1", "Secret", secret));
    let snapshot = GONE.metadata("snap");
    api.put(object(
        "snapshot.storage.k8s.io/v1",
        "VolumeSnapshot",
        snapshot,
    ));
    for words in ["--orphans -y", "--all -y", "--all -A -y"] {
        let played = cleanup(&api, words);
        assert_eq!(played.done(), "", "{words}");
    }
    assert_eq!(written(&api), Vec::<String>::new());
}

#[test]
fn what_is_not_ours_or_is_used_stays() {
    let api = FakeApi::stateful();
    let mut alice = Session::default().put(&api);
    // Missing some or all session labels.
    let mut foreign = owned_by("gone", "unmanaged");
    foreign["labels"] = json!({"streaming.platform/session": "ghost"});
    api.put(object("v1", "ConfigMap", foreign));
    let mut foreign = owned_by("gone", "no-session");
    foreign["labels"] = json!({"app.kubernetes.io/managed-by": "kubectl-session"});
    api.put(object("v1", "ConfigMap", foreign));
    // Has another owner as well.
    let mut shared = owned_by("gone", "shared");
    let owners = shared["ownerReferences"].as_array_mut().unwrap();
    owners.push(json!({"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "x"}));
    api.put(object("v1", "ConfigMap", shared));
    // Being deleted.
    let mut going = owned_by("gone", "going");
    going["deletionTimestamp"] = NOW.into();
    going["finalizers"] = json!(["x/y"]);
    api.put(object("v1", "ConfigMap", going));
    // Of an existing session, without an owner reference: possibly in use.
    api.put(object(
        "v1",
        "ConfigMap",
        Session::default().metadata("bare"),
    ));
    // Objects that alice's Pod refers to, and those that her start used.
    api.put(object("v1", "Secret", GONE.metadata("named")));
    let mut pod = api.object("pods", "default", "tool-alice").unwrap();
    pod["spec"]["volumes"] = json!([{"name": "x", "projected": {"sources": [{"secret": {"name": "named"}}]}},
        {"name": "y", "persistentVolumeClaim": {"claimName": "mounted"}}]);
    api.put(pod);
    api.put(unbound("mounted"));
    let used = api.put(object("v1", "Service", GONE.metadata("used")));
    let applied = alice["status"]["applied"]["objects"]
        .as_array_mut()
        .unwrap();
    applied.push(json!({"apiVersion": "v1", "kind": "Service", "name": "used", "uid": used["metadata"]["uid"]}));
    api.put(alice);
    let played = cleanup(&api, "--orphans -A -y");
    assert_eq!(played.done(), "", "{played:?}");
    assert!(api.writes().is_empty(), "{:?}", written(&api));
}

/// A session being created has its Session first: a wrong order of the lists must not make it look deleted.
#[test]
fn sessions_are_listed_after_everything_else() {
    let api = FakeApi::stateful();
    cleanup(&api, "--all").done();
    let lines = api.lines();
    let at = |part: &str| lines.iter().position(|line| line.contains(part));
    assert_eq!(at("/sessions?"), Some(lines.len() - 1), "{lines:#?}");
}

/// A session of that name is created between plan and deletion, and adopts the claim.
#[test]
fn what_a_new_session_takes_up_in_the_meantime_stays() {
    let ghost = "/apis/streaming.platform/v1/namespaces/default/sessions/ghost";
    // The object still exists when its Session is read.
    let api = FakeApi::stateful();
    api.put(unbound("never-bound"));
    let made = json!({"apiVersion": "streaming.platform/v1", "kind": "Session",
        "metadata": {"name": "ghost", "namespace": "default", "uid": "new"}, "spec": {"userId": "ghost@example.com"}});
    api.on("GET", ghost, Answer::ok(made));
    let played = cleanup(&api, "--orphans -y");
    golden("cleanup-race.txt", &played.text());
    assert!(api.writes().is_empty());
    // The session is created just after that, and changes the claim before the deletion arrives.
    let api = FakeApi::stateful();
    let mut old = api.put(unbound("never-bound"));
    let mut taken = old.clone();
    taken["metadata"]["annotations"]["streaming.platform/session-uid"] = "new".into();
    api.put(taken);
    old["metadata"]["managedFields"] = Value::Null;
    let claim = "/api/v1/namespaces/default/persistentvolumeclaims/never-bound";
    api.on("GET", claim, Answer::ok(old));
    let played = cleanup(&api, "--orphans -y");
    assert!(played.done().ends_with("1 left alone\n"), "{played:?}");
    assert_eq!(api.objects("persistentvolumeclaims").len(), 1);
    // Replaced by another object of the same name.
    let api = FakeApi::stateful();
    api.put(object("v1", "ConfigMap", owned_by("gone", "settings")));
    let path = "/api/v1/namespaces/default/configmaps/settings";
    let mut another = api.object("configmaps", "default", "settings").unwrap();
    another["metadata"]["uid"] = "another".into();
    api.on("GET", path, Answer::ok(another));
    let played = cleanup(&api, "--orphans -y");
    assert!(played.done().ends_with("1 left alone\n"), "{played:?}");
    assert!(api.writes().is_empty());
}

#[test]
fn what_may_not_be_listed_is_named_and_the_rest_is_looked_at() {
    let api = FakeApi::stateful();
    orphans(&api);
    let refused = Answer::status(403, "Forbidden", "no", json!({}));
    let roles = "/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles";
    api.on("GET", roles, refused);
    let played = cleanup(&api, "--orphans -y");
    assert!(
        played
            .err
            .contains("note: roles not checked: no permission to list them\n"),
        "{played:?}"
    );
    assert!(played.done().ends_with("6 deleted\n"), "{played:?}");
}
