//! Tests of `template lint` and of built-in templates, which need no cluster.

use session_support::{FakeApi, golden};

use crate::{BARE, TOOL, piped, template};

const BAD: &str = r#"apiVersion: streaming.platform/v1
kind: SessionTemplate
metadata: {name: bad}
spec:
  descripton: x
  parameters:
  - {name: CORES, type: integer, default: "a"}
  presets: {large: {NOTHING: "1"}}
  manifest: |
    apiVersion: v1
    kind: Pod
    metadata: {name: "x-${SESSION_ID}"}
    spec:
      containers:
      - name: main
        image: "${IMAGE}"
        env: [{name: P, value: "${b-c}"}, {name: TOKEN, value: "${API_TOKEN}"}]
"#;

#[test]
fn all_findings_are_said_at_once_with_their_places() {
    let api = FakeApi::new();
    let played = piped(&api, BAD, "lint -f -");
    assert_eq!(played.code, 1);
    golden("template-lint.txt", &played.text());
    let played = piped(&api, BAD, "lint -f - -o json");
    assert_eq!(played.code, 1);
    let found: serde_json::Value = serde_json::from_str(&played.out).unwrap();
    let first = &found["findings"][0];
    assert!(
        first["message"].is_string() && first["severity"].is_string(),
        "{found}"
    );
    assert!(api.lines().is_empty());
}

#[test]
fn a_manifest_is_linted_as_one() {
    let api = FakeApi::new();
    let played = piped(&api, BARE, "lint -f -");
    assert_eq!(played.code, 0);
    golden("template-lint-manifest.txt", &played.text());
    assert!(!played.out.contains("warning: "), "{}", played.out);
    assert_eq!(piped(&api, BARE, "lint -f - --strict").code, 0);
    let played = piped(&api, BARE, "lint -f - --for-controller");
    assert_eq!(played.code, 0);
    assert!(played.out.contains("so a controller refuses the template"));
    let played = piped(&api, BARE, "lint -f - --for-controller --strict");
    assert_eq!(
        (played.code, played.err.as_str()),
        (1, "error: lint found 1 warning\n")
    );
}

#[test]
fn a_file_without_findings_is_said_to_be_well() {
    let api = FakeApi::new();
    let hardened = TOOL
        .replace("${GREETING:-}", "hello")
        .replace(
            "      containers:\n",
            "      securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}\n      containers:\n",
        )
        .replace(
            "        args:",
            "        securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}\n        args:",
        );
    let played = piped(&api, &hardened, "lint -f -");
    assert_eq!(
        (played.done(), played.err.as_str()),
        ("", "note: no problems found\n")
    );
    let played = piped(
        &api,
        &TOOL.replace("${GREETING:-}", "hello"),
        "lint -q -f -",
    );
    assert_eq!(played.err, "");
}

#[test]
fn files_that_are_no_templates_are_errors_not_crashes() {
    let api = FakeApi::new();
    let folder = "../../tests/fixtures/hostile";
    for entry in std::fs::read_dir(folder).unwrap() {
        let file = format!("{folder}/{}", entry.unwrap().file_name().to_string_lossy());
        for words in ["lint", "params", "apply --name x", "render"] {
            let played = template(&api, &format!("{words} -f {file}"));
            assert_eq!(played.code, 1, "{words} {file}: {played:#?}");
            assert!(
                played.err.contains("error: "),
                "{words} {file}: {played:#?}"
            );
        }
    }
    assert!(api.lines().is_empty());
}

#[test]
fn the_templates_of_the_program_need_no_cluster() {
    let api = FakeApi::new();
    let mut text = String::new();
    for words in [
        "list --builtin",
        "list --builtin --no-headers --sort-by=.metadata.name",
        "list --builtin -o name",
        "show shell --builtin",
        "params shell --builtin",
    ] {
        text.push_str(&format!(
            "$ template {words}\n{}",
            template(&api, words).text()
        ));
    }
    golden("template-builtin.txt", &text);
    assert!(api.lines().is_empty());
}

#[test]
fn what_is_shown_of_a_built_in_template_is_a_file_to_begin_with() {
    let api = FakeApi::new();
    for name in [
        "shell",
        "nvim",
        "gimp",
        "blender",
        "gimp-cloud",
        "lab",
        "sindri",
    ] {
        let shown = template(&api, &format!("show {name} --builtin -o yaml"));
        let played = piped(&api, shown.done(), "lint -f -");
        assert_eq!(played.code, 0, "{played:#?}");
    }
}

#[test]
fn parameters_of_a_manifest_need_no_declaration() {
    let api = FakeApi::new();
    let played = piped(&api, BARE, "params -f -");
    assert_eq!(
        played.done(),
        "NAME          TYPE     DEFAULT        REQUIRED   DESCRIPTION\n\
         DB_PASSWORD   secret   <generated>    false      <none>\n\
         IMAGE         string   busybox:1.36   false      <none>\n\
         SECONDS       string   <none>         true       <none>\n"
    );
    let default = BARE.replace("${DB_PASSWORD}", "${DB_PASSWORD:-hunter2}");
    let played = piped(&api, &default, "params -f - -o json");
    assert!(!played.done().contains("hunter2"), "{played:?}");
    let none = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n";
    let played = piped(&api, none, "params -f -");
    assert_eq!(
        (played.done(), played.err.as_str()),
        ("", "No parameters found\n")
    );
}

#[test]
fn a_configuration_of_another_program_is_no_template() {
    let sindri = include_str!("../../fixtures/sindri-basic.yaml");
    for words in ["apply -f -", "lint -f -", "params -f -"] {
        let played = piped(&FakeApi::new(), sindri, words);
        assert_eq!(
            played.failed(),
            "error: standard input is a Sindri configuration: it describes one session, not a template\n\
             hint: create the session: kubectl session create -f FILENAME\n",
            "{words}"
        );
    }
}
