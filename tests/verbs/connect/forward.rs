//! `--port-forward`: local ports, output, and the fallback to the older protocol.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use kubectl_session_connect::Connect;
use serde_json::json;
use session_shared::client::interrupt::Interrupt;
use session_shared::report::console::CapturedOutput;
use session_support::{Answer, FakeApi, golden};

use crate::play::{Play, Played};
use crate::running::{connect, server, usual};

const UPGRADE: &str = "/api/v1/namespaces/*/pods/*/portforward";

/// A server older than Kubernetes 1.30: refuses kubectl's current protocol and gives this answer to the older one.
fn older(refusal: u16, answer: Answer) -> FakeApi {
    let api = usual();
    api.handle("GET", UPGRADE, move |request| {
        if request.header("sec-websocket-protocol").starts_with("SPDY") {
            return Answer::text(refusal, "text/plain", "");
        }
        answer.clone()
    });
    api
}

/// Protocols of the upgrade requests.
fn upgrades(api: &FakeApi) -> Vec<String> {
    let requests = api.requests().into_iter();
    requests
        .filter(|request| request.path.ends_with("/portforward"))
        .map(|request| request.header("sec-websocket-protocol").to_owned())
        .collect()
}

/// Waits until a line is printed or a request is received.
fn until<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "no {what}");
        std::thread::yield_now();
    }
}

/// The printed local port for a remote port.
fn local(captured: &CapturedOutput, remote: u16) -> u16 {
    until("port", || {
        let out = captured.stdout();
        let end = format!(" -> {remote}");
        let line = out.lines().find(|line| line.ends_with(&end))?;
        let place = line.strip_prefix("Forwarding from 127.0.0.1:")?;
        place.strip_suffix(&end)?.parse().ok()
    })
}

/// Forwards and runs `act` with the output, then sends Ctrl-C.
fn forwarding(api: &FakeApi, words: &str, act: impl FnOnce(&CapturedOutput) + Send) -> Played {
    let act = |captured: &CapturedOutput, interrupt: &Interrupt| {
        act(captured);
        interrupt.trigger();
    };
    let words = format!("alice {words}");
    Play::on(api).meanwhile::<Connect>(&words, act)
}

#[test]
fn an_older_server_is_spoken_to_in_the_older_protocol() {
    for refusal in [400, 403] {
        let api = older(refusal, Answer::port(None));
        let played = forwarding(&api, "--port-forward :web -v=4", |captured| {
            let port = local(captured, 8080);
            for number in 0..3_u32 {
                let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
                let sent: Vec<u8> = (0..50_000_u32)
                    .flat_map(|at| (at ^ number).to_be_bytes())
                    .collect();
                let mut back = vec![0; sent.len()];
                stream.write_all(&sent).unwrap();
                stream.read_exact(&mut back).unwrap();
                assert!(back == sent, "connection {number}");
            }
        });
        assert_eq!(played.code, 130, "{played:?}");
        let told = "falling back to v4.channel.k8s.io\n";
        assert_eq!(played.err.matches(told).count(), 1, "{}", played.err);
        let handled = played.out.matches("Handling connection for").count();
        assert_eq!(handled, 3, "{}", played.out);
        let upgrades = upgrades(&api);
        assert_eq!(upgrades[0], "SPDY/3.1+portforward.k8s.io");
        assert!(upgrades.len() >= 4, "{upgrades:?}");
        for protocol in &upgrades[1..] {
            assert!(protocol.contains("v4.channel.k8s.io"), "{upgrades:?}");
        }
    }
}

#[test]
fn the_older_protocol_is_nobodys_business_but_for_a_trace() {
    let api = older(403, Answer::port(None));
    let played = Play::on(&api)
        .piped("ask")
        .run::<Connect>("alice --stdio web");
    assert_eq!((played.code, played.err.as_str()), (0, ""), "{played:?}");
    let traced = Play::on(&api)
        .piped("ask")
        .run::<Connect>("alice --stdio web -v=4");
    assert!(
        traced.err.contains(
            "the server responded with status 403 Forbidden to protocol SPDY/3.1+portforward.k8s.io"
        ),
        "{}",
        traced.err
    );
}

