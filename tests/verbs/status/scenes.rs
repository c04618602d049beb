//! Fixtures: sessions in every state, with all objects that a report reads.

use kubectl_session_status::Status;
use serde_json::{Value, json};
use session_support::FakeApi;

use crate::play::{Play, Played};

pub use crate::objects::*;

/// Returns an API with these objects and the template of the session's start.
pub fn api(objects: &[Value]) -> FakeApi {
    let api = FakeApi::stateful();
    api.on("GET", "/api/v1/nodes/*/proxy/stats/summary", summary());
    api.put(template(1));
    for object in objects {
        api.put(object.clone());
    }
    api
}

fn summary() -> session_support::Answer {
    session_support::Answer::ok(json!({"node": {}, "pods": [
        {"podRef": {"name": "tool-alice", "namespace": "default", "uid": "p-1"},
            "cpu": {"usageNanoCores": 12_000_000}, "memory": {"workingSetBytes": 104_857_600},
            "volume": [{"name": "home", "pvcRef": {"name": "home-alice", "namespace": "default"},
                "usedBytes": 12_582_912, "capacityBytes": 1_023_410_176}]},
        {"podRef": {"name": "other", "namespace": "elsewhere", "uid": "p-9"},
            "volume": [{"name": "home", "pvcRef": {"name": "home-alice", "namespace": "elsewhere"}, "usedBytes": 1, "capacityBytes": 2}]}]}))
}

pub fn status(api: &FakeApi, words: &str) -> Played {
    Play::on(api).run::<Status>(&format!("alice {words}"))
}

/// Returns an object of the session without an ownerReference.
pub fn data(object: Value) -> Value {
    let mut object = object;
    object["metadata"]["namespace"] = "default".into();
    object["metadata"]["labels"] = json!({"streaming.platform/session": "alice"});
    object["metadata"]["annotations"] = json!({"streaming.platform/user-id": "alice@example.com"});
    object
}

pub fn claim() -> Value {
    data(
        json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "home-alice", "uid": "c-1"},
        "spec": {"storageClassName": "fast", "volumeName": "pv-7", "resources": {"requests": {"storage": "1Gi"}}},
        "status": {"phase": "Bound", "capacity": {"storage": "2Gi"}}}),
    )
}

/// Returns every state, by the name of its golden file.
pub fn all() -> Vec<(&'static str, FakeApi)> {
    vec![
        ("running", self::running_api()),
        ("never-pulled", never_pulled()),
        ("pending", pending()),
        ("crash-loop", crash_loop()),
        ("stopped", stopped()),
        ("lost", api(&[session("running")])),
        ("expired", expired()),
        ("template-changed", template_changed()),
        ("data", with_data()),
        ("several", several()),
        ("useless-services", useless_services()),
        ("hostile", hostile()),
        ("manifest", manifest()),
    ]
}

pub fn running_api() -> FakeApi {
    let about = ("Pod", "tool-alice", "p-1");
    api(&[
        session("running"),
        tool(running()),
        event(
            "e2",
            about,
            "Started",
            "Container started",
            "2026-03-01T10:00:03Z",
            1,
        ),
        event(
            "e1",
            about,
            "Scheduled",
            "Successfully assigned default/tool-alice to node-1",
            "2026-03-01T10:00:01Z",
            1,
        ),
        event(
            "other",
            ("Pod", "x", "p-77"),
            "Started",
            "Container of somebody else started",
            "2026-03-01T11:00:03Z",
            1,
        ),
    ])
}

/// Returns a session whose Pod fits on no node: still pending, with a diagnosis.
fn pending() -> FakeApi {
    let message = "0/3 nodes are available: 3 Insufficient cpu. preemption: 0/3 nodes are available: 3 No preemption victims found for incoming pod.";
    let mut pod = tool(
        json!({"phase": "Pending", "qosClass": "Burstable", "conditions": [
        {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}]}),
    );
    pod["spec"]
        .as_object_mut()
        .unwrap()
        .shift_remove("nodeName");
    api(&[session("pending"), pod])
}

fn never_pulled() -> FakeApi {
    let message =
        "Container image \"registry.example.com/tool:1\" is not present with pull policy of Never";
    let about = ("Pod", "tool-alice", "p-1");
    api(&[
        session("pending"),
        tool(waiting("ErrImageNeverPull", message)),
        event("e1", about, "Failed", message, "2026-03-01T11:59:30Z", 12),
    ])
}

pub fn crash_loop() -> FakeApi {
    let about = ("Pod", "tool-alice", "p-1");
    let message = "Back-off restarting failed container main in pod tool-alice_default";
    api(&[
        session("running"),
        tool(crashing()),
        event("e1", about, "BackOff", message, "2026-03-01T11:59:00Z", 5),
    ])
}

