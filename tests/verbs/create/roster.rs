//! `create --roster`: plan, errors of all rows, report, resumption.

use std::io::Write;

use kubectl_session_create::Create;
use serde_json::{Value, json};
use session_support::{Answer, FakeApi, golden};

use crate::play::{Play, Played};
use crate::tool::{MADE, left, made};

pub const CLASS: &str = "user,name,SIZE\nalice@example.com,lab-1,\nbob@example.com,lab-2,2Gi\ncarol@example.com,lab-3,\n";
const SESSIONS: &str = "/apis/streaming.platform/v1/namespaces/default/sessions";

pub fn server() -> FakeApi {
    let api = crate::tool::server();
    api.put(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}}));
    api
}

pub fn roster(api: &FakeApi, text: &str, words: &str) -> Played {
    let words = format!("--roster - {words}");
    Play::on(api).piped(text).run::<Create>(&words)
}

/// Rows run at the same time, so their lines are compared sorted.
pub fn sorted(text: &str) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines.iter().map(|line| format!("{line}\n")).collect()
}

fn spec(api: &FakeApi, name: &str) -> Value {
    let session = api.object("sessions.streaming.platform", "default", name);
    session.unwrap()["spec"].clone()
}

fn session_of(user: &str, name: &str) -> Value {
    json!({
        "apiVersion": "streaming.platform/v1", "kind": "Session",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"userId": user, "template": "tool", "state": "running", "startRequest": "2026-03-01T11:00:00Z"},
        "status": {"phase": "running", "startRequest": "2026-03-01T11:00:00Z", "applied": {"objects": []}},
    })
}

/// Asserts that every row has its session with all objects, and that each start is recorded.
pub fn assert_complete(api: &FakeApi, names: &[&str]) {
    let mut wanted: Vec<String> = names
        .iter()
        .flat_map(|name| MADE.iter().map(|made| made.replace("alice", name)))
        .collect();
    wanted.sort_unstable();
    let mut found = left(api);
    found.retain(|object| !object.starts_with("namespaces/"));
    found.sort_unstable();
    assert_eq!(found, wanted);
    for session in api.objects("sessions.streaming.platform") {
        let (spec, status) = (&session["spec"], &session["status"]);
        assert!(status["applied"].is_object(), "{session:#}");
        assert_eq!(spec["startRequest"], status["startRequest"]);
    }
}

#[test]
fn a_class_is_created() {
    let api = server();
    let played = roster(
        &api,
        CLASS,
        "--template tool --set SIZE=3Gi --expires-in 3h",
    );
    let text = Played {
        out: sorted(&played.out),
        ..played
    }
    .text();
    golden("create-roster.txt", &text);
    assert_complete(&api, &["lab-1", "lab-2", "lab-3"]);
    let bob = spec(&api, "lab-2");
    assert_eq!(
        (&bob["userId"], &bob["timeout"]),
        (&"bob@example.com".into(), &"3h".into())
    );
    assert_eq!(bob["parameters"]["SIZE"], "2Gi");
    assert_eq!(spec(&api, "lab-1")["parameters"]["SIZE"], "3Gi");
}

#[test]
fn cells_override_flags_and_name_users_template_and_place() {
    let api = server();
    api.put(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "class-b"}}));
    let text = "\u{feff}Email,Template,Namespace,Timeout,PASSWORD\r\nalice,,,,\r\nbob,tool,class-b,1h,\"s3cret, long\"\r\n";
    roster(&api, text, "--template tool --expires-in 3h").done();
    assert_eq!(spec(&api, "alice")["timeout"], "3h");
    let bob = api
        .object("sessions.streaming.platform", "class-b", "bob")
        .unwrap();
    assert_eq!(
        (&bob["spec"]["timeout"], &bob["spec"]["secretsFrom"]),
        (&"1h".into(), &"client".into())
    );
    assert!(!bob.to_string().contains("s3cret"));
    let secret = api
        .object("secrets", "class-b", "session-bob-parameters")
        .unwrap();
    assert!(!secret.to_string().contains("null"), "{secret}");
}

