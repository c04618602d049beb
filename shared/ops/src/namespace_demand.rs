//! Demand of several sessions on a namespace's quotas together. Pure.

use std::collections::BTreeMap;

use anyhow::{Error, anyhow};
use serde_json::Value;

use crate::room::CheckedRoom;
use session_engine::capacity::amount_text::format_amount;
use session_engine::capacity::demand::sum_quota_demand;
use session_engine::capacity::quota_usage::QuotaUsage;
use session_model::failure::with_hint;
use session_model::quantity::Quantity;

/// Sum of what sessions demand of one namespace.
#[derive(Debug, Default)]
pub struct NamespaceDemand {
    /// Number of sessions.
    sessions: u64,
    amounts: BTreeMap<String, Quantity>,
}

/// Returns a note if starts of one namespace do not fit into its quotas together, though each of them may fit alone: how many do, in their
/// order.
pub fn describe_shortfall<'a>(rooms: impl Iterator<Item = &'a CheckedRoom>) -> Option<String> {
    let mut demand = NamespaceDemand::default();
    let (mut fitting, mut last) = (None, None);
    for room in rooms {
        let quotas = &room.facts.quotas.as_ref()?.items;
        let before = demand.sessions;
        demand.add(&room.request.objects_with_defaults(&room.facts));
        if fitting.is_none() && !demand.shortfalls(quotas).is_empty() {
            fitting = Some(before);
        }
        last = Some((room.request.namespace(), quotas));
    }
    let (fitting, (namespace, quotas)) = (fitting?, last?);
    let (all, figures) = (demand.sessions, demand.shortfalls(quotas).join("; "));
    (all > 1).then(|| {
        format!("only {fitting} of {all} sessions fit into namespace {namespace:?}: {figures}")
    })
}

impl NamespaceDemand {
    /// Adds a session by its objects.
    pub fn add(&mut self, objects: &[Value]) {
        self.sessions += 1;
        for (resource, amount) in sum_quota_demand(objects) {
            let sum = self.amounts.entry(resource).or_insert(Quantity::ZERO);
            *sum = sum.add(&amount);
        }
    }

    /// Returns an error with the figures of every quota that has too little left for new sessions.
    pub fn find_shortfall(&self, namespace: &str, quotas: &[Value]) -> Option<Error> {
        let figures = self.shortfalls(quotas);
        if figures.is_empty() {
            return None;
        }
        let count = self.sessions;
        let error = anyhow!(
            "{count} new sessions do not fit into namespace {namespace:?}: {}",
            figures.join("; ")
        );
        Some(with_hint(
            error,
            "ask an administrator to raise the quota, or add --skip-checks to create as many as fit",
        ))
    }

    /// Returns the figures of every quota that has too little left. Quotas with scopes are left to the server, which alone can match
    /// them.
    fn shortfalls(&self, quotas: &[Value]) -> Vec<String> {
        let quotas = quotas.iter().filter_map(QuotaUsage::of);
        let unscoped = quotas.filter(|quota| quota.scopes.is_empty());
        let mut figures = Vec::new();
        for quota in unscoped {
            for usage in &quota.resources {
                let resource = usage.resource.as_str();
                let key = match resource {
                    "cpu" => "requests.cpu",
                    "memory" => "requests.memory",
                    other => other,
                };
                let (Some(wanted), Some(free)) = (self.amounts.get(key), usage.free()) else {
                    continue;
                };
                if !wanted.is_zero() && *wanted > free {
                    let (wanted, free) = (format_amount(key, wanted), format_amount(key, &free));
                    let quota = &quota.name;
                    figures.push(format!(
                        "quota {quota:?}: {resource}: requested {wanted}, free {free}"
                    ));
                }
            }
        }
        figures
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_class_that_does_not_fit_shows_its_figures() {
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [{"resources": {"requests": {"cpu": "500m"}}}]}});
        let mut demand = NamespaceDemand::default();
        (0..10).for_each(|_| demand.add(std::slice::from_ref(&pod)));
        let quota = |hard: &str| json!({"metadata": {"name": "q"}, "spec": {}, "status": {"hard": {"cpu": hard, "pods": "20"}, "used": {"cpu": "1", "pods": "2"}}});
        assert!(demand.find_shortfall("class", &[quota("6")]).is_none());
        let error = demand.find_shortfall("class", &[quota("5")]).unwrap();
        assert_eq!(
            error.to_string(),
            "10 new sessions do not fit into namespace \"class\": quota \"q\": cpu: requested 5, free 4"
        );
        let mut scoped = quota("1");
        scoped["spec"]["scopes"] = json!(["NotTerminating"]);
        assert!(demand.find_shortfall("class", &[scoped]).is_none());
        assert!(demand.find_shortfall("class", &[]).is_none());
    }
}
