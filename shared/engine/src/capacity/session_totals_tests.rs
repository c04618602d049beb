use super::*;
use serde_json::json;

fn session(namespace: &str, name: &str, user: &str) -> Value {
    json!({"metadata": {"name": name, "namespace": namespace, "uid": format!("{namespace}-{name}")}, "spec": {"userId": user}})
}

/// A ready primary Pod of a session.
fn pod(namespace: &str, session: &str, resources: Value) -> Value {
    json!({"kind": "Pod", "metadata": {"name": session, "namespace": namespace,
            "labels": {labels::SESSION: session, labels::PRIMARY: "true"},
            "ownerReferences": [{"apiVersion": "streaming.platform/v1", "kind": "Session", "name": session, "uid": format!("{namespace}-{session}")}]},
        "spec": {"containers": [{"resources": resources}]},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}})
}

fn data(namespace: &str, session: &str, user: &str, fields: Value) -> Value {
    let mut object = json!({"metadata": {"name": format!("home-{session}"), "namespace": namespace,
        "labels": {labels::SESSION: session}, "annotations": {labels::USER_ID: user}}});
    for (key, value) in fields.as_object().unwrap() {
        object[key] = value.clone();
    }
    object
}

fn claim(namespace: &str, session: &str, user: &str, size: &str) -> Value {
    data(
        namespace,
        session,
        user,
        json!({"spec": {"resources": {"requests": {"storage": size}}}}),
    )
}

