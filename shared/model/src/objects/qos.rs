//! Quality-of-service (QoS) class of a Pod, by Kubernetes' rules. It decides which Pods are killed first when memory runs out, and
//! cannot change while a Pod runs.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::quantity::Quantity;

/// Resources that count for the class.
const COUNTED_RESOURCES: [&str; 2] = ["cpu", "memory"];

/// Returns the QoS class of a Pod with this spec: BestEffort, Burstable or Guaranteed.
pub fn qos_class(spec: &Map<String, Value>) -> &'static str {
    let (mut requests, mut limits) = (BTreeMap::new(), BTreeMap::new());
    let mut bounded = true;
    for resources in counted_resources(spec) {
        add_amounts(resources, "requests", &mut requests);
        bounded &= add_amounts(resources, "limits", &mut limits) == COUNTED_RESOURCES.len();
    }
    if requests.is_empty() && limits.is_empty() {
        "BestEffort"
    } else if bounded && requests == limits {
        "Guaranteed"
    } else {
        "Burstable"
    }
}

/// Returns the `resources` that count: those of the Pod if it has any, else those of every container.
fn counted_resources(spec: &Map<String, Value>) -> Vec<Option<&Value>> {
    if let Some(own) = spec.get("resources")
        && own.as_object().is_some_and(|own| !own.is_empty())
    {
        return vec![Some(own)];
    }
    let lists = ["initContainers", "containers"].into_iter();
    let containers = lists.flat_map(|list| spec.get(list).and_then(Value::as_array));
    containers
        .flatten()
        .map(|container| container.get("resources"))
        .collect()
}

/// Adds a section of `resources` to a sum. Returns the number of amounts in it that count.
fn add_amounts(
    resources: Option<&Value>,
    section: &str,
    sum: &mut BTreeMap<&'static str, Quantity>,
) -> usize {
    let amounts = resources.and_then(|resources| resources.get(section));
    let mut count = 0;
    for name in COUNTED_RESOURCES {
        let amount = amounts.and_then(|amounts| amounts.get(name));
        let amount: Option<Quantity> =
            amount.and_then(|amount| serde_json::from_value(amount.clone()).ok());
        if let Some(amount) = amount.filter(|amount| !amount.is_zero()) {
            let before = sum.get(name).copied().unwrap_or(Quantity::ZERO);
            sum.insert(name, before.add(&amount));
            count += 1;
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_class_is_that_of_kubernetes() {
        let full = json!({"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"cpu": "1000m", "memory": "1024Mi"}});
        let part = json!({"requests": {"cpu": "500m"}, "limits": {"cpu": "1"}});
        for (containers, init, class_wanted) in [
            (vec![json!({})], vec![], "BestEffort"),
            (vec![full.clone()], vec![], "Guaranteed"),
            (
                vec![full.clone(), full.clone()],
                vec![full.clone()],
                "Guaranteed",
            ),
            (vec![full.clone(), json!({})], vec![], "Burstable"),
            (vec![full.clone()], vec![part.clone()], "Burstable"),
            (vec![part], vec![], "Burstable"),
            (
                vec![json!({"requests": {"cpu": "0"}, "limits": {"example.com/gpu": "1"}})],
                vec![],
                "BestEffort",
            ),
        ] {
            let list = |all: Vec<Value>| {
                let all = all.into_iter().map(|one| json!({"resources": one}));
                Value::Array(all.collect())
            };
            let spec = json!({"containers": list(containers), "initContainers": list(init)});
            assert_eq!(qos_class(spec.as_object().unwrap()), class_wanted, "{spec}");
        }
        let own = json!({"resources": full, "containers": [{}]});
        assert_eq!(qos_class(own.as_object().unwrap()), "Guaranteed");
    }
}
