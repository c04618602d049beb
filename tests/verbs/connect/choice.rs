//! Choice of Pod, container and command.

use serde_json::{Value, json};
use session_support::session_fixture::owned;
use session_support::{Execution, FakeApi, golden};

use crate::running::{connect, fixture, pod, server, usual};

/// Pod, container and command of the exec request.
fn entered(api: &FakeApi) -> String {
    let request = api
        .requests()
        .into_iter()
        .find(|request| request.path.ends_with("/exec"))
        .unwrap();
    let pod = request.path.rsplit('/').nth(1).unwrap().to_owned();
    let command = api.executed().concat().join(" ");
    format!("{pod} {} {command}", request.query("container").unwrap())
}

#[test]
fn the_first_method_is_the_default_and_a_command_goes_to_the_primary_container() {
    let methods = json!([
        {"name": "side", "exec": ["top", "-b"], "container": "side"},
        {"name": "shell", "exec": ["/bin/sh", "-l"]},
    ]);
    for (words, expected) in [
        ("alice", "tool-alice side top -b"),
        ("session/alice --method shell", "tool-alice main /bin/sh -l"),
        ("alice -- ls -l", "tool-alice main ls -l"),
        ("alice --method side -- ls", "tool-alice side ls"),
        ("alice -c main", "tool-alice main top -b"),
        ("alice -c side -- ls", "tool-alice side ls"),
    ] {
        let api = server(methods.clone());
        api.execute("", Execution::default());
        connect(&api, words).done();
        assert_eq!(entered(&api), expected, "{words}");
    }
}

#[test]
fn without_methods_it_is_a_shell() {
    let api = server(json!([]));
    api.execute("", Execution::default());
    connect(&api, "alice").done();
    assert_eq!(
        entered(&api),
        "tool-alice main sh -c if command -v bash >/dev/null 2>&1; then exec bash -l; else exec sh -l; fi"
    );
}

#[test]
fn what_there_is_not_is_told_with_what_there_is() {
    let mut text = String::new();
    for words in [
        "bob",
        "alice --method nope",
        "alice -c nope",
        "alice --ssh --method page",
        "alice --open --method shell",
        "alice --method page -- ls",
        "alice --stdio nope",
    ] {
        let api = usual();
        text.push_str(&format!(
            "$ connect {words}\n{}",
            connect(&api, words).failed()
        ));
        assert!(api.executed().is_empty(), "{words}");
    }
    let bare = server(json!([]));
    text.push_str(connect(&bare, "alice --method shell").failed());
    text.push_str(connect(&bare, "alice --open").failed());
    golden("connect-unknown.txt", &text);
}

/// A session whose workload is a Deployment, with two Pods of its own and a foreign one with the same labels.
fn deployed() -> FakeApi {
    let api = FakeApi::stateful();
    api.execute("", Execution::default());
    let methods = json!([
        {"name": "shell", "exec": ["sh"]},
        {"name": "db", "exec": ["psql"], "container": "postgres"},
    ]);
    let mut session = api.put(fixture(methods, &[]).session());
    let set = |kind: &str, name: &str, owner: &Value| {
        let metadata = json!({"name": name, "namespace": "default", "labels": {"streaming.platform/session": "alice"}});
        owned(
            json!({"apiVersion": "apps/v1", "kind": kind, "metadata": metadata,
            "spec": {"template": {"metadata": {}, "spec": {}}}}),
            owner,
        )
    };
    let deployment = api.put(set("Deployment", "web", &session));
    let set = api.put(set("ReplicaSet", "web-1", &deployment));
    let stranger = json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "web-0", "uid": "u-stranger"}});
    let mut unready = pod("web-1-a", &set, &["main"]);
    unready["status"]["conditions"][1]["status"] = "False".into();
    api.put(pod("web-0-x", &stranger, &["main"]));
    api.put(unready);
    api.put(pod("web-1-b", &set, &["main"]));
    let mut other = pod("db-0", &set, &["postgres"]);
    other["metadata"]["labels"] = json!({"streaming.platform/session": "alice"});
    api.put(other);
    session["status"]["applied"]["objects"] = json!([{"apiVersion": "apps/v1", "kind": "Deployment", "name": "web",
        "uid": deployment["metadata"]["uid"]}]);
    api.put(session);
    api
}

#[test]
fn a_pod_is_the_sessions_by_its_owners_not_by_its_labels() {
    let api = deployed();
    connect(&api, "alice").done();
    assert_eq!(
        entered(&api),
        "web-1-b main sh",
        "the ready one, and never the stranger's"
    );
}

#[test]
fn a_container_of_another_workload_is_found() {
    let api = deployed();
    connect(&api, "alice --method db -- pg_isready -U app").done();
    assert_eq!(entered(&api), "db-0 postgres pg_isready -U app");
}

/// The same session with a StatefulSet `db` of its own, whose Pod has two containers.
fn with_database(method: Value) -> FakeApi {
    let api = deployed();
    let session = api
        .object("sessions.streaming.platform", "default", "alice")
        .unwrap();
    let metadata = json!({"name": "db", "namespace": "default", "labels": {"streaming.platform/session": "alice"}});
    let set = json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": metadata,
        "spec": {"template": {"metadata": {}, "spec": {}}}});
    let set = api.put(owned(set, &session));
    let mut pod = pod("db-0", &set, &["postgres", "exporter"]);
    pod["metadata"]["labels"] = json!({"streaming.platform/session": "alice"});
    api.put(pod);
    let uid = set["metadata"]["uid"].clone();
    crate::running::change(&api, |session| {
        let applied = &mut session["status"]["applied"];
        let objects = applied["objects"].as_array_mut().unwrap();
        objects.push(
            json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "db", "uid": uid}),
        );
        applied["connect"][1] = method;
    });
    api
}