#[test]
fn a_port_without_a_listener_is_told_with_the_ports_of_the_pod() {
    let refused = "dial tcp4 127.0.0.1:22: connect: connection refused";
    let api = older(403, Answer::port(Some(refused)));
    let played = Play::on(&api).piped("").run::<Connect>("alice --stdio 22");
    assert_eq!(
        played.failed(),
        "error: nothing listens on port 22 of pod \"tool-alice\"; ports of the Pod are 8080 (web), 8080 (other)\n"
    );
}

/// Number and name of a Service's port, and number of the Pod's.
#[test]
fn a_port_of_a_service_is_resolved_and_a_containers_is_asked_of_nobody() {
    let api = older(403, Answer::port(None));
    let session = api
        .object("sessions.streaming.platform", "default", "alice")
        .unwrap();
    let pod = api.object("pods", "default", "tool-alice").unwrap();
    let service = |name: &str, uid: &serde_json::Value, target: u16| {
        json!({"apiVersion": "v1", "kind": "Service",
            "metadata": {"name": name, "namespace": "default", "labels": {"streaming.platform/session": "alice"},
                "ownerReferences": [{"apiVersion": "streaming.platform/v1", "kind": "Session", "name": "alice", "uid": uid}]},
            "spec": {"selector": pod["metadata"]["labels"], "ports": [{"name": "front", "port": 80, "targetPort": target}]}})
    };
    api.put(service("a-stranger", &json!("u-other"), 9));
    api.put(service("page", &session["metadata"]["uid"], 8080));
    let lists = || {
        let all = api.requests().into_iter();
        all.filter(|request| request.path.ends_with("/services"))
            .count()
    };
    for (word, requests) in [("80", 1), ("front", 1), ("web", 0), ("8080", 0)] {
        api.forget_requests();
        let played = forwarding(&api, &format!("--port-forward :{word}"), |captured| {
            local(captured, 8080);
        });
        let note = format!("note: forwarding to port 8080, as service/page maps {word}\n");
        assert_eq!(
            played.err.contains(&note),
            requests == 1,
            "{word}: {}",
            played.err
        );
        assert_eq!(lists(), requests, "{word}");
    }
    let played = Play::on(&api)
        .piped("ask")
        .run::<Connect>("alice --stdio 80");
    assert_eq!(
        (played.code, played.err.contains("maps 80")),
        (0, true),
        "{played:?}"
    );
}

#[test]
fn a_port_that_is_refused_is_told() {
    for (words, told) in [
        (
            "dial tcp4 127.0.0.1:8080: connect: connection refused",
            "error: failed to forward to port 8080: no process in the Pod listens on the port\n",
        ),
        (
            "the \x1b]0;bad\x07 node\nis gone",
            "error: failed to forward to port 8080: the ^[]0;bad^G node is gone\n",
        ),
    ] {
        let api = older(403, Answer::port(Some(words)));
        let act = |captured: &CapturedOutput, interrupt: &Interrupt| {
            let mut stream = TcpStream::connect(("127.0.0.1", local(captured, 8080))).unwrap();
            // The task ends with or without an error.
            let _ = stream.read(&mut [0; 8]);
            until("error", || {
                captured.stderr().contains("error: ").then_some(())
            });
            interrupt.trigger();
        };
        let played = Play::on(&api)
            .at_terminal("")
            .meanwhile::<Connect>("alice --port-forward :web", act);
        assert_eq!(played.code, 130, "{played:?}");
        assert!(played.err.contains(told), "{:?}", played.err);
    }
}