#[test]
fn facts_are_read_once_and_not_for_each_row() {
    let mut text = String::from("user\n");
    for number in 0..30 {
        text.push_str(&format!("u{number}\n"));
    }
    let api = server();
    roster(&api, &text, "--template tool").done();
    let reads: Vec<String> = api
        .lines()
        .into_iter()
        .filter(|line| line.starts_with("GET"))
        .collect();
    assert!(reads.len() <= 12, "{reads:#?}");
    assert_eq!(made(&api).len(), 30 * MADE.len());
}

#[test]
fn all_errors_are_told_before_anything_is_written() {
    let api = server();
    api.put(session_of("mallory", "lab-9"));
    let text = "user,name,template,SIZE\nalice,lab-1,tool,1GB\nbob,Lab,tool,\n=cmd(),lab-3,tool,\ncarol,lab-4,tol,\nalice,lab-1,tool,\n\
                dave,lab-9,tool,\nerin,lab-6,,\nfrank,lab-7,tool\n,,,\n";
    let played = roster(&api, text, "");
    golden("create-roster-errors.txt", &played.text());
    played.failed();
    assert!(api.writes().is_empty());
}

#[test]
fn ten_thousand_errors_are_twenty_lines() {
    let mut text = String::from("user,name\n");
    for number in 0..10_000 {
        text.push_str(&format!("u{number},Lab-{number}\n"));
    }
    let api = server();
    let played = roster(&api, &text, "--template tool");
    let lines: Vec<&str> = played.failed().lines().collect();
    assert_eq!(lines.len(), 21, "{lines:#?}");
    assert_eq!(
        lines[20],
        "error: no session was created: 10000 of 10000 rows are invalid; the first 20 errors are shown"
    );
    assert!(api.writes().is_empty());
}

#[test]
fn a_class_that_no_quota_has_room_for_is_refused() {
    let api = server();
    api.put(json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "class", "namespace": "default"},
        "spec": {"hard": {"pods": "10"}}, "status": {"hard": {"pods": "10"}, "used": {"pods": "8"}}}));
    let played = roster(&api, CLASS, "--template tool");
    golden("create-roster-quota.txt", &played.text());
    assert!(api.writes().is_empty());
}

#[test]
fn existing_sessions_are_unchanged() {
    let api = server();
    api.put(session_of("bob@example.com", "lab-2"));
    let played = roster(&api, CLASS, "--template tool -o csv");
    let text = Played {
        out: sorted(&played.out),
        ..played
    }
    .text();
    golden("create-roster-again.txt", &text);
    api.forget_requests();
    let again = roster(&api, CLASS, "--template tool");
    assert_eq!(
        again.done().matches(" unchanged\n").count(),
        3,
        "{again:#?}"
    );
    assert!(api.writes().is_empty());
}

#[test]
fn one_failure_stops_no_other() {
    for output in ["", "json", "wide", "name"] {
        let api = server();
        api.handle("POST", "/api/v1/namespaces/default/pods", |request| {
            let mut object = request.json();
            if object["metadata"]["name"] == "tool-lab-2" {
                return Answer::forbidden("alice", "create", "pods", "default");
            }
            object["metadata"]["uid"] = "of-the-echo".into();
            Answer::json(201, object)
        });
        let flag = if output.is_empty() {
            String::new()
        } else {
            format!("-o {output}")
        };
        let played = roster(&api, CLASS, &format!("--template tool --parallel 1 {flag}"));
        assert_eq!(played.code, 1);
        let name = if output.is_empty() { "lines" } else { output };
        golden(&format!("create-roster-failed-{name}.txt"), &played.text());
        let sessions = api.objects("sessions.streaming.platform");
        assert_eq!(sessions.len(), 2, "the failed one is rolled back");
    }
}

#[test]
fn a_dry_run_writes_nothing() {
    let api = server();
    api.put(session_of("bob@example.com", "lab-2"));
    let played = roster(&api, CLASS, "--template tool --dry-run=client --parallel 1");
    golden("create-roster-dry-run.txt", &played.text());
    assert!(api.writes().is_empty());
    let played = roster(&api, CLASS, "--template tool --dry-run=server");
    assert_eq!(played.done().matches("created (server dry run)").count(), 2);
    assert!(
        api.writes()
            .iter()
            .all(|write| write.query("dryRun").is_some())
    );
    assert_eq!(api.objects("sessions.streaming.platform").len(), 1);
}

