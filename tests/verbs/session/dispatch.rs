//! Which verb is meant, under whatever name the program is called.

use session_support::{golden, run_binary};

use crate::program::{Links, VERBS, program, run, run_as, server};

#[test]
fn every_way_to_call_it_is_the_same_verb() {
    let links = Links::new();
    let other = links.link("sess");
    for words in [
        "list",
        "list -o name",
        "list nobody",
        "create bob --template tool --dry-run=server",
        "create bob --template tool --dry-run=client -o jsonpath={.spec}",
        "delete alice --dry-run=client",
        "delete nobody",
        "setup --dry-run=client",
    ] {
        let api = server();
        let listening = api.listen();
        let (verb, rest) = words.split_once(' ').unwrap_or((words, ""));
        let own = format!("kubectl-session-{verb}");
        let own = match links.folder().join(&own) {
            link if link.exists() => link,
            _ => links.link(&own),
        };
        let mut plain = run(&listening, words);
        for (path, words) in [(&own, rest), (&other, words)] {
            let mut found = run_as(path, &listening, words);
            for output in [&mut found, &mut plain] {
                output.stdout = without_time(&output.stdout);
            }
            assert_eq!(found, plain, "{path:?} {words}");
        }
        assert_ne!(
            (plain.stdout.as_str(), plain.stderr.as_str()),
            ("", ""),
            "{words}"
        );
    }
}

/// `startRequest` is the second in which it was called.
fn without_time(text: &str) -> String {
    match text.split_once("\"startRequest\":\"") {
        Some((before, after)) => format!("{before}{}", &after[20..]),
        None => text.to_owned(),
    }
}

#[test]
fn usage_texts_follow_the_name() {
    let links = Links::new();
    let other = links.link("kubectl-my_sessions");
    let own = links.link("kubectl-session-list");
    let said = |path, words: &str| {
        let args: Vec<&str> = words.split(' ').collect();
        run_binary(path, &args, &[], "").stderr
    };
    assert_eq!(
        said(&other, "list --bogus"),
        "error: unknown flag: --bogus\nSee 'kubectl my-sessions list --help' for usage.\n"
    );
    assert_eq!(
        said(&own, "--bogus"),
        "error: unknown flag: --bogus\nSee 'kubectl session list --help' for usage.\n"
    );
}

#[test]
fn flags_before_the_verb_are_flags_after_it() {
    let requests = |words: &str| {
        let api = server();
        let listening = api.listen();
        let output = run(&listening, words);
        assert_eq!(output.code, 0, "{output:?}");
        drop(listening);
        // Requests that are sent at the same time arrive in any order.
        let mut lines = api.lines();
        lines.sort();
        (output.stdout, lines)
    };
    let words = "create a --template tool --dry-run=server";
    let after = requests(&format!("{words} -n x --as bob --request-timeout=5s"));
    let before = requests(&format!("-n x --as bob --request-timeout=5s {words}"));
    assert_eq!(before, after);
    assert!(
        after.1.iter().any(|line| line.contains("/namespaces/x/")),
        "{:?}",
        after.1
    );
    let long = requests(&format!(
        "--namespace=x --as=bob --request-timeout 5s {words}"
    ));
    assert_eq!(long, after);
}

#[test]
fn alone_it_prints_its_help() {
    let output = run_binary::<&str>(program(), &[], &[], "");
    assert_eq!((output.code, output.stderr.as_str()), (0, ""));
    golden("help/session.txt", &output.stdout);
    for words in [&["--help"][..], &["-h"], &["help"]] {
        let again = run_binary(program(), words, &[], "");
        assert_eq!(again, output, "{words:?}");
    }
    for verb in VERBS {
        let help = run_binary(program(), &[verb, "--help"], &[], "");
        assert_eq!((help.code, help.stderr.as_str()), (0, ""), "{verb}");
        let again = run_binary(program(), &["help", verb], &[], "");
        assert_eq!(again, help, "{verb}");
        assert!(output.stdout.contains(&format!("  {verb} ")), "{verb}");
    }
}

#[test]
fn behind_two_dashes_no_word_is_a_verb() {
    let help = run_binary::<&str>(program(), &[], &[], "");
    for words in [
        "-- list",
        "-- list alice --bogus",
        "-n x -- help",
        "-- options",
        "-- template lint",
        "-- ls",
    ] {
        let args: Vec<&str> = words.split(' ').collect();
        assert_eq!(run_binary(program(), &args, &[], ""), help, "{words}");
    }
}

#[test]
fn a_word_that_is_no_verb_is_told_with_the_nearest() {
    let mut text = String::new();
    for word in [
        "bogus",
        "creat",
        "lst",
        "delte",
        "a/b",
        "-Z",
        "--bogus",
        "help bogus",
    ] {
        let args: Vec<&str> = word.split(' ').collect();
        let output = run_binary(program(), &args, &[], "");
        assert_eq!((output.code, output.stdout.as_str()), (1, ""), "{word}");
        text.push_str(&format!("$ kubectl session {word}\n{}", output.stderr));
    }
    golden("session-unknown.txt", &text);
}

#[test]
fn no_file_of_the_suite_can_swallow_a_name() {
    let folder = program().parent().unwrap();
    let names = std::fs::read_dir(folder).unwrap();
    let swallowing: Vec<String> = names
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| name.starts_with("kubectl-session-") && !name.ends_with(".d"))
        .filter(|name| name.matches('-').count() > 2)
        .collect();
    assert!(swallowing.is_empty(), "{swallowing:?}");
}

#[test]
fn unknown_words_are_looked_for_on_path_and_never_in_the_working_directory() {
    let links = Links::new();
    links.script("kubectl-session-hello_world", "echo real \"$@\"; exit 7");
    let path = links.folder().to_str().unwrap();
    let words = ["hello-world", "a b", "--flag", "-n", "x"];
    let found = run_binary(program(), &words, &[("PATH", path)], "");
    assert_eq!(
        (found.code, found.stdout.as_str()),
        (7, "real a b --flag -n x\n")
    );
    for decoy in [".", "", "../.."] {
        let script = "cd \"$1\" && PATH=\"$2\" exec \"$3\" hello-world";
        let args = ["-c", script, "sh", path, decoy, program().to_str().unwrap()];
        let lost = run_binary("/bin/sh".as_ref(), &args, &[], "");
        assert_eq!((lost.code, lost.stdout.as_str()), (1, ""), "PATH={decoy:?}");
    }
}

#[test]
fn no_verb_needs_or_runs_kubectl() {
    let links = Links::new();
    links.script("kubectl", "echo called >> called; echo called");
    let path = links.folder().to_str().unwrap();
    for words in [
        "list",
        "create bob --template tool --wait=false",
        "delete bob",
        "template list",
        "setup --dry-run=server",
    ] {
        for environment in [&[][..], &[("PATH", path)], &[("PATH", "/nowhere")]] {
            let api = server();
            if words.starts_with("delete") {
                api.put(crate::program::session("bob"));
            }
            let listening = api.listen();
            let config = listening.kubeconfig().to_str().unwrap();
            let mut all = vec![("KUBECONFIG", config), ("KUBECTL_PATH", "/nowhere")];
            all.extend(environment);
            let args: Vec<&str> = words.split(' ').collect();
            let output = run_binary(program(), &args, &all, "");
            assert_eq!(output.code, 0, "{words}: {output:?}");
            assert!(!output.stdout.contains("called"), "{words}");
        }
    }
}