#[test]
fn what_stands_in_the_way_is_named() {
    let mut text = String::new();
    let forbidden = Answer::status(
        403,
        "Forbidden",
        "pods \"tool-alice\" is forbidden: User \"bob\" cannot get resource \"pods/portforward\" in API group \"\" in the namespace \"default\"",
        json!({"name": "tool-alice", "kind": "pods"}),
    );
    for (what, answer) in [
        ("no rights", forbidden),
        ("the Pod is gone", Answer::not_found("pods", "tool-alice")),
        (
            "the node is gone",
            Answer::internal("dial tcp 10.0.0.1:10250: connect: connection refused"),
        ),
        (
            "no WebSocket",
            Answer::text(400, "text/html", "<html>\x1b[2J"),
        ),
        ("a proxy's page", Answer::text(403, "text/html", "<html>")),
        ("a page", Answer::text(200, "text/html", "<html>")),
        (
            "a proxy's trouble",
            Answer::text(503, "text/html", "<html>"),
        ),
    ] {
        for words in ["--port-forward :web", "--stdio web"] {
            let api = usual();
            api.on("GET", UPGRADE, answer.clone());
            let played = connect(&api, &format!("alice {words}"));
            text.push_str(&format!("# {what}: {words}\n{}", played.failed()));
        }
    }
    golden("connect-forward-in-the-way.txt", &text);
}

#[test]
fn what_cannot_be_forwarded_is_told_before_anything_is() {
    let mut text = String::new();
    for words in [
        "0",
        "70000",
        "80:0",
        "70000:80",
        "web:80",
        "8080,8080",
        "Web",
        "x:1:2",
        "",
    ] {
        let api = FakeApi::stateful();
        let flag = format!("--port-forward={words}");
        let played = Play::on(&api).run_args::<Connect>(&["alice", &flag]);
        text.push_str(&format!("$ connect alice {flag}\n{}", played.failed()));
        assert!(api.requests().is_empty(), "{words}");
    }
    // Only these ports need the Pod's port names.
    for words in ["nope", "0:nope"] {
        let api = usual();
        let played = connect(&api, &format!("alice --port-forward {words}"));
        text.push_str(&format!(
            "$ connect alice --port-forward={words}\n{}",
            played.failed()
        ));
        assert!(upgrades(&api).is_empty(), "{words}");
    }
    golden("connect-forward-illegal.txt", &text);
}

#[test]
fn a_port_without_names_beside_it_is_told() {
    let api = server(json!([]));
    let mut pod = api.object("pods", "default", "tool-alice").unwrap();
    pod["spec"]["containers"] = json!([{"name": "main"}, {"name": "side"}]);
    api.put(pod);
    assert_eq!(
        connect(&api, "alice --port-forward web").failed(),
        "error: pod \"tool-alice\" has no port \"web\": none of the ports has a name, use a number\n"
    );
}

#[test]
fn a_local_port_in_use_is_told_before_any_request() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let api = FakeApi::stateful();
    let played = connect(&api, &format!("alice --port-forward {port}:web"));
    assert_eq!(
        played.failed(),
        format!(
            "error: failed to listen on 127.0.0.1:{port}: the port is in use\n\
             hint: use a free local port: --port-forward :web\n"
        )
    );
    assert!(api.requests().is_empty());
    // Without LOCAL, the local port is the number of the remote port.
    let played = connect(&api, &format!("alice --port-forward {port}"));
    assert!(
        played.failed().contains("the port is in use"),
        "{}",
        played.err
    );
}

#[test]
fn services_that_cannot_be_listed_are_told_where_it_matters() {
    let api = older(403, Answer::port(None));
    let path = "/api/v1/namespaces/default/services";
    api.on(
        "GET",
        path,
        Answer::forbidden("alice", "list", "services", "default"),
    );
    let played = Play::on(&api)
        .piped("")
        .run::<Connect>("alice --stdio front");
    let note = "note: ports of Services not checked: no permission to list services\nerror: ";
    assert!(played.err.starts_with(note), "{played:?}");
    assert_eq!(played.code, 1);
    for word in ["front", "80"] {
        let api = older(403, Answer::port(None));
        api.on("GET", path, Answer::internal("etcd is sad"));
        let words = format!("alice --stdio {word}");
        let played = Play::on(&api).piped("").run::<Connect>(&words);
        assert!(played.failed().contains("etcd is sad"), "{played:?}");
    }
}
