//! Scene: a session with claims, a server with the snapshot API, and a minimal CSI driver.

use kubectl_session_snapshot::Snapshot;
use serde_json::{Value, json};
pub use session_support::session_fixture::{SESSIONS, START};
use session_support::{Execution, FakeApi, SessionFixture};

use crate::play::{Play, Played};

pub const SNAPSHOTS: &str = "volumesnapshots.snapshot.storage.k8s.io";
pub const DRIVER: &str = "disks.example.com";

/// Behavior of the driver for a new snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Driver {
    /// Takes the snapshot, which becomes ready.
    Works,
    /// Takes the snapshot, which never becomes ready.
    Cuts,
    /// Reports an error.
    Fails,
    /// Does nothing.
    Hangs,
}

#[derive(Clone, Copy)]
pub struct Scene<'a> {
    pub claims: &'a [&'a str],
    pub driver: Driver,
    /// Adds a ready Pod.
    pub runs: bool,
    pub hooks: bool,
}

impl Default for Scene<'_> {
    fn default() -> Self {
        Self {
            claims: &["home-alice"],
            driver: Driver::Works,
            runs: true,
            hooks: true,
        }
    }
}

impl Scene<'_> {
    pub fn server(&self) -> FakeApi {
        self.on(FakeApi::stateful())
    }

    /// Replaces the answer of a hook.
    pub fn server_with(&self, hook: &str, execution: Execution) -> FakeApi {
        let api = FakeApi::stateful();
        api.execute(hook, execution);
        self.on(api)
    }

    fn on(&self, api: FakeApi) -> FakeApi {
        api.serve(
            "snapshot.storage.k8s.io/v1",
            "VolumeSnapshot",
            "volumesnapshots",
            true,
        );
        api.serve(
            "snapshot.storage.k8s.io/v1",
            "VolumeSnapshotClass",
            "volumesnapshotclasses",
            false,
        );
        api.execute("freeze", Execution::default());
        api.execute("thaw", Execution::default());
        api.put(class("cuts", DRIVER, true));
        let driver = self.driver;
        api.react(SNAPSHOTS, move |snapshot| acted(driver, snapshot));
        self.put(&api);
        api
    }

    fn put(&self, api: &FakeApi) {
        let mut fixture = if self.runs {
            fixture()
        } else {
            fixture().at_rest()
        };
        if self.hooks {
            fixture = fixture.applied(json!({"hooks": {
                "quiesce": {"command": ["freeze", "/home"]}, "resume": {"command": ["thaw", "/home"]}}}));
        }
        for name in self.claims {
            fixture = fixture.claim(claim(name));
        }
        fixture.put(api);
    }
}

fn fixture() -> SessionFixture {
    SessionFixture::running("alice")
        .user("alice@example.com")
        .session_fields(json!({"metadata": {"uid": "u-alice"}}))
}

pub fn class(name: &str, driver: &str, default: bool) -> Value {
    json!({"apiVersion": "snapshot.storage.k8s.io/v1", "kind": "VolumeSnapshotClass", "driver": driver, "deletionPolicy": "Delete",
        "metadata": {"name": name, "annotations": {"snapshot.storage.kubernetes.io/is-default-class": default.to_string()}}})
}

pub fn metadata(name: &str) -> Value {
    fixture().metadata(name)
}

pub fn claim(name: &str) -> Value {
    let mut claim = fixture().claim_object(name);
    claim["metadata"]["annotations"]["volume.kubernetes.io/storage-provisioner"] = DRIVER.into();
    claim
}

fn acted(driver: Driver, snapshot: &Value) -> Vec<Value> {
    if !snapshot["status"].is_null() || driver == Driver::Hangs {
        return Vec::new();
    }
    let mut snapshot = snapshot.clone();
    snapshot["status"] = match driver {
        Driver::Fails => json!({"readyToUse": false, "error": {"message": "the array is on fire"}}),
        _ => {
            json!({"readyToUse": driver == Driver::Works, "restoreSize": "1Gi", "creationTime": START,
            "boundVolumeSnapshotContentName": "snapcontent-1"})
        }
    };
    vec![snapshot]
}

pub fn snapshot(api: &FakeApi, words: &str) -> Played {
    Play::on(api).run::<Snapshot>(words)
}

/// All requests in order, one line each.
pub fn requests(api: &FakeApi) -> String {
    api.lines().iter().map(|line| format!("{line}\n")).collect()
}
