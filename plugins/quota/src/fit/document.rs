//! The count as a document for `-o json` and the other formats of objects. Pure.

use serde_json::{Value, json};
use session_shared::capacity::fit::{NodeAmount, NodeLimit, NodeRoom, QuotaRoom};
use session_shared::quantity::Quantity;

use super::report::{Bound, FitReport, arithmetic, describe_exclusion};

/// Returns the whole count. `limits` are the rows of the table.
pub(super) fn fit_document(report: &FitReport<'_>) -> Value {
    let count = report.fits();
    let demand = report.fit.demand.iter();
    let demand: serde_json::Map<String, Value> = demand
        .map(|(name, amount)| (name.clone(), amount.to_string().into()))
        .collect();
    let quotas = report.rooms().iter().map(quota_limit);
    let nodes = report.fit.nodes.iter().map(node_limit);
    json!({
        "namespace": report.namespace,
        "fits": count.map(|count| count.least),
        "fitsAtMost": count.map(|count| count.most),
        "proven": count.map(|count| count.proven),
        "refusal": report.refusal.as_ref().map(|cause| &cause.message),
        "binding": report.bounds().iter().map(name_of_bound).collect::<Vec<_>>(),
        "session": demand,
        "limits": quotas.chain(nodes).collect::<Vec<_>>(),
        "nodes": report.fit.nodes.as_ref().map(nodes_document),
        "notes": report.notes(),
    })
}

fn name_of_bound(bound: &Bound<'_>) -> String {
    match bound {
        Bound::Quota(room) => quota_name(room),
        Bound::Nodes(_) => "nodes".into(),
    }
}

fn quota_name(room: &QuotaRoom) -> String {
    format!("quota/{}/{}", room.quota, room.resource)
}

fn quota_limit(room: &QuotaRoom) -> Value {
    let QuotaRoom {
        quota,
        resource,
        hard,
        used,
        need,
        fits,
    } = room;
    json!({
        "name": quota_name(room),
        "quota": quota,
        "resource": resource,
        "hard": hard.to_string(),
        "used": used.to_string(),
        "session": need.to_string(),
        "arithmetic": arithmetic(resource, hard, used, need),
        "fits": fits,
    })
}

fn node_limit(room: &NodeRoom) -> Value {
    json!({
        "name": "nodes",
        "fits": room.least,
        "fitsAtMost": if room.limited { Value::Null } else { room.most.into() },
    })
}

fn nodes_document(room: &NodeRoom) -> Value {
    json!({
        "fits": room.least,
        "fitsAtMost": if room.limited { Value::Null } else { room.most.into() },
        "proven": room.proven,
        "shortages": room.shortages,
        "refused": room.refused,
        "podsWaiting": room.waiting,
        "items": room.nodes.iter().map(node_document).collect::<Vec<_>>(),
    })
}

fn node_document(node: &NodeLimit) -> Value {
    let amount = |amount: &NodeAmount| {
        json!({
            "resource": amount.resource,
            "allocatable": amount.allocatable.to_string(),
            "used": amount.used.to_string(),
            "pod": amount.need.as_ref().map(Quantity::to_string),
            "fits": amount.fits,
        })
    };
    json!({
        "name": node.name,
        "excluded": node.excluded.as_ref().map(describe_exclusion),
        "amounts": node.amounts.iter().map(amount).collect::<Vec<_>>(),
        "pods": node.pods,
    })
}
