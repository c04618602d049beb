//! A session from a template: requests, bodies, output.

use kubectl_session_create::Create;
use serde_json::{Value, json};
use session_support::{FakeApi, Recorded, golden};

use crate::play::{NOW, Play};
use crate::tool::{MADE, create, lines, made, posts, ready, server};

/// The password stored in the parameters Secret.
fn password(api: &FakeApi) -> String {
    let secret = &posts(api)[1].json();
    let value = secret["stringData"]["PASSWORD"].as_str();
    value.unwrap().to_owned()
}

fn patches(api: &FakeApi) -> Vec<Recorded> {
    let all = api.requests().into_iter();
    all.filter(|request| request.method == "PATCH").collect()
}

#[test]
fn without_waiting_everything_is_made_and_the_status_written_once() {
    let api = server();
    let played = create(&api, "alice --template tool --wait=false");
    golden(
        "create-no-wait.txt",
        &format!("{}--- requests\n{}", played.text(), lines(&api)),
    );
    assert_eq!(made(&api), MADE);
    assert_eq!(patches(&api).len(), 1);
}

#[test]
fn every_write_names_its_manager_and_is_strict() {
    let api = server();
    create(&api, "alice --template tool --wait=false");
    let writes = api.writes();
    assert_eq!(writes.len(), 9);
    for write in &writes {
        assert_eq!(write.query("fieldManager").unwrap(), "kubectl-session");
        assert_eq!(write.query("fieldValidation").unwrap(), "Strict");
        assert_eq!(write.query("dryRun"), None);
    }
    let api = server();
    create(
        &api,
        "alice --template tool --wait=false --field-manager=me",
    );
    for write in api.writes() {
        assert_eq!(write.query("fieldManager").unwrap(), "me");
    }
}

#[test]
fn the_session_says_all_that_was_asked_for() {
    let api = server();
    let words = "alice --template tool --wait=false --user-id alice@example.com --set SIZE=2Gi --cpu 2 --memory 4Gi \
                 --expires-in 3h --data-policy delete";
    create(&api, words).done();
    let session = posts(&api)[0].json();
    let mut wanted = json!({
        "userId": "alice@example.com", "template": "tool", "parameters": {"SIZE": "2Gi"},
        "resources": {"cpu": 2, "memory": "4Gi"}, "timeout": "3h", "state": "running",
        "startRequest": NOW, "dataPolicy": "delete",
    });
    let spec = session["spec"].clone();
    sorted(&mut wanted);
    let mut spec = spec;
    sorted(&mut spec);
    assert_eq!(spec, wanted);
    let labels = &session["metadata"]["labels"];
    assert_eq!(labels["app.kubernetes.io/managed-by"], "kubectl-session");
    let user = labels["streaming.platform/user"].as_str().unwrap();
    assert!(user.starts_with("alice-example.com-"), "{user}");
    assert!(labels.get("streaming.platform/session").is_none());
    let raw = &session["metadata"]["annotations"]["streaming.platform/user-id"];
    assert_eq!(raw, "alice@example.com");
    // the owner is given, so the caller's identity is not requested
    assert!(!api.lines().iter().any(|line| line.contains("reviews")));
}

fn sorted(value: &mut Value) {
    if let Some(map) = value.as_object_mut() {
        map.sort_keys();
    }
}

