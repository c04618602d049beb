//! Comparison with kubectl: both get the same responses, and kubectl's output must be derivable from our Failure.

use std::path::{Path, PathBuf};

use serde_json::json;
use session_support::{Answer, FakeApi, run_binary};

use super::super::Cluster;
use super::super::process_env::ProcessEnv;
use super::agent;
use crate::options::ConnectOptions;
use session_model::failure::{self, Failure, FailureKind};
use session_model::objects::resource::POD;

fn kubectl() -> Option<PathBuf> {
    let found = std::env::split_paths(&std::env::var_os("PATH")?)
        .map(|folder| folder.join("kubectl"))
        .find(|path| path.is_file());
    if found.is_none() {
        println!("skipped: no kubectl on PATH");
    }
    found
}

/// Returns kubectl's stderr without klog lines and without the final newline.
fn kubectl_stderr(kubectl: &Path, args: &[&str], config: &str, stdin: &str) -> String {
    let output = run_binary(
        kubectl,
        args,
        &[("KUBECONFIG", config), ("PATH", "/usr/bin:/bin")],
        stdin,
    );
    let lines: Vec<&str> = output
        .stderr
        .lines()
        .filter(|line| !(line.starts_with('E') && line.contains(".go:")))
        .collect();
    lines.join("\n")
}

/// Formats a Failure as kubectl does; independent of `report`.
fn format_as_kubectl(failure: &Failure) -> String {
    match failure.kind {
        FailureKind::Unauthorized => format!(
            "error: You must be logged in to the server ({})",
            failure.message
        ),
        FailureKind::Invalid => {
            let (kind, name) = failure.object.clone().unwrap();
            let causes: Vec<String> = failure
                .causes
                .iter()
                .map(|cause| format!("{}: {}", cause.field, cause.message))
                .collect();
            let causes = if causes.len() == 1 {
                causes.join("")
            } else {
                format!("\n* {}", causes.join("\n* "))
            };
            format!("The {kind} {name:?} is invalid: {causes}")
        }
        FailureKind::ConnectionRefused => failure.message.clone(),
        FailureKind::Unreachable => format!("Unable to connect to the server: {}", failure.message),
        FailureKind::InvalidConfiguration => format!("Error in configuration: {}", failure.message),
        _ if failure.reason.is_empty() => format!("Error from server: {}", failure.message),
        _ => format!(
            "Error from server ({}): {}",
            failure.reason, failure.message
        ),
    }
}

async fn connect(flags: ConnectOptions, config: &str) -> anyhow::Result<Cluster> {
    let variables = [("KUBECONFIG".to_owned(), config.into())].into();
    Cluster::connect_with_env(
        &flags,
        agent(),
        &ProcessEnv {
            variables,
            ..ProcessEnv::default()
        },
    )
    .await
}

#[tokio::test]
async fn answers_to_reads_are_worded_alike() {
    let Some(kubectl) = kubectl() else { return };
    let path = "/api/v1/namespaces/default/pods/x";
    for (case, answer) in [
        ("401", Answer::unauthorized()),
        ("403", Answer::forbidden("bob", "get", "pods", "default")),
        ("404", Answer::not_found("pods", "x")),
        (
            "429",
            Answer::status(
                429,
                "TooManyRequests",
                "too many requests, please try again later",
                json!(null),
            ),
        ),
        ("500", Answer::internal("etcdserver: leader changed")),
        ("410", Answer::expired()),
        (
            "no reason",
            Answer::status(418, "", "I'm a teapot", json!(null)),
        ),
        (
            "422",
            Answer::invalid(
                "streaming.platform",
                "Session",
                "inv",
                &[("spec.userId", "Required value")],
            ),
        ),
        (
            "422, two causes",
            Answer::invalid(
                "",
                "Pod",
                "inv",
                &[("spec.a", "Required value"), ("spec.b", "Invalid value: 1")],
            ),
        ),
        (
            "a proxy's page",
            Answer::text(502, "text/html", "<html>Bad Gateway</html>"),
        ),
        (
            "a foreign 401",
            Answer::text(401, "text/html", "<html>Log in</html>"),
        ),
        ("a foreign 404", Answer::no_such_path()),
    ] {
        let api = FakeApi::new();
        api.on("GET", path, answer)
            .on("GET", "/version", Answer::ok(json!({})));
        let listening = api.listen();
        let config = listening.kubeconfig().to_str().unwrap();
        let theirs = kubectl_stderr(&kubectl, &["get", "--raw", path], config, "");
        let error = connect(ConnectOptions::default(), config)
            .await
            .unwrap()
            .get_raw(path)
            .await
            .unwrap_err();
        assert_eq!(
            format_as_kubectl(failure::find_failure(&error).unwrap()),
            theirs,
            "{case}"
        );
    }
}

