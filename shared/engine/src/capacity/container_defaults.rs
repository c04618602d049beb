//! Requests and limits that a LimitRange sets on containers that have none of their own. Where a ResourceQuota counts a resource, the
//! server refuses Pods whose containers do not set it.

use std::collections::BTreeMap;

use anyhow::{Result, anyhow};
use serde_json::{Value, json};
use session_model::failure::with_hint;
use session_model::labels;
use session_model::objects::Untyped;
use session_model::quantity::Quantity;

use super::quota_key::canonical_key;

/// Resources of a container that have defaults.
const RESOURCES: [&str; 3] = ["cpu", "memory", "ephemeral-storage"];

/// Keys of a ResourceQuota that every container must set; the server takes Pods that set no other.
pub(crate) const REQUIRED_RESOURCES: [&str; 6] = [
    "cpu",
    "memory",
    "requests.cpu",
    "requests.memory",
    "limits.cpu",
    "limits.memory",
];

/// Default limits and requests of containers, by resource: `cpu`, `memory`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContainerDefaults {
    /// Limits, `default` in a LimitRange.
    pub limits: BTreeMap<String, Quantity>,
    /// Requests, `defaultRequest` in a LimitRange; the limit where one is absent.
    pub requests: BTreeMap<String, Quantity>,
}

impl ContainerDefaults {
    /// Returns true if there are none.
    pub fn is_empty(&self) -> bool {
        self.limits.is_empty() && self.requests.is_empty()
    }

    /// Adds a default: `default.cpu` is a limit, `defaultRequest.cpu` a request.
    ///
    /// # Errors
    /// Another key, one that is there already, or an amount that is no quantity or negative.
    pub fn add(&mut self, key: &str, amount: &str) -> Result<()> {
        let known = key.split_once('.').and_then(|(part, resource)| {
            let defaults = match part {
                "default" => &mut self.limits,
                "defaultRequest" => &mut self.requests,
                _ => return None,
            };
            RESOURCES
                .contains(&resource)
                .then_some((defaults, resource))
        });
        let Some((defaults, resource)) = known else {
            let error = anyhow!("unknown default {key:?}");
            let hint =
                "use default or defaultRequest, and cpu, memory or ephemeral-storage: default.cpu";
            return Err(with_hint(error, hint));
        };
        let amount: Quantity = amount.parse().map_err(|error| anyhow!("{key}: {error}"))?;
        if amount.is_negative() {
            return Err(anyhow!("{key} \"{amount}\" must not be negative"));
        }
        match defaults.insert(resource.to_owned(), amount) {
            Some(_) => Err(anyhow!("{key} is given twice")),
            None => Ok(()),
        }
    }

    /// Checks that no request is more than its limit, which the server refuses.
    ///
    /// # Errors
    /// The first resource for which it is.
    pub fn check(&self) -> Result<()> {
        for (resource, request) in &self.requests {
            if let Some(limit) = self.limits.get(resource).filter(|limit| request > *limit) {
                return Err(anyhow!(
                    "defaultRequest.{resource} {request} must not be more than default.{resource} {limit}"
                ));
            }
        }
        Ok(())
    }

    /// Lowers defaults to the quota's hard limits: a container that takes them must fit.
    pub fn cap(&mut self, hard: &BTreeMap<String, Quantity>) {
        for (prefix, defaults) in [
            ("limits", &mut self.limits),
            ("requests", &mut self.requests),
        ] {
            for (resource, amount) in defaults {
                let key = format!("{prefix}.{resource}");
                let mut hard = hard.iter().filter(|(name, _)| canonical_key(name) == key);
                let most = hard.next().map(|(_, most)| most);
                *amount = most.map_or(*amount, |most| (*amount).min(*most));
            }
        }
        for (resource, request) in &mut self.requests {
            let limit = self.limits.get(resource);
            *request = limit.map_or(*request, |limit| (*request).min(*limit));
        }
    }

    /// Returns the LimitRange that sets the defaults.
    pub fn limit_range(&self, name: &str, namespace: &str) -> Value {
        let mut item = json!({"type": "Container"});
        for (field, amounts) in [
            ("default", &self.limits),
            ("defaultRequest", &self.requests),
        ] {
            if !amounts.is_empty() {
                item[field] = json!(amounts);
            }
        }
        json!({
            "apiVersion": "v1",
            "kind": "LimitRange",
            "metadata": {
                "name": name,
                "namespace": namespace,
                "labels": {labels::MANAGED_BY: labels::MANAGER},
            },
            "spec": {"limits": [item]},
        })
    }
}

