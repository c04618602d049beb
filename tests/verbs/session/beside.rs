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
