//! How it ends, wherever it runs: exit codes, closed pipes, no home, files that cannot be read.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::process::{Command, Stdio};

use session_support::{Answer, Output, run_binary};

use crate::program::{VERBS, program, run, server, session};

fn is_calm(output: &Output, what: &str) {
    let text = format!("{}{}", output.stdout, output.stderr);
    for word in [
        "panicked",
        "RUST_BACKTRACE",
        "stack backtrace",
        "Error {",
        "Failure {",
    ] {
        assert!(!text.contains(word), "{what}: {output:?}");
    }
}

#[test]
fn exit_codes_are_those_that_are_published() {
    let api = server();
    let listening = api.listen();
    for (words, code) in [
        ("", 0),
        ("list", 0),
        ("list nobody --ignore-not-found", 0),
        ("list nobody", 1),
        ("list --bogus", 1),
        ("list -o bogus", 1),
        ("bogus", 1),
        ("list --context nope", 1),
        ("create alice --template tool", 1),
        ("delete nobody", 1),
        ("delete nobody --ignore-not-found", 0),
        ("delete alice --dry-run=client", 0),
        ("setup --dry-run=client", 0),
        ("setup bogus", 1),
        ("help bogus", 1),
    ] {
        let output = run(&listening, words);
        assert_eq!(output.code, code, "{words}: {output:?}");
        is_calm(&output, words);
    }
}

#[test]
fn a_signal_ends_it_with_its_exit_code() {
    let api = server();
    let listening = api.listen();
    for (signal, code) in [("-INT", 130), ("-TERM", 143), ("-HUP", 129)] {
        let mut child = Command::new(program())
            .args(["list", "-w"])
            .env("KUBECONFIG", listening.kubeconfig())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let before = watches(&api);
        let begun = std::time::Instant::now();
        while watches(&api) < before + 2 {
            assert!(begun.elapsed().as_secs() < 10, "{:?}", api.lines());
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        let pid = child.id().to_string();
        let killed = Command::new("kill").args([signal, &pid]).status().unwrap();
        assert!(killed.success());
        assert_eq!(child.wait().unwrap().code(), Some(code), "{signal}");
    }
}

fn watches(api: &session_support::FakeApi) -> usize {
    let lines = api.lines();
    lines.iter().filter(|line| line.contains("watch=")).count()
}

#[test]
fn a_reader_that_has_had_enough_is_no_error() {
    let api = server();
    // more than a pipe takes
    for number in 0..1500 {
        api.put(session(&format!(
            "session-of-somebody-with-a-long-name-{number:05}"
        )));
    }
    let listening = api.listen();
    let config = listening.kubeconfig().to_str().unwrap();
    for words in ["list", "list -o yaml", "list -o name"] {
        let script = format!("\"$0\" {words} | head -1 >/dev/null; echo \"${{PIPESTATUS[0]}}\"");
        let args = ["-c", &script, program().to_str().unwrap()];
        let environment = [("KUBECONFIG", config), ("PATH", "/usr/bin:/bin")];
        let output = run_binary("/bin/bash".as_ref(), &args, &environment, "");
        assert_eq!(
            (output.stdout.as_str(), output.stderr.as_str()),
            ("141\n", ""),
            "{words}"
        );
    }
}

#[test]
fn closed_streams_are_no_reason_to_panic() {
    let api = server();
    let listening = api.listen();
    let config = listening.kubeconfig().to_str().unwrap();
    let program = program().to_str().unwrap();
    for closed in [
        ">&-",
        "2>&-",
        "<&-",
        ">&- 2>&- <&-",
        ">/dev/full",
        "2>/dev/full",
    ] {
        for words in [
            "list",
            "list nobody",
            "delete --all --dry-run=client",
            "--help",
            "bogus",
        ] {
            let script = format!("\"$0\" {words} {closed}");
            let args = ["-c", &script, program];
            let output = run_binary("/bin/sh".as_ref(), &args, &[("KUBECONFIG", config)], "");
            assert!(
                [0, 1, 141].contains(&output.code),
                "{words} {closed}: {output:?}"
            );
            is_calm(&output, &format!("{words} {closed}"));
        }
    }
}

#[test]
fn it_needs_no_home() {
    let api = server();
    let listening = api.listen();
    let config = listening.kubeconfig().to_str().unwrap();
    let args = ["-u", "HOME", program().to_str().unwrap(), "list"];
    let with = run_binary(
        "/usr/bin/env".as_ref(),
        &args,
        &[("KUBECONFIG", config)],
        "",
    );
    assert_eq!(with.code, 0, "{with:?}");
    let without = run_binary("/usr/bin/env".as_ref(), &args, &[], "");
    assert_eq!(without.code, 1);
    assert_eq!(
        without.stderr,
        "The connection to the server localhost:8080 was refused - did you specify the right host or port?\n"
    );
}

#[test]
fn a_kubeconfig_that_cannot_be_read_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let garbage = folder.path().join("garbage");
    std::fs::write(&garbage, [0xff, 0xfe, 0, 1]).unwrap();
    let broken = folder.path().join("broken");
    std::fs::write(&broken, "apiVersion: v1\nkind: [").unwrap();
    let list = folder.path().join("list");
    std::fs::write(&list, "- 1\n- 2\n").unwrap();
    for path in [folder.path(), &garbage, &broken, &list] {
        for args in [&["list", "--kubeconfig"][..], &["--kubeconfig"]] {
            let mut args: Vec<&OsStr> = args.iter().map(OsStr::new).collect();
            args.push(path.as_os_str());
            if args.len() == 2 {
                args.push(OsStr::new("list"));
            }
            let output = run_binary(program(), &args, &[], "");
            assert_eq!((output.code, output.stdout.as_str()), (1, ""), "{path:?}");
            assert!(output.stderr.starts_with("error: "), "{output:?}");
            is_calm(&output, "kubeconfig");
        }
    }
}

