//! `-f`: Session objects, manifests, standard input, and invalid files.

use kubectl_session_create::Create;
use serde_json::Value;
use session_support::{FakeApi, golden};

use crate::play::{Play, Played};
use crate::tool::{made, posts, server};

/// The Session from the GIMP platform's documents, for an existing template.
const GIMP: &str = include_str!("../../fixtures/gimp-sessions.yaml");

fn first(text: &str) -> String {
    text.split("---").next().unwrap().to_owned()
}

/// The template `tool` under the name of the application.
fn gimp_server() -> FakeApi {
    let api = server();
    let mut template = crate::tool::template();
    template["metadata"]["name"] = "gimp".into();
    let manifest = template["spec"]["manifest"].as_str().unwrap().to_owned();
    let sized = manifest.replace("\"${SIZE}\"", "1Gi");
    template["spec"]["manifest"] = sized.into();
    api.put(template);
    api
}

fn from(api: &FakeApi, input: &str, words: &str) -> Played {
    let words = format!("-f - --wait=false {words}");
    Play::on(api).piped(input).run::<Create>(&words)
}

#[test]
fn a_session_object_is_created_as_it_stands() {
    let api = gimp_server();
    let played = from(&api, &first(GIMP), "--skip-checks");
    let text = played.text();
    assert_eq!(
        played.done(),
        "session.streaming.platform/user-123 created\n",
        "{text}"
    );
    let session = posts(&api)[0].json();
    let spec = &session["spec"];
    assert_eq!(spec["userId"], "user-123");
    assert_eq!(spec["application"], "gimp");
    assert_eq!(spec["timeout"], Value::from(3600));
    assert_eq!(spec["resources"]["memory"], "4Gi");
    let status = api
        .object("sessions.streaming.platform", "default", "user-123")
        .unwrap()["status"]
        .clone();
    assert_eq!(status["expiresAt"], "2026-03-01T13:00:00Z");
    assert_eq!(status["template"], "gimp");
}

#[test]
fn flags_go_before_what_the_file_says() {
    let api = gimp_server();
    from(
        &api,
        &first(GIMP),
        "--skip-checks --memory 8Gi --expires-in 30m",
    )
    .done();
    let spec = posts(&api)[0].json()["spec"].clone();
    assert_eq!(spec["resources"]["memory"], "8Gi");
    assert_eq!(spec["resources"]["cpu"], "2");
    assert_eq!(spec["timeout"], "30m");
}

#[test]
fn a_part_of_a_gpu_is_refused_with_the_reason() {
    let api = gimp_server();
    let second = GIMP.split("---").nth(1).unwrap();
    let played = from(&api, second, "");
    golden("create-gpu.txt", &played.text());
    assert!(api.requests().is_empty());
}

#[test]
fn two_sessions_in_a_file_are_refused() {
    let api = gimp_server();
    let played = from(&api, GIMP, "");
    golden("create-two-sessions.txt", &played.text());
    assert!(api.requests().is_empty());
}

#[test]
fn file_and_flags_must_agree() {
    for (words, text) in [
        (
            "bob",
            "error: the name from the provided object \"user-123\" does not match the name \"bob\"\n",
        ),
        (
            "--user-id bob",
            "error: the owner from the provided object \"user-123\" does not match the owner \"bob\"\n",
        ),
    ] {
        let api = gimp_server();
        assert_eq!(from(&api, &first(GIMP), words).failed(), text);
        assert!(api.requests().is_empty());
    }
    let api = gimp_server();
    let other = first(GIMP).replace("name: user-123", "name: user-123\n  namespace: q");
    assert_eq!(
        from(&api, &other, "").failed(),
        "error: the namespace from the provided object \"q\" does not match the namespace \"default\". You must pass \
         '--namespace=q' to perform this operation.\n"
    );
}

const POD: &str = r#"apiVersion: v1
kind: Secret
metadata: {name: "s-${SESSION_ID}"}
stringData: {token: very-secret}
---
apiVersion: v1
kind: Pod
metadata: {name: "p-${SESSION_ID}"}
spec:
  containers:
  - name: main
    image: "${IMAGE:-busybox:1.36}"
"#;

#[test]
fn privileges_of_a_manifest_are_told_when_it_is_stored() {
    let api = server();
    let text = POD.replace("spec:\n", "spec:\n  hostNetwork: true\n");
    let played = from(&api, &text, "demo");
    played.done();
    let wanted =
        "Warning: Pod \"p-demo\": hostNetwork is true: later starts require --trust-manifest\n";
    assert!(played.err.contains(wanted), "{}", played.err);
}

