//! Tests of `setup namespace`: its objects, again unchanged, namespaces of others, missing rights, removal.

use kubectl_session_setup::Setup;
use serde_json::{Value, json};
use session_support::{Answer, FakeApi, golden};

use crate::cluster::{lines, sent, setup};
use crate::play::{Play, Played};

const SINDRI: &str = include_str!("../../fixtures/sindri-tenant.yaml");
const ALICE: &str = "namespace dev-alice --user-id alice@company.com";
const BINDINGS: &str = "rolebindings.rbac.authorization.k8s.io";
const POLICIES: &str = "networkpolicies.networking.k8s.io";

/// An API server that counts quotas at once.
fn counting() -> FakeApi {
    let api = FakeApi::stateful();
    api.react("resourcequotas", |quota| {
        let hard = &quota["spec"]["hard"];
        let mut used = hard.clone();
        for amount in used.as_object_mut().unwrap().values_mut() {
            *amount = "0".into();
        }
        let mut after = quota.clone();
        after["status"] = json!({"hard": hard, "used": used});
        vec![after]
    });
    api
}

pub fn from_file(api: &FakeApi, words: &str) -> Played {
    Play::on(api).piped(SINDRI).run::<Setup>(words)
}

/// Number of requests that would store something.
fn stored(api: &FakeApi) -> usize {
    let sent = sent(api);
    let stored = sent
        .iter()
        .filter(|request| request.query("dryRun").is_none() && !request.path.ends_with("reviews"));
    stored.count()
}

pub fn managed(name: &str, more: Value) -> Value {
    let mut namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name,
        "labels": {"app.kubernetes.io/managed-by": "kubectl-session"}}});
    namespace["metadata"]["annotations"] = more;
    namespace
}

#[test]
fn the_objects_of_a_sindri_file_are_those_of_its_documents() {
    let api = counting();
    let words =
        "namespace -f - --user-id alice@company.com --team platform --dry-run=client -o yaml";
    golden("setup-namespace-sindri.txt", &from_file(&api, words).text());
    assert_eq!(stored(&api), 0);
}

#[test]
fn the_objects_without_a_file_are_those_of_the_platform() {
    let api = counting();
    let words = format!("{ALICE} --pod-security restricted --dry-run=client -o yaml");
    golden("setup-namespace-gimp.txt", &setup(&api, &words).text());
}

#[test]
fn a_namespace_is_made_in_order_and_again_left_as_it_is() {
    let api = counting();
    let words = "namespace -f - --user-id alice@company.com --team platform";
    let made = from_file(&api, words);
    let requests = lines(&sent(&api));
    let again = from_file(&api, words);
    golden(
        "setup-namespace.txt",
        &format!(
            "{}--- requests\n{requests}--- again\n{}",
            made.text(),
            again.text()
        ),
    );
    assert!(
        again
            .done()
            .lines()
            .all(|line| line.ends_with(" unchanged"))
    );
    // Without them, file, team and level are kept.
    let third = setup(&api, &format!("{ALICE} --pod-security restricted"));
    let changed: Vec<&str> = third.done().lines().collect();
    assert_eq!(changed[0], "namespace/dev-alice configured");
    assert!(
        changed[1..].iter().all(|line| line.ends_with(" unchanged")),
        "{changed:?}"
    );
    assert_eq!(api.objects(BINDINGS).len(), 1);
    let labels = &api.object("namespaces", "", "dev-alice").unwrap()["metadata"]["labels"];
    assert_eq!(labels["streaming.platform/team"], "platform");
    assert_eq!(labels["pod-security.kubernetes.io/enforce"], "restricted");
}

#[test]
fn a_namespace_of_create_is_taken_up() {
    let api = counting();
    api.put(managed("dev-alice", json!({})));
    let played = setup(&api, ALICE);
    assert!(
        played
            .done()
            .starts_with("namespace/dev-alice configured\n"),
        "{}",
        played.out
    );
    let namespace = api.object("namespaces", "", "dev-alice").unwrap();
    let user = &namespace["metadata"]["annotations"]["streaming.platform/user-id"];
    assert_eq!(user, "alice@company.com");
}

#[test]
fn a_namespace_of_no_user_with_sessions_of_others_is_handed_over_by_force_only() {
    let api = counting();
    api.put(managed("dev-alice", json!({})));
    let add = |name: &str, user: &str| {
        api.put(
            json!({"apiVersion": "streaming.platform/v1", "kind": "Session",
            "metadata": {"name": name, "namespace": "dev-alice"}, "spec": {"userId": user}}),
        )
    };
    add("own", "alice@company.com");
    setup(&api, &format!("{ALICE} --dry-run=server")).done();
    let mut text = String::new();
    for (name, user) in [
        ("one", "bob"),
        ("three", "carol"),
        ("two", "bob"),
        ("zero", "x"),
    ] {
        add(name, user);
        let refused = setup(&api, ALICE);
        refused.failed();
        text += &refused.text();
    }
    assert_eq!(stored(&api), 0);
    golden(
        "setup-namespace-handed-over.txt",
        &format!("{text}{}", setup(&api, &format!("{ALICE} --force")).text()),
    );
    // Her sessions and theirs are in her namespace now.
    setup(&api, ALICE).done();
}

