//! Tests of `template apply`.

use session_support::{Answer, FakeApi, golden};

use crate::{BARE, TEMPLATES, TOOL, piped, server, template};

const QUALIFIED: &str = "sessiontemplates.streaming.platform";
const WRITE: &str = "fieldManager=kubectl-session&fieldValidation=Strict";

#[test]
fn a_template_is_created_unchanged_and_configured() {
    let api = FakeApi::stateful();
    let of = |file: &str| piped(&api, file, "apply -f -").done().to_owned();
    let line = |what: &str| format!("sessiontemplate.streaming.platform/tool {what}\n");
    assert_eq!(of(TOOL), line("created"));
    assert_eq!(of(TOOL), line("unchanged"));
    assert_eq!(of(&TOOL.replace("A tool", "The tool")), line("configured"));
    let kept = api.object(QUALIFIED, "", "tool").unwrap();
    assert_eq!(kept["spec"]["description"], "The tool in a container");
    let pair = [
        format!("GET {TEMPLATES}/tool"),
        format!("PATCH {TEMPLATES}/tool?{WRITE}&force=true"),
    ];
    assert_eq!(api.lines(), [pair.clone(), pair.clone(), pair].concat());
}

#[test]
fn what_was_written_with_another_word_is_taken_over() {
    let api = FakeApi::stateful();
    piped(&api, TOOL, "apply -f -").done();
    let mut other = api.object(QUALIFIED, "", "tool").unwrap();
    other["metadata"]["managedFields"][0]["operation"] = "Update".into();
    api.put(other);
    piped(&api, TOOL, "apply -f -").done();
    let methods: Vec<String> = api
        .requests()
        .iter()
        .map(|one| one.header("content-type").to_owned())
        .collect();
    assert!(
        methods.contains(&"application/json-patch+json".to_owned()),
        "{methods:?}"
    );
}

#[test]
fn what_show_prints_can_be_applied_again() {
    let api = FakeApi::stateful();
    piped(&api, TOOL, "apply -f -").done();
    let shown = template(&api, "show tool -o yaml --show-managed-fields");
    let played = piped(&api, shown.done(), "apply -f -");
    assert_eq!(
        played.done(),
        "sessiontemplate.streaming.platform/tool unchanged\n"
    );
}

#[test]
fn a_dry_run_writes_nothing() {
    let api = server();
    for (words, line) in [
        ("apply -f - --dry-run=client", "configured (dry run)"),
        ("apply -f - --dry-run=server", "configured (server dry run)"),
    ] {
        let file = TOOL.replace("A tool", "The tool");
        let played = piped(&api, &file, words);
        assert_eq!(
            played.done(),
            format!("sessiontemplate.streaming.platform/tool {line}\n")
        );
    }
    let played = piped(&api, BARE, "apply -f - --name demo --dry-run");
    assert!(played.done().ends_with("/demo created (dry run)\n"));
    assert!(played.err.contains("--dry-run is deprecated"), "{played:?}");
    assert!(api.writes().is_empty());
}

#[test]
fn a_manifest_becomes_a_template_byte_for_byte() {
    let api = FakeApi::stateful();
    let played = piped(&api, BARE, "apply -f - --name demo");
    golden("template-apply-manifest.txt", &played.text());
    let kept = api.object(QUALIFIED, "", "demo").unwrap();
    assert_eq!(kept["spec"]["manifest"], BARE);
    assert_eq!(
        kept["spec"]["parameters"],
        serde_json::json!([{"name": "DB_PASSWORD", "type": "secret"}])
    );
    let windows = BARE.replace('\n', "\r\n");
    piped(&api, &windows, "apply -f - --name demo").done();
    assert_eq!(
        api.object(QUALIFIED, "", "demo").unwrap()["spec"]["manifest"],
        windows
    );
}

#[test]
fn the_files_of_the_first_users_become_templates_as_they_are() {
    let api = FakeApi::stateful();
    for file in ["nvim-web-pod.yaml", "dozlab-lab-pod.yaml"] {
        let path = format!("../../tests/fixtures/{file}");
        let played = template(&api, &format!("apply -f {path} --name first"));
        assert_eq!(played.code, 0, "{played:#?}");
        let kept = api.object(QUALIFIED, "", "first").unwrap();
        assert_eq!(
            kept["spec"]["manifest"],
            std::fs::read_to_string(path).unwrap()
        );
        api.remove(QUALIFIED, "", "first");
    }
}

#[test]
fn a_password_in_a_manifest_is_warned_about_and_never_said() {
    let api = FakeApi::stateful();
    let file = BARE.replace("${DB_PASSWORD}", "hunter2");
    let played = piped(&api, &file, "apply -f - --name demo");
    played.done();
    assert!(
        played.err.contains("everybody who can read templates"),
        "{played:?}"
    );
    assert!(!played.text().contains("hunter2"), "{played:?}");
}

#[test]
fn several_templates_stand_in_one_file_and_one_refusal_stops_no_other() {
    let api = FakeApi::stateful();
    let other = TOOL.replace("{name: tool}", "{name: other}");
    let forbidden = Answer::forbidden("alice", "patch", QUALIFIED, "");
    api.on("PATCH", &format!("{TEMPLATES}/tool"), forbidden);
    let played = piped(&api, &format!("{TOOL}---\n{other}"), "apply -f -");
    assert_eq!(
        (played.code, played.out.as_str()),
        (1, "sessiontemplate.streaming.platform/other created\n")
    );
    assert!(
        played.err.starts_with("Error from server (Forbidden): "),
        "{played:?}"
    );
}

