use super::*;
use clap::{CommandFactory, Parser};

#[test]
fn what_was_given_can_be_given_again() {
    let line = "x -n a -s http://h --as b --as-group g --as-group h --context c --insecure-skip-tls-verify --token t";
    let given = Verb::parse_from(line.split(' ')).connection;
    let words = given.to_arguments();
    assert_eq!(
        words,
        [
            "--context=c",
            "--server=http://h",
            "--token=t",
            "--as=b",
            "--as-group=g",
            "--as-group=h",
            "--insecure-skip-tls-verify=true"
        ]
    );
    let again = Verb::parse_from(std::iter::once("x".to_owned()).chain(words.clone()));
    assert_eq!(again.connection.to_arguments(), words);
    let file = Verb::parse_from(["x", "--kubeconfig", "conf"])
        .connection
        .to_arguments();
    let here = std::env::current_dir().unwrap();
    assert_eq!(file, [format!("--kubeconfig={}/conf", here.display())]);
}

#[derive(Parser)]
struct Verb {
    #[command(flatten)]
    connection: ConnectionFlags,
}

const NAMES: [&str; 22] = [
    "as",
    "as-group",
    "as-uid",
    "as-user-extra",
    "cache-dir",
    "certificate-authority",
    "client-certificate",
    "client-key",
    "cluster",
    "context",
    "disable-compression",
    "insecure-skip-tls-verify",
    "kubeconfig",
    "namespace",
    "password",
    "proxy-url",
    "request-timeout",
    "server",
    "tls-server-name",
    "token",
    "user",
    "username",
];

#[test]
fn a_limit_of_a_request_is_read_as_kubectl_reads_it() {
    let read = |flag: &str| {
        let flags = Verb::parse_from(["x", flag]).connection;
        flags.options().map(|options| options.request_timeout)
    };
    let limit = |seconds| Some(Duration::from_secs(seconds));
    assert_eq!(read("--request-timeout=3").unwrap(), limit(3));
    assert_eq!(read("--request-timeout=0").unwrap(), None);
    assert_eq!(
        read("--request-timeout=bogus").unwrap_err().to_string(),
        "Invalid timeout value. Timeout must be a single integer in seconds, or an integer followed by a corresponding time unit (e.g. 1s | 2m | 3h)"
    );
}

#[test]
fn every_name_of_kubectl_is_there_and_global() {
    let command = Verb::command();
    let mut names: Vec<&str> = command
        .get_arguments()
        .filter(|a| a.is_global_set())
        .filter_map(|a| a.get_long())
        .collect();
    names.retain(|name| !["v", "warnings-as-errors"].contains(name));
    names.sort_unstable();
    assert_eq!(names, NAMES);
    command.debug_assert();
}

#[test]
fn flags_are_written_as_for_kubectl() {
    let line = "x -n a -s http://h --as b --as-group g --as-group h --insecure-skip-tls-verify -v=6 --request-timeout=-1s";
    let flags = Verb::parse_from(line.split(' ')).connection;
    assert_eq!(
        (
            flags.namespace.as_deref(),
            flags.server.as_deref(),
            flags.as_user.as_deref()
        ),
        (Some("a"), Some("http://h"), Some("b"))
    );
    assert_eq!(flags.as_group, ["g", "h"]);
    assert_eq!(flags.insecure_skip_tls_verify, Some(true));
    assert_eq!(
        (
            flags.verbosity,
            flags.request_timeout.as_str(),
            flags.warnings_as_errors
        ),
        (6, "-1s", false)
    );
    let off = Verb::parse_from([
        "x",
        "--insecure-skip-tls-verify=false",
        "-v8",
        "--warnings-as-errors",
    ])
    .connection;
    assert_eq!(
        (
            off.insecure_skip_tls_verify,
            off.verbosity,
            off.warnings_as_errors
        ),
        (Some(false), 8, true)
    );
}
