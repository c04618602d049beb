use super::*;
use serde_json::json;

fn node(name: &str, cpu: &str, memory: &str) -> Value {
    json!({ "metadata": { "name": name, "labels": { "kubernetes.io/hostname": name } },
        "status": { "allocatable": { "cpu": cpu, "memory": memory, "pods": "110" } } })
}

fn with(mut object: Value, pointer: &str, value: Value) -> Value {
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    let mut place = &mut object;
    for key in parent.split('/').filter(|key| !key.is_empty()) {
        place = &mut place[key];
    }
    place[field] = value;
    object
}

fn pod(name: &str, cpu: &str, memory: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name, "labels": { "app": name } }, "spec": { "containers": [
        { "name": "main", "resources": { "requests": { "cpu": cpu, "memory": memory } } }] } })
}

fn on(node: &str, pod: Value) -> Value {
    let pod = with(pod, "/metadata/namespace", json!("lab"));
    with(pod, "/spec/nodeName", json!(node))
}

fn fit(objects: &[Value], nodes: &[Value], pods: &[Value]) -> Fit {
    compute_fit(&FitInput {
        namespace: "lab",
        objects,
        other_session: objects,
        nodes: Some((nodes, pods)),
        ..FitInput::default()
    })
}

fn count(objects: &[Value], nodes: &[Value], pods: &[Value]) -> u64 {
    let count = fit(objects, nodes, pods).count().unwrap();
    assert!(count.proven && count.least == count.most, "{count:?}");
    count.most
}

#[test]
fn one_pod_fits_as_often_as_the_scarcest_resource_of_each_node_allows() {
    let nodes = [node("a", "4", "8Gi"), node("b", "2", "64Gi")];
    let pods = [on("a", pod("old", "1200m", "1Gi"))];
    let fit = fit(&[pod("x", "1100m", "1Gi")], &nodes, &pods);
    let room = fit.nodes.as_ref().unwrap();
    // (4 - 1.2) / 1.1 = 2, 2 / 1.1 = 1
    assert_eq!(fit.count(), Some(FitCount::exactly(3)));
    let cpu = &room.nodes[0].amounts[0];
    assert_eq!((cpu.resource.as_str(), cpu.fits), ("cpu", Some(2)));
    let shown = [cpu.allocatable, cpu.used, cpu.need.unwrap()].map(|amount| amount.to_string());
    assert_eq!(shown, ["4", "1200m", "1100m"]);
    assert_eq!(room.shortages, [("cpu".to_owned(), 2)].into());
}

#[test]
fn a_node_may_have_too_little_of_several() {
    let nodes = [node("a", "4", "4Gi"), node("b", "4", "64Gi")];
    let shortages = |objects: &[Value]| fit(objects, &nodes, &[]).nodes.unwrap().shortages;
    let both = [("cpu".to_owned(), 2), ("memory".to_owned(), 1)];
    assert_eq!(shortages(&[pod("x", "1", "1Gi")]), both.clone().into());
    // Pods of different size are placed one after the other.
    let unlike = [pod("x", "1", "1Gi"), pod("y", "3", "3Gi")];
    assert_eq!(shortages(&unlike), both.into());
}

#[test]
fn a_node_may_be_closed_for_many_reasons() {
    let one = [pod("x", "1", "1Gi")];
    let open = node("a", "2", "8Gi");
    let taint = json!([{ "key": "gpu", "value": "a100", "effect": "NoSchedule" }]);
    let tainted = with(open.clone(), "/spec/taints", taint);
    let cordoned = with(open.clone(), "/spec/unschedulable", json!(true));
    let excluded = |objects: &[Value], node: Value| {
        let fit = fit(objects, &[node], &[]);
        assert_eq!(fit.count().unwrap().most, 0);
        fit.nodes.unwrap().nodes[0].excluded.clone()
    };
    assert_eq!(count(&one, std::slice::from_ref(&open), &[]), 2);
    assert_eq!(
        excluded(&one, tainted),
        Some(Exclusion::Taint("gpu=a100:NoSchedule".into()))
    );
    assert_eq!(excluded(&one, cordoned), Some(Exclusion::Cordoned));
    let ssd = [with(
        one[0].clone(),
        "/spec/nodeSelector",
        json!({ "disk": "ssd" }),
    )];
    assert_eq!(excluded(&ssd, open.clone()), Some(Exclusion::Selector));
    let named = [with(one[0].clone(), "/spec/nodeName", json!("b"))];
    assert_eq!(excluded(&named, open), Some(Exclusion::OtherNode));
}

