//! Check of a session's objects against the ResourceQuotas of its namespace, before anything is created.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ResourceQuota;
use serde_json::Value;

use super::Cause;
use crate::capacity::demand::{parse_amount, sum_quota_demand};
use crate::capacity::quota_key::canonical_key;
use session_model::objects::Untyped;
use session_model::objects::metadata::name_of;
use session_model::quantity::Quantity;

/// Hint for a quota that is exceeded.
pub const QUOTA_REMEDY: &str = "request less, delete sessions that are no longer needed, or ask an administrator to raise the quota";

/// Returns the quotas that the objects would exceed, with every exceeded resource and its figures. Skips quotas with scopes, which
/// only the server can match, and ignores defaults that a LimitRange would add.
pub fn find_quota_shortfall(objects: &[Value], quotas: &[Value]) -> Option<Cause> {
    let demand = sum_quota_demand(objects);
    let quotas = quotas
        .iter()
        .filter_map(|quota| Untyped(quota).read::<ResourceQuota>());
    let exceeded = quotas.filter_map(|quota| {
        let figures = exceeded_resources(&quota, &demand)?;
        let name = name_of(&quota.metadata);
        (!figures.is_empty()).then(|| format!("quota {name:?} is exceeded: {}", figures.join("; ")))
    });
    let exceeded: Vec<String> = exceeded.collect();
    (!exceeded.is_empty()).then(|| Cause {
        reason: "QuotaExceeded".into(),
        message: exceeded.join("; "),
        remedy: Some(QUOTA_REMEDY.into()),
        ..Cause::default()
    })
}

/// Returns a text for each resource of the quota that the demand would exceed: `cpu: requested 3, used 48, hard 50`. `None` for
/// a quota that only the server can match.
fn exceeded_resources(
    quota: &ResourceQuota,
    demand: &BTreeMap<String, Quantity>,
) -> Option<Vec<String>> {
    let (spec, status) = (quota.spec.as_ref()?, quota.status.as_ref()?);
    if spec.scopes.is_some() || spec.scope_selector.is_some() {
        return None;
    }
    let exceeded = status.hard.iter().flatten().filter_map(|(name, hard)| {
        let asked = demand.get(canonical_key(name))?;
        let used = status.used.as_ref().and_then(|used| used.get(name));
        let used = used.and_then(parse_amount).unwrap_or(Quantity::ZERO);
        let hard = parse_amount(hard)?;
        (!asked.is_zero() && used.add(asked) > hard)
            .then(|| format!("{name}: requested {asked}, used {used}, hard {hard}"))
    });
    Some(exceeded.collect())
}

#[cfg(test)]
mod tests {
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
    fn a_quota_with_a_scope_is_the_servers_affair() {
        let mut scoped = quota(json!({ "pods": "0" }), json!({ "pods": "0" }));
        scoped["spec"]["scopes"] = json!(["BestEffort"]);
        assert_eq!(find_quota_shortfall(&[pod()], &[scoped]), None);
    }
}
