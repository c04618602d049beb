//! VolumeSnapshotContents left by deletionPolicy Retain: reported, and deleted with their data only on request.

use serde_json::{Value, json};
use session_support::{Answer, FakeApi, golden};

use crate::orphans::{GONE, object};
use crate::scene::{Session, cleanup};

const GROUP: &str = "snapshot.storage.k8s.io/v1";
const CONTENTS: &str = "volumesnapshotcontents.snapshot.storage.k8s.io";
const PATH: &str = "/apis/snapshot.storage.k8s.io/v1/volumesnapshotcontents";

fn server() -> FakeApi {
    let api = FakeApi::stateful();
    api.serve(GROUP, "VolumeSnapshot", "volumesnapshots", true);
    api.serve(
        GROUP,
        "VolumeSnapshotContent",
        "volumesnapshotcontents",
        false,
    );
    api
}

/// A content of `ghost` whose VolumeSnapshot has been deleted.
fn content(name: &str, snapshot: &str) -> Value {
    let mut metadata = GONE.metadata(name);
    metadata.as_object_mut().unwrap().remove("namespace");
    metadata["finalizers"] =
        json!(["snapshot.storage.kubernetes.io/volumesnapshotcontent-bound-protection"]);
    let mut content = object(GROUP, "VolumeSnapshotContent", metadata);
    content["spec"] = json!({"deletionPolicy": "Retain", "driver": "disks.example.com", "source": {"volumeHandle": "v-1"},
        "volumeSnapshotRef": {"namespace": "default", "name": snapshot, "uid": format!("uid-of-{snapshot}")}});
    content["status"] = json!({"snapshotHandle": format!("handle-{name}"), "restoreSize": 1_073_741_824_u64, "readyToUse": true});
    content
}

fn unlabelled(name: &str, snapshot: &str) -> Value {
    let mut content = content(name, snapshot);
    let metadata = content["metadata"].as_object_mut().unwrap();
    metadata.remove("labels");
    metadata.remove("annotations");
    content
}

/// An existing VolumeSnapshot of `ghost` with a content that has no session labels.
fn taken(api: &FakeApi, name: &str) {
    let snapshot = api.put(object(GROUP, "VolumeSnapshot", GONE.metadata(name)));
    let mut content = unlabelled(&format!("content-of-{name}"), name);
    content["spec"]["volumeSnapshotRef"]["uid"] = snapshot["metadata"]["uid"].clone();
    api.put(content);
}

/// Two contents to delete, and contents that must never be touched.
fn shelf() -> FakeApi {
    let api = server();
    api.put(content("left", "ghost-20260101-120000"));
    // The previous cleanup was killed before the deletion.
    let mut begun = content("left-begun", "ghost-20260102-120000");
    begun["spec"]["deletionPolicy"] = "Delete".into();
    api.put(begun);
    taken(&api, "ghost-20260201-120000");
    // Contents without session labels, with a generated name and with another one.
    api.put(unlabelled("named", "ghost-20260103-120000-home"));
    api.put(unlabelled("foreign", "velero-home"));
    // A content of another namespace.
    let mut elsewhere = content("elsewhere", "ghost-20260104-120000");
    elsewhere["spec"]["volumeSnapshotRef"]["namespace"] = "other".into();
    api.put(elsewhere);
    // Two contents refer to the same storage snapshot.
    let mut taken_up = content("taken-up", "ghost-20260105-120000");
    taken_up["status"]["snapshotHandle"] = "handle-shared".into();
    api.put(taken_up);
    let mut another = unlabelled("another", "rescue");
    another["spec"]["source"] = json!({"snapshotHandle": "handle-shared"});
    another["spec"]["deletionPolicy"] = "Delete".into();
    another["status"] = Value::Null;
    api.put(another);
    // A content that was never bound to a VolumeSnapshot.
    let mut waits = content("waits", "ghost-20260106-120000");
    waits["spec"]["volumeSnapshotRef"]
        .as_object_mut()
        .unwrap()
        .remove("uid");
    api.put(waits);
    // A content that is being deleted.
    let mut going = content("going", "ghost-20260107-120000");
    going["metadata"]["deletionTimestamp"] = "2026-03-01T11:00:00Z".into();
    api.put(going);
    api
}

fn names(api: &FakeApi) -> Vec<String> {
    let name = |content: Value| content["metadata"]["name"].as_str().unwrap().to_owned();
    api.objects(CONTENTS).into_iter().map(name).collect()
}

#[test]
fn what_snapshots_have_left_is_only_told() {
    let api = shelf();
    let before = api.objects(CONTENTS);
    let told = cleanup(&api, "--orphans -y");
    golden("cleanup-contents-told.txt", &told.text());
    let all = cleanup(&api, "--all -y");
    assert_eq!(all.done(), told.done());
    assert!(api.writes().is_empty(), "{:?}", api.writes());
    assert_eq!(api.objects(CONTENTS), before);
    // Other selections do not read contents.
    cleanup(
        &api,
        "--expired --unhealthy --kept-older-than 1d --snapshots-older-than 1000d -y",
    )
    .done();
    let asked = api
        .lines()
        .into_iter()
        .filter(|line| line.contains("volumesnapshotcontents"));
    assert_eq!(asked.count(), 2);
}

