//! Every cause there is, side by side: no two say the same. And what the cluster really said, read from recordings.
//!
//! Long because no two causes may say the same: all of them stand side by side.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

use super::*;

/// A Pod with everything a cause may need: a node, a claim, a memory limit.
fn pod(status: Value, change: impl Fn(&mut Value)) -> Pod {
    let mut pod = json!({
        "metadata": { "name": "p", "uid": "u" },
        "spec": {
            "nodeName": "n",
            "containers": [{ "name": "main", "resources": { "limits": { "memory": "20Mi" } } }],
            "initContainers": [{ "name": "prep" }],
            "volumes": [{ "name": "v", "persistentVolumeClaim": { "claimName": "home" } }],
        },
        "status": status,
    });
    change(&mut pod);
    serde_json::from_value(pod).unwrap()
}

fn scheduled(rest: Value) -> Value {
    let mut status =
        json!({ "phase": "Pending", "conditions": [{ "type": "PodScheduled", "status": "True" }] });
    let fields = rest.as_object().unwrap().clone();
    status.as_object_mut().unwrap().extend(fields);
    status
}

fn container(state: Value, last: Value, restarts: i32) -> Value {
    json!({ "name": "main", "image": "r.example.com/i:1", "imageID": "", "ready": false, "restartCount": restarts,
        "state": state, "lastState": last })
}

fn waiting(reason: &str, message: &str) -> Finding {
    let state = json!({ "waiting": { "reason": reason, "message": message } });
    let last = json!({ "terminated": { "exitCode": 3, "reason": "Error" } });
    let status = scheduled(json!({ "containerStatuses": [container(state, last, 4)] }));
    inspect(&pod(status, |_| {}), &[])
}

fn ended(code: i32, reason: &str, message: &str, events: &[EventNote]) -> Finding {
    let state = json!({ "terminated": { "exitCode": code, "reason": reason, "message": message } });
    let status = scheduled(json!({ "containerStatuses": [container(state, json!({}), 1)] }));
    inspect(&pod(status, |_| {}), events)
}

fn event(reason: &str, message: &str) -> EventNote {
    EventNote {
        uid: "u".into(),
        reason: reason.into(),
        message: message.into(),
        warning: true,
        ..EventNote::default()
    }
}

fn told(events: &[EventNote]) -> Finding {
    inspect(&pod(scheduled(json!({})), |_| {}), events)
}

fn running(events: &[EventNote]) -> Finding {
    let status = scheduled(
        json!({ "containerStatuses": [container(json!({ "running": {} }), json!({}), 0)] }),
    );
    inspect(&pod(status, |_| {}), events)
}

