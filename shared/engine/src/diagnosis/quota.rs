//! ResourceQuotas that refuse a session's objects: found before anything is created, or read from the server's refusal. Both are a
//! [`QuotaShortfall`], so that they read the same.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use k8s_openapi::api::core::v1::ResourceQuota;
use serde_json::Value;

use super::Cause;
use crate::capacity::container_defaults::REQUIRED_RESOURCES;
use crate::capacity::demand::{container_resources, parse_amount, sum_quota_demand};
use crate::capacity::quota_key::canonical_key;
use crate::capacity::quota_scope::counted_objects;
use session_model::objects::Untyped;
use session_model::objects::metadata::name_of;
use session_model::objects::overrides::is_gpu_resource;
use session_model::objects::pods::pod_spec;
use session_model::quantity::Quantity;

/// Hint for a quota that is exceeded.
pub const QUOTA_REMEDY: &str = "request less, delete sessions that are no longer needed, or ask an administrator to raise the quota";

/// Hint for a request that is more than the whole quota.
const HARD_REMEDY: &str = "request less, or ask an administrator to raise the quota";

/// A quota with too little left for a request. Printed as one line with every figure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotaShortfall {
    /// Name of the quota.
    pub quota: String,
    /// The exceeded resources, by name.
    pub figures: Vec<QuotaFigures>,
}

/// Amounts of one resource of a quota.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotaFigures {
    /// Resource, as the quota names it: `cpu`, `count/sessions.streaming.platform`.
    pub resource: String,
    /// Amount of the request.
    pub requested: Quantity,
    /// Amount in use.
    pub used: Quantity,
    /// Maximum.
    pub hard: Quantity,
}

impl fmt::Display for QuotaShortfall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let figures: Vec<String> = self.figures.iter().map(QuotaFigures::to_string).collect();
        write!(
            f,
            "quota {:?} is exceeded: {}",
            self.quota,
            figures.join("; ")
        )
    }
}

impl fmt::Display for QuotaFigures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            resource,
            requested,
            used,
            hard,
        } = self;
        let resource = describe_resource(resource);
        write!(
            f,
            "{resource}: requested {requested}, used {used}, hard {hard}"
        )
    }
}

/// Returns a quota's resource in words where its name is not the word that people use.
fn describe_resource(name: &str) -> String {
    match name {
        "count/sessions.streaming.platform" => format!("sessions ({name})"),
        gpu if is_gpu_resource(gpu) => format!("GPUs ({name})"),
        name => name.to_owned(),
    }
}

impl QuotaShortfall {
    /// Reads the server's refusal: `exceeded quota: Q, requested: pods=1, used: pods=5, limited: pods=5`.
    pub fn parse(message: &str) -> Option<Self> {
        let (_, rest) = message.split_once("exceeded quota: ")?;
        let (quota, rest) = rest.split_once(", requested: ")?;
        let (requested, rest) = rest.split_once(", used: ")?;
        let (used, hard) = rest.split_once(", limited: ")?;
        let (used, hard) = (parse_amounts(used), parse_amounts(hard));
        let figures = parse_amounts(requested)
            .into_iter()
            .map(|(resource, requested)| {
                Some(QuotaFigures {
                    used: *used.get(&resource)?,
                    hard: *hard.get(&resource)?,
                    resource,
                    requested,
                })
            });
        let figures: Option<Vec<_>> = figures.collect();
        Some(Self {
            quota: quota.to_owned(),
            figures: figures.filter(|figures| !figures.is_empty())?,
        })
    }

    /// Returns true if the request is more than the whole quota: room never comes by waiting.
    pub fn exceeds_hard(&self) -> bool {
        let mut figures = self.figures.iter();
        figures.any(|figures| figures.requested > figures.hard)
    }

    /// Returns the hint.
    pub fn remedy(&self) -> &'static str {
        match self.exceeds_hard() {
            true => HARD_REMEDY,
            false => QUOTA_REMEDY,
        }
    }

    fn of(quota: &ResourceQuota, objects: &[Value]) -> Option<Self> {
        let demand = sum_quota_demand(&counted_objects(quota, objects)?);
        let status = quota.status.as_ref()?;
        let exceeded = status.hard.iter().flatten().filter_map(|(name, hard)| {
            let requested = *demand.get(canonical_key(name))?;
            let used = status.used.as_ref().and_then(|used| used.get(name));
            let used = used.and_then(parse_amount).unwrap_or(Quantity::ZERO);
            let hard = parse_amount(hard)?;
            (!requested.is_zero() && used.add(&requested) > hard).then(|| QuotaFigures {
                resource: name.clone(),
                requested,
                used,
                hard,
            })
        });
        let figures: Vec<QuotaFigures> = exceeded.collect();
        (!figures.is_empty()).then(|| Self {
            quota: name_of(&quota.metadata).to_owned(),
            figures,
        })
    }
}

