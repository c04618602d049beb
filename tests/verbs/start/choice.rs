//! Selection of sessions, dry runs, and usage errors.

use kubectl_session_create::Create;
use kubectl_session_stop::Stop;
use session_support::{FakeApi, golden};

use crate::play::Play;
use crate::rested::{object, requests_of, rested, running, start, written};

fn two() -> FakeApi {
    let api = rested();
    Play::on(&api).run::<Create>("bob --template tool").done();
    Play::on(&api).run::<Stop>("bob").done();
    api
}

#[test]
fn several_come_up_together() {
    for words in ["alice bob", "--all", "-l streaming.platform/user=alice"] {
        let api = two();
        let played = start(&api, words);
        let lines =
            "session.streaming.platform/alice started\nsession.streaming.platform/bob started\n";
        assert_eq!(played.done(), lines, "{words}");
        assert_eq!(api.objects("pods").len(), 2);
    }
    let api = FakeApi::stateful();
    let played = start(&api, "-l a=b");
    assert_eq!(
        (played.done(), played.err.as_str()),
        ("", "No resources found\n")
    );
}

#[test]
fn the_object_is_printed_as_it_is_then() {
    let api = rested();
    let played = start(&api, "alice -o jsonpath={.spec.state}/{.status.phase}");
    assert_eq!(played.done(), "running/pending");
    let api = rested();
    assert_eq!(
        start(&api, "session/alice -o name").done(),
        "session.streaming.platform/alice\n"
    );
}

/// Without a claim, a restart destroys the Pod's data.
#[test]
fn a_restart_that_destroys_data_needs_a_word() {
    let api = running();
    let mut pod = object(&api, "pods", "tool-alice");
    pod["spec"]["volumes"] = serde_json::json!([]);
    api.put(pod);
    let (played, requests) = requests_of(&api, || start(&api, "alice --restart"));
    golden("start-restart-refused.txt", played.failed());
    assert_eq!(written(&requests), [""; 0]);
    start(&api, "alice --restart -y").done();
    object(&api, "pods", "tool-alice");
}