fn unscheduled(message: &str, events: &[EventNote]) -> Finding {
    let status = json!({ "phase": "Pending", "conditions": [
        { "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message }] });
    inspect(&pod(status, |_| {}), events)
}

fn nodes(reasons: &str) -> Finding {
    unscheduled(
        &format!("0/1 nodes are available: {reasons}. preemption: 0/1 nodes are available: 1 No."),
        &[],
    )
}

fn claim(reason: &str, message: &str) -> Finding {
    let event = EventNote {
        kind: "PersistentVolumeClaim".into(),
        name: "home".into(),
        ..event(reason, message)
    };
    unscheduled(
        "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found",
        &[event],
    )
}

fn refused(message: &str) -> Finding {
    let set = json!({ "kind": "StatefulSet", "metadata": { "name": "p", "uid": "u" } });
    inspect_missing(&set, &[event("FailedCreate", message)])
}

fn down(reason: &str, message: &str) -> Finding {
    let status = json!({ "phase": "Failed", "reason": reason, "message": message });
    inspect(&pod(status, |_| {}), &[])
}

fn init(policy: &str, code: i32) -> Finding {
    let mut init = container(
        json!({ "terminated": { "exitCode": code, "reason": "Error" } }),
        json!({}),
        0,
    );
    init["name"] = "prep".into();
    let status = scheduled(json!({ "initContainerStatuses": [init] }));
    inspect(
        &pod(status, |pod| pod["spec"]["restartPolicy"] = policy.into()),
        &[],
    )
}

fn with_login(message: &str) -> Finding {
    let state = json!({ "waiting": { "reason": "ErrImagePull", "message": message } });
    let status = scheduled(json!({ "containerStatuses": [container(state, json!({}), 0)] }));
    let secrets = json!([{ "name": "login" }]);
    inspect(
        &pod(status, |pod| {
            pod["spec"]["imagePullSecrets"] = secrets.clone();
        }),
        &[],
    )
}

const DENIED: &str = "pull access denied, repository does not exist or may require authorization: authorization failed";

/// Every cause, in the words Kubernetes 1.36 and containerd 2.4 have for it.
fn findings() -> Vec<(&'static str, Finding)> {
    vec![
        ("never pulled", waiting("ErrImageNeverPull", "")),
        ("name invalid", waiting("InvalidImageName", "")),
        ("login", waiting("ErrImagePull", DENIED)),
        ("wrong login", with_login(DENIED)),
        (
            "not in registry",
            waiting("ErrImagePull", "r.example.com/i:1: not found"),
        ),
        (
            "no registry",
            waiting("ErrImagePull", "dial tcp: lookup r: no such host"),
        ),
        (
            "no answer",
            waiting("ErrImagePull", "dial tcp: i/o timeout"),
        ),
        (
            "untrusted",
            waiting("ErrImagePull", "x509: unknown authority"),
        ),
        (
            "platform",
            waiting(
                "ErrImagePull",
                "no match for platform in manifest: not found",
            ),
        ),
        (
            "too often",
            waiting("ErrImagePull", "429 Too Many Requests"),
        ),
        (
            "pull unknown",
            waiting("ErrImagePull", "unexpected media type"),
        ),
        (
            "secret",
            waiting("CreateContainerConfigError", "secret \"s\" not found"),
        ),
        (
            "configmap",
            waiting("CreateContainerConfigError", "configmap \"s\" not found"),
        ),
        (
            "secret key",
            waiting(
                "CreateContainerConfigError",
                "couldn't find key k in Secret ns/s",
            ),
        ),
        (
            "configmap key",
            waiting(
                "CreateContainerConfigError",
                "couldn't find key k in ConfigMap ns/s",
            ),
        ),
        (
            "config unknown",
            waiting(
                "CreateContainerConfigError",
                "container has runAsNonRoot and image will run as root",
            ),
        ),
        ("state unknown", waiting("SomethingNew", "")),
        (
            "not started",
            waiting("RunContainerError", "exec: \"/nope\": no such file"),
        ),
        ("crash loop", waiting("CrashLoopBackOff", "back-off")),
        ("out of memory", ended(137, "OOMKilled", "", &[])),
        (
            "liveness",
            ended(
                137,
                "Error",
                "",
                &[event(
                    "Killing",
                    "Container main failed liveness probe, will be restarted",
                )],
            ),
        ),
        (
            "startup",
            ended(
                137,
                "Error",
                "",
                &[event(
                    "Killing",
                    "Container main failed startup probe, will be restarted",
                )],
            ),
        ),
        ("signal", ended(143, "Error", "", &[])),
        ("no command", ended(127, "Error", "", &[])),
        ("ends well", ended(0, "Completed", "", &[])),
        (
            "readiness",
            running(&[event("Unhealthy", "Readiness probe failed: 500")]),
        ),
        (
            "startup slow",
            running(&[event("Unhealthy", "Startup probe failed: 500")]),
        ),
        ("init for good", init("Never", 2)),
        ("init again", init("Always", 4)),
        ("cpu", nodes("1 Insufficient cpu")),
        ("memory", nodes("1 Insufficient memory")),
        ("gpu", nodes("1 Insufficient example.com/gpu")),
        ("taint", nodes("1 node(s) had untolerated taint(s)")),
        (
            "selector",
            nodes("1 node(s) didn't match Pod's node affinity/selector"),
        ),
        ("cordoned", nodes("1 node(s) were unschedulable")),
        (
            "ports",
            nodes("1 node(s) didn't have free ports for the requested pod ports"),
        ),
        (
            "affinity",
            nodes("1 node(s) didn't match pod anti-affinity rules"),
        ),
        ("pods", nodes("1 Too many pods")),
        (
            "volume",
            nodes("1 node(s) didn't find available persistent volumes to bind"),
        ),
        (
            "volume elsewhere",
            nodes("1 node(s) didn't match PersistentVolume's node affinity"),
        ),
        ("hurdle unknown", nodes("1 node(s) had unknown conditions")),
        (
            "no node",
            unscheduled("no nodes available to schedule pods", &[]),
        ),
        ("scheduler unknown", unscheduled("something new", &[])),
        (
            "no claim",
            unscheduled(
                "0/1 nodes are available: persistentvolumeclaim \"home\" not found. not found",
                &[],
            ),
        ),
        (
            "unbound",
            unscheduled(
                "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found",
                &[],
            ),
        ),
        (
            "no such class",
            claim(
                "ProvisioningFailed",
                "storageclass.storage.k8s.io \"c\" not found",
            ),
        ),
        (
            "no class",
            claim(
                "FailedBinding",
                "no persistent volumes available for this claim and no storage class is set",
            ),
        ),
        (
            "no provisioner",
            claim(
                "ExternalProvisioning",
                "Waiting for a volume to be created either by the external provisioner 'e.example.com' or manually",
            ),
        ),
        (
            "provisioner fails",
            claim("ProvisioningFailed", "rpc error: no space"),
        ),
        ("claim unknown", claim("SomethingNew", "no")),
        (
            "volume's secret",
            told(&[event(
                "FailedMount",
                "MountVolume.SetUp failed for volume \"v\" : secret \"s\" not found",
            )]),
        ),
        (
            "volume's key",
            told(&[event(
                "FailedMount",
                "MountVolume.SetUp failed for volume \"v\" : references non-existent config key: k",
            )]),
        ),
        (
            "mount",
            told(&[event(
                "FailedMount",
                "MountVolume.SetUp failed for volume \"v\" : hostPath type check failed",
            )]),
        ),
        (
            "attach",
            told(&[event(
                "FailedAttachVolume",
                "AttachVolume.Attach failed for volume \"v\" : no",
            )]),
        ),
        (
            "attached elsewhere",
            told(&[event(
                "FailedAttachVolume",
                "Multi-Attach error for volume \"v\" Volume is already used",
            )]),
        ),
        (
            "sandbox",
            told(&[event("FailedCreatePodSandBox", "no network")]),
        ),
        (
            "node lost",
            running(&[event("NodeNotReady", "Node is not ready")]),
        ),
        (
            "evicted",
            down("Evicted", "The node was low on resource: memory."),
        ),
        ("deadline", down("DeadlineExceeded", "")),
        ("taken down", down("NodeShutdown", "")),
        ("ended unknown", down("", "")),
        (
            "pod security",
            refused("pods \"p\" is forbidden: violates PodSecurity \"restricted:latest\": no"),
        ),
        (
            "limit range",
            refused(
                "pods \"p\" is forbidden: maximum memory usage per Container is 64Mi, but limit is 1Gi",
            ),
        ),
        (
            "quota",
            refused(
                "pods \"p\" is forbidden: exceeded quota: q, requested: pods=1, used: pods=0, limited: pods=0",
            ),
        ),
        (
            "quota unsaid",
            refused("pods \"p\" is forbidden: failed quota: q: must specify limits.cpu for: main"),
        ),
        (
            "webhook refuses",
            refused("admission webhook \"w.example.com\" denied the request: no"),
        ),
        (
            "webhook away",
            refused("Internal error occurred: failed calling webhook \"w.example.com\": no"),
        ),
        (
            "no account",
            refused(
                "pods \"p\" is forbidden: error looking up service account ns/sa: serviceaccount \"sa\" not found",
            ),
        ),
        ("refusal unknown", refused("no")),
    ]
}

fn causes() -> Vec<(&'static str, Cause)> {
    let found = findings().into_iter().map(|(name, finding)| {
        let cause = finding.cause().cloned();
        (
            name,
            cause.unwrap_or_else(|| panic!("{name}: no cause: {finding:?}")),
        )
    });
    let mut all: Vec<_> = found.collect();
    let held = json!({ "kind": "Pod", "metadata": { "name": "p", "deletionTimestamp": "2026-01-01T00:00:00Z",
        "finalizers": ["example.com/hold"] } });
    all.push(("finalizer", holding(&held).unwrap()));
    for finalizer in ["foregroundDeletion", "kubernetes.io/pvc-protection"] {
        let mut held = held.clone();
        held["metadata"]["finalizers"] = json!([finalizer]);
        all.push((finalizer, holding(&held).unwrap()));
    }
    all
}

#[test]
fn no_two_causes_say_the_same() {
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    for (name, cause) in causes() {
        let text = cause.message.clone();
        if let Some(other) = seen.insert(text.clone(), name) {
            panic!("{name:?} and {other:?} both say {text:?}");
        }
    }
}

/// What is told of a cause: names of objects in quotes, no full stop, a fact behind it, and a way out unless it is unknown.
#[test]
fn every_cause_names_its_object_and_a_way_out() {
    for (name, cause) in causes() {
        assert!(
            cause.message.contains("\"p\"") || cause.message.contains("\"v\""),
            "{name}: {}",
            cause.message
        );
        assert!(!cause.message.ends_with('.'), "{name}: {}", cause.message);
        assert!(!cause.evidence.is_empty(), "{name}: no evidence");
        assert!(
            !cause.reason.is_empty() || name == "ended unknown",
            "{name}: no reason"
        );
        let unknown = cause.message.contains("not known here");
        assert!(
            cause.remedy.is_some() || unknown || name == "unbound",
            "{name}: no remedy"
        );
    }
}

#[test]
fn what_may_heal_is_waited_for_and_nothing_else() {
    let heals = [
        "no answer",
        "too often",
        "pull unknown",
        "state unknown",
        "out of memory",
        "liveness",
        "startup",
        "signal",
        "no command",
        "ends well",
        "readiness",
        "startup slow",
        "init again",
        "cpu",
        "memory",
        "gpu",
        "taint",
        "selector",
        "cordoned",
        "ports",
        "affinity",
        "pods",
        "volume",
        "volume elsewhere",
        "hurdle unknown",
        "no node",
        "scheduler unknown",
        "unbound",
        "no provisioner",
        "provisioner fails",
        "claim unknown",
        "mount",
        "attach",
        "attached elsewhere",
        "sandbox",
        "node lost",
        "webhook away",
        "refusal unknown",
    ];
    for (name, finding) in findings() {
        let expected = heals.contains(&name);
        assert_eq!(
            finding.verdict == Verdict::Waiting,
            expected,
            "{name}: {:?}",
            finding.verdict
        );
    }
}

#[test]
fn a_claim_that_waits_for_its_pod_is_nothing_wrong() {
    let waits = claim(
        "WaitForFirstConsumer",
        "waiting for first consumer to be created before binding",
    );
    assert_eq!(waits.cause().unwrap().reason, "Unbound");
    let event = EventNote {
        kind: "PersistentVolumeClaim".into(),
        name: "home".into(),
        ..event(
            "WaitForFirstConsumer",
            "waiting for first consumer to be created before binding",
        )
    };
    let new = json!({ "phase": "Pending" });
    assert_eq!(inspect(&pod(new, |_| {}), &[event]).cause(), None);
}

#[test]
fn answers_become_evidence_and_what_is_not_seen_is_said() {
    let asked = nodes("1 Insufficient memory").cause().unwrap().clone();
    let ask = asked.asks[0].clone();
    let node = |name: &str, memory: &str| json!({ "metadata": { "name": name }, "status": { "allocatable": { "memory": memory } } });
    let small = Answer::Objects(vec![node("a", "10Mi"), node("b", "15Mi")]);
    let refined = refine(asked.clone(), &[(ask.clone(), small)]);
    assert_eq!(
        refined.remedy.as_deref(),
        Some("ask for less: no node has more than 15Mi memory, 20Mi is requested")
    );
    assert!(
        refined
            .evidence
            .contains(&"node \"b\": 15Mi memory in all".to_owned()),
        "{:?}",
        refined.evidence
    );
    assert_eq!(refined.asks, []);
    let large = Answer::Objects(vec![node("a", "30Mi")]);
    let refined = refine(asked.clone(), &[(ask.clone(), large)]);
    let load = refined.asks[0].clone();
    let other = json!({ "spec": { "containers": [{ "resources": { "requests": { "memory": "25Mi" } } }] } });
    let refined = refine(refined, &[(load, Answer::Objects(vec![other]))]);
    assert_eq!(
        refined.evidence.last().unwrap(),
        "node \"a\": Pods there have taken 25Mi of 30Mi memory, 20Mi more is requested"
    );
    let blind = refine(
        asked,
        &[(ask, Answer::Unseen("you may not read it".into()))],
    );
    assert_eq!(
        blind.evidence.last().unwrap(),
        "not seen: nodes (you may not read it)"
    );
}
