//! Tests of `kubectl session template` on a fake API.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "tests may fail loudly"
)]

#[path = "template/apply.rs"]
mod apply;
#[path = "template/delete.rs"]
mod delete;
#[path = "template/look.rs"]
mod look;
#[path = "template/offline.rs"]
mod offline;
#[path = "play.rs"]
#[allow(dead_code, reason = "other verbs' tests use the rest")]
mod play;
#[path = "template/render.rs"]
mod render;

use kubectl_session_template::Template;
use play::{Play, Played};
use serde_json::Value;
use session_support::FakeApi;

pub const TEMPLATES: &str = "/apis/streaming.platform/v1/sessiontemplates";
pub const SESSIONS: &str = "/apis/streaming.platform/v1/sessions";

/// A template that uses every field that `show` prints.
pub const TOOL: &str = r#"apiVersion: streaming.platform/v1
kind: SessionTemplate
metadata: {name: tool}
spec:
  description: A tool in a container
  parameters:
  - {name: IMAGE, default: "localhost/tool:1", pattern: '^localhost/[a-z:0-9]+$', description: image to run}
  - {name: SIZE, type: quantity, default: 1Gi}
  - {name: CORES, type: integer, default: "1", minimum: 1, maximum: 8}
  - {name: MODE, required: true, options: [quick, slow]}
  - {name: PASSWORD, type: secret, generate: {length: 16}, description: password}
  presets:
    large: {CORES: "4", SIZE: 20Gi}
  primary: {kind: Pod, name: "tool-${SESSION_ID}", container: main}
  connect:
  - {name: shell, exec: [sh, -c, "exec sh"]}
  - {name: web, http: {port: 8080}}
  - {name: ssh, ssh: {port: ssh, user: tool}, container: other}
  hooks:
    sync: {command: [sync]}
  lifetime: {timeout: 2h, maximum: 24h, onExpiry: delete}
  dataPolicy: snapshot
  manifest: |
    apiVersion: v1
    kind: Secret
    metadata: {name: "tool-${SESSION_ID}"}
    stringData: {password: "${PASSWORD}"}
    ---
    apiVersion: v1
    kind: Pod
    metadata: {name: "tool-${SESSION_ID}"}
    spec:
      containers:
      - name: main
        image: "${IMAGE}"
        args: ["${MODE}", "${CORES}", "${SIZE}", "${GREETING:-}"]
        resources: {limits: {cpu: 1, memory: 1Gi}}
"#;

/// A manifest with placeholders, comments, unusual spacing and a secret.
pub const BARE: &str = "# A demo, as it is\napiVersion: v1\nkind: Secret\nmetadata:   {name: \"demo-${SESSION_ID}\"}\nstringData:\n  password: ${DB_PASSWORD}\n---\napiVersion: v1\nkind: Pod\nmetadata:\n  name: demo-${SESSION_ID} # stays\nspec:\n  containers:\n  - name: main\n    image: \"${IMAGE:-busybox:1.36}\"\n    command: [sleep, \"${SECONDS}\"]\n    resources: {limits: {cpu: 1, memory: 1Gi}}\n";

/// Runs the verb with empty standard input.
pub fn template(api: &FakeApi, words: &str) -> Played {
    Play::on(api).run::<Template>(words)
}

/// Runs the verb with a file on standard input.
pub fn piped(api: &FakeApi, file: &str, words: &str) -> Played {
    Play::on(api).piped(file).run::<Template>(words)
}

/// Returns a fake API with the template `tool`.
pub fn server() -> FakeApi {
    let api = FakeApi::stateful();
    api.put(tool());
    api
}

/// Returns the template `tool` as a server stores it.
pub fn tool() -> Value {
    let played = piped(
        &FakeApi::stateful(),
        TOOL,
        "apply -f - --dry-run=client -o json",
    );
    serde_json::from_str(played.done()).unwrap()
}
