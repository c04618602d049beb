//! What is said beside the answer: requests at -v=6, the server's warnings.

use session_support::run_binary;

use crate::program::{program, run, server};

#[test]
fn a_request_is_told_of_and_no_secret_with_it() {
    let api = server();
    let listening = api.listen();
    let config = listening.kubeconfig().to_str().unwrap();
    assert_eq!(run(&listening, "list -v=5").stderr, "");
    api.forget_requests();
    for level in ["-v=6", "-v=9"] {
        let args = ["list", "alice", "--token", "hush-hush", level];
        let told = run_binary(program(), &args, &[("KUBECONFIG", config)], "");
        assert_eq!(told.code, 0, "{told:?}");
        let lines: Vec<&str> = told
            .stderr
            .lines()
            .map(|line| {
                let (head, text) = line.split_once("] ").unwrap();
                assert!(
                    head.starts_with('I') && head.contains("aside.rs:"),
                    "{line}"
                );
                text
            })
            .collect();
        assert_eq!(lines[0], format!("Config loaded from file:  {config}"));
        let url = format!(
            "{}/apis/streaming.platform/v1/namespaces/default/sessions",
            listening.url()
        );
        let response = lines.iter().find(|line| line.contains(&url)).unwrap();
        let (request, rest) = response.split_once(" status=").unwrap();
        assert!(request.starts_with("\"Response\" verb=\"GET\" url=\"http"));
        let milliseconds = rest.strip_prefix("\"200 OK\" milliseconds=").unwrap();
        assert!(milliseconds.parse::<u32>().is_ok(), "{response}");
        assert_eq!(lines.len(), 1 + api.requests().len());
        for secret in ["hush", "uthorization", "userId"] {
            assert!(!told.stderr.contains(secret), "{}", told.stderr);
        }
        api.forget_requests();
    }
}
#[test]
fn warnings_of_the_server_are_told_once_and_are_errors_if_that_is_asked() {
    let api = server();
    let warned = session_support::Answer::ok(serde_json::json!({
        "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": {"resourceVersion": "1"},
        "columnDefinitions": [{"name": "Name", "type": "string", "format": "name", "description": "", "priority": 0}],
        "rows": [],
    }));
    let path = "/apis/streaming.platform/v1/namespaces/default/sessions";
    api.on(
        "GET",
        path,
        warned
            .warning("sessions are old")
            .warning("sessions are old"),
    );
    let listening = api.listen();
    let none = "No resources found in default namespace.\n";
    let plain = run(&listening, "list");
    assert_eq!(plain.code, 0);
    assert_eq!(plain.stderr, format!("Warning: sessions are old\n{none}"));
    let strict = run(&listening, "list --warnings-as-errors");
    let error = "error: 1 warning received\n";
    assert_eq!(strict.code, 1);
    assert_eq!(
        strict.stderr,
        format!("Warning: sessions are old\n{none}{error}")
    );
}
