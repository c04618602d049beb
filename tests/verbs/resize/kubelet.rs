//! Answers of the kubelet, and their errors.

use serde_json::Value;
use session_shared::client::interrupt::Interrupt;
use session_support::{FakeApi, golden};

use kubectl_session_resize::Resize;

use crate::play::Play;
use crate::scene::{answering, half, neighbour, resize, resources, server, session, told};

#[test]
fn what_is_infeasible_is_taken_back_and_not_kept() {
    let api = server("StatefulSet", &half());
    // The caller may not read the node: only the kubelet's message is shown.
    api.remove("nodes", "", "node-1");
    answering(
        &api,
        "PodResizePending",
        "Infeasible",
        "Node didn't have enough capacity: cpu, requested: 32000, capacity: 4000",
    );
    let played = resize(&api, "alice --cpu 64");
    golden("resize-infeasible.txt", &told(&api, &played));
    assert_eq!(resources(&api), half());
    assert_eq!(session(&api)["spec"].get("resources"), None);
    let set = api.object("statefulsets.apps", "default", "tool-alice");
    let template = &set.unwrap()["spec"]["template"]["spec"]["containers"];
    assert_eq!(template[1]["resources"], half());
}

fn deferred() -> FakeApi {
    let api = server("Pod", &half());
    neighbour(&api, "3");
    answering(
        &api,
        "PodResizePending",
        "Deferred",
        "Node didn't have enough resource: cpu, requested: 1500, used: 3000, capacity: 4000",
    );
    api
}

#[test]
fn what_is_deferred_stands_when_time_is_over() {
    let api = deferred();
    let played = resize(&api, "alice --cpu 3 --timeout=50ms");
    golden("resize-deferred.txt", &played.text());
    assert_eq!(resources(&api)["limits"]["cpu"], "3");
    assert_eq!(session(&api)["spec"]["resources"]["cpu"], 3);
}

#[test]
fn an_interrupt_ends_the_waiting_and_the_size_is_kept() {
    let api = deferred();
    let interrupt = Interrupt::default();
    let play = Play::on(&api).stopped_by(&interrupt);
    let played = play.meanwhile::<Resize>("alice --cpu 3", |_, interrupt| {
        let begun = std::time::Instant::now();
        while !api.lines().iter().any(|line| line.contains("watch=")) {
            assert!(begun.elapsed().as_secs() < 10, "nobody waits");
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        interrupt.trigger();
    });
    assert_eq!((played.code, played.out.as_str()), (130, ""));
    assert!(played.err.contains("hint: wait"), "{}", played.err);
    assert_eq!(session(&api)["spec"]["resources"]["cpu"], 3);
}

#[test]
fn what_the_kubelet_tries_in_vain_is_told() {
    let api = server("Pod", &half());
    let message = "attempting to set pod memory limit (268435456) below current usage (300000000)";
    answering(&api, "PodResizeInProgress", "Error", message);
    let played = resize(&api, "alice --memory 256Mi --timeout=50ms");
    assert_eq!(played.code, 1);
    assert!(played.err.contains(message), "{}", played.err);
    assert!(played.err.contains("keeps retrying"), "{}", played.err);
}

#[test]
fn a_pod_that_goes_away_is_no_resize() {
    let api = server("Pod", &half());
    let played = Play::on(&api).meanwhile::<Resize>("alice --cpu 2", |_, _| {
        let begun = std::time::Instant::now();
        while !api.lines().iter().any(|line| line.contains("watch=")) {
            assert!(begun.elapsed().as_secs() < 10, "nobody waits");
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        api.remove("pods", "default", "tool-alice-0");
    });
    assert!(
        played.failed().contains("\"tool-alice-0\" not found"),
        "{played:?}"
    );
    assert_eq!(session(&api)["spec"]["resources"], Value::Null);
}
