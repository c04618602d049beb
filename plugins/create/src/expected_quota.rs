//! The ResourceQuota that a converted file expects in its namespace. Pure.

use std::collections::BTreeMap;

use serde_json::Value;
use session_shared::quantity::Quantity;

/// Returns a warning with its remedy if no quota of the namespace has every expected amount.
pub(crate) fn missing_quota_warning(
    session: &str,
    namespace: &str,
    expected: &BTreeMap<String, String>,
    quotas: &[Value],
) -> Option<(String, String)> {
    if expected.is_empty() || quotas.iter().any(|quota| has_amounts(quota, expected)) {
        return None;
    }
    let hard: Vec<String> = expected
        .iter()
        .map(|(key, amount)| format!("{key}={amount}"))
        .collect();
    Some((
        format!(
            "namespace {namespace:?} has no ResourceQuota as resourceQuota describes; create makes none"
        ),
        format!(
            "kubectl create quota {session}-quota -n {namespace} --hard={}",
            hard.join(",")
        ),
    ))
}

fn has_amounts(quota: &Value, expected: &BTreeMap<String, String>) -> bool {
    expected.iter().all(|(key, amount)| {
        let found = quota["spec"]["hard"][key]
            .as_str()
            .and_then(|text| text.parse::<Quantity>().ok());
        found.is_some_and(|found| {
            amount
                .parse::<Quantity>()
                .is_ok_and(|amount| amount == found)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_quota_with_the_amounts_is_enough() {
        let expected = BTreeMap::from([
            ("limits.cpu".to_owned(), "8".to_owned()),
            ("requests.memory".to_owned(), "8Gi".to_owned()),
        ]);
        let quota = |memory: &str| json!({"spec": {"hard": {"limits.cpu": "8000m", "requests.memory": memory, "pods": "9"}}});
        let warning = |quotas: &[Value]| missing_quota_warning("a", "q", &expected, quotas);
        assert_eq!(warning(&[quota("4Gi"), quota("8192Mi")]), None);
        let (_, hint) = warning(&[quota("4Gi")]).unwrap();
        assert_eq!(
            hint,
            "kubectl create quota a-quota -n q --hard=limits.cpu=8,requests.memory=8Gi"
        );
        assert_eq!(missing_quota_warning("a", "q", &BTreeMap::new(), &[]), None);
    }
}
