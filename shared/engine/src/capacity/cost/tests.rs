use super::super::cost_report::*;
use super::super::grouping::Grouping;
use super::*;
use session_template::MICROS;

fn session(name: &str, user: &str) -> Value {
    json!({"kind": "Session", "metadata": {"name": name, "namespace": "ns", "uid": format!("s-{name}")},
        "spec": {"userId": user}, "status": {"phase": "running"}})
}

fn owned(kind: &str, session: &str, name: &str, fields: Value) -> Value {
    let mut object = json!({"kind": kind, "metadata": {"name": name, "namespace": "ns",
        "labels": {labels::SESSION: session}, "annotations": {labels::SESSION_UID: format!("s-{session}"), labels::USER_ID: "eve"}}});
    for (key, value) in fields.as_object().unwrap() {
        object[key] = value.clone();
    }
    object
}

fn pod(session: &str, resources: Value) -> Value {
    let spec = json!({"containers": [{"name": "main", "resources": resources}]});
    owned(
        "Pod",
        session,
        "p",
        json!({"spec": spec, "status": {"phase": "Running"}}),
    )
}

fn claim(session: &str, size: &str, class: &str) -> Value {
    let spec = json!({"storageClassName": class, "resources": {"requests": {"storage": size}}});
    owned("PersistentVolumeClaim", session, "c", json!({"spec": spec}))
}

fn limits(cpu: &str, memory: &str) -> Value {
    json!({"limits": {"cpu": cpu, "memory": memory}})
}

fn cents(low: i64, high: i64) -> CostRange {
    CostRange { low, high }
}

fn cost_of(objects: SessionObjects) -> CostReport {
    session_costs(&objects, &Prices::default())
}

/// The compute cost of a session with one Pod.
fn compute(resources: Value) -> CostRange {
    let report = cost_of(SessionObjects {
        sessions: vec![session("a", "alice")],
        pods: Some(vec![pod("a", resources)]),
        ..SessionObjects::default()
    });
    report.rows[0].costs.compute
}

#[test]
fn compute_costs_by_cpu_or_memory_whichever_is_more() {
    assert_eq!(compute(limits("2", "4Gi")), cents(5000, 8000));
    assert_eq!(compute(limits("1", "2Gi")), cents(2500, 4000));
    assert_eq!(compute(limits("4", "4Gi")), cents(10000, 16000));
    assert_eq!(compute(limits("1", "8Gi")), cents(10000, 16000));
    assert_eq!(compute(limits("100m", "64Mi")), cents(250, 400));
    assert_eq!(compute(limits("1m", "1Mi")), cents(3, 4));
    assert_eq!(compute(limits("0", "0")), cents(0, 0));
}

#[test]
fn the_document_s_environment_costs_what_its_parts_cost() {
    let balancer = json!({"spec": {"type": "LoadBalancer"}});
    let report = cost_of(SessionObjects {
        sessions: vec![session("a", "alice")],
        pods: Some(vec![pod("a", limits("2", "4Gi"))]),
        claims: Some(vec![claim("a", "30Gi", "fast")]),
        services: Some(vec![
            owned("Service", "a", "s", balancer),
            owned("Service", "a", "t", json!({"spec": {"type": "ClusterIP"}})),
        ]),
        ..SessionObjects::default()
    });
    let row = &report.rows[0];
    assert_eq!(row.costs.storage, cents(500, 1000));
    assert_eq!(row.costs.load_balancers, cents(1500, 2500));
    assert_eq!(row.costs.total(), cents(7000, 11500));
    assert_eq!(report.gaps, CostGaps::default());
}

