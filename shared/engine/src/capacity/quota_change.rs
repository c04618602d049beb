//! A ResourceQuota that is about to be set: the object, and what becomes of the namespace's present use.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use session_model::labels;
use session_model::objects::ResourceType;
use session_model::objects::resource::{PERSISTENT_VOLUME_CLAIM, POD, RESOURCE_QUOTA};
use session_model::quantity::Quantity;

use super::demand::{parse_quantity, sum_quota_demand};
use super::quota_key::canonical_key;

/// Returns a ResourceQuota.
pub fn resource_quota(name: &str, namespace: &str, hard: &BTreeMap<String, Quantity>) -> Value {
    json!({
        "apiVersion": RESOURCE_QUOTA.api_version(),
        "kind": RESOURCE_QUOTA.kind,
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {labels::MANAGED_BY: labels::MANAGER},
        },
        "spec": {"hard": hard},
    })
}

/// Returns the amounts at `spec.hard`, `status.hard` or `status.used` of a ResourceQuota, by full name of their key.
pub fn quota_amounts(quota: &Value, pointer: &str) -> BTreeMap<String, Quantity> {
    let amounts = quota.pointer(pointer).and_then(Value::as_object);
    let amounts = amounts.into_iter().flatten();
    amounts
        .filter_map(|(key, amount)| Some((canonical_key(key).to_owned(), parse_quantity(amount)?)))
        .collect()
}

/// Returns the keys of `spec.hard` that the server does not enforce yet: not in `status.hard` with that amount, or without use.
pub fn uncounted_keys(quota: &Value) -> Vec<String> {
    let hard = quota.pointer("/spec/hard").and_then(Value::as_object);
    let amount = |part: &str, key: &str| parse_quantity(&quota["status"][part][key]);
    let is_uncounted = |(key, hard): &(&String, &Value)| {
        amount("hard", key) != parse_quantity(hard) || amount("used", key).is_none()
    };
    let uncounted = hard.into_iter().flatten().filter(is_uncounted);
    uncounted.map(|(key, _)| key.clone()).collect()
}

/// Returns the type whose objects are counted under a key; `None` for a key that only the server can count.
pub fn counted_type(key: &str) -> Option<&'static ResourceType> {
    let key = canonical_key(key);
    if let Some(resource) = key.strip_prefix("count/") {
        return ResourceType::find_by_plural(resource);
    }
    if key == "requests.storage" || key.contains(".storageclass.storage.k8s.io/") {
        return Some(&PERSISTENT_VOLUME_CLAIM);
    }
    match key
        .strip_prefix("requests.")
        .or(key.strip_prefix("limits."))
    {
        Some(_) => Some(&POD),
        None => ResourceType::find_by_plural(key),
    }
}

/// Returns what objects of one type use of a quota, by full name of the keys. Pods that have ended use nothing but `count/pods`.
pub fn use_of_objects(resource: &ResourceType, objects: &[Value]) -> BTreeMap<String, Quantity> {
    let number = Quantity::from_units(i64::try_from(objects.len()).unwrap_or(i64::MAX));
    let has_ended = |pod: &&Value| {
        let phase = &pod["status"]["phase"];
        phase == "Succeeded" || phase == "Failed"
    };
    let mut used = if resource == &POD {
        let active = objects.iter().filter(|pod| !has_ended(pod));
        sum_quota_demand(&active.cloned().collect::<Vec<_>>())
    } else if resource == &PERSISTENT_VOLUME_CLAIM {
        sum_quota_demand(objects)
    } else {
        let plural = resource.plural.to_string();
        BTreeMap::from([(plural, number)])
    };
    used.insert(format!("count/{}", resource.qualified()), number);
    used
}

/// A key of a quota whose hard limit is less than what is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExceededKey {
    /// Key of `spec.hard`.
    pub key: String,
    /// Amount in use.
    pub used: Quantity,
    /// Hard limit.
    pub hard: Quantity,
}

