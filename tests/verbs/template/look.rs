//! Tests of `template list`, `show` and `params`.

use serde_json::{Value, json};
use session_support::{Answer, FakeApi, golden};

use crate::{TEMPLATES, server, template, tool};

fn table(rows: &[(&str, &str)]) -> Value {
    let rows: Vec<Value> = rows
        .iter()
        .map(|(name, description)| {
            json!({"cells": [name, description, "5d"], "object": {"kind": "PartialObjectMetadata", "metadata": {"name": name, "labels": {"team": "x"}}, "spec": {"description": description}}})
        })
        .collect();
    json!({"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": {}, "columnDefinitions": [
        {"name": "Name", "type": "string", "format": "name"}, {"name": "DESCRIPTION", "type": "string"}, {"name": "AGE", "type": "date"}], "rows": rows})
}

#[test]
fn the_servers_table_is_printed_as_kubectl_does() {
    let api = FakeApi::new();
    let rows = [("lab", "B, a machine"), ("shell", "A shell")];
    api.on("GET", TEMPLATES, Answer::ok(table(&rows)));
    let mut text = String::new();
    for words in [
        "list",
        "list --no-headers -l team=x",
        "list --sort-by=.spec.description --show-kind -L team",
    ] {
        let played = template(&api, words);
        text.push_str(&format!("$ template {words}\n{}", played.text()));
    }
    golden("template-list.txt", &text);
    let query = "includeObject=Metadata";
    assert_eq!(
        api.lines(),
        [
            format!("GET {TEMPLATES}?limit=500&{query}"),
            format!("GET {TEMPLATES}?labelSelector=team%3Dx&limit=500&{query}"),
            format!("GET {TEMPLATES}?limit=500&includeObject=Object"),
        ]
    );
}

#[test]
fn pages_are_one_table() {
    let api = FakeApi::new();
    let mut first = table(&[("lab", "B")]);
    first["metadata"]["continue"] = "next".into();
    api.on("GET", TEMPLATES, Answer::ok(first));
    api.on("GET", TEMPLATES, Answer::ok(table(&[("shell", "A")])));
    let played = template(&api, "list --chunk-size=1 --sort-by=.spec.description");
    assert_eq!(
        played.done(),
        "NAME    DESCRIPTION   AGE\nshell   A             5d\nlab     B             5d\n"
    );
}

#[test]
fn an_empty_list_is_said_on_stderr() {
    let api = FakeApi::stateful();
    let played = template(&api, "list -A");
    assert_eq!(
        (played.done(), played.err.as_str()),
        ("", "No resources found\n")
    );
    let played = template(&api, "list -o json");
    assert!(played.done().contains("\"items\": []"), "{played:?}");
}

#[test]
fn objects_are_printed_in_every_format() {
    let api = server();
    let of = |words: &str| template(&api, words).done().to_owned();
    assert_eq!(
        of("list -o name"),
        "sessiontemplate.streaming.platform/tool\n"
    );
    assert_eq!(of("list -o jsonpath={.items[*].metadata.name}"), "tool");
    assert_eq!(of("list -o custom-columns=N:.metadata.name"), "N\ntool\n");
    assert_eq!(of("show tool -o jsonpath={.spec.dataPolicy}"), "snapshot");
    assert!(
        of("show tool -o yaml")
            .starts_with("apiVersion: streaming.platform/v1\nkind: SessionTemplate\n")
    );
}

#[test]
fn a_template_is_shown_to_a_person() {
    let api = server();
    let played = template(&api, "show sessiontemplate/tool");
    golden("template-show.txt", &played.text());
    assert_eq!(api.lines(), [format!("GET {TEMPLATES}/tool")]);
}

#[test]
fn a_template_that_cannot_be_used_is_shown_as_far_as_it_can_be_read() {
    let api = FakeApi::stateful();
    let mut broken = tool();
    broken["spec"]["manifest"] = "kind: Pod\nmetadata: {name: \"${a-b}\"}\n".into();
    api.put(broken);
    golden(
        "template-show-broken.txt",
        &template(&api, "show tool").text(),
    );
    let played = template(&api, "params tool");
    assert!(
        played.failed().contains("sessiontemplate/tool:2:"),
        "{played:?}"
    );
}

#[test]
fn parameters_are_a_table_or_objects() {
    let api = server();
    let mut text = String::new();
    for words in [
        "params tool",
        "params tool -o wide --no-headers",
        "params tool -o name",
        "params tool -o json",
        "params tool -o custom-columns=NAME:.name,REQUIRED:.required",
    ] {
        text.push_str(&format!(
            "$ template {words}\n{}",
            template(&api, words).text()
        ));
    }
    golden("template-params.txt", &text);
}

#[test]
fn what_is_not_there_is_told_with_what_is() {
    let api = server();
    let mut text = String::new();
    for words in ["show tol", "params tol", "render tol", "show --builtin tol"] {
        let played = template(&api, words);
        played.failed();
        text.push_str(&format!("$ template {words}\n{}", played.text()));
    }
    let empty = FakeApi::stateful();
    text.push_str(&template(&empty, "show tool").text());
    golden("template-not-found.txt", &text);
}

#[test]
fn what_may_not_be_read_is_the_servers_to_say() {
    let api = FakeApi::new();
    let forbidden = Answer::forbidden("alice", "list", "sessiontemplates.streaming.platform", "");
    api.on("GET", "/apis/streaming.platform/v1/**", forbidden);
    for words in ["list", "show a"] {
        let played = template(&api, words);
        assert!(
            played
                .failed()
                .starts_with("Error from server (Forbidden): "),
            "{played:?}"
        );
    }
}