#[test]
fn a_manifest_is_kept_in_the_session_without_its_secrets() {
    let api = server();
    let played = from(&api, POD, "demo --set IMAGE=busybox:1.37");
    let text = played.text();
    assert_eq!(
        played.done(),
        "session.streaming.platform/demo created\n",
        "{text}"
    );
    let session = posts(&api)[0].json();
    let manifest = session["spec"]["manifest"].as_str().unwrap();
    assert!(manifest.contains("${IMAGE:-busybox:1.36}"), "{manifest}");
    assert!(!session.to_string().contains("very-secret"), "{session}");
    assert_eq!(session["spec"]["secretsFrom"], "client");
    assert_eq!(
        made(&api),
        [
            "sessions.streaming.platform/demo",
            "secrets/session-demo-parameters",
            "secrets/s-demo",
            "pods/p-demo"
        ]
    );
    let secret = posts(&api)[2].json();
    assert_eq!(secret["stringData"]["token"], "very-secret");
    let pod = posts(&api)[3].json();
    assert_eq!(pod["spec"]["containers"][0]["image"], "busybox:1.37");
    // only for a template is the service account token disabled by default
    assert_eq!(pod["spec"].get("automountServiceAccountToken"), None);
}

#[test]
fn a_file_is_read_as_standard_input_is() {
    let file = std::env::temp_dir().join(format!("session-create-{}.yaml", std::process::id()));
    std::fs::write(&file, POD).unwrap();
    let api = server();
    let path = file.to_str().unwrap();
    let played = Play::on(&api).run_args::<Create>(&["demo", "-f", path, "--wait=false"]);
    std::fs::remove_file(&file).unwrap();
    played.done();
    assert_eq!(made(&api).len(), 4);
}

/// Mistakes that need no server are reported without a request.
#[test]
fn what_cannot_be_read_is_told_before_any_request() {
    let cases: [(&str, &str); 10] = [
        ("-f /nowhere/x.yaml", ""),
        ("alice --template tool --env-file /nowhere/x.env", ""),
        ("alice --template tool --env-file - --set-file A=-", ""),
        ("alice --template tool --env-file -", "A=1\nnot-a-pair\n"),
        ("alice --template tool --set A", ""),
        ("alice --template tool --set a-b=c", ""),
        ("-f -", ""),
        ("-f -", "a: [1"),
        ("-f -", "apiVersion: v1\nkind: ConfigMap\n"),
        (
            "-f -",
            "apiVersion: streaming.platform/v1\nkind: Session\nmetadata: {name: a}\nspec: {userId: u}\n",
        ),
    ];
    let mut text = String::new();
    for (words, input) in cases {
        let api = server();
        let played = Play::on(&api).piped(input).run::<Create>(words);
        text.push_str(&format!(
            "$ create {words} <<< {input:?}\n{}",
            played.failed()
        ));
        assert!(api.requests().is_empty(), "{words}: {:?}", api.lines());
    }
    golden("create-unreadable.txt", &text);
}

#[test]
fn values_that_no_template_could_make_legal_are_refused() {
    let mut text = String::new();
    for words in [
        "Alice --template tool",
        "alice --template Tool",
        "alice --template tool --cpu 0",
        "alice --template tool --memory=-1Gi",
        "alice --template tool --gpu 0.25",
        "alice --template tool --storage x",
        "alice --template tool --expires-in soon",
        "alice --template tool --data-policy burn",
        "alice --template tool --reconcile nobody",
        "alice --template tool --use-existing secret",
        "alice --template tool --dry-run=maybe",
        "alice --template tool -o bogus",
        "alice --template tool -o wide",
    ] {
        let api = server();
        let played = Play::on(&api).run::<Create>(words);
        text.push_str(&format!("$ create {words}\n{}", played.failed()));
        assert!(api.requests().is_empty(), "{words}: {:?}", api.lines());
    }
    golden("create-illegal.txt", &text);
}

/// A Deployment with placeholders of another tool, and one beside it.
const FOREIGN: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: \"app-{user-id}\"}\nspec: {selector: {matchLabels: {app: a}}, template: {metadata: {labels: {app: a}}, spec: {containers: [{name: main, image: a}]}}}\n\
---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: \"db-{user-id}\"}\nspec: {selector: {matchLabels: {app: b}}, template: {metadata: {labels: {app: b}}, spec: {containers: [{name: main, image: b}]}}}\n";