#[test]
fn a_container_without_a_limit_counts_by_its_request_and_that_is_kept() {
    let request = json!({"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"memory": "4Gi"}});
    assert_eq!(compute(request.clone()), cents(5000, 8000));
    let report = cost_of(SessionObjects {
        sessions: vec![session("a", "alice")],
        pods: Some(vec![
            pod("a", request),
            pod("a", json!({"requests": {"memory": "1Gi"}})),
        ]),
        ..SessionObjects::default()
    });
    assert_eq!(
        report.gaps.by_request,
        ["ns/p main (cpu)", "ns/p main (memory)"]
    );
    assert_eq!(report.gaps.unlimited, ["ns/p main (cpu)"]);
    assert_eq!(report.rows[0].memory.to_string(), "5Gi");
}

#[test]
fn limits_of_the_pod_count_in_place_of_its_containers() {
    let mut whole = pod("a", json!({}));
    whole["spec"]["resources"] = limits("4", "2Gi");
    let report = cost_of(SessionObjects {
        sessions: vec![session("a", "alice")],
        pods: Some(vec![whole]),
        ..SessionObjects::default()
    });
    assert_eq!(report.rows[0].costs.compute, cents(10000, 16000));
    assert_eq!(report.gaps, CostGaps::default());
}

#[test]
fn a_stopped_session_and_a_deleted_one_cost_what_they_keep() {
    let mut ended = pod("a", limits("2", "4Gi"));
    ended["status"]["phase"] = "Succeeded".into();
    let report = cost_of(SessionObjects {
        sessions: vec![session("a", "alice")],
        pods: Some(vec![ended]),
        claims: Some(vec![claim("a", "60Gi", "x"), claim("gone", "15Gi", "x")]),
        ..SessionObjects::default()
    });
    let [stopped, deleted] = &report.rows[..] else {
        panic!("{report:?}");
    };
    assert_eq!(stopped.costs.total(), cents(1000, 2000));
    assert_eq!(deleted.costs.total(), cents(250, 500));
    assert_eq!(
        (deleted.phase.as_deref(), deleted.user.as_deref()),
        (Some(DELETED), Some("eve"))
    );
    assert_eq!((deleted.sessions, report.gaps.without_pods), (0, 1));
}

#[test]
fn prices_of_gpus_classes_and_snapshots_are_used_and_missing_ones_are_kept() {
    let gpus = json!({"limits": {"cpu": "2", "memory": "4Gi", "nvidia.com/gpu": "2", "amd.com/gpu": "1", "x.io/fuse": "1"}});
    let objects = SessionObjects {
        sessions: vec![session("a", "alice")],
        pods: Some(vec![pod("a", gpus)]),
        claims: Some(vec![
            claim("a", "30Gi", "fast"),
            claim("a", "30Gi", "slow"),
            owned("PersistentVolumeClaim", "a", "odd", json!({})),
        ]),
        snapshots: Some(vec![
            owned(
                "VolumeSnapshot",
                "a",
                "v",
                json!({"status": {"restoreSize": "30Gi"}}),
            ),
            owned("VolumeSnapshot", "a", "w", json!({})),
        ]),
        ..SessionObjects::default()
    };
    let none = session_costs(&objects, &Prices::default());
    assert_eq!(
        none.gaps.gpus,
        BTreeMap::from([
            ("amd.com/gpu".to_owned(), 1),
            ("nvidia.com/gpu".to_owned(), 2)
        ])
    );
    assert_eq!(
        (none.gaps.unpriced_snapshots, none.gaps.unsized_snapshots),
        (2, 0)
    );
    assert_eq!(none.gaps.claims, ["ns/odd"]);
    let whole = |units: i64| PriceRange {
        low: units * MICROS,
        high: units * MICROS,
    };
    let prices = Prices {
        gpus: BTreeMap::from([("nvidia.com/gpu".to_owned(), whole(250))]),
        storage_classes: BTreeMap::from([("fast".to_owned(), whole(9))]),
        snapshots: Some(whole(2)),
        ..Prices::default()
    };
    let report = session_costs(&objects, &prices);
    let costs = report.rows[0].costs;
    assert_eq!(costs.gpus, cents(50000, 50000));
    assert_eq!(costs.storage, cents(900 + 500, 900 + 1000));
    assert_eq!(costs.snapshots, cents(200, 200));
    assert_eq!(
        report.gaps.gpus,
        BTreeMap::from([("amd.com/gpu".to_owned(), 1)])
    );
    assert_eq!(
        (
            report.gaps.unpriced_snapshots,
            report.gaps.unsized_snapshots
        ),
        (0, 1)
    );
}

#[test]
fn groups_add_up_to_the_total() {
    let report = cost_of(SessionObjects {
        sessions: vec![
            session("a", "alice"),
            session("b", "bob"),
            session("c", "alice"),
        ],
        pods: Some(vec![
            pod("a", limits("333m", "1Gi")),
            pod("b", limits("1", "3Gi")),
            pod("c", limits("7m", "1Mi")),
        ]),
        claims: Some(vec![claim("c", "7Gi", "x")]),
        ..SessionObjects::default()
    });
    let total = total_cost(&report.rows).costs.total();
    for group in [Grouping::Session, Grouping::User, Grouping::Namespace] {
        let rows = group_costs(report.rows.clone(), group);
        assert_eq!(total_cost(&rows).costs.total(), total, "{group:?}");
    }
    let users = group_costs(report.rows, Grouping::User);
    let names: Vec<(&str, usize)> = users
        .iter()
        .map(|row| (row.name.as_str(), row.sessions))
        .collect();
    assert_eq!(names, [("alice", 2), ("bob", 1)]);
}

#[test]
fn several_sessions_cost_as_often_as_much() {
    let report = cost_of(SessionObjects {
        sessions: vec![session("a", "alice")],
        pods: Some(vec![pod("a", limits("1", "1Gi"))]),
        claims: Some(vec![claim("a", "7Gi", "x")]),
        ..SessionObjects::default()
    });
    let row = &report.rows[0];
    for count in [1, 2, 3, 40, 300] {
        let (several, rows) = (row.times(count), vec![row.clone(); count as usize]);
        let total = total_cost(&rows);
        assert_eq!(several.costs.total(), total.costs.total());
        assert_eq!((several.cpu, several.storage), (total.cpu, total.storage));
        assert_eq!(several.sessions, count as usize);
    }
    assert!(row.times(u32::MAX).costs.total().high > 0);
}

#[test]
fn the_largest_amounts_do_not_overflow() {
    let price = PriceRange {
        low: 0,
        high: 1_000_000_000 * MICROS,
    };
    let cost = CostRange::of_amount(price, i64::MAX, 1);
    assert_eq!(cost.high, i64::MAX);
    assert_eq!(cost.plus(cost).high, i64::MAX);
}
