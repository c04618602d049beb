//! A class that is started: a few watches for all sessions, and a result for each.

use kubectl_session_create::Create;
use kubectl_session_stop::Stop;
use serde_json::json;
use session_support::FakeApi;

use crate::play::Play;
use crate::rested::{requests_of, start};
use crate::tool::{ready, server, waiting};

const SESSIONS: usize = 50;

/// Returns a server with a stopped class, where the Pod of s-7 does not become ready.
fn class() -> FakeApi {
    let api = server();
    api.put(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}}));
    let mut roster = String::from("user,name\n");
    for number in 0..SESSIONS {
        roster.push_str(&format!("u{number},s-{number}\n"));
    }
    let play = Play::on(&api).piped(&roster);
    play.run::<Create>("--roster - --template tool --wait=false")
        .done();
    Play::on(&api).run::<Stop>("--all -y").done();
    api.react("pods", |pod| {
        let told = pod["status"]["phase"].is_string();
        match pod["metadata"]["name"].as_str() {
            _ if told => Vec::new(),
            Some("tool-s-7") => vec![waiting(pod, "InvalidImageName", "no such name")],
            _ => {
                let mut pod = ready(pod);
                // One that has just started would be waited for a second more.
                let state = &mut pod["status"]["containerStatuses"][0]["state"];
                state["running"]["startedAt"] = "2026-03-01T11:00:00Z".into();
                vec![pod]
            }
        }
    });
    api
}

#[test]
fn a_class_is_started_with_few_watches_and_a_failure_stops_no_other() {
    let api = class();
    let (played, requests) = requests_of(&api, || start(&api, "--all"));
    assert_eq!(played.code, 1, "{played:#?}");
    assert_eq!(played.out.matches(" started\n").count(), SESSIONS);
    assert!(played.err.contains("is not valid"), "{}", played.err);
    for session in api.objects("sessions.streaming.platform") {
        let fails = session["metadata"]["name"] == "s-7";
        let phase = if fails { "failed" } else { "running" };
        assert_eq!(session["status"]["phase"], phase, "{session:#}");
    }
    let watches = requests.iter();
    let watches = watches.filter(|request| request.query("watch").is_some());
    assert_eq!(watches.count(), 10);
}
