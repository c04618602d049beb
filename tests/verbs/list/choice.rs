//! Selection of sessions.

use kubectl_session_list::List;
use session_support::golden;

use crate::class::{class, list, names};
use crate::play::Play;

#[test]
fn selectors_go_to_the_server() {
    let api = class();
    list(&api, "-l app=x --field-selector metadata.name=alice").done();
    let of_sessions = api
        .lines()
        .into_iter()
        .find(|line| line.contains("/sessions?"));
    let line = of_sessions.unwrap();
    assert!(line.contains("labelSelector=app%3Dx"), "{line}");
    assert!(
        line.contains("fieldSelector=metadata.name%3Dalice"),
        "{line}"
    );
}

#[test]
fn an_owner_is_found_with_and_without_the_label() {
    let api = class();
    let played = list(&api, "--user-id alice@example.com");
    assert_eq!(names(&played), ["alice", "eve"]);
    let selectors: Vec<String> = api
        .requests()
        .iter()
        .filter(|request| request.path.ends_with("/sessions"))
        .map(|request| request.query("labelSelector").unwrap())
        .collect();
    let label = session_shared::labels::to_label_value("alice@example.com");
    let wanted = [
        format!("streaming.platform/user={label}"),
        "!streaming.platform/user".to_owned(),
    ];
    assert_eq!(selectors, wanted);
}

#[test]
fn an_owner_is_compared_as_it_was_written() {
    let api = class();
    let mut mallory =
        crate::class::session("default", "mallory", "mallory", serde_json::Value::Null);
    mallory["metadata"]["labels"]["streaming.platform/user"] = "bob".into();
    api.put(mallory);
    let played = list(&api, "--user-id bob");
    assert_eq!(names(&played), ["bob"]);
    let played = list(&api, "--user-id bob -o name");
    assert_eq!(played.done(), "session.streaming.platform/bob\n");
}

#[test]
fn phases_are_those_after_the_join() {
    for (words, wanted) in [
        ("--phase running", vec!["alice"]),
        ("--phase failed", vec!["bob", "dave"]),
        ("--phase failed,stopped", vec!["bob", "carol", "dave"]),
        ("--phase stopped --phase pending", vec!["carol", "eve"]),
        ("--phase terminating", vec!["frank"]),
    ] {
        let api = class();
        assert_eq!(names(&list(&api, words)), wanted, "{words}");
        let objects = list(&api, &format!("{words} -o name"));
        assert_eq!(objects.done().lines().count(), wanted.len(), "{words}");
    }
}

#[test]
fn a_template_is_that_of_the_spec_and_a_roster_that_of_create() {
    let api = class();
    let six = ["alice", "bob", "carol", "dave", "eve", "frank"];
    for form in ["", "-o name"] {
        let all = list(&api, &format!("--template tool {form}"));
        assert_eq!(
            all.done()
                .lines()
                .filter(|line| !line.starts_with("NAME"))
                .count(),
            6
        );
        list(&api, &format!("--template other --ignore-not-found {form}")).done();
    }
    assert_eq!(names(&list(&api, "--template tool --all")), six);
    assert_eq!(
        names(&list(&api, "--template tool --phase failed --user-id bob")),
        ["bob"]
    );
    let roster =
        "user,name,namespace\nalice@example.com,alice,\nmallory,bob,\nzoe,,\nbob,grace,team-b\n";
    let play = Play::on(&api).piped(roster);
    golden("list-roster.txt", &play.run::<List>("--roster -").text());
}

#[test]
fn a_long_roster_is_read_by_one_list() {
    let api = class();
    let missing: String = (0..60).map(|at| format!("user{at},nobody{at}\n")).collect();
    let roster = format!("user,name\nalice@example.com,alice\nmallory,bob\n{missing}");
    for form in ["", " -o name"] {
        let before = api.lines().len();
        let play = Play::on(&api).piped(&roster);
        let played = play.run::<List>(&format!("--roster -{form}"));
        let (text, sent) = (played.text(), api.lines().len() - before);
        assert!(text.contains("belongs to another user"), "{text}");
        assert!(
            text.contains("61 of 62 rows name no session of their user"),
            "{text}"
        );
        assert!(sent < 10, "{sent} requests: {:?}", api.lines());
    }
}

#[test]
fn names_are_listed_in_the_order_they_were_given() {
    let api = class();
    let played = list(&api, "dave session/alice");
    assert_eq!(names(&played), ["dave", "alice"]);
    let pods = api.lines().into_iter().find(|line| line.contains("/pods?"));
    let decoded = pods.unwrap().replace("%20", " ").replace('+', " ");
    assert!(decoded.contains("in %28dave%2Calice%29"), "{decoded}");
}

#[test]
fn what_is_missing_is_told_after_what_was_found() {
    for words in [
        "alice nobody carol noone",
        "alice nobody carol noone -o name",
    ] {
        let played = list(&class(), words);
        assert_eq!(played.code, 1);
        let wide = if words.ends_with("name") {
            "-o-name"
        } else {
            ""
        };
        golden(&format!("list-missing{wide}.txt"), &played.text());
    }
    let played = list(&class(), "nobody");
    assert_eq!(
        played.failed(),
        "Error from server (NotFound): sessions.streaming.platform \"nobody\" not found\n"
    );
    let api = class();
    list(&api, "alice").done();
    let gets = api.lines();
    assert!(
        gets.iter().any(|line| line
            .starts_with("GET /apis/streaming.platform/v1/namespaces/default/sessions/alice?")),
        "{gets:?}"
    );
    let played = list(&class(), "nobody --ignore-not-found");
    assert_eq!((played.done(), played.err.as_str()), ("", ""));
}

#[test]
fn a_namespace_that_does_not_exist_is_named_instead_of_the_session() {
    let api = class();
    let missing = |namespace: &str| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let error = runtime.unwrap().block_on(async {
            let cluster = session_shared::client::Cluster::from_client(api.client(), "default");
            let kind = &session_shared::objects::resource::SESSION;
            cluster.missing_object_error(kind, namespace, "zoe").await
        });
        error.to_string()
    };
    let no_session = "sessions.streaming.platform \"zoe\" not found";
    assert_eq!(missing("nowhere"), "namespaces \"nowhere\" not found");
    assert_eq!(missing("default"), no_session);
    api.put(serde_json::json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team-b"}}));
    assert_eq!(missing("team-b"), no_session);
}