/// Alice has two sessions in two namespaces and data of a deleted one, Bob one without a Pod; a Pod and a claim are nobody's.
fn objects() -> SessionObjects {
    let lab = json!({"requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"cpu": "1", "nvidia.com/gpu": "2"}});
    let foreign = json!({"kind": "Pod", "metadata": {"name": "web", "namespace": "one"}, "spec": {"containers": [{"resources": {"requests": {"cpu": "3"}}}]}});
    SessionObjects {
        sessions: vec![
            session("one", "a", "alice"),
            session("two", "a", "alice"),
            session("one", "b", "bob"),
        ],
        pods: Some(vec![
            pod("one", "a", lab.clone()),
            pod("two", "a", lab),
            foreign.clone(),
            {
                let mut elsewhere = foreign;
                elsewhere["metadata"]["namespace"] = "three".into();
                elsewhere
            },
        ]),
        claims: Some(vec![
            claim("one", "a", "alice", "10Gi"),
            claim("one", "gone", "alice", "20Gi"),
            claim("one", "b", "carol", "1Gi"),
            json!({"metadata": {"name": "x", "namespace": "one"}, "spec": {"resources": {"requests": {"storage": "5Gi"}}}}),
        ]),
        snapshots: Some(vec![
            data(
                "one",
                "a",
                "alice",
                json!({"status": {"restoreSize": "10Gi"}}),
            ),
            data("one", "a", "alice", json!({"status": {}})),
        ]),
        quota_namespaces: BTreeSet::from(["one".to_owned(), "two".to_owned()]),
        ..SessionObjects::default()
    }
}

fn rows(objects: &SessionObjects, grouping: Grouping) -> Vec<String> {
    let now = "2026-03-01T12:00:00Z".parse().unwrap();
    let shown = |row: TotalsRow| {
        let holder = match row.holder {
            Holder::Session { name, user } => format!("{name}/{user}"),
            Holder::User(user) => user,
            Holder::Sessions => "sessions".into(),
            Holder::Others => "others".into(),
        };
        let it = row.totals;
        let cpu = it.resource("requests.cpu");
        let Totals {
            sessions,
            running,
            pods,
            claims,
            storage,
            snapshots,
            ..
        } = it;
        let namespace = row.namespace.unwrap_or_else(|| "*".into());
        format!(
            "{namespace} {holder}: {running}/{sessions} {pods} {cpu} {claims} {storage} {snapshots}"
        )
    };
    sum_totals(objects, grouping, now)
        .into_iter()
        .map(shown)
        .collect()
}

#[test]
fn totals_of_sessions_have_a_row_for_kept_data() {
    assert_eq!(
        rows(&objects(), Grouping::Session),
        [
            "one a/alice: 1/1 1 500m 1 10Gi 2",
            "one b/bob: 0/1 0 0 0 0 0",
            "one b/carol: 0/0 0 0 1 1Gi 0",
            "one gone/alice: 0/0 0 0 1 20Gi 0",
            "two a/alice: 1/1 1 500m 0 0 0",
        ]
    );
}

#[test]
fn totals_of_users_go_over_namespaces() {
    assert_eq!(
        rows(&objects(), Grouping::User),
        [
            "* alice: 2/2 2 1 2 30Gi 2",
            "* bob: 0/1 0 0 0 0 0",
            "* carol: 0/0 0 0 1 1Gi 0",
            "* others: 0/0 1 3 1 5Gi 0",
        ]
    );
}

#[test]
fn totals_of_namespaces_add_up_to_what_their_quotas_count() {
    assert_eq!(
        rows(&objects(), Grouping::Namespace),
        [
            "one sessions: 1/2 1 500m 3 31Gi 2",
            "one others: 0/0 1 3 1 5Gi 0",
            "two sessions: 1/1 1 500m 0 0 0",
        ]
    );
}

#[test]
fn a_selection_counts_only_its_own() {
    let mut few = objects();
    few.sessions.truncate(1);
    few.is_selection = true;
    assert_eq!(
        rows(&few, Grouping::Session),
        ["one a/alice: 1/1 1 500m 1 10Gi 2"]
    );
    assert_eq!(rows(&few, Grouping::User), ["* alice: 1/1 1 500m 1 10Gi 2"]);
}

#[test]
fn pods_that_have_ended_or_borrow_a_label_are_not_the_sessions() {
    let mut all = objects();
    let mut ended = pod("one", "b", json!({"requests": {"cpu": "7"}}));
    ended["status"]["phase"] = "Succeeded".into();
    let mut forged = pod("one", "b", json!({"requests": {"cpu": "7"}}));
    forged["metadata"]["ownerReferences"][0]["uid"] = "another".into();
    let mut lost = pod("one", "b", json!({"requests": {"cpu": "7"}}));
    lost["metadata"]["deletionTimestamp"] = "2026-03-01T11:00:00Z".into();
    lost["metadata"]["deletionGracePeriodSeconds"] = 30.into();
    all.pods = Some(vec![ended, forged.clone(), lost.clone()]);
    assert!(rows(&all, Grouping::Session).contains(&"one b/bob: 0/1 0 0 0 0 0".to_owned()));
    assert!(rows(&all, Grouping::Namespace).contains(&"one others: 0/0 1 7 1 5Gi 0".to_owned()));
    // Within its grace period the Pod still counts, as does one of a controller.
    lost["metadata"]["deletionTimestamp"] = "2026-03-01T11:59:40Z".into();
    forged["metadata"]["ownerReferences"] = json!([{"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "w", "uid": "w", "controller": true}]);
    all.pods = Some(vec![forged, lost]);
    assert!(rows(&all, Grouping::Session).contains(&"one b/bob: 1/1 2 14 0 0 0".to_owned()));
}

#[test]
fn a_session_runs_when_its_primary_pod_is_ready() {
    let mut all = objects();
    let mut primary = pod("one", "b", json!({}));
    primary["status"]["conditions"] = json!([]);
    let mut side = pod("one", "b", json!({}));
    side["metadata"]["labels"]
        .as_object_mut()
        .unwrap()
        .shift_remove(labels::PRIMARY);
    all.pods = Some(vec![primary, side.clone()]);
    assert!(rows(&all, Grouping::Session)[1].starts_with("one b/bob: 0/1"));
    all.pods = Some(vec![side]);
    assert!(rows(&all, Grouping::Session)[1].starts_with("one b/bob: 1/1"));
}

#[test]
fn devices_of_plugins_are_told_from_kubernetes_own_resources() {
    let totals = &sum_totals(
        &objects(),
        Grouping::User,
        "2026-03-01T12:00:00Z".parse().unwrap(),
    )[0]
    .totals;
    assert_eq!(totals.resource("requests.nvidia.com/gpu").to_string(), "4");
    for (name, extended) in [
        ("cpu", false),
        ("hugepages-2Mi", false),
        ("smarter-devices/fuse", true),
        ("devices.kubevirt.io/kvm", true),
        ("kubernetes.io/batteries", false),
        ("alpha.kubernetes.io/gpu", true),
    ] {
        assert_eq!(is_extended_resource(name), extended, "{name}");
    }
    assert_eq!(
        (
            totals.unsized_snapshots,
            totals.snapshot_storage.to_string().as_str()
        ),
        (1, "10Gi")
    );
}