fn stopped() -> FakeApi {
    let mut session = session("stopped");
    session["spec"]["state"] = "stopped".into();
    session["status"]["conditions"][0]["reason"] = "Stopped".into();
    let mut claim = claim();
    claim["metadata"]["annotations"]["streaming.platform/kept-since"] =
        "2026-03-01T11:00:00Z".into();
    api(&[session, claim])
}

fn expired() -> FakeApi {
    let mut session = session("running");
    session["status"]["expiresAt"] = "2026-03-01T11:30:00Z".into();
    session["status"]["applied"]["onExpiry"] = "delete".into();
    session["status"]["applied"]
        .as_object_mut()
        .unwrap()
        .shift_remove("onExpiry");
    api(&[session, tool(running())])
}

fn template_changed() -> FakeApi {
    let api = api(&[session("running"), tool(running())]);
    api.put(template(2));
    api
}

fn with_data() -> FakeApi {
    let secret = data(
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "session-alice-parameters"},
        "data": {"PASSWORD": "c2VjcmV0LXZhbHVl"}}),
    );
    let snapshot = data(
        json!({"apiVersion": "snapshot.storage.k8s.io/v1", "kind": "VolumeSnapshot",
        "metadata": {"name": "home-alice-1"}, "spec": {"source": {"persistentVolumeClaimName": "home-alice"}},
        "status": {"readyToUse": true, "boundVolumeSnapshotContentName": "c", "restoreSize": "1Gi", "creationTime": "2026-02-26T12:00:00Z"}}),
    );
    let api = FakeApi::stateful();
    api.on("GET", "/api/v1/nodes/*/proxy/stats/summary", summary());
    api.serve(
        "snapshot.storage.k8s.io/v1",
        "VolumeSnapshot",
        "volumesnapshots",
        true,
    );
    let lost = data(
        json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "waiting", "uid": "c-2"},
        "spec": {"storageClassName": "slow", "resources": {"requests": {"storage": "5Gi"}}}, "status": {"phase": "Pending"}}),
    );
    let about = ("PersistentVolumeClaim", "waiting", "c-2");
    let schedule = json!({"apiVersion": "batch/v1", "kind": "CronJob",
        "metadata": {"name": "session-alice-snapshots", "namespace": "default", "ownerReferences": [
            {"apiVersion": "streaming.platform/v1", "kind": "Session", "name": "alice", "uid": UID}]},
        "spec": {"schedule": "30 3 * * *", "timeZone": "Europe/Berlin", "jobTemplate": {"spec": {"template": {"spec": {
            "containers": [{"name": "snapshot", "args": ["snapshot", "run-schedule", "alice", "--keep", "7"]}]}}}}},
        "status": {"lastSuccessfulTime": "2026-03-01T02:30:09Z"}});
    let objects = [
        schedule,
        session("running"),
        template(1),
        tool(running()),
        claim(),
        lost,
        secret,
        snapshot,
        event(
            "e1",
            about,
            "ProvisioningFailed",
            "storageclass.storage.k8s.io \"slow\" not found",
            "2026-03-01T11:59:00Z",
            3,
        ),
    ];
    for object in objects {
        api.put(object);
    }
    api
}

