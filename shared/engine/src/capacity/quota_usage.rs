//! What is used and free of ResourceQuotas, and which resource binds.
//!
//! ```text
//! ResourceQuotas ─► QuotaUsage each: a ResourceUsage for each resource ─► find_bottleneck
//! ```

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::ResourceQuota;
use serde_json::Value;

use super::amount_text::format_amount;
use super::demand::parse_amount;
use session_model::objects::Untyped;
use session_model::quantity::Quantity;

/// Parts by which shares are compared.
const PARTS: u32 = 1_000_000;

/// What is used and free of one ResourceQuota.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotaUsage {
    /// Namespace of the quota.
    pub namespace: String,
    /// Name of the quota.
    pub name: String,
    /// Objects that it counts, as `NotTerminating` or `PriorityClass in (high,low)`; none for all objects.
    pub scopes: Vec<String>,
    /// Its resources, by name.
    pub resources: Vec<ResourceUsage>,
}

/// What is used and free of one resource of a quota.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceUsage {
    /// Name of the resource, as the quota has it: `requests.cpu`.
    pub resource: String,
    /// What is used; `None` if the cluster has not counted it yet.
    pub used: Option<Quantity>,
    /// The limit that the server enforces, or the one in the spec as long as the server enforces none.
    pub hard: Quantity,
}

impl QuotaUsage {
    /// Reads a ResourceQuota; `None` if it has no form that the server accepts.
    pub fn of(quota: &Value) -> Option<Self> {
        let object = Untyped(quota);
        let ResourceQuota { spec, status, .. } = object.read()?;
        let (spec, status) = (spec.unwrap_or_default(), status.unwrap_or_default());
        let (wanted, hard) = (
            spec.hard.unwrap_or_default(),
            status.hard.unwrap_or_default(),
        );
        let used = status.used.unwrap_or_default();
        let names: BTreeSet<&String> = wanted.keys().chain(hard.keys()).collect();
        let resources = names.into_iter().filter_map(|name| {
            let limit = hard.get(name).or_else(|| wanted.get(name))?;
            Some(ResourceUsage {
                resource: name.clone(),
                used: used.get(name).and_then(parse_amount),
                hard: parse_amount(limit)?,
            })
        });
        let mut scopes = spec.scopes.unwrap_or_default();
        let selector = spec.scope_selector.and_then(|it| it.match_expressions);
        for rule in selector.into_iter().flatten() {
            let values = rule.values.unwrap_or_default();
            scopes.push(match rule.operator.as_str() {
                "In" => format!("{} in ({})", rule.scope_name, values.join(",")),
                "NotIn" => format!("{} notin ({})", rule.scope_name, values.join(",")),
                "DoesNotExist" => format!("!{}", rule.scope_name),
                _ => rule.scope_name,
            });
        }
        Some(Self {
            namespace: object.home_namespace().to_owned(),
            name: object.name().to_owned(),
            scopes,
            resources: resources.collect(),
        })
    }

    /// Returns the resource of this quota with the least share free; see [`find_bottleneck`].
    pub fn bottleneck(&self) -> Option<&ResourceUsage> {
        find_bottleneck(std::slice::from_ref(self)).map(|found| found.usage)
    }

    /// Returns true if the cluster has not counted all resources yet.
    pub fn is_uncounted(&self) -> bool {
        self.resources.iter().any(|usage| usage.used.is_none())
    }

    fn described_name(&self) -> String {
        match self.scopes.as_slice() {
            [] => format!("quota {:?}", self.name),
            scopes => format!("quota {:?}, scope {}", self.name, scopes.join(", ")),
        }
    }
}

impl ResourceUsage {
    /// Returns what is free; below 0 if more is used than the quota allows. `None` if the cluster has not counted yet.
    pub fn free(&self) -> Option<Quantity> {
        Some(self.hard.subtract(self.used.as_ref()?))
    }

    /// Returns the percentage that is used, rounded down. `None` if the cluster has not counted yet, and for a limit of 0.
    pub fn used_percent(&self) -> Option<i64> {
        self.used?.share_of(&self.hard, 100)
    }

    /// Returns true for a limit of 0 of which nothing is used: the namespace is not meant to have any.
    pub fn is_forbidden(&self) -> bool {
        self.hard.is_zero() && self.used.is_some_and(|used| used.is_zero())
    }

    /// Returns true if nothing is free of a resource that the namespace may have.
    pub fn is_exhausted(&self) -> bool {
        !self.is_forbidden() && self.free().is_some_and(|free| free <= Quantity::ZERO)
    }

    /// Returns the free share in millionths; `None` where it says nothing about what binds.
    fn free_share(&self) -> Option<i64> {
        if self.is_forbidden() || self.used?.is_zero() {
            return None;
        }
        // A limit of 0 of which something is used.
        Some(self.free()?.share_of(&self.hard, PARTS).unwrap_or(i64::MIN))
    }
}

/// The resource of some quotas that runs out first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bottleneck<'q> {
    /// Its quota.
    pub quota: &'q QuotaUsage,
    /// Its figures.
    pub usage: &'q ResourceUsage,
}

/// Returns the resource with the least share free, the first one of several. Resources that are not used at all, that are forbidden or
/// that the cluster has not counted yet do not bind.
pub fn find_bottleneck(quotas: &[QuotaUsage]) -> Option<Bottleneck<'_>> {
    let all = quotas.iter().flat_map(|quota| {
        let of_quota = move |usage| Bottleneck { quota, usage };
        quota.resources.iter().map(of_quota)
    });
    let shares = all.filter_map(|one| Some((one.usage.free_share()?, one)));
    let least = shares.min_by_key(|(share, _)| *share)?;
    Some(least.1)
}

impl Bottleneck<'_> {
    /// Describes the bottleneck in a sentence: `requests.storage binds first: 10Gi free of 100Gi (quota "team")`.
    pub fn describe(&self) -> String {
        let ResourceUsage { resource, hard, .. } = self.usage;
        let shown = |amount: &Quantity| format_amount(resource, amount);
        let free = self.usage.free().unwrap_or(Quantity::ZERO);
        let used = shown(&self.usage.used.unwrap_or(Quantity::ZERO));
        let hard = shown(hard);
        let place = self.quota.described_name();
        if free.is_negative() {
            format!("{resource} is over its limit: {used} used of {hard} ({place})")
        } else if free.is_zero() {
            format!("nothing is free of {resource}: {used} used of {hard} ({place})")
        } else {
            format!(
                "{resource} binds first: {} free of {hard} ({place})",
                shown(&free)
            )
        }
    }
}

#[cfg(test)]
#[path = "quota_usage_tests.rs"]
mod tests;