/// Returns the keys whose hard limit is less than `used`, which has full names. A key without use is not judged.
pub fn find_exceeded(
    hard: &BTreeMap<String, Quantity>,
    used: &BTreeMap<String, Quantity>,
) -> Vec<ExceededKey> {
    let exceeded = hard.iter().filter_map(|(key, hard)| {
        let used = used.get(canonical_key(key)).filter(|used| *used > hard)?;
        Some(ExceededKey {
            key: key.clone(),
            used: *used,
            hard: *hard,
        })
    });
    exceeded.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use session_model::objects::resource::{SERVICE, SESSION, SESSION_COUNT};

    fn amounts(pairs: &[(&str, &str)]) -> BTreeMap<String, Quantity> {
        let pairs = pairs.iter();
        pairs
            .map(|(key, amount)| ((*key).to_owned(), amount.parse().unwrap()))
            .collect()
    }

    #[test]
    fn a_quota_is_in_force_once_every_key_is_counted() {
        let mut quota = resource_quota("q", "n", &amounts(&[("cpu", "1000m"), ("pods", "2")]));
        assert_eq!(uncounted_keys(&quota), ["cpu", "pods"]);
        quota["status"] = json!({"hard": {"cpu": "1", "pods": "3"}, "used": {"cpu": "0"}});
        assert_eq!(uncounted_keys(&quota), ["pods"]);
        quota["status"]["hard"]["pods"] = "2".into();
        assert_eq!(uncounted_keys(&quota), ["pods"]);
        quota["status"]["used"]["pods"] = "5".into();
        assert!(uncounted_keys(&quota).is_empty());
        let used = quota_amounts(&quota, "/status/used");
        assert_eq!(used, amounts(&[("requests.cpu", "0"), ("pods", "5")]));
    }

    #[test]
    fn a_key_names_the_type_that_it_counts() {
        for (key, resource) in [
            ("cpu", Some(&POD)),
            ("limits.memory", Some(&POD)),
            ("requests.nvidia.com/gpu", Some(&POD)),
            ("pods", Some(&POD)),
            ("requests.storage", Some(&PERSISTENT_VOLUME_CLAIM)),
            (
                "fast.storageclass.storage.k8s.io/requests.storage",
                Some(&PERSISTENT_VOLUME_CLAIM),
            ),
            (SESSION_COUNT, Some(&SESSION)),
            ("services", Some(&SERVICE)),
            ("services.nodeports", None),
            ("count/widgets.example.com", None),
        ] {
            assert_eq!(counted_type(key), resource, "{key}");
        }
    }

    #[test]
    fn what_has_ended_uses_nothing() {
        let pod = |phase: &str| {
            json!({"apiVersion": "v1", "kind": "Pod", "status": {"phase": phase},
                "spec": {"containers": [{"resources": {"requests": {"cpu": "1"}}}]}})
        };
        let pods = [
            pod("Running"),
            pod("Pending"),
            pod("Succeeded"),
            pod("Failed"),
        ];
        let used = use_of_objects(&POD, &pods);
        assert_eq!(
            used,
            amounts(&[("count/pods", "4"), ("pods", "2"), ("requests.cpu", "2")])
        );
        let sessions = [json!({}), json!({})];
        assert_eq!(
            use_of_objects(&SESSION, &sessions)[SESSION_COUNT],
            Quantity::from_units(2)
        );
    }

    #[test]
    fn a_limit_below_use_is_named_with_its_figures() {
        let hard = amounts(&[("cpu", "2"), ("pods", "6"), ("services", "1")]);
        let used = amounts(&[("requests.cpu", "2500m"), ("pods", "6")]);
        let exceeded = find_exceeded(&hard, &used);
        let texts: Vec<String> = exceeded
            .iter()
            .map(|one| format!("{} {} {}", one.key, one.used, one.hard))
            .collect();
        assert_eq!(texts, ["cpu 2500m 2"]);
    }
}
