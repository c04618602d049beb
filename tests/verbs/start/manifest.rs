//! Trust in a stored manifest: its user and its privileges decide whether it runs without confirmation.

use kubectl_session_create::Create;
use kubectl_session_stop::Stop;
use serde_json::json;
use session_support::{FakeApi, golden};

use crate::play::Play;
use crate::rested::{KIND, lively, object, requests_of, start, written};

const PLAIN: &str = "
apiVersion: v1
kind: Pod
metadata: {name: \"own-${SESSION_ID}\"}
spec: {containers: [{name: main, image: \"tool:1\"}]}
";

/// A stopped session with a manifest, owned by the fake's caller.
fn rested(manifest: &str) -> FakeApi {
    let api = lively();
    let create = Play::on(&api).piped(manifest);
    create.run::<Create>("alice -f -").done();
    Play::on(&api).run::<Stop>("alice -y").done();
    api
}

#[test]
fn ones_own_is_carried_out() {
    let api = rested(PLAIN);
    start(&api, "alice").done();
    object(&api, "pods", "own-alice");
}

#[test]
fn anothers_needs_a_word() {
    let api = rested(PLAIN);
    let mut session = object(&api, KIND, "alice");
    session["spec"]["userId"] = "mallory".into();
    session["metadata"]["annotations"]["streaming.platform/user-id"] = "mallory".into();
    api.put(session);
    let (played, requests) = requests_of(&api, || start(&api, "alice"));
    golden("start-manifest-anothers.txt", played.failed());
    assert!(
        written(&requests)
            .iter()
            .all(|line| line.contains("reviews")),
        "{:?}",
        written(&requests)
    );
    start(&api, "alice --trust-manifest").done();
}

#[test]
fn privileges_need_a_word() {
    let api = rested(PLAIN);
    let mut session = object(&api, KIND, "alice");
    let text = PLAIN.replace("spec: {", "spec: {hostNetwork: true, ");
    session["spec"]["manifest"] = json!(text);
    api.put(session);
    let (played, requests) = requests_of(&api, || start(&api, "alice"));
    golden("start-manifest-privileges.txt", played.failed());
    assert!(
        written(&requests)
            .iter()
            .all(|line| line.contains("reviews")),
        "{:?}",
        written(&requests)
    );
    let refused = start(&api, "--all --trust-manifest");
    assert!(
        refused.failed().contains("requires a NAME"),
        "{}",
        refused.err
    );
}