#[test]
fn an_argument_that_is_no_text_is_refused_in_words() {
    let odd = OsStr::from_bytes(b"a\xff\xfeb");
    for verb in VERBS {
        let list: [&[&OsStr]; 5] = [
            &[OsStr::new(verb), odd],
            &[OsStr::new(verb), OsStr::new("-n"), odd],
            &[OsStr::new("-n"), odd, OsStr::new(verb)],
            &[OsStr::new(verb), OsStr::new("--kubeconfig"), odd],
            &[odd, OsStr::new(verb)],
        ];
        for args in list {
            let output = run_binary(program(), args, &[], "");
            is_calm(&output, verb);
            let groups = ["template", "snapshot", "quota", "schedule"].map(OsStr::new);
            if args.last().is_some_and(|last| groups.contains(last)) && args.len() == 3 {
                // a group of commands: its help comes first
                continue;
            }
            assert_eq!(output.code, 1, "{args:?}: {output:?}");
            assert!(output.stderr.starts_with("error: "), "{args:?}: {output:?}");
            is_calm(&output, verb);
        }
    }
}

#[test]
fn a_terminal_of_no_width_and_odd_settings_change_nothing() {
    let api = server();
    let listening = api.listen();
    let plain = run(&listening, "list");
    let config = listening.kubeconfig().to_str().unwrap();
    for (name, value) in [
        ("COLUMNS", "0"),
        ("COLUMNS", "-1"),
        ("COLUMNS", "many"),
        ("TERM", "dumb"),
        ("TERM", ""),
        ("NO_COLOR", "1"),
        ("RUST_BACKTRACE", "full"),
        ("RUST_LOG", "trace"),
        ("LANG", "tr_TR.ISO-8859-9"),
    ] {
        let environment = [("KUBECONFIG", config), (name, value)];
        let output = run_binary(program(), &["list"], &environment, "");
        assert_eq!(output, plain, "{name}={value}");
        let failed = run_binary(program(), &["list", "nobody"], &environment, "");
        is_calm(&failed, name);
        let text =
            "Error from server (NotFound): sessions.streaming.platform \"nobody\" not found\n";
        assert_eq!(failed.stderr, text);
    }
}

#[test]
fn a_question_never_blocks_without_an_answer() {
    let api = server();
    let listening = api.listen();
    let config = listening.kubeconfig().to_str().unwrap();
    let args = [
        "-c",
        "timeout 5 \"$0\" delete --all -i <&-",
        program().to_str().unwrap(),
    ];
    let environment = [("KUBECONFIG", config), ("PATH", "/usr/bin:/bin")];
    let output = run_binary("/bin/sh".as_ref(), &args, &environment, "");
    assert_eq!(output.code, 0, "{output:?}");
    assert!(
        output.stdout.ends_with("deletion is cancelled\n"),
        "{output:?}"
    );
    assert!(api.writes().is_empty());
}

#[test]
fn a_page_of_a_proxy_is_no_panic() {
    for body in [
        "<html>504</html>",
        "",
        "{}",
        "[]",
        "null",
        "{\"kind\":\"Table\"}",
        "\"x\"",
    ] {
        let api = session_support::FakeApi::new();
        for code in [200, 302, 404, 502] {
            api.on("GET", "/**", Answer::text(code, "text/html", body));
        }
        let listening = api.listen();
        for words in [
            "list",
            "list alice -o json",
            "delete alice",
            "create a --template tool",
        ] {
            api.on("POST", "/**", Answer::text(200, "text/html", body));
            let output = run(&listening, words);
            is_calm(&output, words);
            assert!([0, 1].contains(&output.code), "{words} {body}: {output:?}");
        }
    }
}
