//! Order in which objects are created: objects that others refer to come first.

use serde_json::Value;

use super::pods::pod_metadata_paths;
use super::untyped::Untyped;

/// Returns the tier of an object. Objects of one tier are created at the same time, tiers one after the other: ServiceAccounts and
/// NetworkPolicies (a Pod must never run without its policy), Secrets and ConfigMaps, claims, Services and all other kinds,
/// workloads.
pub fn creation_tier(object: &Value) -> u8 {
    match Untyped(object).kind() {
        "ServiceAccount" | "NetworkPolicy" => 0,
        "Secret" | "ConfigMap" => 1,
        "PersistentVolumeClaim" => 2,
        kind if pod_metadata_paths(kind).is_empty() => 3,
        _ => 4,
    }
}

/// Groups objects by tier, in order of creation. Empty tiers are omitted; the order within a tier is kept.
pub fn group_by_tier(objects: Vec<Value>) -> Vec<Vec<Value>> {
    let mut tiers: Vec<(u8, Vec<Value>)> = Vec::new();
    for object in objects {
        let wanted = creation_tier(&object);
        match tiers.iter_mut().find(|(number, _)| *number == wanted) {
            Some((_, tier)) => tier.push(object),
            None => tiers.push((wanted, vec![object])),
        }
    }
    tiers.sort_by_key(|(number, _)| *number);
    tiers.into_iter().map(|(_, tier)| tier).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn secrets_come_before_pods_whatever_the_file_says() {
        let kinds = [
            "Pod",
            "Service",
            "Secret",
            "Ingress",
            "NetworkPolicy",
            "PersistentVolumeClaim",
            "ConfigMap",
        ];
        let objects = kinds.iter().map(|kind| json!({ "kind": kind })).collect();
        let sorted: Vec<Vec<String>> = group_by_tier(objects)
            .iter()
            .map(|tier| tier.iter().map(|o| Untyped(o).kind().to_owned()).collect())
            .collect();
        assert_eq!(
            sorted,
            [
                vec!["NetworkPolicy"],
                vec!["Secret", "ConfigMap"],
                vec!["PersistentVolumeClaim"],
                vec!["Service", "Ingress"],
                vec!["Pod"]
            ]
        );
    }
}