#[test]
fn every_object_is_marked_and_owned_but_for_data() {
    let api = server();
    create(&api, "alice --template tool --wait=false").done();
    let uid = api
        .object("sessions.streaming.platform", "default", "alice")
        .unwrap()["metadata"]["uid"]
        .clone();
    let run = posts(&api)[0].json()["metadata"]["annotations"]["streaming.platform/run"].clone();
    assert!(run.as_str().is_some_and(|run| run.len() >= 16), "{run}");
    for post in &posts(&api)[1..] {
        let object = post.json();
        let metadata = &object["metadata"];
        let data = ["home-alice", "session-alice-parameters"]
            .contains(&metadata["name"].as_str().unwrap());
        assert_eq!(metadata["labels"]["streaming.platform/session"], "alice");
        assert_eq!(metadata["labels"]["streaming.platform/user"], "alice");
        assert_eq!(metadata["annotations"]["streaming.platform/run"], run);
        if data {
            assert_eq!(metadata.get("ownerReferences"), None);
            let of = &metadata["annotations"]["streaming.platform/session-uid"];
            assert_eq!(*of, uid);
        } else {
            let owner = &metadata["ownerReferences"][0];
            assert_eq!((&owner["uid"], &owner["kind"]), (&uid, &"Session".into()));
            assert_eq!(metadata["ownerReferences"].as_array().unwrap().len(), 1);
        }
    }
    let pod = posts(&api)[7].json();
    assert_eq!(
        pod["metadata"]["labels"]["streaming.platform/primary"],
        "true"
    );
    assert_eq!(pod["spec"]["automountServiceAccountToken"], false);
    let service = posts(&api)[6].json();
    let narrowed = &service["spec"]["selector"]["streaming.platform/session"];
    assert_eq!(narrowed, "alice");
}

#[test]
fn the_password_is_in_its_secrets_and_nowhere_else() {
    let api = server();
    api.react("pods", |pod| vec![ready(pod)]);
    let played = create(&api, "alice --template tool");
    played.done();
    let secret = password(&api);
    assert_eq!(secret.chars().count(), 24);
    for request in api.requests() {
        let holds = String::from_utf8_lossy(&request.body).contains(&secret);
        let may = request.method == "POST" && request.path.ends_with("/secrets");
        assert_eq!(holds, may, "{}", request.line());
        assert!(!request.line().contains(&secret));
    }
    assert!(!played.text().contains(&secret));
    let session = api.object("sessions.streaming.platform", "default", "alice");
    assert!(!session.unwrap().to_string().contains(&secret));
}

#[test]
fn a_given_password_is_used_and_the_session_says_where_it_comes_from() {
    let api = server();
    let played = Play::on(&api)
        .piped("correct horse\n")
        .run::<Create>("alice --template tool --wait=false --set-file PASSWORD=-");
    played.done();
    assert_eq!(password(&api), "correct horse");
    let session = posts(&api)[0].json();
    assert_eq!(session["spec"]["secretsFrom"], "client");
    assert!(!session.to_string().contains("correct horse"));
}

#[test]
fn a_password_in_the_arguments_is_refused_before_anything_is_written() {
    let api = server();
    let played = create(&api, "alice --template tool --set PASSWORD=hunter2");
    let text = played.failed();
    assert!(
        text.contains("PASSWORD") && text.contains("--set-file"),
        "{text}"
    );
    assert!(!text.contains("hunter2"), "{text}");
    assert!(api.writes().is_empty());
}

#[test]
fn the_status_tells_what_was_made() {
    let api = server();
    create(&api, "alice --template tool --wait=false").done();
    let patch = &patches(&api)[0];
    assert!(patch.path.ends_with("/sessions/alice/status"));
    assert_eq!(patch.header("content-type"), "application/merge-patch+json");
    let uid = patch.json()["metadata"]["uid"].clone();
    assert!(uid.is_string());
    let status = &patch.json()["status"];
    assert_eq!(status["phase"], "pending");
    assert_eq!(status["startTime"], NOW);
    assert_eq!(status["expiresAt"], "2026-03-01T14:00:00Z");
    assert_eq!(status["startRequest"], NOW);
    assert_eq!(status["template"], "tool");
    let applied = status["applied"]["objects"].as_array().unwrap();
    let kinds: Vec<&str> = applied
        .iter()
        .map(|object| object["kind"].as_str().unwrap())
        .collect();
    assert_eq!(
        kinds,
        [
            "ServiceAccount",
            "ConfigMap",
            "Secret",
            "PersistentVolumeClaim",
            "Service",
            "Pod"
        ]
    );
    assert!(applied.iter().all(|object| object["uid"].is_string()));
}

#[test]
fn a_template_that_is_not_there_is_told_with_those_that_are() {
    let api = server();
    let played = create(&api, "alice --template tol");
    assert_eq!(
        played.failed(),
        "Error from server (NotFound): sessiontemplates.streaming.platform \"tol\" not found\nhint: choose one of the templates: tool\n"
    );
    assert!(api.writes().is_empty());
}
