//! Tests of commands in containers.

use std::time::Duration;

use session_support::{Answer, Execution, FakeApi};

use super::cluster;
use crate::ContainerRef;
use crate::remote_command::ExecExit;
use session_model::failure::{self, FailureKind};

const LIMIT: Duration = Duration::from_secs(5);

fn container(pod: &str, name: &str) -> ContainerRef {
    ContainerRef {
        namespace: "default".into(),
        pod: pod.into(),
        container: name.into(),
    }
}

fn words(line: &str) -> Vec<String> {
    line.split(' ').map(str::to_owned).collect()
}

#[tokio::test]
async fn a_command_ends_with_its_code() {
    let api = FakeApi::stateful();
    api.execute(
        "sync-home",
        Execution {
            stdout: b"done\n".to_vec(),
            stderr: b"slow\n".to_vec(),
            code: 0,
            ..Execution::default()
        },
    );
    api.execute(
        "false",
        Execution {
            code: 7,
            ..Execution::default()
        },
    );
    let cluster = cluster(&api);
    let good = cluster
        .exec(&container("p", "c"), &words("sync-home --all"), LIMIT)
        .await
        .unwrap();
    assert_eq!(
        (
            good.code().unwrap(),
            good.stdout.as_slice(),
            good.stderr.as_slice()
        ),
        (0, &b"done\n"[..], &b"slow\n"[..])
    );
    assert_eq!(
        cluster
            .exec(&container("p", ""), &words("false"), LIMIT)
            .await
            .unwrap()
            .code()
            .unwrap(),
        7
    );
    assert_eq!(api.executed(), [words("sync-home --all"), words("false")]);
    assert_eq!(
        api.requests()[0].target(),
        "GET /api/v1/namespaces/default/pods/p/exec"
    );
    assert_eq!(api.requests()[0].query("container").as_deref(), Some("c"));
}

#[tokio::test]
async fn output_is_read_to_the_end_and_kept_up_to_64_kib() {
    let api = FakeApi::stateful();
    let loud = vec![b'x'; 1_000_000];
    api.execute(
        "yes",
        Execution {
            stdout: loud.clone(),
            stderr: loud,
            code: 1,
            ..Execution::default()
        },
    );
    let done = cluster(&api)
        .exec(&container("p", "c"), &words("yes"), LIMIT)
        .await
        .unwrap();
    assert_eq!(
        (done.code().unwrap(), done.stdout.len(), done.stderr.len()),
        (1, 65536, 65536)
    );
}

#[tokio::test]
async fn aborted_commands_are_failures() {
    let api = FakeApi::stateful();
    api.execute(
        "cut",
        Execution {
            cut: true,
            ..Execution::default()
        },
    );
    api.execute(
        "slow",
        Execution {
            delay: Duration::from_secs(60),
            ..Execution::default()
        },
    );
    api.on(
        "GET",
        "/api/v1/namespaces/*/pods/gone/exec",
        Answer::not_found("pods", "gone"),
    );
    api.on(
        "GET",
        "/api/v1/namespaces/*/pods/walled/exec",
        Answer::text(200, "text/html", "<html>"),
    );
    let cluster = cluster(&api);
    let cut = cluster
        .exec(&container("p", "c"), &words("cut"), LIMIT)
        .await
        .unwrap()
        .code()
        .unwrap_err();
    assert!(failure::has_kind(&cut, FailureKind::Unreachable), "{cut}");
    let slow = cluster
        .exec(
            &container("p", "c"),
            &words("slow"),
            Duration::from_millis(200),
        )
        .await
        .unwrap_err();
    assert!(failure::has_kind(&slow, FailureKind::TimedOut), "{slow}");
    let gone = cluster
        .exec(&container("gone", "c"), &words("x"), LIMIT)
        .await
        .unwrap_err();
    assert!(failure::has_kind(&gone, FailureKind::NotFound), "{gone}");
    let walled = cluster
        .exec(&container("walled", "c"), &words("x"), LIMIT)
        .await
        .unwrap_err();
    assert!(walled.to_string().contains("WebSocket"), "{walled}");
}

#[tokio::test]
async fn a_command_that_was_not_started_fails_in_the_servers_words() {
    let api = FakeApi::stateful();
    let words_of_server = "exec failed: unable to start container process: exec: \"nope\": executable file not found in $PATH: unknown";
    api.execute(
        "nope",
        Execution {
            refused: Some(words_of_server.to_owned()),
            ..Execution::default()
        },
    );
    let done = cluster(&api)
        .exec(&container("p", "c"), &words("nope"), LIMIT)
        .await
        .unwrap();
    assert!(
        matches!(done.exit, ExecExit::NotStarted { code: 127, .. }),
        "{done:?}"
    );
    let error = done.code().unwrap_err().to_string();
    assert!(error.contains(words_of_server), "{error}");
}

#[tokio::test]
async fn the_last_line_of_stderr_is_the_reason() {
    let api = FakeApi::stateful();
    let mut stderr = b"first\n".repeat(20_000);
    stderr.extend(b"disk is full\n \n");
    api.execute(
        "sync",
        Execution {
            stderr,
            code: 1,
            ..Execution::default()
        },
    );
    let done = cluster(&api)
        .exec(&container("p", "c"), &words("sync"), LIMIT)
        .await
        .unwrap();
    assert_eq!(done.error_suffix(), ": disk is full");
}
