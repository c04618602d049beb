//! The waits of a class: a few watches for all of them, and a result for each.

use kubectl_session_create::Create;
use serde_json::{Value, json};
use session_shared::report::console::CapturedOutput;
use session_support::FakeApi;

use crate::play::Play;
use crate::roster::server;
use crate::tool::{ready, waiting};

const SESSIONS: usize = 50;

/// Gives a Pod without a state one: the image of s-7 has no valid name, the volume of s-9 cannot be mounted, which an Event alone says.
fn run_pod(pod: &Value) -> Vec<Value> {
    let name = pod["metadata"]["name"].as_str().unwrap();
    match name {
        "tool-s-7" => vec![waiting(pod, "InvalidImageName", "no such name")],
        "tool-s-9" => {
            let event = json!({"apiVersion": "v1", "kind": "Event", "metadata": {"name": "e", "namespace": "default"},
                "type": "Warning", "reason": "FailedMount", "lastTimestamp": "2026-03-01T12:00:00Z", "count": 1,
                "involvedObject": {"kind": "Pod", "name": name, "uid": pod["metadata"]["uid"], "namespace": "default"},
                "message": "MountVolume.SetUp failed for volume \"home\" : configmap \"motd\" not found"});
            vec![waiting(pod, "ContainerCreating", ""), event]
        }
        _ => vec![ready(pod)],
    }
}

/// Runs the Pods that are there, until every session has had its own.
fn run_pods(api: &FakeApi, captured: &CapturedOutput) {
    let mut run = 0;
    let begun = std::time::Instant::now();
    while run < SESSIONS {
        let is_late = begun.elapsed().as_secs() >= 30;
        assert!(!is_late, "{run} Pods; {}", captured.stderr());
        std::thread::sleep(std::time::Duration::from_millis(20));
        let pods = api.objects("pods");
        for pod in pods.iter().filter(|pod| pod["status"]["phase"].is_null()) {
            run_pod(pod).into_iter().for_each(|object| {
                api.put(object);
            });
            run += 1;
        }
    }
}

#[test]
fn a_class_has_few_watches_and_each_session_its_own_result() {
    let mut text = String::from("user,name\n");
    for number in 0..SESSIONS {
        text.push_str(&format!("u{number},s-{number}\n"));
    }
    let api = server();
    let words = "--roster - --template tool --wait --timeout 8s --parallel 16";
    let play = Play::on(&api).piped(&text);
    let played = play.meanwhile::<Create>(words, |captured, _| run_pods(&api, captured));
    assert_eq!(played.code, 1, "{played:#?}");
    assert_eq!(played.out.matches(" created\n").count(), SESSIONS - 2);
    for wanted in [
        "image name \"tool:1\" is not valid",
        "needs ConfigMap \"motd\"",
    ] {
        assert!(played.err.contains(wanted), "{}", played.err);
    }
    for session in api.objects("sessions.streaming.platform") {
        let phase = match session["metadata"]["name"].as_str() {
            Some("s-7") => "failed",
            Some("s-9") => continue,
            _ => "running",
        };
        assert_eq!(session["status"]["phase"], phase, "{session:#}");
    }
    let watches = |kind: &str| {
        let of_kind = |line: &String| line.contains(kind) && line.contains("watch=true");
        api.lines().into_iter().filter(of_kind).count()
    };
    assert_eq!((watches("/pods?"), watches("/events?")), (5, 5));
    assert_eq!(watches(""), 10, "no other kind is watched");
}