pub fn several() -> FakeApi {
    let mut session = session("pending");
    let applied = &mut session["status"]["applied"];
    applied["primary"] = json!({"kind": "Deployment", "name": "web"});
    applied["replicas"] = json!({"Deployment/web": 2});
    applied["objects"] = json!([
        {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "d-1"},
        {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "db", "uid": "s-1"},
        {"apiVersion": "v1", "kind": "Service", "name": "web", "uid": "v-1"},
        {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "name": "web", "uid": "i-1"},
        {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "name": "web", "uid": "h-1"},
        {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "name": "web", "uid": "b-1"},
        {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "name": "web", "uid": "n-1"}]);
    let owned = |kind: &str, name: &str, uid: &str, owner: Value, spec: Value, ready: i64| {
        json!({
        "apiVersion": "apps/v1", "kind": kind, "spec": spec, "status": {"readyReplicas": ready},
        "metadata": {"name": name, "namespace": "default", "uid": uid, "creationTimestamp": MADE, "labels": {"streaming.platform/session": "alice"}, "ownerReferences": [owner]}})
    };
    let mine = json!({"apiVersion": "streaming.platform/v1", "kind": "Session", "name": "alice", "uid": UID});
    let of_web = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "d-1", "controller": true});
    let mut db = pod("db-0", "p-3", ("StatefulSet", "db", "s-1"), crashing());
    db["metadata"]["labels"]
        .as_object_mut()
        .unwrap()
        .shift_remove("streaming.platform/primary");
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": "default", "uid": "v-1"},
        "spec": {"type": "LoadBalancer", "clusterIP": "10.96.0.7", "selector": {"streaming.platform/session": "alice"},
            "ports": [{"port": 80, "targetPort": 8080, "protocol": "TCP", "nodePort": 30080}]},
        "status": {"loadBalancer": {"ingress": [{"ip": "198.51.100.4"}]}}});
    let ingress = json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "web", "namespace": "default", "uid": "i-1"},
        "spec": {"rules": [{"host": "alice.example.com", "http": {"paths": [{"path": "/"}]}}], "tls": [{"hosts": ["alice.example.com"]}]}});
    let scaler = json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "web", "namespace": "default", "uid": "h-1"},
        "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "web"}, "minReplicas": 1, "maxReplicas": 4}, "status": {"currentReplicas": 2}});
    let selector = json!({"matchLabels": {"streaming.platform/session": "alice"}});
    let budget = json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "web", "namespace": "default", "uid": "b-1"},
        "spec": {"maxUnavailable": 1, "selector": selector}, "status": {"disruptionsAllowed": 0}});
    let policy = json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "web", "namespace": "default", "uid": "n-1"},
        "spec": {"podSelector": selector, "policyTypes": ["Ingress", "Egress"], "ingress": [{"ports": [{"port": 8080}, {"port": "http"}]}]}});
    api(&[
        session,
        owned(
            "Deployment",
            "web",
            "d-1",
            mine.clone(),
            json!({"replicas": 2}),
            1,
        ),
        owned(
            "ReplicaSet",
            "web-5d",
            "r-1",
            of_web,
            json!({"replicas": 2}),
            1,
        ),
        owned("StatefulSet", "db", "s-1", mine, json!({"replicas": 1}), 0),
        pod(
            "web-5d-a",
            "p-1",
            ("ReplicaSet", "web-5d", "r-1"),
            running(),
        ),
        pod(
            "web-5d-b",
            "p-2",
            ("ReplicaSet", "web-5d", "r-1"),
            waiting("ContainerCreating", ""),
        ),
        db,
        service,
        ingress,
        scaler,
        budget,
        policy,
    ])
}

/// Returns a running session with a Service that selects none of its Pods, and one that names a port which no Pod declares.
fn useless_services() -> FakeApi {
    let mut session = session("running");
    let applied = &mut session["status"]["applied"]["objects"];
    let service = |name: &str, selector: Value| {
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "default", "uid": name},
            "spec": {"type": "ClusterIP", "clusterIP": "10.96.0.7", "selector": selector, "ports": [{"port": 80, "targetPort": "http"}]}})
    };
    let services = [
        service("api", json!({"app": "api"})),
        service("web", json!({"streaming.platform/session": "alice"})),
    ];
    for service in &services {
        let name = &service["metadata"]["name"];
        let entry = json!({"apiVersion": "v1", "kind": "Service", "name": name, "uid": name});
        applied.as_array_mut().unwrap().push(entry);
    }
    let [api_service, web] = services;
    api(&[session, tool(running()), api_service, web])
}

/// Returns a session with names and texts that would move the cursor, break lines or exceed any width.
fn hostile() -> FakeApi {
    let evil = "\u{1b}]0;owned\u{7}\u{1b}[2Jgone\r\nnew line";
    let mut session = session("running");
    session["spec"]["userId"] = format!("mallory{evil}").into();
    session["status"]["conditions"][0]["message"] = evil.into();
    session["status"]["applied"]["connect"][0]["name"] = "sh\u{1b}[31mell".into();
    let mut pod = tool(crashing());
    pod["spec"]["containers"][0]["image"] =
        format!("registry.example.com/{}:1", "long/".repeat(40)).into();
    pod["status"]["containerStatuses"][0]["state"]["waiting"]["reason"] =
        "Crash\u{9b}31mLoopBackOff".into();
    let about = ("Pod", "tool-alice", "p-1");
    api(&[
        session,
        pod,
        event(
            "e1",
            about,
            "BackOff",
            &format!("{evil} {}", "x".repeat(200)),
            "2026-03-01T11:59:00Z",
            5,
        ),
    ])
}

fn manifest() -> FakeApi {
    let mut session = session("running");
    session["spec"]
        .as_object_mut()
        .unwrap()
        .retain(|key, _| key != "template" && key != "preset");
    session["status"]
        .as_object_mut()
        .unwrap()
        .retain(|key, _| key != "template" && key != "expiresAt");
    session["status"]["applied"]
        .as_object_mut()
        .unwrap()
        .retain(|key, _| key != "templateUID" && key != "connect");
    api(&[
        session,
        tool(
            json!({"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory."}),
        ),
    ])
}
