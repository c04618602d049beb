//! What is shown on a terminal, and who a session is said to be of.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use session_support::terminal::{Terminal, ended};
use session_support::{Answer, FakeApi};

use super::{change, is_clean, is_refused, piped, program, run, running};

/// Clears the screen, sets the clipboard, makes a link, and rings.
const ESCAPES: &str =
    "a\x1b[2J\x1b]52;c;ZXZpbA==\x07\x1b]8;;http://evil.example\x1b\\b\u{9b}31m\x08\x7f\r";

/// Session `alice`, whose owner, reasons and messages are that text.
fn spoiled(text: &str) -> Result<FakeApi> {
    let api = running(json!([{"name": "first", "exec": ["sh"]}, {"name": text, "exec": ["sh"]}]));
    change(&api, |session| {
        session["spec"]["userId"] = text.into();
        session["metadata"]["annotations"] = json!({"streaming.platform/note": text});
        session["status"]["endpoint"] = text.into();
        session["status"]["template"] = text.into();
        session["status"]["conditions"] = json!([{"type": text, "status": "True", "reason": text, "message": text,
            "lastTransitionTime": "2026-03-01T10:00:00Z"}]);
    })?;
    let pod = api
        .object("pods", "default", "tool-alice")
        .context("no Pod")?;
    api.put(json!({"apiVersion": "v1", "kind": "Event", "metadata": {"name": "e", "namespace": "default"},
        "involvedObject": {"kind": "Pod", "name": "tool-alice", "namespace": "default", "uid": pod["metadata"]["uid"]},
        "type": "Warning", "reason": text, "message": text, "count": 1, "lastTimestamp": "2026-03-01T10:00:00Z"}));
    Ok(api)
}

/// What the program shows on a terminal.
fn on_terminal(api: &FakeApi, words: &[&str], until: &str) -> Result<()> {
    let listening = api.listen();
    let terminal = Terminal::new(200, 50)?;
    let mut command = Command::new(program());
    command
        .args(words)
        .args(["--color", "never"])
        .env("KUBECONFIG", listening.kubeconfig())
        .env("TERM", "xterm");
    let child = terminal.run(&command)?;
    terminal.shows(until)?;
    ended(child).map(drop)
}

pub(super) fn escapes_in_names_and_messages() -> Result<()> {
    let api = spoiled(ESCAPES)?;
    for words in [
        &["list"][..],
        &["list", "-o", "wide"],
        &["status", "alice"],
        &["list", "--show-labels"],
        &["extend", "alice", "--by", "-1"],
    ] {
        let done = run(&api, words)?;
        is_clean(&done.stdout).with_context(|| words.join(" "))?;
        is_clean(&done.stderr).with_context(|| words.join(" "))?;
    }
    let shown = "a^[[2J^[]52;c;ZXZpbA==^G^[]8;;http://evil.example^[\\b\\x9b31m^H^?";
    for words in [&["list"][..], &["status", "alice"]] {
        ensure!(run(&api, words)?.stdout.contains(shown), "{words:?}");
        on_terminal(&api, words, shown)?;
    }
    let done = run(
        &api,
        &[
            "connect",
            "alice",
            "--method",
            ESCAPES.trim_end(),
            "--print",
        ],
    )?;
    is_clean(&done.stderr)?;
    let refusing = FakeApi::new();
    let one = "/apis/streaming.platform/v1/namespaces/default/sessions/alice";
    let refusal = Answer::status(
        403,
        "Forbidden",
        ESCAPES,
        json!({"name": "alice", "kind": "sessions"}),
    );
    refusing.on("GET", one, refusal);
    let done = run(&refusing, &["connect", "alice", "--ssh-config"])?;
    ensure!(done.code == 1, "{done:?}");
    refusing.unexpected();
    is_clean(&done.stderr)
}