#[test]
fn gpus_are_whole_and_pods_are_counted() {
    let gpu = with(
        node("a", "64", "64Gi"),
        "/status/allocatable/nvidia.com~1gpu",
        json!("4"),
    );
    let mut gpu = gpu;
    gpu["status"]["allocatable"]["nvidia.com/gpu"] = json!("4");
    let mut wanted = pod("x", "1", "1Gi");
    wanted["spec"]["containers"][0]["resources"]["limits"] = json!({ "nvidia.com/gpu": 3 });
    assert_eq!(count(&[wanted.clone()], std::slice::from_ref(&gpu), &[]), 1);
    assert_eq!(count(&[wanted], &[node("b", "64", "64Gi")], &[]), 0);
    gpu["status"]["allocatable"]["pods"] = json!("7");
    assert_eq!(count(&[pod("x", "0", "0")], &[gpu], &[]), 7);
}

#[test]
fn pods_of_different_size_are_placed_one_after_the_other() {
    // The small Pods are spread by free share, so that the second big one fits nowhere though 3 CPUs are free together.
    let objects = [pod("small", "500m", "0"), pod("big", "2", "0")];
    let nodes = [node("a", "4", "8Gi"), node("b", "4", "8Gi")];
    let room = fit(&objects, &nodes, &[]);
    assert_eq!(room.count(), Some(FitCount::exactly(2)));
    let room = room.nodes.unwrap();
    assert_eq!(room.refused.as_deref(), Some("Pod/big"));
    assert_eq!(room.shortages, [("cpu".to_owned(), 2)].into());
}

#[test]
fn anti_affinity_keeps_sessions_on_nodes_of_their_own() {
    let far = json!({ "podAntiAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": [
        { "topologyKey": "kubernetes.io/hostname", "labelSelector": { "matchLabels": { "app": "x" } } }] } });
    let objects = [with(pod("x", "1", "1Gi"), "/spec/affinity", far)];
    let nodes: Vec<Value> = ["a", "b", "c"]
        .iter()
        .map(|name| node(name, "8", "8Gi"))
        .collect();
    assert_eq!(count(&objects, &nodes, &[]), 3);
    // A Pod that exists is avoided, and one with such a rule avoids the new ones.
    assert_eq!(count(&objects, &nodes, &[on("a", pod("x", "0", "0"))]), 2);
    let other = pod("x", "1", "1Gi");
    assert_eq!(count(&[other], &nodes, &[on("a", objects[0].clone())]), 16);
}

#[test]
fn affinity_follows_the_first_pod() {
    let near = json!({ "podAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": [
        { "topologyKey": "zone", "labelSelector": { "matchLabels": { "app": "x" } } }] } });
    let objects = [with(pod("x", "1", "1Gi"), "/spec/affinity", near)];
    let zone = |name: &str, zone: &str, cpu: &str| {
        with(
            node(name, cpu, "64Gi"),
            "/metadata/labels/zone",
            json!(zone),
        )
    };
    let nodes = [
        zone("a", "1", "4"),
        zone("b", "1", "4"),
        zone("c", "2", "2"),
    ];
    // The first Pod goes where most is free: zone 1, and all others must follow.
    assert_eq!(count(&objects, &nodes, &[]), 8);
    assert_eq!(count(&objects, &nodes[2..], &[]), 2);
}

#[test]
fn a_choice_at_random_gives_a_range() {
    let near = json!({ "podAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": [
        { "topologyKey": "zone", "labelSelector": { "matchLabels": { "app": "x" } } }] } });
    let objects = [with(pod("x", "1", "0"), "/spec/affinity", near)];
    let zone = |name: &str, zone: &str| {
        with(
            node(name, "4", "64Gi"),
            "/metadata/labels/zone",
            json!(zone),
        )
    };
    let nodes = [zone("a", "1"), zone("b", "2"), zone("c", "2")];
    let count = fit(&objects, &nodes, &[]).count().unwrap();
    assert_eq!((count.least, count.most, count.proven), (4, 8, true));
}