#[test]
fn namespaces_of_others_are_refused() {
    let mut text = String::new();
    for namespace in [
        managed(
            "dev-alice",
            json!({"streaming.platform/user-id": "bob@company.com"}),
        ),
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "dev-alice"}}),
    ] {
        for words in [
            ALICE,
            "namespace dev-alice --remove --user-id alice@company.com",
        ] {
            let api = counting();
            api.put(namespace.clone());
            let refused = setup(&api, words);
            text += &format!("$ setup {words}\n{}", refused.text());
            refused.failed();
            assert_eq!(sent(&api).len(), 0);
        }
    }
    let api = counting();
    for words in [
        "namespace kube-system --user-id alice",
        "namespace default --user-id alice",
        "namespace session-system --remove",
        "namespace Dev --user-id alice",
        "namespace dev-alice",
        "namespace --user-id alice",
        "namespace dev-alice --user-id alice --pod-security strict",
        "namespace dev-alice --remove",
        "crds namespace dev-alice",
        "--dry-run=client namespace dev-alice --user-id alice",
    ] {
        let refused = setup(&api, words);
        text += &format!("$ setup {words}\n{}", refused.text());
        refused.failed();
    }
    assert_eq!(sent(&api).len(), 0);
    for file in ["kind: Pod\n", "[kubernetes]\nmax_sessions = 3\n", "{{ x }}"] {
        let refused = Play::on(&api)
            .piped(file)
            .run::<Setup>("namespace dev-alice -f - --user-id alice");
        text += &format!("--- {file}{}", refused.text());
        refused.failed();
    }
    golden("setup-namespace-refused.txt", &text);
}

#[test]
fn a_namespace_that_another_makes_meanwhile_is_left_alone() {
    let api = counting();
    api.put(managed(
        "dev-alice",
        json!({"streaming.platform/user-id": "bob@company.com"}),
    ));
    // The first look is older.
    api.on(
        "GET",
        "/api/v1/namespaces/dev-alice",
        Answer::not_found("namespaces", "dev-alice"),
    );
    let refused = setup(&api, ALICE);
    refused.failed();
    assert!(
        refused.err.contains("\"dev-alice\" already exists"),
        "{}",
        refused.err
    );
    let namespace = api.object("namespaces", "", "dev-alice").unwrap();
    let user = &namespace["metadata"]["annotations"]["streaming.platform/user-id"];
    assert_eq!(user, "bob@company.com");
}

#[test]
fn what_the_namespace_already_allows_is_not_widened() {
    let api = counting();
    api.put(managed("dev-alice", json!({})));
    api.put(
        json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": {"name": "web", "namespace": "dev-alice"}, "spec": {"podSelector": {}}}),
    );
    golden("setup-namespace-policies.txt", &setup(&api, ALICE).text());
    let policies = api.objects(POLICIES);
    let names = policies
        .iter()
        .map(|one| one["metadata"]["name"].as_str().unwrap());
    let mut names: Vec<&str> = names.collect();
    names.sort_unstable();
    assert_eq!(names, ["default-deny-all", "web"]);
}

#[test]
fn an_object_of_somebody_else_is_not_replaced() {
    let api = counting();
    api.put(managed("dev-alice", json!({})));
    api.put(
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": {"name": "session-user", "namespace": "dev-alice"},
        "roleRef": {"kind": "ClusterRole", "name": "admin"}}),
    );
    golden("setup-namespace-taken.txt", &setup(&api, ALICE).text());
    assert_eq!(sent(&api).len(), 0);
}

#[test]
fn a_quota_is_not_lowered_below_what_is_used() {
    let api = FakeApi::stateful();
    api.put(managed("dev-alice", json!({})));
    let mut quota = json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "sindri-quota",
        "namespace": "dev-alice", "labels": {"app.kubernetes.io/managed-by": "kubectl-session"}},
        "spec": {"hard": {"requests.cpu": "8"}}, "status": {"used": {"requests.cpu": "6"}}});
    api.put(quota.clone());
    let words = "namespace -f - --user-id alice@company.com --wait=false";
    golden(
        "setup-namespace-below-use.txt",
        &from_file(&api, words).text(),
    );
    assert_eq!(stored(&api), 0);
    // A limit of quota set stays.
    quota["spec"]["hard"]["requests.cpu"] = "4".into();
    api.put(quota);
    from_file(&api, words).done();
}

