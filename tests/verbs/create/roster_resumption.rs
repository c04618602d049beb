//! `create --roster` after an interruption: what has begun ends in order or is completed by the next run.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use kubectl_session_create::Create;
use serde_json::Value;
use session_shared::client::interrupt::Interrupt;
use session_support::{FakeApi, golden};

use crate::play::Play;
use crate::roster::{CLASS, assert_complete, roster, server};
use crate::tool::MADE;

/// Calls `act` right after the server has stored a number of objects.
fn after_objects(api: &FakeApi, number: usize, act: impl Fn() + Send + Sync + 'static) {
    let (stored, act) = (Arc::new(AtomicUsize::new(0)), Arc::new(act));
    for kind in MADE.map(|made| made.split_once('/').unwrap().0) {
        let (stored, act) = (Arc::clone(&stored), Arc::clone(&act));
        api.react(kind, move |_| {
            if stored.fetch_add(1, Ordering::SeqCst) + 1 == number {
                act();
            }
            Vec::new()
        });
    }
}

#[test]
fn after_ctrl_c_running_rows_end_in_order_and_the_rest_is_left() {
    let api = server();
    let interrupt = Interrupt::default();
    let trigger = interrupt.clone();
    after_objects(&api, 3, move || trigger.trigger());
    let played = Play::on(&api)
        .piped(CLASS)
        .stopped_by(&interrupt)
        .run::<Create>("--roster - --template tool --parallel 1");
    golden("create-roster-interrupted.txt", &played.text());
    assert_complete(&api, &["lab-1"]);
    roster(&api, CLASS, "--template tool").done();
    assert_complete(&api, &["lab-1", "lab-2", "lab-3"]);
}

#[test]
fn after_a_kill_at_any_object_a_second_run_makes_the_rest() {
    let class = "user,name,PASSWORD\nalice,lab-1,secret-of-alice\nbob,lab-2,secret-of-bob\ncarol,lab-3,secret-of-carol\n";
    let mut completed = 0;
    // Per session: its objects, and the status.
    for number in 1..=3 * (MADE.len() + 1) {
        let api = server();
        let interrupt = Interrupt::default();
        let killer = interrupt.clone();
        after_objects(&api, number, move || {
            // The second signal ends the process at once.
            killer.trigger();
            killer.trigger();
        });
        let parallel = 1 + number % 3;
        let killed = Play::on(&api)
            .piped(class)
            .stopped_by(&interrupt)
            .run::<Create>(&format!("--roster - --template tool --parallel {parallel}"));
        assert_eq!(killed.code, 130, "{number}: {killed:#?}");
        let before: Vec<Value> = api.objects("sessions.streaming.platform");
        let again = roster(&api, class, "--template tool");
        completed += again.done().matches(" completed\n").count();
        assert_complete(&api, &["lab-1", "lab-2", "lab-3"]);
        for session in before {
            let name = session["metadata"]["name"].as_str().unwrap();
            let now = api
                .object("sessions.streaming.platform", "default", name)
                .unwrap();
            assert_eq!(
                now["metadata"]["uid"], session["metadata"]["uid"],
                "{number}"
            );
        }
        for (name, value) in [
            // base64 of secret-of-alice and so on
            ("lab-1", "c2VjcmV0LW9mLWFsaWNl"),
            ("lab-2", "c2VjcmV0LW9mLWJvYg=="),
            ("lab-3", "c2VjcmV0LW9mLWNhcm9s"),
        ] {
            let secret = format!("session-{name}-parameters");
            let secret = api.object("secrets", "default", &secret).unwrap();
            let password = secret["data"]["PASSWORD"].as_str().unwrap();
            assert_eq!(password, value, "{number}");
        }
        let third = roster(&api, class, "--template tool");
        assert_eq!(
            third.done().matches(" unchanged\n").count(),
            3,
            "{number}: {third:#?}"
        );
    }
    assert!(completed >= 3 * MADE.len() / 2, "{completed}");
}
