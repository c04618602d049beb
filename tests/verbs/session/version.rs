//! The version: of the suite, of each verb, and for programs.

use serde_json::{Value, json};
use session_support::run_binary;

use crate::program::{Links, VERBS, program};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Runs the program without a configuration: no cluster is needed.
fn run(words: &str) -> (i32, String, String) {
    let args: Vec<&str> = words.split_whitespace().collect();
    let output = run_binary(program(), &args, &[("KUBECONFIG", "/nonexistent")], "");
    (output.code, output.stdout, output.stderr)
}

#[test]
fn the_suite_and_every_verb_print_the_same_version() {
    let text = format!("Client Version: v{VERSION}\n");
    for words in [
        "version",
        "version --client",
        "version --client=true",
        "-n x version",
        "--version",
        "-n x --version",
        "template apply --version",
        "stop alice --version",
    ] {
        assert_eq!(run(words), (0, text.clone(), String::new()), "{words}");
    }
    for verb in VERBS {
        let words = format!("{verb} --version");
        assert_eq!(run(&words), (0, text.clone(), String::new()), "{verb}");
    }
}

#[test]
fn a_program_of_one_verb_prints_it_too() {
    let links = Links::new();
    for verb in VERBS {
        let link = links.link(&format!("kubectl-session-{verb}"));
        let output = run_binary(&link, &["--version"], &[], "");
        let text = format!("Client Version: v{VERSION}\n");
        assert_eq!((output.code, output.stdout), (0, text), "{verb}");
    }
}

#[test]
fn programs_read_it_as_json_or_yaml() {
    let (code, text, _) = run("version --client -o json");
    let printed: Value = serde_json::from_str(&text).unwrap();
    let numbers: Vec<&str> = VERSION.split('.').collect();
    let version = &printed["clientVersion"];
    assert_eq!(
        (
            code,
            &version["gitVersion"],
            &version["major"],
            &version["minor"]
        ),
        (
            0,
            &json!(format!("v{VERSION}")),
            &json!(numbers[0]),
            &json!(numbers[1])
        )
    );
    let platform = version["platform"].as_str().unwrap();
    assert!(
        platform.contains('/') && !platform.contains("x86_64"),
        "{platform}"
    );
    let (code, text, _) = run("version -o yaml");
    assert!(code == 0 && text.starts_with("clientVersion:\n"), "{text}");
    assert!(
        text.contains(&format!("  gitVersion: v{VERSION}\n")),
        "{text}"
    );
    for (words, error) in [
        ("-o name", "--output must be 'yaml' or 'json'\n"),
        (
            "alice",
            "unexpected arguments: [alice]\nSee 'kubectl session version -h' for help and examples\n",
        ),
        (
            "--bogus",
            "unknown flag: --bogus\nSee 'kubectl session version --help' for usage.\n",
        ),
    ] {
        let refused = (1, String::new(), format!("error: {error}"));
        assert_eq!(run(&format!("version {words}")), refused, "{words}");
    }
}