/// Returns the keys of a quota that every container must set, and for which no LimitRange has a default.
pub fn keys_without_default<'k>(
    hard: impl IntoIterator<Item = &'k String>,
    limit_ranges: &[Value],
) -> Vec<&'k str> {
    let items = limit_ranges
        .iter()
        .flat_map(|range| Untyped(range).items_at("/spec/limits"));
    let items: Vec<&Value> = items
        .map(|item| item.0)
        .filter(|item| item["type"] == "Container")
        .collect();
    let has =
        |field: &str, resource: &str| items.iter().any(|item| !item[field][resource].is_null());
    let is_missing = |key: &&str| match canonical_key(key).split_once('.') {
        Some(("requests", resource)) => {
            // As the server completes a LimitRange: a request defaults to the limit, a limit to the maximum.
            let fields = ["defaultRequest", "default", "max", "min"];
            !fields.iter().any(|field| has(field, resource))
        }
        Some(("limits", resource)) => !has("default", resource) && !has("max", resource),
        _ => false,
    };
    hard.into_iter()
        .map(String::as_str)
        .filter(|key| REQUIRED_RESOURCES.contains(key))
        .filter(is_missing)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn defaults(pairs: &[(&str, &str)]) -> Result<ContainerDefaults> {
        let mut defaults = ContainerDefaults::default();
        for (key, amount) in pairs {
            defaults.add(key, amount)?;
        }
        defaults.check()?;
        Ok(defaults)
    }

    #[test]
    fn defaults_are_those_of_a_limit_range() {
        let made = defaults(&[
            ("default.cpu", "2"),
            ("default.memory", "4Gi"),
            ("defaultRequest.cpu", "1"),
            ("defaultRequest.memory", "2Gi"),
        ]);
        let range = made.unwrap().limit_range("sindri-limits", "dev");
        assert_eq!(
            range["spec"],
            json!({"limits": [{"type": "Container",
                "default": {"cpu": "2", "memory": "4Gi"},
                "defaultRequest": {"cpu": "1", "memory": "2Gi"}}]})
        );
    }

    #[test]
    fn what_the_server_would_refuse_is_refused() {
        for (pairs, expected) in [
            (
                &[("defaultLimit.cpu", "1")][..],
                "unknown default \"defaultLimit.cpu\"",
            ),
            (&[("default.gpu", "1")], "unknown default \"default.gpu\""),
            (&[("cpu", "1")], "unknown default \"cpu\""),
            (
                &[("default.cpu", "1"), ("default.cpu", "1")],
                "default.cpu is given twice",
            ),
            (
                &[("default.cpu", "-1")],
                "default.cpu \"-1\" must not be negative",
            ),
            (
                &[("default.memory", "4GB")],
                "default.memory: invalid quantity \"4GB\": use 4G or 4Gi",
            ),
            (
                &[("default.cpu", "1"), ("defaultRequest.cpu", "2")],
                "defaultRequest.cpu 2 must not be more than default.cpu 1",
            ),
        ] {
            assert_eq!(defaults(pairs).unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn defaults_fit_a_small_quota() {
        let mut made = defaults(&[("default.cpu", "2"), ("defaultRequest.cpu", "1")]).unwrap();
        let half = "500m".parse().unwrap();
        let mut short = made.clone();
        made.cap(&BTreeMap::from([("limits.cpu".to_owned(), half)]));
        assert_eq!((made.limits["cpu"], made.requests["cpu"]), (half, half));
        short.cap(&BTreeMap::from([("cpu".to_owned(), half)]));
        assert_eq!(short.requests["cpu"], half);
    }

    #[test]
    fn a_key_of_containers_needs_a_default() {
        let keys = [
            "cpu",
            "limits.cpu",
            "limits.memory",
            "ephemeral-storage",
            "limits.ephemeral-storage",
            "pods",
            "requests.storage",
        ];
        let keys = keys.map(str::to_owned);
        let range = |item: Value| vec![json!({"spec": {"limits": [item]}})];
        let missing = |ranges: &[Value]| keys_without_default(&keys, ranges).join(" ");
        assert_eq!(missing(&[]), "cpu limits.cpu limits.memory");
        let cpu = json!({"type": "Container", "default": {"cpu": "1"}});
        assert_eq!(missing(&range(cpu)), "limits.memory");
        let request = json!({"type": "Container", "defaultRequest": {"cpu": "1"}});
        assert_eq!(missing(&range(request)), "limits.cpu limits.memory");
        let most = json!({"type": "Container", "max": {"memory": "1Gi"}});
        assert_eq!(missing(&range(most)), "cpu limits.cpu");
        let pod = json!({"type": "Pod", "max": {"cpu": "1", "memory": "1Gi"}});
        assert_eq!(missing(&range(pod)), "cpu limits.cpu limits.memory");
    }
}
