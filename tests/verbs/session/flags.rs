//! The flags of the connection: every verb takes them, and each reaches the request or the configuration.

use session_support::{FakeApi, Output, Recorded, run_binary};

use crate::program::{VERBS, program, server};

/// kubectl's 21, and `--proxy-url`.
const FLAGS: [&str; 22] = [
    "kubeconfig",
    "context",
    "cluster",
    "user",
    "namespace",
    "server",
    "token",
    "as",
    "as-group",
    "as-uid",
    "as-user-extra",
    "certificate-authority",
    "client-certificate",
    "client-key",
    "insecure-skip-tls-verify",
    "tls-server-name",
    "request-timeout",
    "cache-dir",
    "disable-compression",
    "username",
    "password",
    "proxy-url",
];

#[test]
fn every_verb_takes_them_and_says_where_they_stand() {
    let options = run_binary(program(), &["options"], &[], "").stdout;
    for flag in FLAGS {
        let described = options
            .lines()
            .any(|line| line.ends_with(':') && line.contains(&format!("--{flag}")));
        assert!(described, "{flag}: {options}");
    }
    for verb in VERBS {
        let help = run_binary(program(), &[verb, "--help"], &[], "").stdout;
        assert!(
            help.contains("Use \"kubectl session options\" for a list"),
            "{help}"
        );
        for flag in FLAGS {
            let named = help
                .split_whitespace()
                .any(|word| word == format!("--{flag}"));
            assert!(named, "{verb} --help does not name --{flag}: {help}");
            let value = match flag {
                "insecure-skip-tls-verify" | "disable-compression" => "true",
                "as-user-extra" => "k=v",
                _ => "1",
            };
            let args = [verb, &format!("--{flag}={value}"), "--bogus"];
            let output = run_binary(program(), &args, &[], "");
            let text = format!(
                "error: unknown flag: --bogus\nSee 'kubectl session {verb} --help' for usage.\n"
            );
            assert_eq!(output.stderr, text, "{verb} --{flag}");
        }
    }
}

/// What the server got from `list` with these flags, and what was said.
fn listed(flags: &[&str]) -> (Vec<Recorded>, Output) {
    let api: FakeApi = server();
    let listening = api.listen();
    let config = std::fs::read_to_string(listening.kubeconfig()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    let more =
        "contexts:\n- {name: second, context: {cluster: fake, user: named, namespace: second}}\n";
    let users = "users:\n- {name: named, user: {token: from-the-file}}\n";
    let config = config
        .replace("contexts:\n", more)
        .replace("users:\n", users);
    std::fs::write(&path, config).unwrap();
    let mut args = vec!["list", "--kubeconfig", path.to_str().unwrap()];
    args.extend(flags);
    let output = run_binary(program(), &args, &[], "");
    drop(listening);
    (api.requests(), output)
}

fn header(flags: &[&str], name: &str) -> String {
    let (requests, output) = listed(flags);
    let first = requests
        .first()
        .unwrap_or_else(|| panic!("{flags:?}: {output:?}"));
    let values = first.headers.get_all(name).iter();
    let values: Vec<&str> = values.map(|value| value.to_str().unwrap()).collect();
    values.join("|")
}

#[test]
fn who_asks_reaches_every_request() {
    for (flags, name, wanted) in [
        (&["--as", "bob"][..], "impersonate-user", "bob"),
        (
            &["--as", "bob", "--as-group", "g", "--as-group", "h"],
            "impersonate-group",
            "g|h",
        ),
        (&["--as", "bob", "--as-uid", "7"], "impersonate-uid", "7"),
        (
            &["--as", "bob", "--as-user-extra", "team=red"],
            "impersonate-extra-team",
            "red",
        ),
    ] {
        assert_eq!(header(flags, name), wanted, "{flags:?}");
    }
}

/// What proves who somebody is goes over TLS alone, as with kubectl; that it does is tested where TLS servers are.
#[test]
fn nothing_secret_goes_over_a_plain_connection() {
    for flags in [
        &["--token", "t1"][..],
        &["--user", "named"],
        &["--context", "second"],
        &["--username", "u", "--password", "p"],
    ] {
        assert_eq!(header(flags, "authorization"), "", "{flags:?}");
    }
    let (_, output) = listed(&["--token", "t1", "--username", "u", "--password", "p"]);
    let text = "error: more than one authentication method found for fake; found [token basicAuth], only one is allowed\n";
    assert_eq!((output.code, output.stderr.as_str()), (1, text));
}

#[test]
fn requests_name_the_verb_and_are_compressed_unless_told_otherwise() {
    let agent = header(&[], "user-agent");
    assert!(
        agent.starts_with("kubectl-session-list/") || agent.contains("list"),
        "{agent}"
    );
    assert!(agent.contains(env!("CARGO_PKG_VERSION")), "{agent}");
    assert_eq!(header(&[], "accept-encoding"), "gzip");
    assert_ne!(
        header(&["--disable-compression"], "accept-encoding"),
        "gzip"
    );
}

#[test]
fn where_is_asked_reaches_every_request() {
    for (flags, part) in [
        (&["-n", "team"][..], "/namespaces/team/"),
        (&["--context", "second"], "/namespaces/second/"),
        (
            &["--context", "second", "--namespace=team"],
            "/namespaces/team/",
        ),
        (&[], "/namespaces/default/"),
    ] {
        let (requests, _) = listed(flags);
        assert!(!requests.is_empty());
        for request in requests {
            assert!(request.path.contains(part), "{flags:?}: {}", request.line());
        }
    }
    let other = server();
    let listening = other.listen();
    let (requests, output) = listed(&["--server", listening.url()]);
    assert_eq!((requests.len(), output.code), (0, 0));
    assert_eq!(other.requests().len(), 2);
}

/// Flags that a plain connection does not show: each is told when it cannot be right.
#[test]
fn what_cannot_be_right_is_said() {
    for (flags, text) in [
        (
            &["--cluster", "nope"][..],
            "no server found for cluster \"nope\"",
        ),
        (&["--user", "nope"], "auth info \"nope\" does not exist"),
        (&["--context", "nope"], "context was not found"),
        (&["--request-timeout", "soon"], "Invalid timeout value"),
        (
            &[
                "--server",
                "https://127.0.0.1:1",
                "--certificate-authority",
                "/nowhere/ca",
            ],
            "/nowhere/ca",
        ),
        (
            &[
                "--server",
                "https://127.0.0.1:1",
                "--client-certificate",
                "/nowhere/c",
                "--client-key",
                "/nowhere/k",
            ],
            "/nowhere/",
        ),
        (
            &[
                "--server",
                "https://127.0.0.1:1",
                "--insecure-skip-tls-verify",
                "--certificate-authority",
                "/dev/null",
            ],
            "insecure",
        ),
        (
            &[
                "--proxy-url",
                "http://127.0.0.1:1",
                "--server",
                "http://10.0.0.1:6443",
            ],
            "proxyconnect",
        ),
    ] {
        let (_, output) = listed(flags);
        assert_eq!(
            (output.code, output.stdout.as_str()),
            (1, ""),
            "{flags:?}: {output:?}"
        );
        assert!(output.stderr.contains(text), "{flags:?}: {output:?}");
    }
    for flags in [
        &["--cache-dir", "/nowhere"][..],
        &["--tls-server-name", "x"],
    ] {
        assert_eq!(listed(flags).1.code, 0, "{flags:?}");
    }
}
