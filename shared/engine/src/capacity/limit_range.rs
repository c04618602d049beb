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

use super::demand::{
    container_resources, parse_amount, parse_quantity, pod_resources, resources_without_overhead,
};

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

/// Sets requests and limits in the Pods of `objects` as the server does: a request that is missing is the limit, a Pod with limits of its
/// own gets requests of its own, then each LimitRange gives containers its defaults. The server has filled in a LimitRange's own defaults
/// (a default limit from the maximum) already.
pub fn apply_limit_defaults(objects: &mut [Value], ranges: &[Value]) {
    for spec in objects.iter_mut().filter_map(pod_spec_mut) {
        apply_pod_limit_defaults(spec, ranges);
    }
}

/// Does for one Pod spec what [`apply_limit_defaults`] does for objects.
pub fn apply_pod_limit_defaults(spec: &mut Map<String, Value>, ranges: &[Value]) {
    set_pod_requests(spec);
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

/// Sets the requests of a Pod that has limits of its own. The server does this first, so that what a LimitRange gives the containers
/// later does not raise them.
fn set_pod_requests(spec: &mut Map<String, Value>) {
    let limits = spec.get("resources").and_then(|own| own.get("limits"));
    let limits = limits.and_then(Value::as_object);
    if limits.is_none_or(Map::is_empty) {
        return;
    }
    let amounts = resources_without_overhead(spec);
    let Some(resources) = spec.get_mut("resources") else {
        return;
    };
    for (key, amount) in amounts {
        let name = key.strip_prefix("requests.").unwrap_or_default();
        // A Pod has no other resources of its own.
        if matches!(name, "cpu" | "memory") || name.starts_with("hugepages-") {
            set_missing(resources, "requests", name, amount.to_string().into());
        }
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
#[path = "limit_range_tests.rs"]
mod tests;
