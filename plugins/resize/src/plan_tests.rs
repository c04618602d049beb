use clap::Parser;

use session_shared::report::console::Console;

use super::*;
use crate::args::Args;
use crate::intent::{Intent, parse_intent};

fn intent(line: &str) -> Result<Intent> {
    let words = std::iter::once("resize").chain(line.split_whitespace());
    let (mut console, _) = Console::for_test("", false);
    parse_intent(Args::parse_from(words), &mut console)
}

#[test]
fn a_size_is_written_as_kubernetes_writes_it() {
    let size = intent("a --cpu 1500m --memory 4096Mi").unwrap().size;
    assert_eq!(json!(size), json!({"cpu": "1500m", "memory": "4Gi"}));
    assert_eq!(
        json!(intent("a --cpu 2000m").unwrap().size),
        json!({"cpu": 2})
    );
}

fn change(kind: &str, resources: Value, size: &str) -> ResourceChange {
    let pod = json!({"containers": [{"name": "side"}, {"name": "main", "resources": resources,
        "resizePolicy": [{"resourceName": "memory", "restartPolicy": "RestartContainer"},
            {"resourceName": "cpu", "restartPolicy": "NotRequired"}]}]});
    let spec = match kind {
        "Pod" => pod,
        _ => json!({"template": {"spec": pod}}),
    };
    let object = json!({"kind": kind, "metadata": {"name": "x", "uid": "u"}, "spec": spec});
    let size = intent(&format!("a {size}")).unwrap().size;
    ResourceChange::compute(object, Some("main"), &size)
        .unwrap()
        .unwrap()
}

#[test]
fn requests_keep_their_ratio_and_the_patch_names_the_container() {
    let resources = json!({"limits": {"cpu": "2", "memory": "2Gi"}, "requests": {"cpu": "500m", "memory": "1Gi"}});
    let pod = change("Pod", resources.clone(), "--cpu 4");
    let after =
        json!({"limits": {"cpu": "4", "memory": "2Gi"}, "requests": {"cpu": "1", "memory": "1Gi"}});
    assert_eq!(pod.after, after);
    assert_eq!(pod.describe(), "cpu limit 2, now 4");
    let containers = json!({"containers": [{"name": "main", "resources": after}]});
    let patch = json!({"metadata": {"uid": "u"}, "spec": containers});
    assert_eq!(pod.patch(&pod.after), patch);
    let set = change("StatefulSet", resources, "--cpu 4");
    let patch = json!({"metadata": {"uid": "u"}, "spec": {"template": {"spec": containers}}});
    assert_eq!(set.patch(&set.after), patch);
}

#[test]
fn a_sidecar_that_the_annotation_names_is_resized() {
    let pod = json!({"kind": "Pod", "metadata": {"name": "x", "uid": "u",
            "annotations": {"kubectl.kubernetes.io/default-container": "desktop"}},
        "spec": {"containers": [{"name": "main"}], "initContainers": [{"name": "first"},
            {"name": "desktop", "restartPolicy": "Always", "resources": {"limits": {"cpu": "1"}},
                "resizePolicy": [{"resourceName": "cpu", "restartPolicy": "RestartContainer"}]}]}});
    let size = intent("a --cpu 2").unwrap().size;
    let change = ResourceChange::compute(pod.clone(), None, &size)
        .unwrap()
        .unwrap();
    assert_eq!(
        change.patch(&change.after)["spec"],
        json!({"initContainers": [{"name": "desktop", "resources": change.after}]})
    );
    assert_eq!(change.describe(), "cpu limit 1, now 2");
    assert_eq!(
        change.pod_specs().1["initContainers"][1]["resources"],
        change.after
    );
    let restarts = "resizePolicy of container \"desktop\" restarts it when cpu changes";
    assert_eq!(change.in_place_obstacle().as_deref(), Some(restarts));
    let first = ResourceChange::compute(pod, Some("first"), &size).unwrap();
    assert_eq!(first, None, "it has ended");
}

#[test]
fn amounts_that_are_the_same_change_nothing() {
    let resources = json!({"limits": {"cpu": "2"}, "requests": {"cpu": "500m"}});
    assert!(!change("Pod", resources.clone(), "--cpu 2000m").is_needed());
    assert!(change("Pod", resources, "--cpu 2001m").is_needed());
}

#[test]
fn what_no_pod_can_do_in_place_is_known_before() {
    let burstable =
        json!({"limits": {"cpu": "2", "memory": "2Gi"}, "requests": {"cpu": "1", "memory": "1Gi"}});
    for (resources, size, wanted) in [
        (burstable.clone(), "--cpu 4", None),
        (
            burstable,
            "--memory 4Gi",
            Some("resizePolicy of container \"main\" restarts it when memory changes"),
        ),
        (
            json!({}),
            "--cpu 1",
            Some("QoS class would change from BestEffort to Burstable"),
        ),
    ] {
        let found = change("Pod", resources, size).in_place_obstacle();
        assert_eq!(found.as_deref(), wanted, "{size}");
    }
}
