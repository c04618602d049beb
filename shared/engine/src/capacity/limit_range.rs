//! LimitRanges: the requests and limits that they give containers which set none, and the bounds that they set. Both as the admission plugin
//! LimitRanger has them, so that what it would refuse is known before the first write.
//!
//! ```text
//! objects, LimitRanges ─► apply_limit_defaults ─► objects as the server stores them ─► find_limit_violation, demand, fit
//! ```

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{LimitRange, LimitRangeItem};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Amount;
use serde_json::{Map, Value, json};
use session_model::objects::Untyped;
use session_model::objects::metadata::name_of;
use session_model::objects::pods::{pod_spec, pod_spec_mut};
use session_model::quantity::Quantity;

use super::demand::{container_resources, parse_amount, parse_quantity, pod_resources};

type Amounts = BTreeMap<String, Amount>;

/// An object that a LimitRange refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitViolation {
    /// Name of the LimitRange.
    pub range: String,
    /// Container, Pod or claim that violates it: `container "main" of Pod "a"`.
    pub subject: String,
    /// The rule with its figures, in the server's words.
    pub rule: String,
}

/// Sets requests and limits in the Pods of `objects` as the server does: a request that is missing is the limit, then each LimitRange
/// gives containers its defaults. The server has filled in a LimitRange's own defaults (a default limit from the maximum) already.
pub fn apply_limit_defaults(objects: &mut [Value], ranges: &[Value]) {
    for spec in objects.iter_mut().filter_map(pod_spec_mut) {
        apply_pod_limit_defaults(spec, ranges);
    }
}

/// Does for one Pod spec what [`apply_limit_defaults`] does for objects.
pub fn apply_pod_limit_defaults(spec: &mut Map<String, Value>, ranges: &[Value]) {
    let items: Vec<LimitRangeItem> = ranges
        .iter()
        .flat_map(items_of)
        .filter(|item| item.type_ == "Container")
        .collect();
    if items.is_empty() {
        return;
    }
    let lists = spec
        .iter_mut()
        .filter(|(key, _)| matches!(key.as_str(), "containers" | "initContainers"));
    let containers = lists.filter_map(|(_, list)| list.as_array_mut()).flatten();
    for container in containers.filter_map(Value::as_object_mut) {
        let resources = container.entry("resources").or_insert_with(|| json!({}));
        set_defaults(resources, &items);
    }
}

fn set_defaults(resources: &mut Value, items: &[LimitRangeItem]) {
    let limits = resources["limits"].as_object().cloned();
    for (name, limit) in limits.into_iter().flatten() {
        set_missing(resources, "requests", &name, limit);
    }
    for item in items {
        for (part, defaults) in [
            ("limits", &item.default),
            ("requests", &item.default_request),
        ] {
            for (name, amount) in defaults.iter().flatten() {
                set_missing(resources, part, name, amount.0.as_str().into());
            }
        }
    }
}

fn set_missing(resources: &mut Value, part: &str, name: &str, amount: Value) {
    let known = resources[part].as_object();
    if known.is_none_or(|amounts| !amounts.contains_key(name)) {
        resources[part][name] = amount;
    }
}

fn items_of(range: &Value) -> Vec<LimitRangeItem> {
    let range = Untyped(range).read::<LimitRange>();
    let spec = range.and_then(|range| range.spec);
    spec.map(|spec| spec.limits).unwrap_or_default()
}

/// Returns the first container, Pod or claim of `objects` that a LimitRange refuses. The objects have its defaults already.
pub fn find_limit_violation(objects: &[Value], ranges: &[Value]) -> Option<LimitViolation> {
    let mut bounded = objects.iter().flat_map(bounded_amounts);
    let of_range = |range: &Value| {
        let name = Untyped(range).read::<LimitRange>();
        name.map(|range| name_of(&range.metadata).to_owned())
    };
    bounded.find_map(|bounded| {
        ranges.iter().find_map(|range| {
            let mut items = items_of(range).into_iter();
            let rule = items.find_map(|item| bounded.violated_rule(&item))?;
            Some(LimitViolation {
                range: of_range(range)?,
                subject: bounded.subject.clone(),
                rule,
            })
        })
    })
}