#[test]
fn spread_constraints_that_must_hold_bind() {
    let spread = json!([{ "maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": { "matchLabels": { "app": "x" } } }]);
    let objects = [with(
        pod("x", "1", "0"),
        "/spec/topologySpreadConstraints",
        spread,
    )];
    let nodes = [node("a", "8", "8Gi"), node("b", "2", "8Gi")];
    // 2 on b, then at most one more on a.
    assert_eq!(count(&objects, &nodes, &[]), 5);
    let room = fit(&objects, &nodes, &[]).nodes.unwrap();
    assert_eq!(
        room.shortages,
        [("cpu".to_owned(), 1), ("topology spread".to_owned(), 1)].into()
    );
}

#[test]
fn host_ports_allow_one_pod_on_a_node() {
    let mut object = pod("x", "1", "0");
    object["spec"]["containers"][0]["ports"] = json!([{ "containerPort": 80, "hostPort": 80 }]);
    let nodes = [node("a", "8", "8Gi"), node("b", "8", "8Gi")];
    assert_eq!(count(std::slice::from_ref(&object), &nodes, &[]), 2);
    assert_eq!(
        count(
            std::slice::from_ref(&object),
            &nodes,
            &[on("a", object.clone())]
        ),
        1
    );
}

#[test]
fn quota_and_nodes_together_give_the_smaller_count() {
    let quota = json!({ "metadata": { "name": "q" }, "spec": { "hard": {} }, "status": {
        "hard": { "requests.cpu": "50", "requests.memory": "100Gi", "pods": "60", "persistentvolumeclaims": "0" }, "used": { "requests.cpu": "12", "pods": "10" } } });
    let objects = [pod("x", "1", "2Gi")];
    let quotas = [quota];
    let input = FitInput {
        namespace: "lab",
        objects: &objects,
        other_session: &objects,
        quotas: Some(&quotas),
        ..FitInput::default()
    };
    let fit = compute_fit(&input);
    let rooms = &fit.quotas.as_ref().unwrap().rooms;
    let rooms: Vec<(&str, u64)> = rooms
        .iter()
        .map(|room| (room.resource.as_str(), room.fits))
        .collect();
    assert_eq!(
        rooms,
        [("pods", 50), ("requests.cpu", 38), ("requests.memory", 50)]
    );
    assert_eq!(fit.count(), Some(FitCount::exactly(38)));
    let (many, few) = ([node("a", "640", "640Gi")], [node("a", "7", "640Gi")]);
    let with_nodes = |nodes| {
        compute_fit(&FitInput {
            nodes: Some((nodes, &[])),
            ..input
        })
    };
    assert_eq!(with_nodes(&many).count(), Some(FitCount::exactly(38)));
    assert!(with_nodes(&many).nodes.unwrap().limited);
    assert_eq!(with_nodes(&few).count(), Some(FitCount::exactly(7)));
}

#[test]
fn a_quota_of_a_class_counts_claims_of_the_default_class() {
    let set = json!({ "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": { "name": "s" }, "spec": { "template": { "spec": { "containers": [] } },
        "volumeClaimTemplates": [{ "metadata": { "name": "home" }, "spec": { "resources": { "requests": { "storage": "30Gi" } } } }] } });
    let class = json!({ "metadata": { "name": "fast", "annotations": { "storageclass.kubernetes.io/is-default-class": "true" } } });
    let quota = json!({ "metadata": { "name": "q" }, "spec": {}, "status": { "hard": { "fast.storageclass.storage.k8s.io/requests.storage": "100Gi" } } });
    let (objects, classes, quotas) = ([set], [class], [quota]);
    let fit = compute_fit(&FitInput {
        objects: &objects,
        other_session: &objects,
        quotas: Some(&quotas),
        volumes: VolumeFacts {
            storage_classes: &classes,
            ..VolumeFacts::default()
        },
        ..FitInput::default()
    });
    assert_eq!(fit.count(), Some(FitCount::exactly(3)));
}

#[test]
fn what_is_not_known_limits_nothing() {
    let objects = [pod("x", "1", "1Gi")];
    let fit = compute_fit(&FitInput {
        objects: &objects,
        ..FitInput::default()
    });
    assert_eq!(fit.count(), None);
    // A session without Pods needs no node.
    let claim = [
        json!({ "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": { "name": "c" }, "spec": {} }),
    ];
    assert_eq!(
        compute_fit(&FitInput {
            objects: &claim,
            nodes: Some((&[], &[])),
            ..FitInput::default()
        })
        .nodes,
        None
    );
}

