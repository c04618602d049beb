//! Start after a change of the template: changed, without a former object, deleted.

use serde_json::{Value, json};
use session_support::{FakeApi, golden};

use crate::rested::{
    condition, object, requests_of, rested, running, session, start, uid, written,
};
use crate::tool::template;

/// Returns the template with one part of its manifest replaced.
fn changed(api: &FakeApi, from: &str, to: &str) {
    let mut template = template();
    let manifest = template["spec"]["manifest"].as_str().unwrap();
    assert!(manifest.contains(from), "{from}");
    template["spec"]["manifest"] = manifest.replace(from, to).into();
    api.put(template);
}

#[test]
fn a_changed_template_is_taken_as_it_is_now() {
    let api = rested();
    changed(&api, "tool:1", "tool:9");
    let played = start(&api, "alice");
    golden("start-template-changed.txt", &played.text());
    let pod = object(&api, "pods", "tool-alice");
    assert_eq!(pod["spec"]["containers"][0]["image"], "tool:9");
    assert_eq!(session(&api)["status"]["applied"]["templateGeneration"], 2);
}

#[test]
fn a_session_that_runs_is_told_and_keeps_what_it_has() {
    let api = running();
    changed(&api, "tool:1", "tool:9");
    let (played, requests) = requests_of(&api, || start(&api, "alice"));
    golden("start-template-newer.txt", &played.text());
    assert_eq!(
        written(&requests),
        ["PATCH sessions.streaming.platform/alice/status"]
    );
    let told = condition(&api, "TemplateChanged").unwrap();
    assert_eq!(
        (&told["status"], &told["reason"]),
        (&json!("True"), &json!("NewerTemplate"))
    );
    start(&api, "alice --restart").done();
    assert_eq!(condition(&api, "TemplateChanged"), None);
    let pod = object(&api, "pods", "tool-alice");
    assert_eq!(pod["spec"]["containers"][0]["image"], "tool:9");
}

#[test]
fn a_host_of_another_ingress_is_refused_and_the_sessions_own_is_not_compared() {
    let ingress = |name: &str, host: &str| {
        format!(
            "{{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {{name: {name}}}, spec: {{rules: [{{host: \"{host}\"}}]}}}}"
        )
    };
    let api = rested();
    let ports = "ports: [{name: http, port: 80}]";
    let ours = ingress("\"web-${SESSION_ID}\"", "${DOMAIN:-web.example.com}");
    changed(&api, ports, &format!("{ports}\n---\n{ours}"));
    api.put(json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "site", "namespace": "team"},
        "spec": {"rules": [{"host": "web.example.com"}]}}));
    let refused = |words: &str| {
        let (played, requests) = requests_of(&api, || start(&api, words));
        let error = played.failed();
        let taken = "already belongs to ingress \"site\" in namespace \"team\"";
        assert!(error.contains(taken), "{error}");
        assert_eq!(written(&requests), [""; 0]);
    };
    refused("alice");
    start(&api, "alice --set DOMAIN=alice.example.com").done();
    refused("alice --restart --set DOMAIN=web.example.com");
    let (_, requests) = requests_of(&api, || start(&api, "alice --restart").done().to_owned());
    let is_list = |request: &session_support::Recorded| {
        request.method == "GET" && request.path.ends_with("/ingresses")
    };
    assert!(!requests.iter().any(is_list), "no host is new");
}

/// The new template has a ConfigMap of another name and no claim.
#[test]
fn what_the_template_no_longer_has_goes_but_data() {
    let api = rested();
    let config = uid(&api, "configmaps", "tool-alice");
    let config_map = "kind: ConfigMap\nmetadata: {name: \"tool-${SESSION_ID}\"}";
    changed(
        &api,
        config_map,
        "kind: ConfigMap\nmetadata: {name: \"other-${SESSION_ID}\"}",
    );
    let (played, requests) = requests_of(&api, || start(&api, "alice"));
    played.done();
    let deletions: Vec<Value> = requests
        .iter()
        .filter(|request| request.method == "DELETE")
        .map(|request| request.json()["preconditions"]["uid"].clone())
        .collect();
    assert_eq!(deletions, [json!(config)]);
    object(&api, "configmaps", "other-alice");
    let api = rested();
    let claim = "kind: PersistentVolumeClaim\nmetadata: {name: \"home-${SESSION_ID}\"}";
    changed(
        &api,
        claim,
        "kind: PersistentVolumeClaim\nmetadata: {name: \"new-${SESSION_ID}\"}",
    );
    start(&api, "alice").done();
    object(&api, "persistentvolumeclaims", "home-alice");
    object(&api, "persistentvolumeclaims", "new-alice");
}

#[test]
fn what_somebody_else_made_in_its_place_stays() {
    let api = rested();
    api.remove("configmaps", "default", "tool-alice");
    api.put(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "tool-alice", "namespace": "default"}}));
    changed(
        &api,
        "kind: ConfigMap\nmetadata: {name: \"tool-",
        "kind: ConfigMap\nmetadata: {name: \"other-",
    );
    start(&api, "alice").done();
    object(&api, "configmaps", "tool-alice");
    changed(&api, "tool:1", "tool:1");
    let refused = start(&api, "alice --restart");
    assert_eq!(refused.code, 1);
    assert!(
        refused
            .err
            .contains("ConfigMap \"tool-alice\" already exists and is not part of"),
        "{}",
        refused.err
    );
    assert_eq!(object(&api, "configmaps", "tool-alice").get("data"), None);
    start(&api, "alice --use-existing ConfigMap/tool-alice").done();
    assert_eq!(object(&api, "configmaps", "tool-alice").get("data"), None);
}

#[test]
fn a_template_that_is_gone_is_told_before_anything_is_written() {
    let api = rested();
    api.remove("sessiontemplates.streaming.platform", "", "tool");
    let (played, requests) = requests_of(&api, || start(&api, "alice"));
    golden("start-template-gone.txt", played.failed());
    assert_eq!(written(&requests), [""; 0]);
}

#[test]
fn values_that_the_template_does_not_take_are_told_before_anything_is_written() {
    let api = rested();
    for words in [
        "alice --set NOTHING=1",
        "alice --set SIZE=large",
        "alice --preset huge",
    ] {
        let (played, requests) = requests_of(&api, || start(&api, words));
        assert!(played.failed().starts_with("error: "), "{}", played.err);
        assert_eq!(written(&requests), [""; 0]);
    }
}

#[test]
fn a_template_that_never_existed_is_not_to_be_applied_again() {
    let api = rested();
    let mut session = session(&api);
    session["spec"]["template"] = "tol".into();
    session["status"] = json!({});
    api.put(session);
    let played = start(&api, "alice");
    assert_eq!(
        played.failed(),
        "error: cannot start session \"alice\": template \"tol\" does not exist\n\
         hint: choose one of the templates: tool\n"
    );
}
