//! A class whose Pods take their time to end: a few watches for all of them, and a result for each.

use kubectl_session_stop::Stop;
use session_support::{Answer, FakeApi};

use crate::play::Play;
use crate::running::{lingering, session, without_claim};

const SESSIONS: usize = 50;

/// Ends the Pods that are being deleted, a while after their waits have begun, until `wanted` have ended.
fn end_pods(api: &FakeApi, wanted: usize) {
    let begun = std::time::Instant::now();
    let mut ended = 0;
    while ended < wanted {
        assert!(begun.elapsed().as_secs() < 60, "{ended} Pods");
        std::thread::sleep(std::time::Duration::from_millis(100));
        for pod in api.objects("pods") {
            if !pod["metadata"]["deletionTimestamp"].is_null() {
                let name = pod["metadata"]["name"].as_str().unwrap();
                api.remove("pods", "default", name);
                ended += 1;
            }
        }
    }
}

#[test]
fn a_class_is_stopped_with_few_watches_and_a_failure_stops_no_other() {
    let api = FakeApi::stateful();
    for number in 0..SESSIONS {
        lingering(without_claim(&format!("s-{number}"))).put(&api);
    }
    api.on(
        "DELETE",
        "/api/v1/namespaces/default/pods/tool-s-7",
        Answer::forbidden("alice", "delete", "pods", "default"),
    );
    let play = Play::on(&api);
    let played = play.meanwhile::<Stop>("--all -y --skip-sync", |_, _| {
        end_pods(&api, SESSIONS - 1);
    });
    assert_eq!(played.code, 1, "{played:#?}");
    assert_eq!(played.out.matches(" stopped\n").count(), SESSIONS - 1);
    assert!(played.err.contains("forbidden"), "{}", played.err);
    assert_eq!(session(&api, "s-8")["status"]["phase"], "stopped");
    let lines = api.lines();
    let watches = lines.iter().filter(|line| line.contains("watch=true"));
    assert_eq!(watches.count(), 5, "{lines:#?}");
}