pub(super) fn rows_in_a_cell() -> Result<()> {
    let row = "running\nadmin   root   tool   running   <none>   1d";
    let api = running(json!([]));
    change(&api, |session| {
        session["status"]["phase"] = row.into();
        session["spec"]["userId"] = row.into();
        session["status"]["endpoint"] = row.replace('\n', "\x0c").into();
    })?;
    for words in [
        &["list"][..],
        &["list", "-o", "wide"],
        &["list", "-o", "name"],
        &[
            "list",
            "-o",
            "custom-columns=N:.metadata.name,U:.spec.userId,E:.status.endpoint",
        ],
    ] {
        let done = run(&api, words)?;
        let rows = done
            .stdout
            .lines()
            .filter(|line| line.contains("alice"))
            .count();
        let all = done.stdout.lines().count();
        ensure!(rows == 1 && all <= 2, "{words:?}: {}", done.stdout);
    }
    Ok(())
}

/// An override, a zero-width space, a tag and a variation selector.
const HIDDEN: &str = "al\u{200b}ice\u{202e}nimda\u{e0041}\u{fe0f}";
const SHOWN: &str = "al\\u200bice\\u202enimda\\U000e0041\\ufe0f";

pub(super) fn text_that_runs_backwards() -> Result<()> {
    let api = spoiled(HIDDEN)?;
    for words in [
        &["list"][..],
        &["list", "-o", "wide"],
        &["status", "alice"],
        &["list", "-o", "custom-columns=U:.spec.userId"],
    ] {
        let done = run(&api, words)?;
        ensure!(done.stdout.contains(SHOWN), "{words:?}: {done:?}");
        is_clean(&done.stdout)?;
    }
    for words in [&["list"][..], &["status", "alice"]] {
        on_terminal(&api, words, SHOWN)?;
    }
    let refusing = FakeApi::new();
    let one = "/apis/streaming.platform/v1/namespaces/default/sessions/alice";
    refusing.on(
        "GET",
        one,
        Answer::status(
            403,
            "Forbidden",
            HIDDEN,
            json!({"name": "alice", "kind": "sessions"}),
        ),
    );
    for words in [
        &["connect", "alice"][..],
        &["status", "alice"],
        &["stop", "alice"],
    ] {
        let done = run(&refusing, words)?;
        ensure!(done.stderr.contains(SHOWN), "{words:?}: {done:?}");
        is_clean(&done.stderr)?;
    }
    refusing.unexpected();
    let warned = FakeApi::stateful();
    let lookup = "/apis/streaming.platform/v1/namespaces/default/sessions";
    let table = json!({"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": {}, "columnDefinitions": [], "rows": []});
    warned.on("GET", lookup, Answer::ok(table).warning("old\u{202e}"));
    let done = run(&warned, &["list"])?;
    is_clean(&done.stderr)
}

pub(super) fn data_stays_data() -> Result<()> {
    let api = spoiled(HIDDEN)?;
    let done = run(&api, &["list", "alice", "-o", "json"])?;
    let object: Value = serde_json::from_str(&done.stdout)?;
    ensure!(object["spec"]["userId"] == HIDDEN, "{object}");
    let done = run(&api, &["list", "alice", "-o", "jsonpath={.spec.userId}"])?;
    ensure!(done.stdout == HIDDEN, "{done:?}");
    let done = run(&api, &["list", "alice", "-o", "yaml"])?;
    let source = session_shared::template::Source::new("yaml", done.stdout)?;
    let object = session_shared::template::parse_plain_value(&source)?;
    ensure!(object["spec"]["userId"] == HIDDEN, "{object}");
    Ok(())
}

