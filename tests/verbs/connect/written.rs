//! Output for other programs: `--print` and `--ssh-config`.

use kubectl_session_connect::Connect;
use serde_json::{Value, json};
use session_support::{Answer, FakeApi, golden};

use crate::play::Play;
use crate::running::{change, connect, server, usual};

/// Connection methods of the nvim template.
fn nvim() -> FakeApi {
    server(json!([
        {"name": "web", "http": {"port": "web", "path": "/"}},
        {"name": "ws", "http": {"port": 9001, "path": "/"}},
    ]))
}

fn json_of(api: &FakeApi, words: &str) -> Value {
    serde_json::from_str(connect(api, words).done()).unwrap()
}

#[test]
fn programs_get_what_they_need_to_reach_it_themselves() {
    let api = nvim();
    change(&api, |session| {
        session["status"]["endpoint"] = "https://labs.example.com/alice".into()
    });
    assert_eq!(
        json_of(&api, "alice --print -o json"),
        json!({"session_id": "alice", "pod_ip": "10.1.2.3", "ws_url": "ws://10.1.2.3:9001", "ready": true,
            "url": "https://labs.example.com/alice/"})
    );
    assert_eq!(api.requests().len(), 2);
    let page = usual();
    assert_eq!(
        json_of(&page, "alice --print -o json")["ws_url"],
        Value::Null,
        "a page need not speak WebSocket"
    );
}

#[test]
fn a_session_that_is_not_ready_has_no_addresses_and_is_not_waited_for() {
    let api = nvim();
    let mut pod = api.object("pods", "default", "tool-alice").unwrap();
    pod["status"]["conditions"][1]["status"] = "False".into();
    api.put(pod);
    let expected =
        json!({"session_id": "alice", "pod_ip": null, "ws_url": null, "ready": false, "url": null});
    assert_eq!(json_of(&api, "alice --print -o json"), expected);
    api.remove("pods", "default", "tool-alice");
    assert_eq!(json_of(&api, "alice --print -o json"), expected);
}

#[test]
fn an_address_is_printed_with_the_path_of_the_method() {
    let mut text = String::new();
    for endpoint in [
        "https://labs.example.com/",
        "192.0.2.1:80",
        "tool-alice.default.svc:80",
        "",
    ] {
        let api = usual();
        change(&api, |session| {
            if !endpoint.is_empty() {
                session["status"]["endpoint"] = endpoint.into();
            }
        });
        text.push_str(&format!(
            "{endpoint}\n{}",
            connect(&api, "alice --print").text()
        ));
    }
    golden("connect-print.txt", &text);
}

/// A lab: two web pages on two ports, and a Service that exposes both.
fn lab() -> FakeApi {
    let api = server(json!([
        {"name": "editor", "http": {"port": "web", "path": "/"}},
        {"name": "terminal", "http": {"port": 8081, "path": "/tty"}},
        {"name": "hidden", "http": {"port": 9000, "path": "/"}},
    ]));
    api.put(json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "lab", "namespace": "default"},
        "spec": {"selector": {"streaming.platform/session": "alice"}, "ports": [
            {"name": "ssh", "port": 22},
            {"name": "editor", "port": 80, "targetPort": "web"},
            {"name": "terminal", "port": 81, "targetPort": 8081}]}}));
    change(&api, |session| {
        session["status"]["endpoint"] = "lab.default.svc:80".into();
        let service = json!({"apiVersion": "v1", "kind": "Service", "name": "lab", "uid": "u-9"});
        let objects = &mut session["status"]["applied"]["objects"];
        objects.as_array_mut().unwrap().push(service);
    });
    api
}

#[test]
fn each_page_has_the_address_of_its_own_port() {
    let api = lab();
    for (words, url) in [
        ("alice --print", "http://lab.default.svc:80/"),
        (
            "alice --print --method terminal",
            "http://lab.default.svc:81/tty",
        ),
    ] {
        assert_eq!(connect(&api, words).done(), format!("{url}\n"));
        assert_eq!(json_of(&api, &format!("{words} -o json"))["url"], url);
    }
    let hidden = connect(&api, "alice --print --method hidden");
    assert_eq!(
        hidden.failed(),
        "error: method \"hidden\" of session \"alice\" has no address: no Service or Ingress exposes the port\n\
         hint: open the page through a local port: kubectl session connect alice -n default --method hidden --open\n"
    );
}

#[test]
fn a_service_that_may_not_be_read_leaves_what_was_written_down() {
    let api = lab();
    api.on(
        "GET",
        "/api/v1/namespaces/*/services/*",
        Answer::status(
            403,
            "Forbidden",
            "services \"lab\" is forbidden",
            json!({"name": "lab", "kind": "services"}),
        ),
    );
    let first = connect(&api, "alice --print");
    assert_eq!(first.done(), "http://lab.default.svc:80/\n");
    let second = connect(&api, "alice --print --method terminal");
    assert!(second.failed().contains("has no address"), "{}", second.err);
}

