//! Rollback: a failed create deletes its own objects and touches no others.

use kubectl_session_create::Create;
use serde_json::{Value, json};
use session_shared::client::interrupt::Interrupt;
use session_support::{Answer, FakeApi, golden};

use crate::play::Play;
use crate::tool::{MADE, create, deletions, left, made, server};

const NAMESPACE: &str = "/api/v1/namespaces/default";
const SESSIONS: &str = "/apis/streaming.platform/v1/namespaces/default/sessions";

fn path(resource: &str) -> String {
    match resource {
        "sessions.streaming.platform" => SESSIONS.to_owned(),
        core => format!("{NAMESPACE}/{core}"),
    }
}

/// Refusals of a POST of `resource`.
fn refusals(resource: &str) -> [Answer; 3] {
    [
        Answer::forbidden("alice", "create", resource, "default"),
        Answer::invalid(
            "",
            "Thing",
            "tool-alice",
            &[("spec.x", "Required value"), ("spec.y", "Invalid value: 1")],
        ),
        Answer::internal("etcdserver: leader changed"),
    ]
}

/// Refuses the POST of `target` (`resource/name`) and no other. The Secret created before a refused Secret is the
/// parameters one: it is answered as if it were kept, so that its UID is known.
fn refuse(api: &FakeApi, target: &str, answer: Answer) {
    let (resource, name) = target.split_once('/').unwrap();
    let name = name.to_owned();
    api.handle("POST", &path(resource), move |request| {
        let mut object = request.json();
        if object["metadata"]["name"] == name.as_str() {
            return answer.clone();
        }
        object["metadata"]["uid"] = "of-the-echo".into();
        Answer::json(201, object)
    });
}

fn uid_of_session(api: &FakeApi) -> String {
    let owned = crate::tool::posts(api).iter().find_map(|post| {
        post.json()["metadata"]["ownerReferences"][0]["uid"]
            .as_str()
            .map(str::to_owned)
    });
    owned.unwrap_or_default()
}

#[test]
fn whichever_post_is_refused_nothing_is_left() {
    for target in MADE {
        for (number, answer) in refusals(target.split_once('/').unwrap().0)
            .into_iter()
            .enumerate()
        {
            let api = server();
            api.put(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "others", "namespace": "default"}}));
            refuse(&api, target, answer);
            let played = create(&api, "alice --template tool");
            played.failed();
            assert_eq!(left(&api), ["configmaps/others"], "{target} {number}");
            check_deletions(&api, target);
        }
    }
}

/// Asserts that only the Session and the data created by this run are deleted, by UID.
fn check_deletions(api: &FakeApi, target: &str) {
    let before = MADE.iter().position(|made| *made == target).unwrap();
    let rolled_back = [MADE[0], MADE[1], MADE[5]];
    let wanted: Vec<&str> = rolled_back
        .into_iter()
        .filter(|made| MADE.iter().position(|one| one == made).unwrap() < before)
        .collect();
    let found = deletions(api);
    let names: Vec<&str> = found.iter().map(|(name, _, _)| name.as_str()).collect();
    assert_eq!(names, wanted, "{target}");
    assert!(
        found
            .iter()
            .all(|(_, uid, how)| !uid.is_empty() && how == "Background"),
        "{found:?}"
    );
    if before > 2 {
        assert_eq!(found[0].1, uid_of_session(api), "{target}");
    }
}

#[test]
fn the_servers_own_words_are_printed() {
    let [forbidden, invalid, internal] = refusals("pods");
    for (name, answer) in [("403", forbidden), ("422", invalid), ("500", internal)] {
        let api = server();
        refuse(&api, "pods/tool-alice", answer);
        let played = create(&api, "alice --template tool");
        golden(&format!("create-refused-{name}.txt"), &played.text());
    }
    let api = server();
    let detail = "requested: pods=1, used: pods=5, limited: pods=5";
    refuse(
        &api,
        "pods/tool-alice",
        Answer::quota("pods", "tool-alice", "five", detail),
    );
    let played = create(&api, "alice --template tool");
    // A quota reads as in the check before the first write.
    golden("create-refused-quota.txt", &played.text());
}

#[test]
fn a_session_of_that_name_is_left_alone() {
    let api = server();
    api.put(
        json!({"apiVersion": "streaming.platform/v1", "kind": "Session",
        "metadata": {"name": "alice", "namespace": "default"}, "spec": {"userId": "bob"}}),
    );
    let played = create(&api, "alice --template tool");
    golden("create-exists.txt", &played.text());
    assert_eq!(made(&api), ["sessions.streaming.platform/alice"]);
    assert_eq!(deletions(&api), []);
    assert_eq!(left(&api), ["sessions.streaming.platform/alice"]);
}