#[test]
fn the_address_of_a_method_is_that_of_its_own_workload() {
    let method = json!({"name": "db", "http": {"port": "http"}, "workload": "db"});
    let api = with_database(method);
    let mut objects = Vec::new();
    for (name, pod_name) in [("web", "web-1-b"), ("db", "db-0")] {
        let mut pod = api.object("pods", "default", pod_name).unwrap();
        pod["metadata"]["labels"]["app"] = name.into();
        pod["spec"]["containers"][0]["ports"] = json!([{"name": "http", "containerPort": 8080}]);
        api.put(pod);
        objects.push(json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "default"},
            "spec": {"selector": {"app": name, "streaming.platform/session": "alice"}, "ports": [{"name": "http", "port": 80, "targetPort": "http"}]}}));
    }
    let rule = |name: &str| {
        json!({"host": format!("{name}.example.com"), "http": {"paths": [{"path": "/",
            "backend": {"service": {"name": name, "port": {"name": "http"}}}}]}})
    };
    objects.push(json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "all", "namespace": "default"},
        "spec": {"rules": [rule("web"), rule("db")]}}));
    let made: Vec<Value> = objects.iter().map(|object| {
        json!({"apiVersion": object["apiVersion"], "kind": object["kind"], "name": object["metadata"]["name"], "uid": ""})
    }).collect();
    for object in objects {
        api.put(object);
    }
    crate::running::change(&api, |session| {
        let applied = session["status"]["applied"]["objects"]
            .as_array_mut()
            .unwrap();
        applied.extend(made.clone());
    });
    let printed = connect(&api, "alice --method db --print");
    assert_eq!(
        printed.done(),
        "http://db.example.com/\n",
        "{}",
        printed.err
    );
}

#[test]
fn a_workload_is_entered_by_flag_or_method_with_or_without_its_prefix() {
    for (words, expected) in [
        ("alice --workload db -- ls", "db-0 postgres ls"),
        (
            "alice --workload sts/db -c exporter -- ls",
            "db-0 exporter ls",
        ),
        ("alice --workload staging-db -- ls", "db-0 postgres ls"),
        ("alice --workload db-0 -- ls", "db-0 postgres ls"),
        ("alice --workload deployment/web -- ls", "web-1-b main ls"),
        ("alice --method db", "db-0 exporter psql"),
        ("alice --method db --workload web", "web-1-b main psql"),
    ] {
        let method =
            json!({"name": "db", "exec": ["psql"], "workload": "db", "container": "exporter"});
        let api = with_database(method);
        connect(&api, words).done();
        assert_eq!(entered(&api), expected, "{words}");
    }
    let api = with_database(json!({"name": "db", "exec": ["psql"], "workload": "gone"}));
    for words in ["alice --workload gone -- ls", "alice --method db"] {
        assert_eq!(
            connect(&api, words).failed(),
            "error: workload \"gone\" not found in session \"alice\": the session has deployment/web, statefulset/db\n"
        );
    }
    assert!(api.executed().is_empty());
}

/// A session with a native sidecar and an ephemeral container.
fn with_sidecar() -> FakeApi {
    let api = usual();
    let mut pod = api.object("pods", "default", "tool-alice").unwrap();
    pod["spec"]["initContainers"] = json!([
        {"name": "first"},
        {"name": "proxy", "restartPolicy": "Always", "ports": [{"name": "admin", "containerPort": 15000}]},
    ]);
    pod["spec"]["ephemeralContainers"] = json!([{"name": "debugger"}]);
    api.put(pod);
    api
}

#[test]
fn sidecars_and_ephemeral_containers_are_entered_and_init_containers_are_not() {
    for container in ["proxy", "debugger"] {
        let api = with_sidecar();
        connect(&api, &format!("alice -c {container} -- ls")).done();
        assert_eq!(entered(&api), format!("tool-alice {container} ls"));
    }
    let api = with_sidecar();
    assert_eq!(
        connect(&api, "alice -c first -- ls").failed(),
        "error: container \"first\" not found in pod \"tool-alice\": choose one of main, side, proxy, debugger\n"
    );
}

#[test]
fn the_default_container_annotation_may_name_a_sidecar() {
    let api = with_sidecar();
    let mut pod = api.object("pods", "default", "tool-alice").unwrap();
    pod["metadata"]["annotations"] = json!({"kubectl.kubernetes.io/default-container": "proxy"});
    api.put(pod);
    crate::running::change(&api, |session| {
        session["status"]["applied"]["primary"]["container"] = Value::Null;
    });
    connect(&api, "alice -- ls").done();
    assert_eq!(entered(&api), "tool-alice proxy ls");
}

#[test]
fn a_pod_that_is_being_deleted_is_entered_only_if_it_is_the_last() {
    let api = deployed();
    let delete = |name: &str| {
        let mut pod = api.object("pods", "default", name).unwrap();
        pod["metadata"]["deletionTimestamp"] = "2026-03-01T10:00:00Z".into();
        api.put(pod);
    };
    delete("web-1-b");
    let mut other = api.object("pods", "default", "web-1-a").unwrap();
    other["status"]["conditions"][1]["status"] = "True".into();
    api.put(other);
    connect(&api, "alice").done();
    assert_eq!(entered(&api), "web-1-a main sh");
}
