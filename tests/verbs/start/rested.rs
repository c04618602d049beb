//! Fixtures: sessions that the verbs created and stopped, and the requests of a start.

use kubectl_session_create::Create;
use kubectl_session_start::Start;
use kubectl_session_stop::Stop;
use serde_json::Value;
use session_support::{FakeApi, Recorded};

use crate::play::{Play, Played};
use crate::tool::{ready, server, subject};

pub const KIND: &str = "sessions.streaming.platform";

/// Returns a server with the template, where Pods become ready.
pub fn lively() -> FakeApi {
    let api = server();
    api.react("pods", |pod| {
        let running = pod["status"]["phase"].is_string();
        if running {
            Vec::new()
        } else {
            vec![ready(pod)]
        }
    });
    api
}

/// Returns a server where session alice runs.
pub fn running() -> FakeApi {
    let api = lively();
    Play::on(&api).run::<Create>("alice --template tool").done();
    api
}

/// Returns a server where session alice has been stopped.
pub fn rested() -> FakeApi {
    let api = running();
    Play::on(&api).run::<Stop>("alice").done();
    api
}

pub fn start(api: &FakeApi, words: &str) -> Played {
    Play::on(api).run::<Start>(words)
}

/// Returns the requests that `act` sends.
pub fn requests_of<T>(api: &FakeApi, act: impl FnOnce() -> T) -> (T, Vec<Recorded>) {
    let before = api.requests().len();
    let done = act();
    (done, api.requests().split_off(before))
}

/// Returns the writes among requests as `METHOD resource/name`, followed by the subresource.
pub fn written(requests: &[Recorded]) -> Vec<String> {
    let writes = requests.iter().filter(|request| request.writes());
    let short = |request: &Recorded| {
        let part = if request.path.ends_with("/status") {
            "/status"
        } else {
            ""
        };
        format!("{} {}{part}", request.method, subject(request))
    };
    writes.map(short).collect()
}

pub fn session(api: &FakeApi) -> Value {
    object(api, KIND, "alice")
}

pub fn object(api: &FakeApi, kind: &str, name: &str) -> Value {
    let found = api.object(kind, "default", name);
    found.unwrap_or_else(|| panic!("no {kind}/{name}"))
}

pub fn uid(api: &FakeApi, kind: &str, name: &str) -> String {
    object(api, kind, name)["metadata"]["uid"]
        .as_str()
        .unwrap()
        .to_owned()
}

pub fn condition(api: &FakeApi, kind: &str) -> Option<Value> {
    let status = session(api)["status"].clone();
    let all = status["conditions"].as_array().cloned().unwrap_or_default();
    all.into_iter().find(|condition| condition["type"] == kind)
}