#[test]
fn the_servers_refusal_of_a_field_is_told() {
    let api = FakeApi::stateful();
    let invalid = Answer::invalid(
        "streaming.platform",
        "SessionTemplate",
        "tool",
        &[(
            "spec.manifest",
            "Too long: may not be more than 200000 bytes",
        )],
    );
    api.on("PATCH", &format!("{TEMPLATES}/tool"), invalid);
    let played = piped(&api, TOOL, "apply -f -");
    assert_eq!(
        played.failed(),
        "The SessionTemplate \"tool\" is invalid: spec.manifest: Too long: may not be more than 200000 bytes\n"
    );
}

#[test]
fn what_is_wrong_with_a_file_is_said_before_anything_is_asked() {
    let api = FakeApi::new();
    let two = BARE.replace("${SECONDS}", "1").to_owned()
        + "---\napiVersion: v1\nkind: Pod\nmetadata: {name: second}\nspec: {containers: [{name: a, image: b}]}\n";
    let long = format!("{BARE}# {}\n", "x".repeat(200_000));
    let beside = format!("{TOOL}---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: x}}\n");
    let foreign = TOOL.replace("streaming.platform/v1", "streaming.platform/v2");
    let mut text = String::new();
    for (file, words) in [
        (
            TOOL.replace("description: A", "descripton: A"),
            "apply -f -",
        ),
        (
            BARE.replace("${SECONDS}", "${SECONDS"),
            "apply -f - --name demo",
        ),
        (BARE.to_owned(), "apply -f -"),
        (BARE.to_owned(), "apply -f - --name Demo"),
        (TOOL.to_owned(), "apply -f - --name demo"),
        (two.clone(), "apply -f - --name demo"),
        (long, "apply -f - --name demo"),
        (beside, "apply -f -"),
        (foreign, "apply -f -"),
        (String::new(), "apply -f - --name demo"),
    ] {
        let played = piped(&api, &file, words);
        text.push_str(&format!("$ template {words}\n{}", played.failed()));
    }
    golden("template-apply-wrong.txt", &text);
    assert!(api.lines().is_empty());
    let api = FakeApi::stateful();
    piped(&api, &two, "apply -f - --name demo --primary pod/second").done();
    let kept = api.object(QUALIFIED, "", "demo").unwrap();
    assert_eq!(
        kept["spec"]["primary"],
        serde_json::json!({"kind": "Pod", "name": "second"})
    );
}

/// What the annotations of a manifest say, the template says too; a placeholder is left to the start.
#[test]
fn the_settings_of_a_manifest_become_those_of_the_template() {
    let api = FakeApi::stateful();
    let annotated = |lifetime: &str| {
        let annotations = format!(
            "  annotations:\n    streaming.platform/lifetime: {lifetime}\n    streaming.platform/sync: '{{command: [sync-home]}}'\n    streaming.platform/connect: '[{{name: web, http: {{port: 8080}}}}]'\nspec:"
        );
        BARE.replace("spec:", &annotations)
    };
    piped(&api, &annotated("2h"), "apply -f - --name demo").done();
    let spec = api.object(QUALIFIED, "", "demo").unwrap()["spec"].clone();
    assert_eq!(spec["lifetime"], serde_json::json!({"timeout": "2h"}));
    assert_eq!(
        spec["hooks"],
        serde_json::json!({"sync": {"command": ["sync-home"]}})
    );
    assert_eq!(
        spec["connect"],
        serde_json::json!([{"name": "web", "http": {"port": 8080}}])
    );
    piped(&api, &annotated("${TIME:-3h}"), "apply -f - --name other").done();
    let spec = api.object(QUALIFIED, "", "other").unwrap()["spec"].clone();
    assert!(
        spec.get("lifetime").is_none() && spec.get("hooks").is_some(),
        "{spec}"
    );
}

#[test]
fn the_placeholders_of_another_tool_are_replaced_on_request() {
    let api = FakeApi::stateful();
    let file = BARE.replace("demo-${SESSION_ID}", "demo-{id}");
    let refused = piped(&api, &file, "apply -f - --name demo");
    assert_eq!(refused.code, 1);
    let hint = "hint: replace the placeholder: --replace '{id}=${SESSION_ID}'";
    assert!(refused.err.contains(hint), "{refused:?}");
    let words = "apply -f - --name demo --replace {id}=${SESSION_ID}";
    piped(&api, &file, words).done();
    assert_eq!(
        api.object(QUALIFIED, "", "demo").unwrap()["spec"]["manifest"],
        BARE
    );
    let nowhere = template(&api, "params tool --replace a=b");
    assert!(
        nowhere.err.contains("--replace requires --filename"),
        "{nowhere:?}"
    );
}

#[test]
fn a_hint_stands_below_its_warning() {
    let api = FakeApi::stateful();
    let file = BARE.replace("${DB_PASSWORD}", "hunter2");
    let played = piped(&api, &file, "apply -f - --name demo");
    let lines: Vec<&str> = played.err.lines().collect();
    let at = lines
        .iter()
        .position(|line| line.contains("everybody who can read templates"));
    assert!(
        lines[at.unwrap() + 1].starts_with("hint: use placeholders ${NAME}"),
        "{lines:#?}"
    );
}
