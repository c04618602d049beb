//! Tests of ResourceQuotas: figures, scopes, and the server's refusals.

use super::*;
use serde_json::json;

fn pod() -> Value {
    json!({ "apiVersion": "v1", "kind": "Pod", "spec": {
        "initContainers": [{ "resources": { "requests": { "cpu": "3" } } }],
        "containers": [
            { "resources": { "requests": { "cpu": "500m" }, "limits": { "cpu": "1", "memory": "1Gi" } } },
            { "resources": { "requests": { "cpu": "350m", "memory": "512Mi" } } },
        ] } })
}

fn quota(hard: Value, used: Value) -> Value {
    json!({ "metadata": { "name": "q" }, "spec": {}, "status": { "hard": hard, "used": used } })
}

#[test]
fn a_quota_that_is_too_small_shows_its_figures() {
    let cause = find_quota_shortfall(
        &[pod()],
        &[quota(json!({ "cpu": "50" }), json!({ "cpu": "48" }))],
    )
    .unwrap();
    assert_eq!(
        cause.message,
        "quota \"q\" is exceeded: cpu: requested 3, used 48, hard 50"
    );
    assert_eq!(
        find_quota_shortfall(
            &[pod()],
            &[quota(json!({ "cpu": "51" }), json!({ "cpu": "48" }))]
        ),
        None
    );
    let sessions = [json!({ "apiVersion": "streaming.platform/v1", "kind": "Session" })];
    let limit = quota(
        json!({ "count/sessions.streaming.platform": "1" }),
        json!({ "count/sessions.streaming.platform": "1" }),
    );
    assert!(find_quota_shortfall(&sessions, &[limit]).is_some());
}

#[test]
fn a_request_above_the_hard_limit_has_another_remedy() {
    let remedy = |hard: &str, used: &str| {
        let quota = quota(json!({ "cpu": hard }), json!({ "cpu": used }));
        find_quota_shortfall(&[pod()], &[quota])
            .unwrap()
            .remedy
            .unwrap()
    };
    assert_eq!(remedy("50", "48"), QUOTA_REMEDY);
    assert_eq!(
        remedy("2", "0"),
        "request less, or ask an administrator to raise the quota"
    );
}

#[test]
fn all_exceeded_resources_of_all_quotas_are_named() {
    let quotas = [
        quota(
            json!({ "requests.cpu": "2", "requests.memory": "1Gi", "pods": "5" }),
            json!({ "requests.cpu": "1" }),
        ),
        quota(json!({ "pods": "1" }), json!({ "pods": "1" })),
    ];
    assert_eq!(
        find_quota_shortfall(&[pod()], &quotas).unwrap().message,
        "quota \"q\" is exceeded: requests.cpu: requested 3, used 1, hard 2; requests.memory: requested 1536Mi, used 0, hard 1Gi; quota \"q\" is exceeded: pods: requested 1, used 1, hard 1"
    );
}

#[test]
fn a_quota_with_a_scope_counts_the_pods_that_match() {
    let scoped = |scope: &str| {
        let mut scoped = quota(json!({ "pods": "0" }), json!({ "pods": "0" }));
        scoped["spec"]["scopes"] = json!([scope]);
        find_quota_shortfall(&[pod()], &[scoped]).is_some()
    };
    assert!(scoped("NotBestEffort"));
    assert!(!scoped("BestEffort"));
    assert!(!scoped("of a later Kubernetes"));
}

#[test]
fn the_servers_refusal_reads_as_the_check_does() {
    let quotas = [quota(
        json!({ "pods": "5", "requests.cpu": "4" }),
        json!({ "pods": "5", "requests.cpu": "2" }),
    )];
    let found = find_quota_shortfalls(&[pod()], &quotas);
    let refusal = "pods \"p\" is forbidden: exceeded quota: q, requested: pods=1,requests.cpu=3, used: pods=5,requests.cpu=2, limited: pods=5,requests.cpu=4";
    let parsed = QuotaShortfall::parse(refusal).unwrap();
    assert_eq!(found, std::slice::from_ref(&parsed));
    assert_eq!(
        parsed.to_string(),
        "quota \"q\" is exceeded: pods: requested 1, used 5, hard 5; requests.cpu: requested 3, used 2, hard 4"
    );
    assert_eq!(
        QuotaShortfall::parse("exceeded quota: q, used: pods=1"),
        None
    );
}

#[test]
fn gpus_and_sessions_are_called_so() {
    let pod = json!({ "apiVersion": "v1", "kind": "Pod", "spec": { "containers": [
        { "name": "main", "resources": { "limits": { "nvidia.com/gpu": "2" } } }] } });
    let session = json!({ "apiVersion": "streaming.platform/v1", "kind": "Session" });
    let hard =
        || json!({ "requests.nvidia.com/gpu": "4", "count/sessions.streaming.platform": "9" });
    let used = json!({ "requests.nvidia.com/gpu": "3", "count/sessions.streaming.platform": "9" });
    let found = find_quota_shortfalls(&[pod, session], &[quota(hard(), used)]);
    assert_eq!(
        found[0].to_string(),
        "quota \"q\" is exceeded: sessions (count/sessions.streaming.platform): requested 1, used 9, hard 9; GPUs (requests.nvidia.com/gpu): requested 2, used 3, hard 4"
    );
    assert!(!found[0].exceeds_hard());
}

#[test]
fn more_than_the_whole_quota_never_fits() {
    let small = [quota(json!({ "requests.cpu": "2" }), json!({}))];
    assert!(find_quota_shortfalls(&[pod()], &small)[0].exceeds_hard());
}

#[test]
fn what_a_quota_counts_must_be_set() {
    let quotas = [quota(
        json!({ "limits.cpu": "9", "memory": "9Gi", "pods": "9" }),
        json!({}),
    )];
    let cause = find_unset_resources(&[named_pod(json!({}))], &quotas).unwrap();
    assert_eq!(
        cause.message,
        "quota \"q\" counts values that the Pod does not set: the Pod must specify limits.cpu for: main; memory for: main"
    );
    assert!(cause.remedy.unwrap().contains("LimitRange"));
    let set = json!({ "limits": { "cpu": "1", "memory": "1Gi" } });
    assert_eq!(
        find_unset_resources(&[named_pod(set.clone())], &quotas),
        None
    );
    let mut whole = named_pod(json!({}));
    whole["spec"]["resources"] = set;
    assert_eq!(find_unset_resources(&[whole], &quotas), None);
}

fn named_pod(resources: Value) -> Value {
    json!({ "apiVersion": "v1", "kind": "Pod", "spec": { "containers": [{ "name": "main", "resources": resources }] } })
}
