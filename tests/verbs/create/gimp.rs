//! The templates of GIMP's platform: one Pod for each user, a home directory that exists already, and a privileged container.

use serde_json::{Value, json};
use session_shared::template::{Source, TemplateFile, builtin_templates};
use session_support::{FakeApi, golden};

use crate::tool::{create, made, posts};

/// A server with a built-in template, and the class of its claims.
pub fn server(name: &str) -> FakeApi {
    let api = FakeApi::stateful();
    let (_, text) = builtin_templates()
        .iter()
        .find(|(builtin, _)| *builtin == name)
        .unwrap();
    let source = Source::new(name, *text).unwrap();
    api.put(TemplateFile::parse(&source).unwrap().remove(0).object);
    class(&api, "ssd-user-storage");
    api
}

fn class(api: &FakeApi, name: &str) {
    api.put(json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": name}}));
}

/// A claim of the user that no session made.
fn claim(class: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": {"name": "user-storage-alice", "namespace": "default", "uid": "theirs"},
        "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": class,
            "resources": {"requests": {"storage": "5Gi"}}},
        "status": {"phase": "Bound"}})
}

const WORDS: &str = "--template gimp --user-id alice --wait=false";

#[test]
fn a_home_directory_that_exists_is_used_as_it_is() {
    let api = FakeApi::stateful();
    let template = server("gimp").object("sessiontemplates.streaming.platform", "", "gimp");
    api.put(template.unwrap());
    // Its class is not the template's, which the cluster does not even have.
    class(&api, "standard");
    api.put(claim("standard"));
    let before = api.object("persistentvolumeclaims", "default", "user-storage-alice");
    create(&api, &format!("one {WORDS}")).done();
    let home = || api.object("persistentvolumeclaims", "default", "user-storage-alice");
    assert_eq!(home(), before);
    let changes = api.requests().into_iter().filter(|request| {
        request.path.contains("/persistentvolumeclaims") && request.method != "GET"
    });
    assert_eq!(
        changes.map(|request| request.method).collect::<Vec<_>>(),
        ["POST"]
    );
    // Without it, the class is missing.
    let played = create(&api, "two --template gimp --user-id bob --wait=false");
    assert_eq!(
        played.failed(),
        "error: cannot start session \"two\": StorageClass \"ssd-user-storage\" does not exist\nhint: use one of the cluster's with create --storage-class: standard\n"
    );
}

#[test]
fn a_second_session_of_a_user_names_the_first() {
    let api = server("gimp");
    create(&api, &format!("one {WORDS}")).done();
    let played = create(&api, &format!("two {WORDS}"));
    golden("create-gimp-second.txt", &played.text());
    let session = |name| api.object("sessions.streaming.platform", "default", name);
    assert!(session("one").is_some());
    assert!(session("two").is_none());
    for (kind, name) in [
        ("pods", "gimp-session-alice"),
        ("persistentvolumeclaims", "user-storage-alice"),
    ] {
        assert!(api.object(kind, "default", name).is_some(), "{name}");
    }
    create(&api, "three --template gimp --user-id bob --wait=false").done();
}

#[test]
fn a_gpu_is_asked_for_by_number_of_the_resource_that_the_parameter_names() {
    for (words, resource) in [
        ("--gpu 1", "nvidia.com/gpu"),
        (
            "--gpu 1 --set GPU_RESOURCE=nvidia.com/mig-1g.5gb",
            "nvidia.com/mig-1g.5gb",
        ),
    ] {
        let api = server("gimp");
        create(&api, &format!("one {WORDS} {words}")).done();
        let pod = posts(&api).pop().unwrap().json();
        let resources = &pod["spec"]["containers"][0]["resources"];
        for part in ["requests", "limits"] {
            assert_eq!(resources[part][resource], "1", "{resources}");
        }
    }
}

#[test]
fn a_privileged_container_needs_a_namespace_that_allows_it() {
    let api = server("gimp-cloud");
    let namespace = |level: &str| {
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default",
            "labels": {"pod-security.kubernetes.io/enforce": level}}})
    };
    api.put(namespace("baseline"));
    let words = "one --template gimp-cloud --user-id alice --wait=false";
    let played = create(&api, words);
    golden("create-gimp-cloud-refused.txt", &played.text());
    assert!(api.writes().is_empty());
    api.put(namespace("privileged"));
    create(&api, words).done();
    assert_eq!(
        made(&api),
        [
            "sessions.streaming.platform/one",
            "persistentvolumeclaims/user-storage-alice",
            "pods/gimp-session-alice"
        ]
    );
    // An ordinary Pod needs no look at the namespace.
    let api = server("gimp");
    create(&api, &format!("one {WORDS}")).done();
    assert!(
        !api.lines()
            .iter()
            .any(|line| line.ends_with("/namespaces/default"))
    );
}
