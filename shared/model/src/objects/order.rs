//! In which order objects are made: what others name comes before them.

use serde_json::Value;

use super::pods::pod_metadata_paths;
use super::resource::text;

/// The tier of an object: all of one tier are made at the same time, tiers one after another. ServiceAccounts and
/// NetworkPolicies first (a Pod must never run unguarded), then what Pods mount, then claims, then Services and all other
/// kinds, workloads last.
pub fn tier(object: &Value) -> u8 {
    match text(object, "/kind") {
        "ServiceAccount" | "NetworkPolicy" => 0,
        "Secret" | "ConfigMap" => 1,
        "PersistentVolumeClaim" => 2,
        kind if pod_metadata_paths(kind).is_empty() => 3,
        _ => 4,
    }
}

/// Puts objects in order and splits them into tiers; empty tiers are left out, the order within one is kept.
pub fn tiers(objects: Vec<Value>) -> Vec<Vec<Value>> {
    let mut tiers: Vec<(u8, Vec<Value>)> = Vec::new();
    for object in objects {
        let wanted = tier(&object);
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
        let sorted: Vec<Vec<String>> = tiers(objects)
            .iter()
            .map(|tier| tier.iter().map(|o| text(o, "/kind").to_owned()).collect())
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
