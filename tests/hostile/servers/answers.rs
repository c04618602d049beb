//! Answers that are not what they should be.

use anyhow::{Result, ensure};
use serde_json::json;
use session_support::terminal::{self, Terminal};

use super::raw::{Ended, Server, json, open, whole};
use crate::attack::{Attack, attack};

pub(super) fn attacks() -> Vec<Attack> {
    vec![
        attack!(
            a_page_as_an_error_is_one_line,
            "A proxy answers with an HTML page of 100 kB and status 502",
            "Its title and first line",
        ),
        attack!(
            a_page_as_an_answer_is_an_error,
            "A captive portal answers with status 200 and its login page",
            "An error: this is not what the Kubernetes API answers",
        ),
        attack!(
            json_without_a_floor_is_an_error,
            "An API server answers with 100,000 JSON arrays, one inside the other",
            "An error; the stack is not used up",
        ),
        attack!(
            nonsense_is_an_error,
            "An API server answers with null, a number, another kind, a field twice, a resourceVersion below zero",
            "An error or an empty field, never a crash",
        ),
        attack!(
            an_event_of_something_else_is_passed_over,
            "A watch of Pods tells of Secrets, of events without an object, of types that do not exist",
            "The wait goes on to its timeout",
        ),
        attack!(
            control_characters_of_a_server_are_not_obeyed,
            "The message of a Status clears the screen and sets the title of the terminal",
            "The characters are shown as escapes",
        ),
        attack!(
            control_characters_in_headers_are_not_obeyed,
            "A Warning header holds escape sequences and a carriage return",
            "The answer is refused, or the characters are shown as escapes",
        ),
        attack!(
            many_names_make_no_long_address,
            "A careless hand names 400 sessions at once",
            "No address is longer than 8 KiB",
        ),
    ]
}

/// The program has ended as it means to.
fn has_not_crashed(ended: &Ended) -> Result<()> {
    let is_well = matches!(ended.code, Some(0 | 1)) && !ended.stderr.contains("panicked");
    ensure!(is_well, "it crashed: {ended:?}");
    Ok(())
}