#[test]
fn with_very_many_choices_only_some_are_followed() {
    // No two nodes are alike, and many have the same points.
    let nodes: Vec<Value> = (0..50)
        .map(|at| node(&format!("n{at:03}"), &format!("{}m", 8000 + at), "64Gi"))
        .collect();
    let objects = [pod("small", "500m", "0"), pod("big", "1700m", "0")];
    let fit = fit(&objects, &nodes, &[]);
    let count = fit.count().unwrap();
    assert!(
        !count.proven && count.least >= 150 && count.most <= 190,
        "{count:?}"
    );
}

#[test]
fn nodes_that_cannot_reach_the_volumes_take_no_pods() {
    let zone =
        |name: &str, zone: &str| with(node(name, "4", "8Gi"), "/metadata/labels/zone", json!(zone));
    let nodes = [zone("a", "1"), zone("b", "2")];
    let claim = json!({ "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": { "name": "new" }, "spec": { "storageClassName": "zonal" } });
    let mounting = |claim: &str| {
        with(
            pod("x", "1", "0"),
            "/spec/volumes",
            json!([{ "name": "v", "persistentVolumeClaim": { "claimName": claim } }]),
        )
    };
    let class = json!({ "metadata": { "name": "zonal" }, "provisioner": "p", "allowedTopologies": [{ "matchLabelExpressions": [{ "key": "zone", "values": ["2"] }] }] });
    let terms =
        json!([{ "matchExpressions": [{ "key": "zone", "operator": "In", "values": ["1"] }] }]);
    let volume = json!({ "metadata": { "name": "pv" }, "spec": { "nodeAffinity": { "required": { "nodeSelectorTerms": terms } } } });
    let shared = json!({ "metadata": { "name": "shared" }, "spec": { "volumeName": "pv" } });
    let (classes, claims, volumes) = ([class], [shared], [volume]);
    let excluded = |objects: &[Value]| {
        let fit = compute_fit(&FitInput {
            objects,
            other_session: objects,
            nodes: Some((&nodes, &[])),
            volumes: VolumeFacts {
                storage_classes: &classes,
                claims: Some(&claims),
                volumes: &volumes,
            },
            ..FitInput::default()
        });
        let nodes = fit.nodes.unwrap().nodes.into_iter();
        nodes.map(|node| node.excluded).collect::<Vec<_>>()
    };
    let volume = |why: &str| Some(Exclusion::Volume(why.to_owned()));
    assert_eq!(
        excluded(&[claim, mounting("new")]),
        [volume("StorageClass \"zonal\" has no volumes for it"), None]
    );
    assert_eq!(
        excluded(&[mounting("shared")]),
        [
            None,
            volume("the volume of claim \"shared\" is not reachable")
        ]
    );
    let missing = volume("claim \"gone\" does not exist");
    assert_eq!(excluded(&[mounting("gone")]), [missing.clone(), missing]);
}

#[test]
fn a_node_with_the_image_is_preferred() {
    let mut objects = [pod("small", "1", "0"), pod("big", "3", "0")];
    objects[0]["spec"]["containers"][0]["image"] = json!("registry.example.com/app");
    let images =
        json!([{ "names": ["registry.example.com/app:latest"], "sizeBytes": 2_000_000_000 }]);
    let nodes = [node("a", "4", "8Gi"), node("b", "3", "8Gi")];
    let with_image = [
        nodes[0].clone(),
        with(nodes[1].clone(), "/status/images", images),
    ];
    let placed = |nodes: &[Value]| {
        let nodes = fit(&objects, nodes, &[]).nodes.unwrap().nodes;
        (nodes[0].pods, nodes[1].pods)
    };
    // The small Pods go to their image. Else they go where more is free.
    assert_eq!(placed(&with_image), (1, 2));
    assert_eq!(placed(&nodes), (2, 1));
}

#[test]
fn a_quota_without_limits_has_nothing_to_count() {
    let quota = |name: &str, spec: Value| json!({"kind": "ResourceQuota", "metadata": {"name": name}, "spec": spec, "status": {}});
    let quotas = [
        quota("session-hours", json!({})),
        quota("empty", json!({"hard": {}})),
        quota("new", json!({"hard": {"pods": "3"}})),
    ];
    let objects = [pod("x", "1", "0")];
    let fit = compute_fit(&FitInput {
        objects: &objects,
        quotas: Some(&quotas),
        ..FitInput::default()
    });
    assert_eq!(fit.quota_count(), Some(3));
    assert_eq!(fit.quotas.unwrap().uncounted, ["new"]);
}
