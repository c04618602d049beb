//! Streams, terminals and exit codes of commands.

use kubectl_session_connect::Connect;
use serde_json::{Value, json};
use session_support::{Answer, Execution, FakeApi, golden};

use crate::play::Play;
use crate::running::{connect, server, usual};

/// The exec request.
fn asked(api: &FakeApi) -> String {
    api.lines()
        .into_iter()
        .find(|line| line.contains("/exec"))
        .unwrap()
}

fn run(execution: Execution) -> FakeApi {
    let api = server(json!([]));
    api.execute("", execution);
    api
}

#[test]
fn session_and_pods_are_read_at_once_and_the_third_request_enters() {
    let api = usual();
    connect(&api, "alice -- true").done();
    let mut lines = api.lines();
    lines[..2].sort();
    assert_eq!(
        lines,
        [
            "GET /api/v1/namespaces/default/pods?labelSelector=streaming.platform%2Fsession%3Dalice&limit=500",
            "GET /apis/streaming.platform/v1/namespaces/default/sessions/alice",
            "GET /api/v1/namespaces/default/pods/tool-alice/exec?&stdout=true&stderr=true&container=main&command=true",
        ]
    );
    assert!(api.writes().is_empty());
}

#[test]
fn output_and_errors_stay_apart_and_the_code_is_the_commands() {
    let api = run(Execution {
        stdout: b"\x1b[1mout\0\n".to_vec(),
        stderr: b"\x1b[2Jerr\n".to_vec(),
        code: 3,
        ..Execution::default()
    });
    let played = connect(&api, "alice -- x");
    assert_eq!(
        (played.out.as_str(), played.err.as_str(), played.code),
        ("\x1b[1mout\0\n", "\x1b[2Jerr\n", 3)
    );
}

#[test]
fn a_pipe_is_read_to_its_end_and_the_end_is_told() {
    let api = run(Execution {
        echo: true,
        ..Execution::default()
    });
    let input = "0123456789abcdef\n".repeat(100_000);
    let played = Play::on(&api)
        .piped(&input)
        .run::<Connect>("alice -i -- cat");
    assert_eq!(played.code, 0, "{}", played.err);
    assert!(played.out == input, "{} bytes", played.out.len());
    let heard = api.heard().remove(0);
    assert!(heard.closed && heard.input == input.as_bytes() && heard.sizes.is_empty());
    assert!(!asked(&api).contains("tty=true"));
}

#[test]
fn a_command_reads_standard_input_only_with_the_flag_and_a_shell_on_a_terminal() {
    let note = "note: standard input is not passed to the shell: use -i to pass it\n";
    for (words, terminal, reads, told) in [
        ("alice -- cat", false, false, ""),
        ("alice -- cat", true, false, ""),
        ("alice -i -- cat", false, true, ""),
        ("alice", false, false, note),
        ("alice --method shell", false, false, note),
        ("alice -i", false, true, ""),
        ("alice", true, true, ""),
    ] {
        let api = usual();
        let play = Play::on(&api);
        let play = if terminal {
            play.at_terminal("line\n")
        } else {
            play.piped("line\n")
        };
        let played = play.run::<Connect>(words);
        assert_eq!((played.code, played.err.as_str()), (0, told), "{words}");
        assert_eq!(asked(&api).contains("stdin=true"), reads, "{words}");
        assert_eq!(
            asked(&api).contains("tty=true"),
            terminal && reads,
            "{words}"
        );
    }
}

#[test]
fn a_server_that_cannot_tell_the_end_is_named() {
    let api = run(Execution {
        old: true,
        delay: std::time::Duration::from_millis(200),
        ..Execution::default()
    });
    let played = Play::on(&api).piped("x").run::<Connect>("alice -i -- cat");
    assert_eq!(played.code, 0);
    assert!(
        played
            .err
            .contains("cannot close the command's standard input"),
        "{}",
        played.err
    );
    assert!(!api.heard()[0].closed);
}

#[test]
fn two_terminals_make_one() {
    let api = run(Execution {
        stdout: b"\x1b]0;title\x07$ ".to_vec(),
        delay: std::time::Duration::from_millis(100),
        ..Execution::default()
    });
    let played = Play::on(&api).at_terminal("exit\r").run::<Connect>("alice");
    assert_eq!(
        (played.out.as_str(), played.code),
        ("\x1b]0;title\x07$ ", 0),
        "the shell's own bytes pass"
    );
    let asked = asked(&api);
    assert!(
        asked.contains("stdin=true&stdout=true&tty=true") && !asked.contains("stderr"),
        "{asked}"
    );
    let heard = api.heard().remove(0);
    assert_eq!(heard.input, b"exit\r");
    assert_eq!(heard.sizes, [(80, 24)]);
}