#[test]
fn a_namespace_that_is_not_there_is_told_or_made_once() {
    let text = "user,namespace\nalice,class-c\nbob,class-c\n";
    let api = server();
    let refused = roster(&api, text, "--template tool");
    assert!(
        refused.failed().contains("--create-namespace"),
        "{refused:#?}"
    );
    let previewed = roster(
        &api,
        text,
        "--template tool --create-namespace --dry-run=server",
    );
    assert!(
        previewed.err.contains("does not exist yet"),
        "{previewed:#?}"
    );
    assert!(api.writes().is_empty());
    roster(&api, text, "--template tool --create-namespace").done();
    let namespaces = made(&api)
        .into_iter()
        .filter(|made| made.starts_with("namespaces/"));
    assert_eq!(namespaces.count(), 1);
    assert_eq!(api.objects("pods").len(), 2);
}

#[test]
fn a_pace_is_kept() {
    let api = server();
    let begin = std::time::Instant::now();
    roster(&api, CLASS, "--template tool --rate 10/s --parallel 3").done();
    assert!(begin.elapsed().as_millis() >= 200, "{:?}", begin.elapsed());
    // Sessions that exist already take no time.
    let begin = std::time::Instant::now();
    roster(&api, CLASS, "--template tool --rate 1/60s").done();
    assert!(begin.elapsed().as_secs() < 30);
}

#[test]
fn a_terminal_shows_the_progress() {
    let api = server();
    let file = file_with(CLASS);
    let words = format!("--roster {} --template tool", file.display());
    let played = Play::on(&api).at_terminal("").run::<Create>(&words);
    assert!(
        played
            .err
            .contains("applying 3 sessions: 0 created, 3 left"),
        "{}",
        played.err
    );
    std::fs::remove_file(file).unwrap();
}

fn file_with(text: &str) -> std::path::PathBuf {
    let path = std::env::temp_dir().join(format!("roster-{}.csv", std::process::id()));
    std::fs::File::create(&path)
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    path
}

#[test]
fn a_session_created_meanwhile_is_unchanged_if_it_is_the_users() {
    for (owner, code) in [("bob@example.com", 0), ("mallory", 1)] {
        let api = server();
        let unlisted = session_of(owner, "lab-2");
        // The list is older than the session.
        api.on(
            "GET",
            SESSIONS,
            Answer::ok(
                json!({"apiVersion": "streaming.platform/v1", "kind": "SessionList",
            "metadata": {"resourceVersion": "1"}, "items": []}),
            ),
        );
        api.put(unlisted);
        let played = roster(&api, CLASS, "--template tool");
        assert_eq!(played.code, code, "{played:#?}");
        assert_eq!(
            played.out.contains("lab-2 unchanged"),
            code == 0,
            "{played:#?}"
        );
        assert_eq!(
            played.err.contains("belongs to another user"),
            code == 1,
            "{played:#?}"
        );
        assert_eq!(api.objects("pods").len(), 2);
    }
}

#[test]
fn an_explicit_wait_waits_for_each() {
    let api = server();
    api.react("pods", |pod| vec![crate::tool::ready(pod)]);
    roster(&api, CLASS, "--template tool --wait").done();
    for session in api.objects("sessions.streaming.platform") {
        assert_eq!(session["status"]["phase"], "running");
    }
}

#[test]
fn flags_that_make_no_sense_are_refused() {
    let mut text = String::new();
    for words in [
        "",
        "alice --template tool",
        "--template tool --user-id bob",
        "-f pod.yaml",
        "--template tool --rate fast",
        "--template tool --parallel 0",
        "--template tool --rate 0/60s",
        "--template tool -o yaml",
        "--template tool --env-file -",
    ] {
        let api = server();
        let played = roster(&api, CLASS, words);
        assert!(played.code != 0 && api.writes().is_empty(), "{played:#?}");
        text.push_str(&format!("$ create --roster - {words}\n{}", played.err));
    }
    let api = server();
    for words in [
        "alice --template tool --rate 1/s",
        "alice --template tool --parallel 2",
    ] {
        let played = Play::on(&api).run::<Create>(words);
        assert!(played.code != 0 && api.writes().is_empty(), "{played:#?}");
        text.push_str(&format!("$ create {words}\n{}", played.err));
    }
    golden("create-roster-usage.txt", &text);
}