/// What one container, Pod or claim takes.
struct BoundedAmounts {
    /// `type` of the bounds that apply: Container, Pod, PersistentVolumeClaim.
    limit_type: &'static str,
    subject: String,
    /// Amounts, keyed `requests.NAME` and `limits.NAME`.
    amounts: BTreeMap<String, Quantity>,
}

fn bounded_amounts(object: &Value) -> Vec<BoundedAmounts> {
    let untyped = Untyped(object);
    let (kind, name) = (untyped.kind(), untyped.name());
    let owner = match kind {
        "Pod" => format!("Pod {name:?}"),
        _ => format!("the Pod of {kind} {name:?}"),
    };
    let mut all = Vec::new();
    if let Some(spec) = pod_spec(object) {
        for list in ["containers", "initContainers"] {
            let containers = spec.get(list).and_then(Value::as_array);
            for container in containers.into_iter().flatten() {
                let name = Untyped(container).str_at("/name").unwrap_or("<none>");
                all.push(BoundedAmounts {
                    limit_type: "Container",
                    subject: format!("container {name:?} of {owner}"),
                    amounts: container_resources(container).into_iter().collect(),
                });
            }
        }
        all.push(BoundedAmounts {
            limit_type: "Pod",
            subject: owner,
            amounts: pod_resources(spec),
        });
    }
    if kind == "PersistentVolumeClaim" {
        all.push(claim_amounts(object, format!("claim {name:?}")));
    }
    let inside = untyped.at("/spec/volumeClaimTemplates");
    for claim in inside.and_then(Value::as_array).into_iter().flatten() {
        let template = Untyped(claim).name();
        all.push(claim_amounts(
            claim,
            format!("claim {template:?} of {kind} {name:?}"),
        ));
    }
    all
}

fn claim_amounts(claim: &Value, subject: String) -> BoundedAmounts {
    let requests = claim.pointer("/spec/resources/requests");
    let requests = requests.and_then(Value::as_object).into_iter().flatten();
    let amounts = requests
        .filter_map(|(name, amount)| Some((format!("requests.{name}"), parse_quantity(amount)?)));
    BoundedAmounts {
        limit_type: "PersistentVolumeClaim",
        subject,
        amounts: amounts.collect(),
    }
}

impl BoundedAmounts {
    /// Returns the rule of `item` that the amounts violate.
    fn violated_rule(&self, item: &LimitRangeItem) -> Option<String> {
        if item.type_ != self.limit_type {
            return None;
        }
        let first = |bounds: &Option<Amounts>,
                     rule: fn(&Self, &str, Quantity) -> Option<String>| {
            let mut bounds = bounds.iter().flatten();
            bounds.find_map(|(name, bound)| rule(self, name, parse_amount(bound)?))
        };
        first(&item.min, Self::below_minimum)
            .or_else(|| first(&item.max, Self::above_maximum))
            .or_else(|| first(&item.max_limit_request_ratio, Self::above_ratio))
            .or_else(|| self.default_below_request(item))
    }

    fn amount(&self, part: &str, name: &str) -> Option<Quantity> {
        self.amounts.get(&format!("{part}.{name}")).copied()
    }

    fn below_minimum(&self, name: &str, bound: Quantity) -> Option<String> {
        let kind = self.limit_type;
        let rule = format!("minimum {name} usage per {kind} is {bound}");
        let Some(request) = self.amount("requests", name) else {
            return Some(format!("{rule}, but no request is specified"));
        };
        if request < bound {
            return Some(format!("{rule}, but request is {request}"));
        }
        let limit = self.amount("limits", name).filter(|limit| *limit < bound)?;
        Some(format!("{rule}, but limit is {limit}"))
    }

    fn above_maximum(&self, name: &str, bound: Quantity) -> Option<String> {
        let kind = self.limit_type;
        let rule = format!("maximum {name} usage per {kind} is {bound}");
        // A claim has no limits.
        if kind != "PersistentVolumeClaim" {
            let Some(limit) = self.amount("limits", name) else {
                return Some(format!("{rule}, but no limit is specified"));
            };
            if limit > bound {
                return Some(format!("{rule}, but limit is {limit}"));
            }
        }
        let request = self.amount("requests", name);
        let request = request.filter(|request| *request > bound)?;
        Some(format!("{rule}, but request is {request}"))
    }