fn a_page_as_an_error_is_one_line() -> Result<()> {
    let page = format!(
        "<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body><h1>Sorry</h1>{}</body></html>",
        "<p>nothing of this</p>".repeat(4500)
    );
    let server = Server::new(move |_, peer| whole(peer, "502 Bad Gateway", "text/html", &page))?;
    let ended = server.run(&["list"])?;
    ended.fails_with(r#"an error on the server ("502 Bad Gateway: Sorry") has prevented"#)?;
    ensure!(ended.stderr.len() < 400, "{ended:?}");
    Ok(())
}

fn a_page_as_an_answer_is_an_error() -> Result<()> {
    let page = "<html><title>Log in</title></html>";
    let server = Server::new(move |_, peer| whole(peer, "200 OK", "text/html", page))?;
    for arguments in [&["list"][..], &["status", "alice"], &["stop", "alice"]] {
        server
            .run(arguments)?
            .fails_with("the server returned invalid JSON")?;
    }
    Ok(())
}

fn json_without_a_floor_is_an_error() -> Result<()> {
    let body = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let server = Server::new(move |_, peer| whole(peer, "200 OK", "application/json", &body))?;
    for arguments in [&["list"][..], &["status", "alice"]] {
        let ended = server.run(arguments)?;
        ended.fails_with("recursion limit exceeded")?;
        has_not_crashed(&ended)?;
    }
    Ok(())
}

fn nonsense_is_an_error() -> Result<()> {
    for body in [
        "null",
        "-0",
        "[]",
        r#""session""#,
        r#"{"kind": "Pod", "metadata": 7}"#,
        r#"{"kind": "Table", "rows": {"cells": 1}, "columnDefinitions": "x"}"#,
        r#"{"kind": "Table", "rows": [{"cells": null, "object": []}], "columnDefinitions": [{"name": "Name", "type": "string"}]}"#,
        r#"{"metadata": {"name": "alice"}, "metadata": {"name": "bob", "uid": {}}, "spec": {"userId": "bob"}, "spec": {"userId": "alice"}}"#,
        r#"{"metadata": {"name": "alice", "resourceVersion": "-1", "uid": "u", "generation": -9}, "spec": {"userId": "alice", "state": "running"}, "items": [{"metadata": {"resourceVersion": -1}}]}"#,
        r#"{"metadata": {"name": "alice", "creationTimestamp": "9999999-01-01T00:00:00Z"}, "spec": {"userId": "alice", "timeout": 1e400}}"#,
    ] {
        let server = Server::new(move |_, peer| whole(peer, "200 OK", "application/json", body))?;
        for arguments in [&["list"][..], &["status", "alice"], &["list", "-o", "json"]] {
            has_not_crashed(&server.run(arguments)?)?;
        }
    }
    Ok(())
}

fn an_event_of_something_else_is_passed_over() -> Result<()> {
    let session = json!({"apiVersion": "streaming.platform/v1", "kind": "Session",
        "metadata": {"name": "alice", "namespace": "default", "uid": "u-1", "resourceVersion": "5"},
        "spec": {"userId": "alice", "state": "running"}, "status": {"phase": "pending"}});
    let server = Server::new(move |head, peer| {
        let target = head.split(' ').nth(1).unwrap_or_default();
        if target.contains("watch=true") && target.contains("/pods") {
            open(peer, "")?;
            let secret = json!({"kind": "Secret", "metadata": {"name": "s", "uid": "s", "resourceVersion": "-7"}, "data": {}});
            writeln!(peer, "{}", json!({"type": "EXPLODED", "object": secret}))?;
            writeln!(peer, "{}", json!({"type": "ADDED"}))?;
            writeln!(peer, "{}", json!({"type": "ADDED", "object": secret}))?;
            writeln!(peer, "{}", json!({"type": "MODIFIED", "object": secret}))?;
            writeln!(peer, "{}", json!({"type": ["ADDED"], "object": 7}))
        } else if target.contains("watch=true") {
            open(peer, "")
        } else if target.ends_with("/sessions/alice") {
            json(peer, &session)
        } else {
            json(
                peer,
                &json!({"kind": "List", "metadata": {"resourceVersion": "5"}, "items": []}),
            )
        }
    })?;
    let ended = server.run(&[
        "status",
        "alice",
        "--wait-for=running",
        "--timeout=2s",
        "-q",
    ])?;
    ended.fails_with("timed out waiting for the condition")?;
    has_not_crashed(&ended)
}

/// The text of a hostile message: it clears the screen and sets the terminal's title.
const HOSTILE: &str = "no\u{1b}[2J\u{1b}]0;title\u{7}\r\u{9b}31m";

fn has_no_control(ended: &Ended) -> Result<()> {
    let shown = format!("{}{}", ended.stdout, ended.stderr);
    let control = shown
        .chars()
        .find(|c| c.is_control() && !"\n\t".contains(*c));
    ensure!(control.is_none(), "{control:?} is shown: {ended:?}");
    Ok(())
}

fn control_characters_of_a_server_are_not_obeyed() -> Result<()> {
    let status = json!({"kind": "Status", "status": "Failure", "reason": "Forbidden", "code": 403, "message": HOSTILE});
    let server = Server::new(move |_, peer| {
        whole(
            peer,
            "403 Forbidden",
            "application/json",
            &status.to_string(),
        )
    })?;
    for arguments in [&["list"][..], &["status", "alice"], &["stop", "alice"]] {
        let terminal = Terminal::new(200, 20)?;
        let child = terminal.run(&server.command(arguments))?;
        terminal.shows("Error from server (Forbidden): no^[[2J^[]0;title^G\\r\\x9b31m")?;
        let code = terminal::ended(child)?;
        ensure!(code == 1, "exit code {code}");
    }
    Ok(())
}

fn control_characters_in_headers_are_not_obeyed() -> Result<()> {
    let table = json!({"kind": "Table", "metadata": {}, "columnDefinitions": [{"name": "Name", "type": "string"}], "rows": []});
    for text in ["\u{1b}[2J", "a\rb", "\u{9b}31m", "a\\\u{7f}b"] {
        let table = table.to_string();
        let server = Server::new(move |_, peer| {
            let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n";
            write!(
                peer,
                "{head}Content-Length: {}\r\nWarning: 299 - \"{text}\"\r\n\r\n{table}",
                table.len()
            )
        })?;
        let ended = server.run(&["list"])?;
        has_not_crashed(&ended)?;
        has_no_control(&ended)?;
    }
    Ok(())
}

fn many_names_make_no_long_address() -> Result<()> {
    let table = json!({"kind": "Table", "metadata": {}, "columnDefinitions": [{"name": "Name", "type": "string"}], "rows": []});
    let server = Server::new(move |_, peer| json(peer, &table))?;
    let names: Vec<String> = (0..400)
        .map(|n| format!("a-session-with-a-long-name-{n}"))
        .collect();
    let names = names.iter().map(String::as_str);
    for flag in ["--ignore-not-found", "--kept"] {
        let arguments: Vec<&str> = ["list", flag].into_iter().chain(names.clone()).collect();
        has_not_crashed(&server.run(&arguments)?)?;
    }
    let longest = server
        .requests()
        .iter()
        .filter_map(|head| head.lines().next())
        .map(str::len)
        .max();
    ensure!(
        longest.is_some_and(|length| length < 8192),
        "{longest:?} bytes"
    );
    ensure!(
        server.requests().len() > 400,
        "{} requests",
        server.requests().len()
    );
    Ok(())
}
