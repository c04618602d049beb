//! Fixtures: a running session as `create` leaves it, and the writes of a deletion.

use kubectl_session_delete::Delete;
use serde_json::{Value, json};
use session_shared::client::interrupt::Interrupt;
use session_support::session_fixture::SESSIONS;
use session_support::{FakeApi, Recorded, SessionFixture};

use crate::play::{Play, Played};

pub const SNAPSHOTS: &str = "volumesnapshots.snapshot.storage.k8s.io";

/// Returns a running session with a sync hook, a Service, a claim and a parameters Secret, whose data policy is `keep`.
pub fn running(name: &str) -> SessionFixture {
    without_claim(name).home()
}

pub fn without_claim(name: &str) -> SessionFixture {
    let fixture = SessionFixture::running(name).sync().service().secret();
    with_policy(fixture, "keep")
}

/// Returns the session with a data policy in its status, as a start writes the template's.
pub fn with_policy(fixture: SessionFixture, policy: &str) -> SessionFixture {
    fixture.status(json!({"dataPolicy": policy}))
}

/// Returns the session with a Pod that stays until its finalizer is removed.
pub fn lingering(fixture: SessionFixture) -> SessionFixture {
    fixture.pod_fields(json!({"metadata": {"finalizers": ["example.com/kubelet"]}}))
}

pub fn delete(api: &FakeApi, words: &str) -> Played {
    Play::on(api).run::<Delete>(words)
}

/// Returns the writes in order: verb and name of each object.
pub fn written(api: &FakeApi) -> Vec<String> {
    api.writes().iter().map(short).collect()
}

fn short(request: &Recorded) -> String {
    let parts: Vec<&str> = request.path.rsplit('/').collect();
    format!("{} {}/{}", request.method, parts[1], parts[0])
}

/// Returns the names of all objects on the server, `resource/name`.
pub fn left(api: &FakeApi) -> Vec<String> {
    let kinds = [
        SESSIONS,
        "pods",
        "services",
        "persistentvolumeclaims",
        "secrets",
        SNAPSHOTS,
    ];
    let named = |kind: &str| -> Vec<String> {
        let name =
            |object: Value| format!("{kind}/{}", object["metadata"]["name"].as_str().unwrap());
        api.objects(kind).into_iter().map(name).collect()
    };
    kinds.iter().flat_map(|kind| named(kind)).collect()
}

/// Runs delete, and changes the server or interrupts the command when a given request arrives.
pub fn meanwhile(api: &FakeApi, awaited: &str, act: impl FnOnce(&Interrupt) + Send) -> Played {
    Play::on(api).meanwhile::<Delete>("alice", |_, interrupt| {
        let begun = std::time::Instant::now();
        while !api.lines().iter().any(|line| line.contains(awaited)) {
            assert!(begun.elapsed().as_secs() < 10, "nobody asked for {awaited}");
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        act(interrupt);
    })
}