#[test]
fn flags_say_otherwise() {
    for (words, terminal, has, lacks) in [
        ("alice -i=false", true, "stdout=true&stderr=true", "stdin"),
        (
            "alice -t=false",
            true,
            "stdin=true&stdout=true&stderr=true",
            "tty",
        ),
        ("alice -t -- x", true, "stdout=true&stderr=true", "tty"),
        ("alice -it -- x", true, "tty=true", "stderr"),
        ("alice -i=false -- x", false, "stdout=true", "stdin"),
    ] {
        let api = usual();
        let play = Play::on(&api);
        let play = if terminal { play.at_terminal("") } else { play };
        play.run::<Connect>(words).done();
        let asked = asked(&api);
        assert!(
            asked.contains(has) && !asked.contains(lacks),
            "{words}: {asked}"
        );
    }
}

#[test]
fn a_terminal_that_is_none_is_told_and_done_without() {
    let api = usual();
    let played = connect(&api, "alice -it -- x");
    assert_eq!(
        (played.err.as_str(), played.code),
        (
            "Unable to use a TTY - input is not a terminal or the right kind of file\n",
            0
        )
    );
    assert!(!asked(&api).contains("tty"));
}

#[test]
fn what_cannot_be_run_ends_as_in_a_shell() {
    let mut text = String::new();
    for why in [
        "exec: \"x\": executable file not found in $PATH",
        "exec: \"x\": permission denied",
    ] {
        let api = run(Execution {
            refused: Some(format!(
                "Internal error occurred: error executing command in container: failed to exec in container: failed to start exec \"4c\": OCI runtime exec failed: exec failed: unable to start container process: {why}"
            )),
            ..Execution::default()
        });
        text.push_str(&connect(&api, "alice -- x").text());
    }
    let api = run(Execution {
        refused: Some("Internal error occurred: container is gone".into()),
        ..Execution::default()
    });
    text.push_str(&connect(&api, "alice -- x").text());
    golden("connect-not-run.txt", &text);
}