fn foreign_config_map() -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "tool-alice", "namespace": "default"}, "data": {"theirs": "1"}})
}

#[test]
fn somebody_elses_object_of_that_name_is_never_touched() {
    let api = server();
    let before = api.put(foreign_config_map());
    let played = create(&api, "alice --template tool");
    golden("create-foreign.txt", &played.text());
    assert_eq!(left(&api), ["configmaps/tool-alice"]);
    let after = api.object("configmaps", "default", "tool-alice").unwrap();
    assert_eq!(after, before);
}

#[test]
fn somebody_elses_object_is_used_where_the_user_says_so() {
    let api = server();
    let before = api.put(foreign_config_map());
    let words = "alice --template tool --wait=false --use-existing ConfigMap/tool-alice";
    create(&api, words).done();
    let after = api.object("configmaps", "default", "tool-alice").unwrap();
    assert_eq!(after, before);
    assert_eq!(deletions(&api), []);
    assert!(api.object("pods", "default", "tool-alice").is_some());
}

#[test]
fn somebody_elses_object_is_used_where_the_template_says_so() {
    let api = server();
    let mut template = crate::tool::template();
    let manifest = template["spec"]["manifest"].as_str().unwrap().replace(
        "kind: ConfigMap\nmetadata: {name: \"tool-${SESSION_ID}\"}",
        "kind: ConfigMap\nmetadata: {name: \"tool-${SESSION_ID}\", annotations: {streaming.platform/existing: allowed}}",
    );
    template["spec"]["manifest"] = manifest.into();
    api.put(template);
    let before = api.put(foreign_config_map());
    create(&api, "alice --template tool --wait=false").done();
    let after = api.object("configmaps", "default", "tool-alice").unwrap();
    assert_eq!(after, before);
}

#[test]
fn a_namespace_that_this_run_made_goes_with_it() {
    let api = server();
    refuse(&api, "pods/tool-alice", Answer::internal("x"));
    create(&api, "alice --template tool --create-namespace").failed();
    let last = deletions(&api).pop().unwrap();
    assert_eq!(last.0, "namespaces/default");
    assert_eq!(left(&api), Vec::<String>::new());
}

#[test]
fn ctrl_c_before_the_first_write_writes_nothing() {
    let api = server();
    let interrupt = Interrupt::default();
    interrupt.trigger();
    let played = Play::on(&api)
        .stopped_by(&interrupt)
        .run::<Create>("alice --template tool");
    assert_eq!((played.code, played.err.as_str()), (130, ""));
    assert!(api.writes().is_empty());
}

#[test]
fn ctrl_c_between_the_session_and_its_last_object_takes_everything_back() {
    let stops = [
        "sessions.streaming.platform",
        "secrets",
        "serviceaccounts",
        "configmaps",
        "persistentvolumeclaims",
        "services",
        "pods",
    ];
    for kind in stops {
        let api = server();
        let interrupt = Interrupt::default();
        let trigger = interrupt.clone();
        api.react(kind, move |_| {
            trigger.trigger();
            Vec::new()
        });
        let played = Play::on(&api)
            .stopped_by(&interrupt)
            .run::<Create>("alice --template tool");
        let said = (played.code, played.out.as_str(), played.err.as_str());
        assert_eq!(said, (130, "", "interrupted\n"), "{kind}");
        assert_eq!(left(&api), Vec::<String>::new(), "{kind}");
        assert!(!deletions(&api).is_empty());
    }
}

#[test]
fn a_password_that_an_existing_secret_replaces_is_not_shown_how_to_read() {
    let create_with = |secret: Option<Value>| {
        let api = server();
        if let Some(secret) = secret {
            api.put(secret);
        }
        let words = "alice --template tool --wait=false --use-existing Secret/tool-alice";
        let played = create(&api, words);
        assert_eq!(played.code, 0, "{played:?}");
        played.err
    };
    let theirs = json!({"apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "tool-alice", "namespace": "default"}, "data": {"password": "eA=="}});
    let used = create_with(Some(theirs));
    let note = "PASSWORD: not in use: existing secret \"tool-alice\" is used unchanged\n";
    assert!(used.contains(note), "{used}");
    let own = create_with(None);
    assert!(own.contains("PASSWORD: kubectl get secret"), "{own}");
}