#[test]
fn what_has_no_page_is_not_said_to_open_one() {
    let api = server(json!([{"name": "shell", "exec": ["sh"]}]));
    assert_eq!(
        connect(&api, "alice --print").failed(),
        "error: session \"alice\" has no address: no Service or Ingress exposes the port\nhint: connect: kubectl session connect alice -n default\n"
    );
}

#[test]
fn a_host_block_does_not_hold_secrets() {
    let api = server(json!([{"name": "ssh", "ssh": {"port": 22, "user": "lab"}}]));
    for (flag, value) in [
        ("--token", "secret"),
        ("--server", "https://alice:secret@10.0.0.1"),
        ("--proxy-url", "http://alice:secret@proxy:3128"),
    ] {
        let played = connect(&api, &format!("alice --ssh-config {flag}={value}"));
        assert_eq!(
            played.failed(),
            format!(
                "error: {flag} and --ssh-config cannot be specified together: the secret would be written to a file\nSee 'kubectl session connect -h' for help and examples\n"
            )
        );
    }
}

/// A session with an SSH server in the first run of `main`.
fn with_ssh() -> FakeApi {
    let api = server(json!([{"name": "ssh", "ssh": {"port": 8080, "user": "lab"}}]));
    let upgrade = "/api/v1/namespaces/*/pods/*/portforward";
    api.handle("GET", upgrade, |request| {
        if request.header("sec-websocket-protocol").starts_with("SPDY") {
            return Answer::text(403, "text/plain", "");
        }
        Answer::port(None)
    });
    api
}

/// Sets the run of the SSH server's container.
fn run_server(api: &FakeApi, pod_uid: &str, restarts: i32) {
    let mut pod = api.object("pods", "default", "tool-alice").unwrap();
    pod["metadata"]["uid"] = pod_uid.into();
    pod["status"]["containerStatuses"] = json!([{"name": "main", "image": "i", "imageID": "i", "ready": true,
        "restartCount": restarts, "state": {"running": {"startedAt": "2026-05-04T11:00:00Z"}}}]);
    api.put(pod);
    change(api, |session| {
        let objects = session["status"]["applied"]["objects"].as_array_mut();
        for object in objects.unwrap() {
            object["uid"] = pod_uid.into();
        }
    });
}

#[test]
fn the_keys_of_a_host_block_belong_to_one_run_of_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("new/keys of alice");
    let api = with_ssh();
    let proxy = || {
        let flag = format!("--known-hosts={}", file.display());
        let words = ["alice", "--stdio=8080", "--quiet", &flag];
        let played = Play::on(&api).piped("").run_args::<Connect>(&words);
        (
            played.err.clone(),
            std::fs::read_to_string(&file).unwrap_or_default(),
        )
    };
    let uid = "0f3c2a4e-5b7d-4c1f-8a55-0123456789ab";
    run_server(&api, uid, 0);
    let first = format!("# host keys of run {uid} 0\n");
    assert_eq!(proxy(), (String::new(), first.clone()), "no key yet");
    let known = format!("{first}session-1 ssh-ed25519 AAAA\n");
    std::fs::write(&file, &known).unwrap();
    assert_eq!(proxy(), (String::new(), known), "the same run");
    let restarted = "Warning: session \"alice\" was restarted at 2026-05-04T11:00:00Z: dropped its former host key\n";
    for (uid, restarts) in [(uid, 1), ("1f3c2a4e-5b7d-4c1f-8a55-0123456789ab", 0)] {
        run_server(&api, uid, restarts);
        let head = format!("# host keys of run {uid} {restarts}\n");
        assert_eq!(proxy(), (restarted.to_owned(), head.clone()));
        std::fs::write(&file, format!("{head}session-1 ssh-ed25519 AAAA\n")).unwrap();
    }
    std::fs::write(&file, "example.com ssh-ed25519 AAAA\n").unwrap();
    let (error, kept) = proxy();
    assert!(
        error.starts_with("error: cannot store host keys in "),
        "{error}"
    );
    assert_eq!(kept, "example.com ssh-ed25519 AAAA\n");
}

#[test]
fn a_service_that_cannot_be_read_is_told() {
    let api = lab();
    let path = "/api/v1/namespaces/*/services/*";
    api.on("GET", path, Answer::internal("etcd is sad"));
    let played = connect(&api, "alice --print");
    assert!(played.failed().contains("etcd is sad"), "{played:?}");
}