#[tokio::test]
async fn answers_to_writes_are_worded_alike() {
    let Some(kubectl) = kubectl() else { return };
    let path = "/api/v1/namespaces/default/pods";
    let pod = super::pod("x", json!({}));
    for (case, answer) in [
        ("409, exists", Answer::already_exists("pods", "x")),
        (
            "409, conflict",
            Answer::conflict(
                "pods",
                "x",
                "the object has been modified; please apply your changes to the latest version and try again",
            ),
        ),
        (
            "quota",
            Answer::quota(
                "pods",
                "x",
                "limit",
                "requested: pods=1, used: pods=1, limited: pods=1",
            ),
        ),
        (
            "422",
            Answer::invalid("", "Pod", "x", &[("spec.a", "Required value")]),
        ),
    ] {
        let api = FakeApi::new();
        api.on("POST", path, answer)
            .on("GET", "/version", Answer::ok(json!({})));
        let listening = api.listen();
        let config = listening.kubeconfig().to_str().unwrap();
        let theirs = kubectl_stderr(
            &kubectl,
            &["create", "--raw", path, "-f", "-"],
            config,
            &pod.to_string(),
        );
        let cluster = connect(ConnectOptions::default(), config).await.unwrap();
        let error = cluster
            .create(
                &POD,
                "default",
                &pod,
                &crate::WriteOptions::by("kubectl-session"),
            )
            .await
            .unwrap_err();
        assert_eq!(
            format_as_kubectl(failure::find_failure(&error).unwrap()),
            theirs,
            "{case}"
        );
    }
}

#[tokio::test]
async fn connection_errors_are_worded_alike() {
    let Some(kubectl) = kubectl() else { return };
    let config = "/nofile";
    // Port 1 has no listener and is never assigned by chance. Without a token kubectl asks for a user name.
    for server in [
        "http://127.0.0.1:1",
        "https://127.0.0.1:1",
        "http://nohost.invalid",
    ] {
        let theirs = kubectl_stderr(
            &kubectl,
            &["get", "--raw", "/x", "-s", server, "--token=t"],
            config,
            "",
        );
        let cluster = connect(
            ConnectOptions {
                server: Some(server.into()),
                ..ConnectOptions::default()
            },
            config,
        )
        .await
        .unwrap();
        let error = cluster.get_raw("/x").await.unwrap_err();
        assert_eq!(
            format_as_kubectl(failure::find_failure(&error).unwrap()),
            theirs,
            "{server}"
        );
    }
}

#[tokio::test]
async fn a_bad_configuration_is_worded_alike() {
    let Some(kubectl) = kubectl() else { return };
    let api = FakeApi::new();
    api.on("GET", "/version", Answer::ok(json!({})));
    let listening = api.listen();
    let config = listening.kubeconfig().to_str().unwrap();
    for flag in [
        "--context=nope",
        "--user=nope",
        "--cluster=nope",
        "--kubeconfig=/nofile",
        "--as-group=g",
    ] {
        let theirs = kubectl_stderr(&kubectl, &["get", "pods", flag], config, "");
        let mut flags = ConnectOptions::default();
        let (name, value) = flag.split_once('=').unwrap();
        let value = value.to_owned();
        match name {
            "--context" => flags.context = Some(value),
            "--user" => flags.user = Some(value),
            "--cluster" => flags.cluster = Some(value),
            "--kubeconfig" => flags.kubeconfig = Some(value),
            _ => flags.as_group = vec![value],
        }
        let error = connect(flags, config).await.err().unwrap();
        let ours = failure::find_failure(&error)
            .map_or_else(|| format!("error: {error}"), format_as_kubectl);
        assert_eq!(ours, theirs, "{flag}");
    }
}
