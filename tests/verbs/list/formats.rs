//! `-o`: complete sessions, with phases computed from their Pods.

use serde_json::{Value, json};
use session_support::{FakeApi, golden};

use crate::class::{class, list};

fn json_of(api: &FakeApi, words: &str) -> Value {
    serde_json::from_str(list(api, words).done()).unwrap()
}

/// Removes the lines of UIDs, versions and generations, which differ from run to run.
fn masked(text: &str) -> String {
    let changing = ["resourceVersion: \"1", "uid: ", "generation: "];
    let keep = |line: &&str| {
        !changing
            .iter()
            .any(|part| line.trim_start().starts_with(part))
    };
    text.lines()
        .filter(keep)
        .map(|line| format!("{line}\n"))
        .collect()
}

#[test]
fn json_holds_every_datum_of_the_table_and_fields_nobody_knows() {
    let found = json_of(&class(), "-o json");
    assert_eq!(found["kind"], "List");
    let items = found["items"].as_array().unwrap();
    assert_eq!(items.len(), 6);
    let phase = |name: &str| {
        let item = items
            .iter()
            .find(|item| item["metadata"]["name"] == name)
            .unwrap();
        (
            item["status"]["phase"].clone(),
            item["status"]["conditions"][0]["reason"].clone(),
        )
    };
    assert_eq!(phase("alice"), (json!("running"), Value::Null));
    assert_eq!(phase("bob"), (json!("failed"), json!("CrashLoopBackOff")));
    assert_eq!(phase("dave"), (json!("failed"), json!("PodLost")));
    assert_eq!(phase("frank"), (json!("terminating"), Value::Null));
    assert_eq!(items[0]["spec"]["extra"]["kept"], true);
    assert_eq!(items[0]["status"]["podName"], "tool-alice");
    assert_eq!(items[0]["status"]["nodeName"], "node-1");
}

#[test]
fn a_single_name_is_the_object_itself() {
    let found = json_of(&class(), "alice -o json");
    assert_eq!(found["kind"], "Session");
    let yaml = list(&class(), "alice -o yaml");
    golden("list-one.yaml", &masked(yaml.done()));
}

#[test]
fn an_empty_list_is_a_list() {
    let api = FakeApi::stateful();
    let played = list(&api, "-o json");
    golden("list-empty.json", played.done());
    assert_eq!(played.err, "");
    let played = list(&api, "-o name");
    assert_eq!((played.done(), played.err.as_str()), ("", ""));
}

#[test]
fn paths_columns_and_names() {
    let mut text = String::new();
    for words in [
        "-o name",
        "-o jsonpath={.items[*].metadata.name}",
        "-o jsonpath={range.items[*]}{.metadata.name}={.status.phase};{end}",
        "-o custom-columns=WHO:.spec.userId,PHASE:.status.phase,POD:.status.podName",
        "-o custom-columns=WHO:.spec.userId --no-headers",
        "-o name --sort-by=.spec.userId",
        "carol -o jsonpath={.status.phase}",
        "-A -o name",
    ] {
        let played = list(&class(), words);
        text.push_str(&format!("$ list {words}\n{}", played.text()));
    }
    golden("list-formats.txt", &text);
}

#[test]
fn formats_ask_for_whole_objects_once() {
    let api = class();
    list(&api, "-o yaml").done();
    let of_sessions: Vec<_> = api
        .requests()
        .into_iter()
        .filter(|request| request.path.ends_with("/sessions"))
        .collect();
    assert_eq!(of_sessions.len(), 1);
    assert!(!of_sessions[0].header("accept").contains("as=Table"));
}