/// Reads `pods=1,requests.cpu=500m`.
fn parse_amounts(text: &str) -> BTreeMap<String, Quantity> {
    let amounts = text.trim().split(',').filter_map(|amount| {
        let (resource, amount) = amount.split_once('=')?;
        Some((resource.to_owned(), amount.parse().ok()?))
    });
    amounts.collect()
}

/// Returns the quotas that the objects would exceed, with their figures. LimitRanges' defaults must be in the objects already. A quota
/// with a scope that only the server can match is skipped.
pub fn find_quota_shortfalls(objects: &[Value], quotas: &[Value]) -> Vec<QuotaShortfall> {
    read_quotas(quotas)
        .filter_map(|quota| QuotaShortfall::of(&quota, objects))
        .collect()
}

/// Returns the cause of [`find_quota_shortfalls`].
pub fn find_quota_shortfall(objects: &[Value], quotas: &[Value]) -> Option<Cause> {
    shortfall_cause(&find_quota_shortfalls(objects, quotas))
}

/// Returns the cause of a request that exceeds these quotas; `None` for none.
pub fn shortfall_cause(exceeded: &[QuotaShortfall]) -> Option<Cause> {
    let texts: Vec<String> = exceeded.iter().map(QuotaShortfall::to_string).collect();
    let hopeless = exceeded.iter().find(|one| one.exceeds_hard());
    let decisive = hopeless.or(exceeded.first())?;
    Some(Cause {
        reason: "QuotaExceeded".into(),
        message: texts.join("; "),
        remedy: Some(decisive.remedy().into()),
        ..Cause::default()
    })
}

/// Returns the cause of a Pod whose containers do not set what a quota counts: the server refuses it, whatever is left.
pub fn find_unset_resources(objects: &[Value], quotas: &[Value]) -> Option<Cause> {
    let mut quotas = read_quotas(quotas);
    quotas.find_map(|quota| {
        let counted = counted_objects(&quota, objects)?;
        let hard = quota.status.as_ref()?.hard.as_ref()?;
        let required = hard.keys().map(String::as_str);
        let required: Vec<&str> = required
            .filter(|name| REQUIRED_RESOURCES.contains(name))
            .collect();
        let must = counted
            .iter()
            .find_map(|pod| unset_resources(pod, &required))?;
        Some(unset_resources_cause(name_of(&quota.metadata), &must))
    })
}

/// Returns the cause of a Pod that must set values which a quota counts; `must` is the server's `must specify limits.cpu for: main`.
pub(super) fn unset_resources_cause(quota: &str, must: &str) -> Cause {
    Cause {
        reason: "QuotaNeedsResources".into(),
        message: format!("quota {quota:?} counts values that the Pod does not set: the Pod {must}"),
        remedy: Some(
            "set these requests and limits on every container, or add a LimitRange with defaults"
                .into(),
        ),
        ..Cause::default()
    }
}

/// Returns what the containers of the Pod must set, as the server says it.
fn unset_resources(object: &Value, required: &[&str]) -> Option<String> {
    let spec = pod_spec(object)?;
    let own = spec.get("resources").and_then(Value::as_object);
    // Amounts of the Pod stand for those of its containers.
    if own.is_some_and(|own| !own.is_empty()) {
        return None;
    }
    let lists = ["containers", "initContainers"].into_iter();
    let containers = lists
        .filter_map(|list| spec.get(list)?.as_array())
        .flatten();
    let mut unset: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for container in containers {
        let set: BTreeSet<String> = container_resources(container)
            .into_iter()
            .map(|(resource, _)| resource)
            .collect();
        for resource in required {
            if !set.contains(canonical_key(resource)) {
                let name = Untyped(container).str_at("/name").unwrap_or("<none>");
                unset.entry(resource).or_default().insert(name);
            }
        }
    }
    let parts = unset.into_iter().map(|(resource, names)| {
        let names: Vec<&str> = names.into_iter().collect();
        format!("{resource} for: {}", names.join(","))
    });
    let parts: Vec<String> = parts.collect();
    (!parts.is_empty()).then(|| format!("must specify {}", parts.join("; ")))
}

fn read_quotas(quotas: &[Value]) -> impl Iterator<Item = ResourceQuota> {
    quotas
        .iter()
        .filter_map(|quota| Untyped(quota).read::<ResourceQuota>())
}

#[cfg(test)]
#[path = "quota_tests.rs"]
mod tests;
