//! `--selector` filters the plan, never the objects that the plan is made from.

use kubectl_session_cleanup::Cleanup;
use session_support::FakeApi;
use session_support::session_fixture::SESSIONS;

use crate::orphans::object;
use crate::play::Play;
use crate::scene::{Session, class, cleanup, written};

fn labelled(api: &FakeApi, name: &str, team: &str) {
    let mut session = api.object(SESSIONS, "default", name).unwrap();
    session["metadata"]["labels"] = serde_json::json!({ "team": team });
    api.put(session);
}

#[test]
fn only_what_the_query_selects_is_ended() {
    let api = class();
    labelled(&api, "alice", "red");
    labelled(&api, "bob", "blue");
    let plan = cleanup(&api, "--expired -A -l team=red --dry-run=client");
    let rows: Vec<&str> = plan.done().lines().skip(1).collect();
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert!(rows[0].contains("session/alice"), "{rows:?}");
    let none = cleanup(&api, "--expired -l team=green -y");
    assert_eq!(none.err, "No resources found in default namespace.\n");
    assert!(written(&api).is_empty());
}

/// Sessions that are not selected still exist, so their objects are not orphans.
#[test]
fn what_belongs_to_a_session_that_is_not_selected_is_no_orphan() {
    let api = class();
    let config = object("v1", "ConfigMap", {
        let mut metadata = Session::default().metadata("of-alice");
        metadata["labels"]["team"] = "red".into();
        metadata
    });
    api.put(config);
    let played = cleanup(&api, "--orphans -l team=red -y");
    assert_eq!(played.err, "No resources found in default namespace.\n");
    assert!(api.object("configmaps", "default", "of-alice").is_some());
}

#[test]
fn interactive_asks_without_a_terminal_too() {
    for (answer, left) in [("n\n", 0), ("y\n", 1)] {
        let api = class();
        let asked = Play::on(&api).piped(answer);
        let played = asked.run::<Cleanup>("--expired --max 1 -i");
        played.done();
        let deleted = written(&api).iter().any(|line| line.starts_with("DELETE"));
        assert_eq!(usize::from(deleted), left, "{}", played.text());
    }
}

#[test]
fn only_what_the_owner_has_is_ended() {
    let api = class();
    let plan = cleanup(&api, "--expired -A --dry-run=client");
    let all = plan.done().lines().skip(1).count();
    let owner = api.object(SESSIONS, "default", "alice").unwrap()["spec"]["userId"].clone();
    let mut other = api.object(SESSIONS, "default", "alice").unwrap();
    other["spec"]["userId"] = "-x".into();
    api.put(other);
    let words = format!(
        "--expired -A --user-id {} --dry-run=client",
        owner.as_str().unwrap()
    );
    let rest = cleanup(&api, &words).done().lines().skip(1).count();
    assert!(all >= 2 && rest < all, "{rest} of {all}");
    let plan = cleanup(&api, "--expired -A --user-id -x --dry-run=client");
    let rows: Vec<&str> = plan.done().lines().skip(1).collect();
    assert!(
        rows.len() == 1 && rows[0].contains("session/alice"),
        "{rows:?}"
    );
}