pub(super) fn an_error_of_the_logs() -> Result<()> {
    let api = running(json!([]));
    let line = b"\x1b[31mred\x1b[0m \xe2\x80\xae \xff\n";
    api.write_log("tool-alice", "main", "2026-03-01T10:00:00.000000000Z", line);
    let listening = api.listen();
    let output = Command::new(program())
        .args(["logs", "alice"])
        .env("KUBECONFIG", listening.kubeconfig())
        .output()?;
    ensure!(output.stdout == line, "{output:?}");
    let message = format!("{ESCAPES}{HIDDEN}");
    let refusal = Answer::status(
        403,
        "Forbidden",
        &message,
        json!({"name": "tool-alice", "kind": "pods"}),
    );
    api.on("GET", "/api/v1/namespaces/default/pods/*/log", refusal);
    let done = run(&api, &["logs", "alice"])?;
    ensure!(done.code == 1 && done.stderr.contains(SHOWN), "{done:?}");
    is_clean(&done.stderr)
}

pub(super) fn an_owner_that_looks_like_another() -> Result<()> {
    for (owner, reason) in [
        ("al\u{200b}ice", "U+200B is an invisible character"),
        ("alice\u{202c}", "U+202C is an invisible character"),
        ("alice\u{e0061}", "U+E0061 is an invisible character"),
        ("alice\u{fe0f}", "U+FE0F is an invisible character"),
        ("alice\u{a0}smith", "U+00A0 looks like a space"),
        (" alice", "spaces at the start or end are not allowed"),
        (
            "alice\u{3000}",
            "spaces at the start or end are not allowed",
        ),
        ("аlice@example.com", "mixes Cyrillic and Latin letters"),
        ("alicε", "mixes Latin and Greek letters"),
        ("ju\u{308}rgen", "looks the same"),
        ("ａｌｉｃｅ", "\"alice\" looks the same"),
        ("𝐚lice", "\"alice\" looks the same"),
    ] {
        let api = FakeApi::stateful();
        let session = json!({"apiVersion": "streaming.platform/v1", "kind": "Session", "metadata": {"name": "a"},
            "spec": {"template": "tool", "userId": owner}});
        for (words, input) in [
            (
                &["create", "a", "--template", "tool", "--user-id", owner][..],
                String::new(),
            ),
            (&["create", "-f", "-"], session.to_string()),
            (
                &["template", "render", "tool", "--user-id", owner],
                String::new(),
            ),
        ] {
            let done = piped(&api, words, &input)?;
            is_refused(&done, reason)?;
            let hint = "hint: use the user name that the API server knows; print yours with: kubectl auth whoami\n";
            ensure!(done.stderr.ends_with(hint), "{done:?}");
            ensure!(api.requests().is_empty(), "{:?}", api.lines());
        }
        // What is there can be found: how else could it be stopped?
        let api = spoiled(owner)?;
        let done = run(&api, &["list"])?;
        ensure!(done.code == 0 && done.stdout.contains("alice"), "{done:?}");
    }
    Ok(())
}

pub(super) fn a_zero_byte() -> Result<()> {
    for spec in [
        r#"{"template": "tool", "userId": "al\u0000ice"}"#,
        r#"{"template": "to\u0000ol", "userId": "alice"}"#,
    ] {
        let session = format!(
            r#"{{"apiVersion": "streaming.platform/v1", "kind": "Session", "metadata": {{"name": "a"}}, "spec": {spec}}}"#
        );
        let api = FakeApi::stateful();
        is_refused(&piped(&api, &["create", "-f", "-"], &session)?, "invalid ")?;
        ensure!(api.requests().is_empty(), "{:?}", api.lines());
    }
    let name = r#"{"apiVersion": "streaming.platform/v1", "kind": "Session", "metadata": {"name": "a\u0000"}, "spec": {"template": "tool", "userId": "alice"}}"#;
    let api = FakeApi::stateful();
    is_refused(
        &piped(&api, &["create", "-f", "-"], name)?,
        "invalid session name",
    )?;
    let raw = piped(&api, &["create", "a", "-f", "-"], "kind: Pod\0\n")?;
    is_refused(&raw, "")?;
    ensure!(api.requests().is_empty(), "{:?}", api.lines());
    Ok(())
}
