//! Data is destroyed only after confirmation.

use kubectl_session_delete::Delete;
use serde_json::json;
use session_support::{FakeApi, golden};

use crate::play::{Play, Played};
use crate::running::{delete, left, running, with_policy, without_claim, written};

fn server(policy: &str) -> FakeApi {
    with_policy(running("alice"), policy).server()
}

fn asked(api: &FakeApi, answer: &str, words: &str) -> Played {
    Play::on(api).at_terminal(answer).run::<Delete>(words)
}

fn untouched(api: &FakeApi) {
    assert_eq!(left(api).len(), 5);
    assert!(api.writes().is_empty(), "{:?}", written(api));
    assert!(api.executed().is_empty());
}

#[test]
fn destroyed_data_is_asked_about_on_a_terminal() {
    for words in ["alice", "alice --delete-data"] {
        let api = server(if words == "alice" { "delete" } else { "keep" });
        let played = asked(&api, "y\n", words);
        assert_eq!(played.code, 0);
        golden("delete-asked.txt", &played.out);
        assert_eq!(left(&api), Vec::<String>::new());
    }
}

#[test]
fn any_answer_but_y_is_no() {
    for answer in ["n\n", "\n", "yes\n", ""] {
        let api = server("delete");
        let played = asked(&api, answer, "alice");
        assert_eq!(played.code, 0);
        // A typed answer ends the line on a terminal; the end of input does not.
        let line = if answer.is_empty() { "\n" } else { "" };
        let said = format!("(y/N): {line}deletion is cancelled\n");
        assert!(played.out.ends_with(&said), "{}", played.out);
        untouched(&api);
    }
}

#[test]
fn without_a_terminal_destroyed_data_needs_y() {
    for (policy, words) in [("delete", "alice"), ("keep", "alice --delete-data")] {
        let api = server(policy);
        let played = delete(&api, words);
        golden("delete-data-refused.txt", &played.text());
        untouched(&api);
        let played = delete(&api, &format!("{words} -y"));
        played.done();
        assert_eq!(left(&api), Vec::<String>::new());
    }
}

#[test]
fn what_only_pods_hold_is_asked_about_under_every_policy() {
    for policy in ["keep", "snapshot", "delete"] {
        let api = with_policy(without_claim("alice"), policy).server();
        let refused = delete(&api, "alice");
        let told = refused.failed().split_once("error: ").unwrap().1;
        assert_eq!(
            told,
            "deleting would destroy data: pod/tool-alice (container files)\n\
             hint: confirm with --yes; nothing has been deleted\n"
        );
        assert!(api.writes().is_empty(), "{:?}", written(&api));
        let played = asked(&api, "y\n", "alice");
        let line = "pod/tool-alice (container files): data is destroyed\n";
        assert!(played.done().contains(line), "{}", played.out);
        // without data the parameters Secret is of no use
        assert_eq!(left(&api), Vec::<String>::new());
    }
}

/// A claim that no Pod mounts does not keep the Pods' data.
#[test]
fn a_claim_that_no_pod_mounts_keeps_nothing_of_theirs() {
    let api = server("keep");
    let mut pod = api.object("pods", "default", "tool-alice").unwrap();
    pod["spec"]["volumes"] = json!([]);
    api.put(pod);
    let refused = delete(&api, "alice");
    assert!(
        refused
            .failed()
            .contains("pod/tool-alice (container files)"),
        "{refused:?}"
    );
}

#[test]
fn a_flag_goes_before_every_policy() {
    for policy in ["keep", "snapshot", "delete"] {
        let api = server(policy);
        delete(&api, "alice --keep-data").done();
        assert_eq!(
            left(&api)[0],
            "persistentvolumeclaims/home-alice",
            "{policy}"
        );
        let api = server(policy);
        delete(&api, "alice --delete-data -y").done();
        assert_eq!(left(&api), Vec::<String>::new(), "{policy}");
    }
}

#[test]
fn a_rehearsal_tells_what_becomes_of_data_and_changes_none() {
    let mut text = String::new();
    for words in ["alice", "alice --delete-data"] {
        for strategy in ["client", "server"] {
            let api = server("keep");
            let words = format!("{words} --dry-run={strategy}");
            let played = delete(&api, &words);
            text.push_str(&format!("$ delete {words}\n{}", played.text()));
            assert_eq!(left(&api).len(), 5);
            assert!(api.executed().is_empty());
        }
    }
    golden("delete-data-rehearsed.txt", &text);
}

#[test]
fn the_sessions_own_policy_goes_before_its_templates() {
    let api = server("delete");
    let mut session = api
        .object("sessions.streaming.platform", "default", "alice")
        .unwrap();
    session["spec"]["dataPolicy"] = "keep".into();
    api.put(session);
    delete(&api, "alice").done();
    assert_eq!(left(&api)[0], "persistentvolumeclaims/home-alice");
}

#[test]
fn several_sessions_are_asked_about_on_a_terminal_only() {
    let both = |api: &FakeApi| {
        let bob = running("bob");
        bob.put(api);
    };
    let api = server("keep");
    both(&api);
    let played = asked(&api, "n\n", "alice bob");
    golden("delete-several-asked.txt", &played.text());
    assert!(api.writes().is_empty());
    let played = asked(&api, "", "alice bob -y");
    assert!(!played.done().contains("y/N"));
    let api = server("keep");
    both(&api);
    let played = delete(&api, "alice bob");
    golden("delete-several.txt", &played.text());
}

#[test]
fn interactive_asks_always() {
    let api = server("keep");
    let words = "alice -i";
    let played = Play::on(&api).piped("n\n").run::<Delete>(words);
    assert!(
        played
            .done()
            .contains("Do you want to continue? (y/N): deletion is cancelled")
    );
    untouched(&api);
    let played = Play::on(&api).run::<Delete>(words);
    assert!(
        played.done().ends_with("deletion is cancelled\n"),
        "closed stdin"
    );
    untouched(&api);
    let played = Play::on(&api).piped("y\n").run::<Delete>(words);
    assert!(played.done().ends_with("deleted from default namespace\n"));
}

/// A Pod of others uses the claim: a new session of that name would use the claim, too, and lose it when that Pod ends.
#[test]
fn claims_that_are_destroyed_are_waited_for() {
    let api = server("delete");
    let mut claim = api
        .object("persistentvolumeclaims", "default", "home-alice")
        .unwrap();
    claim["metadata"]["finalizers"] = json!(["kubernetes.io/pvc-protection"]);
    api.put(claim);
    let played = delete(&api, "alice -y --timeout=50ms");
    golden("delete-claim-in-use.txt", &played.text());
    assert!(
        api.object("sessions.streaming.platform", "default", "alice")
            .is_none()
    );
    let api = server("delete");
    let lines = api.lines().len();
    delete(&api, "alice -y --wait=false").done();
    let after = api.lines().split_off(lines);
    assert!(
        !after
            .iter()
            .any(|line| line.contains("GET /api/v1/namespaces/default/persistentvolumeclaims/"))
    );
}