/// The server's refusal of a RoleBinding that grants more than the caller has.
pub fn escalation() -> Answer {
    let message = "rolebindings.rbac.authorization.k8s.io \"session-user\" is forbidden: user \"carol\" (groups=[\"ops\"]) is attempting to grant RBAC permissions not currently held:\n{APIGroups:[\"\"], Resources:[\"pods\"], Verbs:[\"create\"]}";
    Answer::status(
        403,
        "Forbidden",
        message,
        json!({"group": "rbac.authorization.k8s.io", "kind": "rolebindings"}),
    )
}

#[test]
fn rights_that_the_caller_may_not_grant_leave_nothing_behind() {
    const BINDING: &str = "/apis/rbac.authorization.k8s.io/v1/namespaces/dev-alice/rolebindings/*";
    // A new namespace is deleted again.
    let api = counting();
    api.on("PATCH", BINDING, escalation());
    let refused = setup(&api, ALICE);
    refused.failed();
    assert_eq!(api.objects("namespaces").len(), 0);
    assert_eq!(api.objects(POLICIES).len(), 0);
    let mut text = format!("--- new\n{}", refused.text());
    // One that is there stays as it was.
    let api = counting();
    api.put(managed("dev-alice", json!({})));
    api.on("PATCH", BINDING, escalation());
    let refused = setup(&api, ALICE);
    refused.failed();
    assert_eq!(stored(&api), 0);
    text += &format!("--- existing\n{}", refused.text());
    golden("setup-namespace-escalation.txt", &text);
}

#[test]
fn rights_are_checked_before_a_namespace_is_made() {
    let api = counting();
    api.handle(
        "POST",
        "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
        |request| {
            let mut review = request.json();
            let is_quota = review["spec"]["resourceAttributes"]["resource"] == "rolebindings";
            review["status"] = json!({"allowed": !is_quota});
            Answer::ok(review)
        },
    );
    let refused = setup(&api, ALICE);
    golden("setup-namespace-forbidden.txt", &refused.text());
    assert_eq!(stored(&api), 0);
    // What the caller may not read is printed all the same.
    let api = counting();
    api.on(
        "GET",
        "/api/v1/namespaces/dev-alice",
        Answer::forbidden("carol", "get", "namespaces", ""),
    );
    let printed = setup(&api, &format!("{ALICE} --dry-run=client"));
    golden("setup-namespace-unread.txt", &printed.text());
}

#[test]
fn a_rehearsal_on_the_server_stores_nothing() {
    let api = counting();
    let new = setup(&api, &format!("{ALICE} --dry-run=server"));
    assert_eq!(api.objects("namespaces").len(), 0);
    api.put(managed("dev-alice", json!({})));
    let existing = setup(&api, &format!("{ALICE} --dry-run=server"));
    assert_eq!(stored(&api), 0);
    golden(
        "setup-namespace-dry-run.txt",
        &format!("{}---\n{}", new.text(), existing.text()),
    );
}

#[test]
fn what_was_made_is_removed_and_the_namespace_kept() {
    let api = counting();
    from_file(&api, "namespace -f - --user-id alice@company.com").done();
    api.put(
        json!({"apiVersion": "streaming.platform/v1", "kind": "Session",
        "metadata": {"name": "lab", "namespace": "dev-alice"}, "spec": {"userId": "u"}}),
    );
    let refused = setup(&api, "namespace dev-alice --remove");
    assert_eq!(api.objects(POLICIES).len(), 3);
    let rehearsed = setup(
        &api,
        "namespace dev-alice --remove --force --dry-run=client",
    );
    assert_eq!(api.objects(POLICIES).len(), 3);
    let removed = setup(&api, "namespace dev-alice --remove --force");
    let again = setup(&api, "namespace dev-alice --remove --force");
    let texts = [refused, rehearsed, removed, again].map(|played| played.text());
    golden("setup-namespace-removed.txt", &texts.join("---\n"));
    for kind in ["resourcequotas", "limitranges", POLICIES, BINDINGS] {
        assert_eq!(api.objects(kind).len(), 0, "{kind}");
    }
    assert_eq!(api.objects("namespaces").len(), 1);
}

#[test]
fn who_may_not_watch_is_not_made_to_wait() {
    // Nothing is counted here.
    let api = FakeApi::stateful();
    let denied = Answer::forbidden("carol", "watch", "resourcequotas", "dev-alice");
    let path = "/api/v1/namespaces/dev-alice/resourcequotas";
    api.handle("GET", path, move |request| match request.query("watch") {
        Some(_) => denied.clone(),
        None => Answer::ok(json!({"kind": "ResourceQuotaList", "apiVersion": "v1", "metadata": {"resourceVersion": "1"}, "items": []})),
    });
    let played = from_file(&api, &format!("{ALICE} -f -"));
    played.done();
    let note = "note: not waited for: no permission to watch resourcequotas\n";
    assert!(played.err.ends_with(note), "{played:?}");
}
