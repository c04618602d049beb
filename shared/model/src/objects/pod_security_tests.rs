use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::*;
use crate::objects::json_merge;

/// Returns the names of the checks that [`violations`] reports.
fn ids(pod: &Value) -> BTreeSet<&'static str> {
    find_violations(pod).iter().map(|one| one.id).collect()
}

fn rows() -> Vec<Value> {
    let text = include_str!("../../../../tests/fixtures/pod-security.json");
    serde_json::from_str(text).unwrap()
}

/// Returns the Pod of a fixture row: the first row's Pod with the changes of this row.
fn pod(row: &Value) -> Value {
    let mut pod = rows()[0]["pod"].clone();
    merge(&mut pod, &row["pod"]);
    let list = pod["spec"]["containers"].as_array_mut().unwrap();
    merge(&mut list[0], &row["container"]);
    pod
}

/// Merges a change of a row, which is `null` where the row has none.
fn merge(target: &mut Value, patch: &Value) {
    if !patch.is_null() {
        json_merge::merge(target, patch);
    }
}

#[test]
fn every_row_is_judged_as_a_server_judges_it() {
    let mut seen = BTreeSet::new();
    for row in rows() {
        let wanted: BTreeSet<&str> = row["checks"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(Value::as_str)
            .collect();
        assert_eq!(ids(&pod(&row)), wanted, "{}", row["row"]);
        seen.extend(wanted.into_iter().map(str::to_owned));
    }
    for check in CHECKS {
        assert!(seen.contains(check.id), "no row for {}", check.id);
    }
}

#[test]
fn containers_of_every_list_are_looked_at() {
    for list in ["initContainers", "containers", "ephemeralContainers"] {
        let mut pod = pod(&json!({}));
        let bad = json!({"name": "bad", "securityContext": {"privileged": true, "procMount": "Unmasked"}});
        match pod["spec"][list].as_array_mut() {
            Some(all) => all.push(bad),
            None => pod["spec"][list] = json!([bad]),
        }
        let found = find_violations(&pod);
        let privileged = found.iter().find(|one| one.id == "privileged").unwrap();
        assert_eq!(privileged.container.as_deref(), Some("bad"), "{list}");
        assert_eq!(
            privileged.to_string(),
            "container \"bad\": securityContext.privileged is true"
        );
        assert!(pod.pointer(&privileged.pointer).is_some(), "{privileged:?}");
        assert!(ids(&pod).contains("procMount"));
    }
}

#[test]
fn templates_are_found_wherever_they_are() {
    let spec = json!({"hostNetwork": true, "containers": [{"name": "a"}]});
    let annotated = json!({"metadata": {"annotations": {"container.apparmor.security.beta.kubernetes.io/a": "unconfined"}}, "spec": spec});
    for (object, pointer) in [
        (
            json!({"kind": "CronJob", "spec": {"jobTemplate": {"spec": {"template": annotated}}}}),
            "/spec/jobTemplate/spec/template/spec/hostNetwork",
        ),
        (
            json!({"kind": "PodTemplate", "template": annotated}),
            "/template/spec/hostNetwork",
        ),
        (
            json!({"kind": "Rollout", "spec": {"pods": [annotated]}}),
            "/spec/pods/0/spec/hostNetwork",
        ),
        // A misplaced list of containers hides no template.
        (
            json!({"kind": "Deployment", "spec": {"containers": [], "template": annotated}}),
            "/spec/template/spec/hostNetwork",
        ),
    ] {
        let found = find_violations(&object);
        assert!(
            found.iter().any(|one| one.pointer == pointer),
            "{object}: {found:?}"
        );
        assert!(ids(&object).contains("appArmorProfile"), "{object}");
    }
    assert_eq!(
        find_violations(&json!({"kind": "ConfigMap", "data": {"spec": "{}"}})),
        []
    );
}
