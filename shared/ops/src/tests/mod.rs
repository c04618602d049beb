//! Operations against a fake API: what is sent, and what is made of the answers.

mod controller;
mod observed_session;
mod patching;
mod room;
mod waiting;

use serde_json::{Value, json};
use session_support::FakeApi;

use crate::Cluster;

fn cluster(api: &FakeApi) -> Cluster {
    session_client::Cluster::from_client(api.client(), "default").into()
}

fn session(name: &str) -> Value {
    json!({"apiVersion": "streaming.platform/v1", "kind": "Session", "metadata": {"name": name, "namespace": "default"}, "spec": {"userId": "alice"}})
}
