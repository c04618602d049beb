//! Rules that hold for all causes: distinct messages, evidence, a remedy, and a case for every text in the code.

mod cases;
mod expected;
pub(super) mod fixtures;
mod other_causes;
mod page;
mod recordings;
mod texts;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use self::cases::findings;
use self::fixtures::{claim, ended, event, nodes, pod, stopped, unlimited};
use self::other_causes::{stuck_deletions, useless_services};
use super::*;

fn causes() -> Vec<(&'static str, Cause)> {
    let found = findings().into_iter().map(|(name, finding)| {
        let cause = finding.cause().cloned();
        (
            name,
            cause.unwrap_or_else(|| panic!("{name}: no cause: {finding:?}")),
        )
    });
    let mut all: Vec<_> = found.collect();
    all.extend(useless_services());
    all.extend(stuck_deletions());
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

/// Every cause quotes its object, ends without punctuation, and has evidence and, unless it is unknown, a remedy.
#[test]
fn every_cause_names_its_object_and_a_way_out() {
    for (name, cause) in causes() {
        assert!(
            cause.message.contains("\"p\"") || cause.message.contains("\"v\""),
            "{name}: {}",
            cause.message
        );
        assert!(
            !cause.message.ends_with(['.', ',', ':']),
            "{name}: {}",
            cause.message
        );
        assert!(!cause.evidence.is_empty(), "{name}: no evidence");
        assert!(
            !cause.reason.is_empty() || name == "ended unknown",
            "{name}: no reason"
        );
        let unknown = cause.message.contains("unknown reason");
        assert!(
            cause.remedy.is_some() || unknown || name == "unbound",
            "{name}: no remedy"
        );
    }
}

#[test]
fn what_may_heal_is_waited_for_and_nothing_else() {
    let heals = [
        "no registry",
        "no answer",
        "too many requests",
        "pull unknown",
        "state unknown",
        "out of memory",
        "out of memory, no limit",
        "not executable",
        "some volume",
        "liveness",
        "startup",
        "signal",
        "no command",
        "ends well",
        "readiness",
        "startup slow",
        "port closed",
        "port closed at startup",
        "sidecar stopped",
        "working folder",
        "mounted on a file",
        "part of a volume",
        "hook after the start",
        "hook before the end",
        "scheduler silent",
        "readiness gate",
        "gate",
        "gates",
        "placeholder",
        "placeholder perhaps",
        "placeholder of the session",
        "sidecar's readiness",
        "sidecar slow",
        "init again",
        "no such host of a URL",
        "no such file of a URL",
        "no login of a URL",
        "no trust of a URL",
        "no answer of a URL",
        "wrong program",
        "claim held",
        "attached elsewhere, Pod named",
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
        "autoscaler at its limit",
        "autoscaler without such nodes",
        "autoscaler unsaid",
        "autoscaler adds",
        "drained",
        "tainted",
        "preempted",
        "node gone",
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
            finding.prognosis == Prognosis::Waiting,
            expected,
            "{name}: {:?}",
            finding.prognosis
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
        object_kind: "PersistentVolumeClaim".into(),
        object_name: "home".into(),
        ..event(
            "WaitForFirstConsumer",
            "waiting for first consumer to be created before binding",
        )
    };
    let new = json!({ "phase": "Pending" });
    assert_eq!(inspect_pod(&pod(new, |_| {}), &[event]).cause(), None);
}

#[test]
fn answers_become_evidence_and_what_is_not_seen_is_said() {
    let asked = nodes("1 Insufficient memory").cause().unwrap().clone();
    let ask = asked.queries[0].clone();
    let node = |name: &str, memory: &str| json!({ "metadata": { "name": name }, "status": { "allocatable": { "memory": memory } } });
    let small = Fact::Objects(vec![node("a", "10Mi"), node("b", "15Mi")]);
    let refined = refine(asked.clone(), &[(ask.clone(), small)]);
    assert_eq!(
        refined.remedy.as_deref(),
        Some("request less: no node has more than 15Mi memory, 20Mi requested")
    );
    assert!(
        refined
            .evidence
            .contains(&"node \"b\": 15Mi memory allocatable".to_owned()),
        "{:?}",
        refined.evidence
    );
    assert_eq!(refined.queries, []);
    let large = Fact::Objects(vec![node("a", "30Mi")]);
    let refined = refine(asked.clone(), &[(ask.clone(), large)]);
    let load = refined.queries[0].clone();
    let other = json!({ "spec": { "containers": [{ "resources": { "requests": { "memory": "25Mi" } } }] } });
    let refined = refine(refined, &[(load, Fact::Objects(vec![other]))]);
    assert_eq!(
        refined.evidence.last().unwrap(),
        "node \"a\": its Pods request 25Mi of 30Mi memory, 20Mi more needed"
    );
    let blind = refine(
        asked,
        &[(ask, Fact::Unavailable("you may not read it".into()))],
    );
    assert_eq!(
        blind.evidence.last().unwrap(),
        "nodes: not available (you may not read it)"
    );
}

#[test]
fn only_a_closed_readiness_gate_is_a_cause() {
    let gate = |status: &str| {
        let condition =
            json!({ "type": "example.com/traffic", "status": status, "message": "no target" });
        fixtures::behind_gate(condition).cause().cloned()
    };
    assert_eq!(gate("True"), None);
    let closed = gate("False").unwrap();
    assert_eq!(
        closed.evidence,
        ["condition example.com/traffic: False no target"]
    );
}

/// A node that the Pod may not use is no reason to request as much as it has.
#[test]
fn only_nodes_that_the_pod_may_use_limit_its_request() {
    let status = json!({ "phase": "Pending", "conditions": [{ "type": "PodScheduled", "status": "False",
        "message": "0/3 nodes are available: 1 Insufficient memory, 1 node(s) had untolerated taint(s), 1 node(s) were unschedulable." }] });
    let pod = pod(status, |pod| {
        let resources = json!({ "requests": { "memory": "200Gi" } });
        pod["spec"]["containers"][0]["resources"] = resources;
    });
    let asked = inspect_pod(&pod, &[]).cause().unwrap().clone();
    let node = |name: &str, memory: &str, spec: Value| {
        json!({ "metadata": { "name": name }, "spec": spec,
        "status": { "allocatable": { "memory": memory } } })
    };
    let tainted = json!({ "taints": [{ "key": "gpu", "effect": "NoSchedule" }] });
    let seen = vec![
        node("a", "24684084Ki", json!({})),
        node("b", "64Gi", tainted.clone()),
        node("c", "300Gi", json!({ "unschedulable": true })),
    ];
    let ask = asked.queries[0].clone();
    let refined = refine(asked.clone(), &[(ask.clone(), Fact::Objects(seen))]);
    let remedy =
        "request less: no node that the Pod may use has more than 23.5Gi memory, 200Gi requested";
    assert_eq!(refined.remedy.as_deref(), Some(remedy));
    assert_eq!(refined.queries, [], "the Pods of a closed node matter not");
    let closed = "node \"b\": 64Gi memory allocatable, closed to the Pod by a taint, a cordon or its selector";
    assert!(refined.evidence.contains(&closed.to_owned()), "{refined:?}");
    let all_closed = Fact::Objects(vec![node("b", "64Gi", tainted)]);
    let refined = refine(asked.clone(), &[(ask, all_closed)]);
    assert_eq!(refined.remedy, asked.remedy);
}

#[test]
fn what_no_node_offers_is_said_only_of_nodes_that_were_seen() {
    let with = |resource: &str, nodes_seen: Vec<Value>| {
        let asked = nodes(&format!("1 Insufficient {resource}"));
        let asked = asked.cause().unwrap().clone();
        let ask = asked.queries[0].clone();
        let before = asked.remedy.clone();
        let refined = refine(asked, &[(ask, Fact::Objects(nodes_seen))]);
        (refined.evidence.last().cloned(), refined.remedy, before)
    };
    let bare = || vec![json!({"metadata": {"name": "a"}, "status": {"allocatable": {}}})];
    let (evidence, remedy, before) = with("memory", Vec::new());
    assert_eq!(remedy, before);
    assert!(!evidence.unwrap_or_default().contains("no node offers"));
    let (evidence, remedy, _) = with("memory", bare());
    assert_eq!(evidence.as_deref(), Some("no node offers memory"));
    assert_eq!(remedy.as_deref(), Some("add a node that offers memory"));
    let (_, remedy, _) = with("example.com/gpu", bare());
    assert_eq!(
        remedy.as_deref(),
        Some("add a node that offers example.com/gpu, or install its device plugin")
    );
}

#[test]
fn a_program_of_another_platform_is_told_by_the_last_lines_of_its_log() {
    let ended = ended(255, "Error", "", &[]).cause().unwrap().clone();
    let log = ended.queries[0].clone();
    let refined = |line: &str| {
        let lines = Fact::Lines(vec!["start".to_owned(), line.to_owned()]);
        refine(ended.clone(), &[(log.clone(), lines)])
    };
    let cause = refined("exec /usr/local/bin/app: exec format error");
    assert_eq!(cause.reason, "ExecFormatError");
    assert_eq!(
        cause.message,
        "container \"main\" of pod \"p\" ended with exit code 255 and was restarted once: \
            its program is not built for the node's platform, or is a script without a #! line"
    );
    assert!(cause.remedy.unwrap().contains("CPU architecture"));
    let other = refined("no exec format error here");
    assert_eq!(
        (&other.reason, &other.message),
        (&ended.reason, &ended.message)
    );
}

#[test]
fn a_container_below_its_limit_was_killed_by_its_node() {
    let query = || FactQuery::NodeMemory {
        name: "n".into(),
        limit: "20Mi".into(),
    };
    let killed = ended(137, "OOMKilled", "", &[]).cause().unwrap().clone();
    assert!(killed.queries.contains(&query()), "{killed:?}");
    let refined = |fact: Fact| refine(killed.clone(), &[(query(), fact)]);
    let node = |memory: &str, pressed: &str| {
        Fact::Objects(vec![
            json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"},
            "status": {"allocatable": {"memory": memory}, "conditions": [{"type": "MemoryPressure", "status": pressed}]}}),
        ])
    };
    for fact in [node("8Gi", "False"), Fact::Unavailable("x".into())] {
        let cause = refined(fact);
        assert_eq!(
            (&cause.reason, &cause.message),
            (&killed.reason, &killed.message)
        );
        assert_eq!(cause.evidence, killed.evidence);
    }
    for fact in [node("8Gi", "True"), node("16Mi", "False")] {
        let cause = refined(fact);
        assert_eq!(cause.reason, "SystemOOM");
        let by_node = "because node \"n\" ran out of memory, not for its memory limit of 20Mi";
        assert!(cause.message.contains(by_node), "{}", cause.message);
        assert_ne!(cause.remedy, killed.remedy);
    }
    assert_eq!(unlimited().cause().unwrap().reason, "SystemOOM");
}

/// The kubelet's "Stopping container" names no probe: without a failed one it proves nothing.
#[test]
fn a_container_that_is_stopped_is_its_probes_affair_only_if_one_failed() {
    let failed = |probe: &str| event("Unhealthy", &format!("{probe} probe failed: slow"));
    for (before, reason) in [
        (vec![failed("Liveness")], "LivenessFailed"),
        (vec![failed("Startup")], "StartupFailed"),
        (vec![failed("Readiness")], "Error"),
        (Vec::new(), "Error"),
    ] {
        assert_eq!(
            stopped(&before).cause().unwrap().reason,
            reason,
            "{before:?}"
        );
    }
}
