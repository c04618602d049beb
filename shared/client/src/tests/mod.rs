//! Tests of the module against a fake API: the requests sent, and the handling of responses.

mod client_config;
mod connection_errors;
mod credentials;
mod endless_responses;
mod exec;
mod http2;
mod kubectl;
mod presence;
mod read;
mod shared_reads;
mod shared_watch;
mod trusted_leaf;
mod watch;
mod write;

use serde_json::{Value, json};
use session_support::FakeApi;

use super::{Cluster, UserAgent};

fn agent() -> UserAgent {
    UserAgent {
        program: "kubectl-session-list".to_owned(),
        version: env!("CARGO_PKG_VERSION"),
    }
}

fn cluster(api: &FakeApi) -> Cluster {
    Cluster::from_client(api.client(), "default")
}

fn session(name: &str) -> Value {
    json!({"apiVersion": "streaming.platform/v1", "kind": "Session", "metadata": {"name": name, "namespace": "default"}, "spec": {"userId": "alice"}})
}

fn pod(name: &str, labels: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default", "labels": labels}, "spec": {"containers": [{"name": "c"}]}})
}