#[test]
fn the_placeholders_of_another_tool_are_replaced_and_the_primary_is_filled_in() {
    let api = server();
    let refused = from(&api, FOREIGN, "alice");
    let hint = "hint: replace the placeholder: --replace '{user-id}=${USER_ID}'";
    assert!(
        refused.code == 1 && refused.err.contains(hint),
        "{refused:?}"
    );
    let words = "alice --user-id -x --replace {user-id}=${SESSION_ID} --primary Deployment/app-${SESSION_ID} --skip-checks";
    let played = from(&api, FOREIGN, words);
    let text = played.text();
    assert_eq!(
        played.done(),
        "session.streaming.platform/alice created\n",
        "{text}"
    );
    let session = api
        .object("sessions.streaming.platform", "default", "alice")
        .unwrap();
    assert_eq!(session["spec"]["userId"], "-x");
    let primary = &session["status"]["applied"]["primary"];
    assert_eq!(
        (&primary["kind"], &primary["name"]),
        (&"Deployment".into(), &"app-alice".into())
    );
    let nothing = Play::on(&api).run::<Create>("bob --template tool --replace a=b");
    assert!(
        nothing.err.contains("--replace requires --filename"),
        "{nothing:?}"
    );
}

#[test]
fn the_placeholders_of_hooks_are_filled_in_and_values_are_not_searched_again() {
    let api = server();
    let mut template = crate::tool::template();
    template["spec"]["hooks"] = serde_json::json!({
        "sync": {"command": ["sh", "-c", "cp ${SIZE} $HOME ${X#p} $${HOME} ${SESSION_ID}"]},
        "quiesce": {"command": ["${NOTE:-none}"]},
    });
    api.put(template);
    Play::on(&api)
        .run::<Create>("alice --template tool --wait=false --skip-checks")
        .done();
    let session = api
        .object("sessions.streaming.platform", "default", "alice")
        .unwrap();
    let hooks = &session["status"]["applied"]["hooks"];
    assert_eq!(
        hooks["sync"]["command"][2],
        "cp 1Gi $HOME ${X#p} ${HOME} alice"
    );
    assert_eq!(hooks["quiesce"]["command"][0], "none");
    let own = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: own-${SESSION_ID}\n  annotations: {streaming.platform/sync: '{command: [\"$${HOME}\", \"${TEXT}\"]}', streaming.platform/connect: '[{name: s, exec: [\"${TEXT}\"]}]'}\nspec: {containers: [{name: main, image: a}]}\n";
    from(&api, own, "own --set TEXT=${SIZE} --skip-checks").done();
    let session = api
        .object("sessions.streaming.platform", "default", "own")
        .unwrap();
    let applied = &session["status"]["applied"];
    assert_eq!(
        applied["hooks"]["sync"]["command"],
        serde_json::json!(["${HOME}", "${SIZE}"])
    );
    assert_eq!(
        applied["connect"][0]["exec"],
        serde_json::json!(["${SIZE}"])
    );
}

/// A template that was made of a manifest says no more than the manifest: its annotations and ports count.
#[test]
fn a_template_without_settings_has_those_of_its_manifest() {
    let api = server();
    let mut template = crate::tool::template();
    let spec = template["spec"].as_object_mut().unwrap();
    spec.shift_remove("connect");
    spec.shift_remove("lifetime");
    let annotated = "  labels: {app: tool}\n  annotations: {streaming.platform/lifetime: \"${TIME:-3h}\", streaming.platform/sync: '{command: [sync-home]}'}\n";
    let manifest =
        spec["manifest"]
            .as_str()
            .unwrap()
            .replacen("  labels: {app: tool}\n", annotated, 1);
    spec["manifest"] = manifest.into();
    api.put(template);
    Play::on(&api)
        .run::<Create>("alice --template tool --wait=false --skip-checks")
        .done();
    let session = api
        .object("sessions.streaming.platform", "default", "alice")
        .unwrap();
    assert_eq!(session["status"]["expiresAt"], "2026-03-01T15:00:00Z");
    let applied = &session["status"]["applied"];
    assert_eq!(applied["hooks"]["sync"]["command"][0], "sync-home");
    let names: Vec<&Value> = applied["connect"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["name"])
        .collect();
    assert_eq!(names, ["shell", "http"]);
}