    fn above_ratio(&self, name: &str, bound: Quantity) -> Option<String> {
        let kind = self.limit_type;
        let rule = format!("{name} max limit to request ratio per {kind} is {bound}");
        let amount = |part: &str| self.amount(part, name).filter(|amount| !amount.is_zero());
        let Some(request) = amount("requests") else {
            return Some(format!(
                "{rule}, but no request is specified or request is 0"
            ));
        };
        let Some(limit) = amount("limits") else {
            return Some(format!("{rule}, but no limit is specified or limit is 0"));
        };
        let one = Quantity::from_units(1);
        (limit > request.scale_ratio(&bound, &one)).then(|| {
            let ratio = one.scale_ratio(&limit, &request);
            format!("{rule}, but provided ratio is {ratio}")
        })
    }

    /// Returns the text for a container whose request is above the limit that the LimitRange gives it: the server refuses its Pod.
    fn default_below_request(&self, item: &LimitRangeItem) -> Option<String> {
        let mut defaults = item.default.iter().flatten();
        defaults.find_map(|(name, default)| {
            let (request, limit) = (self.amount("requests", name)?, self.amount("limits", name)?);
            (limit < request && parse_amount(default) == Some(limit)).then(|| {
                format!("default {name} limit per Container is {limit}, but request is {request}")
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(resources: Value) -> Value {
        json!({"kind": "Pod", "metadata": {"name": "a"}, "spec": {"containers": [{"name": "main", "resources": resources}]}})
    }

    fn range(item: Value) -> Value {
        json!({"metadata": {"name": "limits"}, "spec": {"limits": [item]}})
    }

    fn container_range(mut item: Value) -> Value {
        item["type"] = "Container".into();
        range(item)
    }

    fn with_defaults(resources: Value, range: Value) -> Value {
        let mut objects = [pod(resources)];
        apply_limit_defaults(&mut objects, &[range]);
        objects[0]["spec"]["containers"][0]["resources"].clone()
    }

    /// The rule that a container of these resources violates after the defaults.
    fn violation(resources: Value, item: Value) -> Option<String> {
        let (mut objects, ranges) = ([pod(resources)], [container_range(item)]);
        apply_limit_defaults(&mut objects, &ranges);
        find_limit_violation(&objects, &ranges).map(|found| found.rule)
    }

    #[test]
    fn defaults_are_for_containers_that_set_none() {
        let defaults = || {
            container_range(
                json!({"default": {"cpu": "2", "memory": "1Gi"}, "defaultRequest": {"cpu": "500m", "memory": "1Gi"}}),
            )
        };
        assert_eq!(
            with_defaults(json!({}), defaults()),
            json!({"limits": {"cpu": "2", "memory": "1Gi"}, "requests": {"cpu": "500m", "memory": "1Gi"}})
        );
        // A missing request is the container's own limit before a LimitRange is asked.
        assert_eq!(
            with_defaults(json!({"limits": {"cpu": "4"}}), defaults())["requests"],
            json!({"cpu": "4", "memory": "1Gi"})
        );
        let pods = range(json!({"type": "Pod", "max": {"cpu": "1"}}));
        assert_eq!(with_defaults(json!({}), pods), json!({}));
        // Without a LimitRange the object is as it was.
        let mut objects = [json!({"kind": "Pod", "spec": {"containers": [{"name": "main"}]}})];
        let before = objects.clone();
        apply_limit_defaults(&mut objects, &[]);
        assert_eq!(objects, before);
    }

    #[test]
    fn init_containers_and_templates_get_defaults_too() {
        let item =
            container_range(json!({"default": {"cpu": "1"}, "defaultRequest": {"cpu": "1"}}));
        let mut objects = [
            json!({"kind": "StatefulSet", "spec": {"template": {"spec": {
            "initContainers": [{"name": "i"}], "containers": [{"name": "main"}]}}}}),
        ];
        apply_limit_defaults(&mut objects, &[item]);
        let spec = &objects[0]["spec"]["template"]["spec"];
        assert_eq!(spec["initContainers"][0]["resources"]["limits"]["cpu"], "1");
        assert_eq!(spec["containers"][0]["resources"]["requests"]["cpu"], "1");
    }

    #[test]
    fn every_bound_of_a_container_has_its_words() {
        let cpu = |request: &str, limit: &str| json!({"requests": {"cpu": request}, "limits": {"cpu": limit}});
        for (resources, item, rule) in [
            (
                json!({}),
                json!({"min": {"cpu": "1"}}),
                Some("minimum cpu usage per Container is 1, but no request is specified"),
            ),
            (
                cpu("500m", "2"),
                json!({"min": {"cpu": "1"}}),
                Some("minimum cpu usage per Container is 1, but request is 500m"),
            ),
            (
                cpu("1", "2"),
                json!({"min": {"cpu": "1"}, "max": {"cpu": "2"}}),
                None,
            ),
            (
                json!({}),
                json!({"max": {"cpu": "2"}}),
                Some("maximum cpu usage per Container is 2, but no limit is specified"),
            ),
            (
                cpu("1", "4"),
                json!({"max": {"cpu": "2"}}),
                Some("maximum cpu usage per Container is 2, but limit is 4"),
            ),
            (
                cpu("1", "4"),
                json!({"maxLimitRequestRatio": {"cpu": "2"}}),
                Some("cpu max limit to request ratio per Container is 2, but provided ratio is 4"),
            ),
            (
                cpu("1", "2"),
                json!({"maxLimitRequestRatio": {"cpu": "2"}}),
                None,
            ),
            (
                cpu("1", "1501m"),
                json!({"maxLimitRequestRatio": {"cpu": "1500m"}}),
                Some(
                    "cpu max limit to request ratio per Container is 1500m, but provided ratio is 1501m",
                ),
            ),
            (
                json!({}),
                json!({"maxLimitRequestRatio": {"cpu": "2"}}),
                Some(
                    "cpu max limit to request ratio per Container is 2, but no request is specified or request is 0",
                ),
            ),
            (
                json!({"requests": {"cpu": "1"}}),
                json!({"maxLimitRequestRatio": {"cpu": "2"}}),
                Some(
                    "cpu max limit to request ratio per Container is 2, but no limit is specified or limit is 0",
                ),
            ),
            (
                json!({"requests": {"cpu": "4"}}),
                json!({"default": {"cpu": "2"}}),
                Some("default cpu limit per Container is 2, but request is 4"),
            ),
            (
                json!({"requests": {"cpu": "1"}}),
                json!({"default": {"cpu": "2"}}),
                None,
            ),
        ] {
            assert_eq!(
                violation(resources.clone(), item.clone()).as_deref(),
                rule,
                "{resources} {item}"
            );
        }
    }

    #[test]
    fn a_pod_is_bounded_by_the_sum_of_its_containers() {
        let main = json!({"name": "main", "resources": {"limits": {"memory": "1Gi"}}});
        let pod =
            json!({"kind": "Pod", "metadata": {"name": "a"}, "spec": {"containers": [main, main]}});
        let ranges = [range(json!({"type": "Pod", "max": {"memory": "1536Mi"}}))];
        let found = find_limit_violation(&[pod], &ranges).unwrap();
        assert_eq!(found.subject, "Pod \"a\"");
        assert_eq!(found.range, "limits");
        assert_eq!(
            found.rule,
            "maximum memory usage per Pod is 1536Mi, but limit is 2Gi"
        );
    }

    #[test]
    fn claims_are_bounded_wherever_they_stand() {
        let claim = json!({"kind": "PersistentVolumeClaim", "metadata": {"name": "home"}, "spec": {"resources": {"requests": {"storage": "30Gi"}}}});
        let set = json!({"kind": "StatefulSet", "metadata": {"name": "a"}, "spec": {"volumeClaimTemplates": [claim]}});
        let ranges = [range(
            json!({"type": "PersistentVolumeClaim", "min": {"storage": "1Gi"}, "max": {"storage": "20Gi"}}),
        )];
        for (object, subject) in [
            (claim.clone(), "claim \"home\""),
            (set, "claim \"home\" of StatefulSet \"a\""),
        ] {
            let found = find_limit_violation(&[object], &ranges).unwrap();
            assert_eq!(found.subject, subject);
            assert_eq!(
                found.rule,
                "maximum storage usage per PersistentVolumeClaim is 20Gi, but request is 30Gi"
            );
        }
        let mut small = claim;
        small["spec"]["resources"]["requests"]["storage"] = "500Mi".into();
        let found = find_limit_violation(&[small], &ranges).unwrap();
        assert_eq!(
            found.rule,
            "minimum storage usage per PersistentVolumeClaim is 1Gi, but request is 500Mi"
        );
    }
}
