use super::*;
use serde_json::json;

fn quota(name: &str, hard: Value, used: Value) -> QuotaUsage {
    let object = json!({"metadata": {"name": name, "namespace": "ns"}, "spec": {"hard": hard}, "status": {"hard": hard, "used": used}});
    QuotaUsage::of(&object).unwrap()
}

fn described(quotas: &[QuotaUsage]) -> Option<String> {
    find_bottleneck(quotas).map(|found| found.describe())
}

#[test]
fn the_least_share_free_binds() {
    let sindri = quota(
        "sindri-quota",
        json!({"requests.cpu": "4", "requests.memory": "8Gi", "requests.storage": "100Gi", "persistentvolumeclaims": "5"}),
        json!({"requests.cpu": "1500m", "requests.memory": "3Gi", "requests.storage": "90Gi", "persistentvolumeclaims": "3"}),
    );
    let text = "requests.storage binds first: 10Gi free of 100Gi (quota \"sindri-quota\")";
    assert_eq!(described(std::slice::from_ref(&sindri)).unwrap(), text);
    let tighter = quota("tight", json!({"pods": "50"}), json!({"pods": "49"}));
    let text = "pods binds first: 1 free of 50 (quota \"tight\")";
    assert_eq!(described(&[sindri, tighter]).unwrap(), text);
}

#[test]
fn what_is_used_up_or_over_its_limit_is_told_apart() {
    let full = quota(
        "q",
        json!({"pods": "2", "cpu": "1"}),
        json!({"pods": "2", "cpu": "0"}),
    );
    let text = "nothing is free of pods: 2 used of 2 (quota \"q\")";
    assert_eq!(described(&[full]).unwrap(), text);
    let over = quota(
        "q",
        json!({"cpu": "1", "pods": "0"}),
        json!({"cpu": "1500m", "pods": "0"}),
    );
    assert_eq!(over.resources[0].free().unwrap().to_string(), "-500m");
    assert_eq!(over.resources[0].used_percent(), Some(150));
    let text = "cpu is over its limit: 1500m used of 1 (quota \"q\")";
    assert_eq!(described(&[over]).unwrap(), text);
    let beyond_nothing = quota(
        "q",
        json!({"pods": "0", "cpu": "1"}),
        json!({"pods": "1", "cpu": "2"}),
    );
    let text = "pods is over its limit: 1 used of 0 (quota \"q\")";
    assert_eq!(described(&[beyond_nothing]).unwrap(), text);
}

#[test]
fn what_is_forbidden_or_unused_or_uncounted_does_not_bind() {
    let lab = quota(
        "dozlab-quota",
        json!({"persistentvolumeclaims": "0", "pods": "50"}),
        json!({"persistentvolumeclaims": "0", "pods": "0"}),
    );
    assert!(lab.resources[0].is_forbidden() && !lab.resources[0].is_exhausted());
    assert_eq!(described(&[lab]), None);
    let new =
        json!({"metadata": {"name": "new", "namespace": "ns"}, "spec": {"hard": {"pods": "3"}}});
    let new = QuotaUsage::of(&new).unwrap();
    assert!(new.is_uncounted());
    assert_eq!(
        (new.resources[0].free(), new.resources[0].used_percent()),
        (None, None)
    );
    assert_eq!(described(&[new]), None);
}

#[test]
fn a_limit_that_the_server_does_not_enforce_yet_is_uncounted() {
    let object = json!({"metadata": {"name": "q", "namespace": "ns"}, "spec": {"hard": {"pods": "9", "services": "2"}},
        "status": {"hard": {"pods": "5"}, "used": {"pods": "4"}}});
    let usage = QuotaUsage::of(&object).unwrap();
    let figures = usage.resources.iter();
    let figures: Vec<_> = figures
        .map(|one| (one.hard.to_string(), one.used.map(|used| used.value())))
        .collect();
    assert_eq!(figures, [("5".to_owned(), Some(4)), ("2".to_owned(), None)]);
}

#[test]
fn scopes_are_shown_as_selectors() {
    let object = json!({"metadata": {"name": "q", "namespace": "ns"}, "status": {"hard": {"pods": "1"}, "used": {"pods": "1"}},
        "spec": {"hard": {"pods": "1"}, "scopes": ["NotTerminating"], "scopeSelector": {"matchExpressions": [
            {"scopeName": "PriorityClass", "operator": "In", "values": ["high", "low"]},
            {"scopeName": "PriorityClass", "operator": "NotIn", "values": ["batch"]},
            {"scopeName": "CrossNamespacePodAffinity", "operator": "Exists"},
            {"scopeName": "BestEffort", "operator": "DoesNotExist"}]}}});
    let usage = QuotaUsage::of(&object).unwrap();
    assert_eq!(
        usage.scopes,
        [
            "NotTerminating",
            "PriorityClass in (high,low)",
            "PriorityClass notin (batch)",
            "CrossNamespacePodAffinity",
            "!BestEffort"
        ]
    );
    assert!(
        described(&[usage])
            .unwrap()
            .contains("(quota \"q\", scope NotTerminating, PriorityClass in")
    );
}