#[test]
fn with_their_data_they_go_when_it_is_meant() {
    let api = shelf();
    let asked = cleanup(&api, "--snapshot-contents");
    assert_eq!((asked.code, api.writes().len()), (1, 0), "{asked:?}");
    let before = names(&api);
    let played = cleanup(&api, "--snapshot-contents -y");
    let writes: String = api
        .writes()
        .iter()
        .map(|write| format!("{} {}\n", write.line(), write.json()))
        .collect();
    golden(
        "cleanup-contents.txt",
        &format!("{}--- writes\n{writes}", played.text()),
    );
    // A CSI snapshotter would remove the finalizer after deleting the data; here there is none.
    assert_eq!(names(&api), before);
    let going = api.objects(CONTENTS).into_iter().filter(|content| {
        let name = content["metadata"]["name"].as_str().unwrap();
        name.starts_with("left")
            && content["metadata"]["deletionTimestamp"].is_string()
            && content["spec"]["deletionPolicy"] == "Delete"
    });
    assert_eq!(going.count(), 2);
    // The label identifies the content after its snapshot is deleted.
    let kind = "volumesnapshots.snapshot.storage.k8s.io";
    api.remove(kind, "default", "ghost-20260201-120000");
    let played = cleanup(&api, "--snapshot-contents -y");
    assert!(played.done().ends_with("1 deleted\n"), "{played:?}");
}

#[test]
fn a_rehearsal_says_what_would_go_and_writes_nothing() {
    let api = shelf();
    let before = api.objects(CONTENTS);
    let played = cleanup(&api, "--snapshot-contents -A --dry-run=client");
    golden("cleanup-contents-everywhere.txt", &played.text());
    assert!(api.writes().is_empty());
    let played = cleanup(&api, "--snapshot-contents --dry-run=server -y");
    assert!(played.done().ends_with("(server dry run)\n"), "{played:?}");
    assert_eq!(api.objects(CONTENTS), before);
}

#[test]
fn what_changes_after_the_plan_is_left_alone() {
    // Another content refers to the same data when the content is checked again.
    let api = server();
    let left = api.put(content("left", "ghost-20260101-120000"));
    let mut another = unlabelled("another", "rescue");
    another["spec"]["source"] = json!({"snapshotHandle": "handle-left"});
    another["status"] = Value::Null;
    let list = |items: Vec<Value>| {
        Answer::ok(
            json!({"kind": "VolumeSnapshotContentList", "apiVersion": GROUP,
        "metadata": {"resourceVersion": "1"}, "items": items}),
        )
    };
    api.on("GET", PATH, list(vec![left.clone()]));
    api.on("GET", PATH, list(vec![left.clone(), another]));
    let played = cleanup(&api, "--snapshot-contents -y");
    golden("cleanup-contents-race.txt", &played.text());
    assert!(api.writes().is_empty());
    // The content has lost its labels, was replaced, or was deleted.
    let mut bare = left.clone();
    bare["metadata"]["labels"] = json!({});
    let mut successor = left.clone();
    successor["metadata"]["uid"] = "another".into();
    for answer in [
        Answer::ok(bare),
        Answer::ok(successor),
        Answer::not_found(CONTENTS, "left"),
    ] {
        let api = server();
        api.put(content("left", "ghost-20260101-120000"));
        api.on("GET", &format!("{PATH}/left"), answer);
        let played = cleanup(&api, "--snapshot-contents -y");
        assert!(played.done().ends_with("1 left alone\n"), "{played:?}");
        assert!(api.writes().is_empty());
    }
    // The content is changed at the last moment.
    let api = server();
    let mut old = api.put(content("left", "ghost-20260101-120000"));
    api.put(old.clone());
    old["metadata"]["resourceVersion"] = "1".into();
    api.on("GET", &format!("{PATH}/left"), Answer::ok(old));
    let played = cleanup(&api, "--snapshot-contents -y");
    assert!(played.done().ends_with("1 left alone\n"), "{played:?}");
    assert_eq!(api.objects(CONTENTS)[0]["spec"]["deletionPolicy"], "Retain");
}

#[test]
fn who_may_not_look_at_them_is_told() {
    let refused = Answer::status(
        403,
        "Forbidden",
        "volumesnapshotcontents is forbidden: no",
        json!({}),
    );
    let api = shelf();
    api.on("GET", PATH, refused);
    let played = cleanup(&api, "--orphans -y");
    assert!(
        played.done().is_empty()
            && played
                .err
                .contains("note: volumesnapshotcontents not checked: no permission to list them\n"),
        "{played:?}"
    );
    // With --snapshot-contents the refusal is an error.
    let played = cleanup(&api, "--snapshot-contents -y");
    assert!(played.failed().contains("forbidden"), "{played:?}");
    let none = FakeApi::stateful();
    let played = cleanup(&none, "--snapshot-contents -y");
    golden("cleanup-contents-none.txt", &played.text());
    Session::default().put(&none);
    cleanup(&none, "--orphans -y").done();
}
