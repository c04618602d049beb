//! `--interval` and `--max`.

use kubectl_session_cleanup::Cleanup;
use serde_json::json;
use session_shared::client::interrupt::Interrupt;
use session_support::session_fixture::SESSIONS;
use session_support::{Answer, golden};

use crate::play::Play;
use crate::scene::{class, cleanup};

#[test]
fn no_more_is_done_at_once_than_was_said_and_the_oldest_goes_first() {
    let api = class();
    let played = cleanup(&api, "--expired --max 1 -y");
    golden("cleanup-max.txt", &played.text());
    assert!(api.object(SESSIONS, "default", "bob").is_none());
    assert_eq!(api.objects(SESSIONS).len(), 4);
}

#[test]
fn rounds_go_on_after_a_failure_until_ctrl_c() {
    let api = class();
    let path = "/apis/streaming.platform/v1/namespaces/default/sessions";
    let mut items = api.objects(SESSIONS);
    items.retain(|session| session["metadata"]["namespace"] == "default");
    let refused = json!({});
    api.on(
        "GET",
        path,
        Answer::status(403, "Forbidden", "not in the first round", refused),
    );
    let list = json!({"kind": "SessionList", "apiVersion": "streaming.platform/v1", "metadata": {"resourceVersion": "1"}, "items": items});
    api.on("GET", path, Answer::ok(list));
    let interrupt = Interrupt::default();
    let play = Play::on(&api).stopped_by(&interrupt);
    let played = play.meanwhile::<Cleanup>("--expired --interval 1ms -y", |_, interrupt| {
        let begun = std::time::Instant::now();
        let asked = || {
            api.lines()
                .iter()
                .filter(|line| line.contains("/sessions?"))
                .count()
        };
        while asked() < 3 {
            assert!(begun.elapsed().as_secs() < 10, "{:?}", api.lines());
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        interrupt.trigger();
    });
    assert_eq!(played.code, 130);
    assert!(played.err.contains("not in the first round"), "{played:?}");
    assert!(played.out.contains("1 stopped, 2 deleted"), "{played:?}");
}

#[test]
fn what_is_not_begun_when_ctrl_c_comes_is_left_as_it_was() {
    let api = class();
    let interrupt = Interrupt::default();
    let trigger = interrupt.clone();
    let lease = "/apis/coordination.k8s.io/v1/namespaces/session-system/leases/session-controller";
    api.handle("GET", lease, move |_| {
        trigger.trigger();
        Answer::status(404, "NotFound", "no", json!({}))
    });
    let play = Play::on(&api).stopped_by(&interrupt);
    let played = play.run::<Cleanup>("--expired -y");
    golden("cleanup-interrupted.txt", &played.text());
    assert!(api.writes().is_empty());
}
