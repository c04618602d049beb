//! Scene: a running session.

use kubectl_session_connect::Connect;
use serde_json::{Value, json};
use session_support::session_fixture::SESSIONS;
use session_support::{Execution, FakeApi, SessionFixture};

use crate::play::{Play, Played};

/// A server with session `alice`: one Pod `tool-alice` with containers `main` and `side`, and these connection methods.
pub fn server(methods: Value) -> FakeApi {
    let api = FakeApi::stateful();
    fixture(methods, &["main", "side"]).put(&api);
    api
}

/// A ready session; port `web` is that of container `main`.
pub fn fixture(methods: Value, containers: &[&str]) -> SessionFixture {
    let container = |name: &&str| {
        let port = if *name == "main" { "web" } else { "other" };
        json!({"name": name, "ports": [{"name": port, "containerPort": 8080}]})
    };
    let containers: Vec<Value> = containers.iter().map(container).collect();
    SessionFixture::running("alice")
        .applied(json!({"connect": methods}))
        .pod_fields(json!({"spec": {"containers": containers}, "status": {"podIP": "10.1.2.3"}}))
}

/// A session with a shell and a web page, in which every command ends at once.
pub fn usual() -> FakeApi {
    let api = server(json!([
        {"name": "shell", "exec": ["/bin/sh", "-l"]},
        {"name": "page", "http": {"port": "web", "path": "/start"}},
    ]));
    api.execute("", Execution::default());
    api
}

/// A ready primary Pod of alice's owned by `owner`.
pub fn pod(name: &str, owner: &Value, containers: &[&str]) -> Value {
    fixture(Value::Null, containers).pod_name(name).pod(owner)
}

/// Changes the existing session.
pub fn change(api: &FakeApi, change: impl FnOnce(&mut Value)) {
    let mut session = api.object(SESSIONS, "default", "alice").unwrap();
    change(&mut session);
    api.put(session);
}

pub fn connect(api: &FakeApi, words: &str) -> Played {
    Play::on(api).run::<Connect>(words)
}