#[test]
fn a_command_that_was_killed_says_by_whom() {
    let mut text = String::new();
    let killed = Execution {
        code: 137,
        ..Execution::default()
    };
    let api = run(killed.clone());
    text.push_str(&connect(&api, "alice -- x").text());
    let oom = run(killed.clone());
    let mut pod = oom.object("pods", "default", "tool-alice").unwrap();
    pod["status"]["containerStatuses"] = json!([{"name": "main", "image": "", "imageID": "", "ready": true, "restartCount": 1,
        "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}}]);
    oom.put(pod.clone());
    let by_node = connect(&oom, "alice -- x").text();
    assert!(by_node.contains("its node ran out of memory"), "{by_node}");
    pod["spec"]["containers"][0]["resources"]["limits"]["memory"] = "1Gi".into();
    oom.put(pod);
    text.push_str(&connect(&oom, "alice -- x").text());
    let evicted = run(killed.clone());
    let mut pod = evicted.object("pods", "default", "tool-alice").unwrap();
    pod["status"]["phase"] = "Failed".into();
    pod["status"]["reason"] = "Evicted".into();
    pod["status"]["message"] =
        "Usage of EmptyDir volume \"cache\" exceeds the limit \"16Mi\". ".into();
    let path = "/api/v1/namespaces/default/pods/tool-alice";
    evicted.on("GET", path, Answer::ok(pod));
    text.push_str(&connect(&evicted, "alice -- x").text());
    let deleted = run(killed);
    deleted.on(
        "GET",
        "/api/v1/namespaces/default/pods/tool-alice",
        Answer::not_found("pods", "tool-alice"),
    );
    text.push_str(&connect(&deleted, "alice -- x").text());
    let cut = run(Execution {
        cut: true,
        ..Execution::default()
    });
    text.push_str(&connect(&cut, "alice -- x").text());
    golden("connect-killed.txt", &text);
}

#[test]
fn a_container_that_does_not_run_says_why() {
    let mut text = String::new();
    let states = [
        json!({"running": {}}),
        json!({"terminated": {"exitCode": 3, "reason": "Error"}}),
        json!({"waiting": {"reason": "CrashLoopBackOff"}}),
    ];
    for state in states {
        let api = server(json!([]));
        api.on(
            "GET",
            "/api/v1/namespaces/*/pods/*/exec",
            Answer::text(404, "text/plain", "container not found (\"main\")\n"),
        );
        let mut pod = api.object("pods", "default", "tool-alice").unwrap();
        pod["status"]["containerStatuses"] = json!([{"name": "main", "image": "", "imageID": "", "ready": true, "restartCount": 1, "state": state}]);
        api.on(
            "GET",
            "/api/v1/namespaces/default/pods/tool-alice",
            Answer::ok(pod),
        );
        text.push_str(connect(&api, "alice -- x").failed());
    }
    golden("connect-not-started.txt", &text);
}

#[test]
fn what_stands_in_the_way_is_named() {
    let mut text = String::new();
    let exec = "/api/v1/namespaces/*/pods/*/exec";
    let forbidden = Answer::status(
        403,
        "Forbidden",
        "pods \"tool-alice\" is forbidden: User \"bob\" cannot get resource \"pods/exec\" in API group \"\" in the namespace \"default\"",
        json!({"name": "tool-alice", "kind": "pods"}),
    );
    // No role helps against a policy.
    let policy = Answer::status(
        403,
        "Forbidden",
        "pods \"tool-alice\" is forbidden: ValidatingAdmissionPolicy 'no-exec.example.com' with binding 'no-exec' denied request: no shells here",
        json!({"name": "tool-alice", "kind": "pods"}),
    );
    for answer in [
        forbidden,
        policy,
        Answer::unauthorized(),
        Answer::not_found("pods", "tool-alice"),
        Answer::internal("dial tcp 10.0.0.1:10250: connect: connection refused"),
        Answer::text(200, "text/html", "<html>"),
        Answer::text(400, "text/plain", "Bad Request\n"),
        Answer::text(403, "text/html", "<html>"),
        Answer::text(502, "text/html", "<html>"),
    ] {
        let api = server(json!([]));
        api.on("GET", exec, answer);
        text.push_str(connect(&api, "alice -- x").failed());
    }
    golden("connect-in-the-way.txt", &text);
}

/// A command that takes longer than the user waits, and a signal once it runs.
fn interrupted(words: &str) -> (FakeApi, crate::play::Played) {
    interrupted_with(json!([]), words)
}

fn interrupted_with(methods: Value, words: &str) -> (FakeApi, crate::play::Played) {
    let api = server(methods);
    api.execute("kill -s", Execution::default());
    let slow = Execution {
        stdout: b"late\n".to_vec(),
        delay: std::time::Duration::from_millis(1500),
        ..Execution::default()
    };
    api.execute("", slow);
    let played = Play::on(&api).meanwhile::<Connect>(words, |_, interrupt| {
        while api.executed().is_empty() {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
        interrupt.trigger();
    });
    (api, played)
}

#[test]
fn a_command_that_may_run_on_is_told_once_with_the_way_to_look() {
    let (_, played) = interrupted("alice -- make all");
    assert_eq!(played.code, 130);
    assert_eq!(
        played.err.lines().next(),
        Some(
            "note: command \"make\" may still run in container \"main\" of pod \"tool-alice\"; to list its processes: \
             kubectl session connect alice -n default -c main -- ps"
        )
    );
    assert_eq!(played.err.matches("may still run").count(), 1);
}

#[test]
fn with_the_flag_a_second_command_ends_it() {
    let (api, played) = interrupted("alice --kill-on-exit -- make all");
    assert_eq!(played.code, 130, "{}", played.err);
    assert!(!played.err.contains("may still run"), "{}", played.err);
    let executed = api.executed();
    let [started, killed] = executed.as_slice() else {
        panic!("{executed:?}")
    };
    assert_eq!(started[..2], ["sh", "-c"]);
    assert_eq!(started[4..], ["make", "all"]);
    assert_eq!(
        killed[3..],
        [started[3].clone(), "TERM".into(), "HUP".into()]
    );
}

/// The template's choice, and the user's over it. A command of the user's own is none of the method's.
#[test]
fn the_method_chooses_whether_its_command_is_ended() {
    let methods = json!([{"name": "shell", "exec": ["sh", "-l"], "killOnExit": true}]);
    for (words, ends) in [
        ("alice", true),
        ("alice --method shell -- make all", true),
        ("alice --kill-on-exit=false", false),
        ("alice -- make all", false),
    ] {
        let (api, played) = interrupted_with(methods.clone(), words);
        assert_eq!(played.code, 130, "{words}: {}", played.err);
        assert_eq!(
            played.err.contains("may still run"),
            !ends,
            "{words}: {}",
            played.err
        );
        assert_eq!(api.executed().len(), if ends { 2 } else { 1 }, "{words}");
    }
}
