//! How many sessions fit into ResourceQuotas.

use k8s_openapi::api::core::v1::ResourceQuota;
use serde_json::Value;
use session_model::objects::Untyped;
use session_model::objects::metadata::name_of;
use session_model::objects::pods::pod_spec;
use session_model::quantity::Quantity;

use crate::capacity::demand::{parse_amount, pod_count, sum_quota_demand};
use crate::capacity::quota_key::canonical_key;
use crate::capacity::quota_scope::counted_objects;

/// How many sessions fit by one resource of a quota: `(hard - used) / need`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotaRoom {
    /// Name of the quota.
    pub quota: String,
    /// Resource, as the quota names it.
    pub resource: String,
    /// Limit.
    pub hard: Quantity,
    /// Amount in use.
    pub used: Quantity,
    /// What one session takes; never 0.
    pub need: Quantity,
    /// Number of sessions.
    pub fits: u64,
}

/// Rooms of all quotas of a namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QuotaRooms {
    /// Resources that a session takes, in the order of the quotas and of their names.
    pub rooms: Vec<QuotaRoom>,
    /// Quotas with a scope that only the server can match: not among `rooms`.
    pub unknown: Vec<String>,
    /// Quotas whose usage the cluster has not counted yet: taken as unused.
    pub uncounted: Vec<String>,
}

/// Returns the rooms for sessions that consist of `objects`.
pub(super) fn find_quota_rooms(objects: &[Value], quotas: &[Value]) -> QuotaRooms {
    let mut found = QuotaRooms::default();
    for quota in quotas {
        let Some(quota) = Untyped(quota).read::<ResourceQuota>() else {
            continue;
        };
        let name = name_of(&quota.metadata);
        let Some(counted) = counted_objects(&quota, objects) else {
            found.unknown.push(name.to_owned());
            continue;
        };
        let status = quota.status.clone().unwrap_or_default();
        let (hard, used) = (status.hard, status.used.unwrap_or_default());
        // A quota may have only budgets of running hours.
        let limits = quota.spec.clone().unwrap_or_default().hard;
        let limits = limits.filter(|limits| !limits.is_empty());
        if hard.is_none() && limits.is_some() {
            found.uncounted.push(name.to_owned());
        }
        let hard = hard.or(limits);
        let demand = sum_quota_demand(&counted);
        for (resource, hard) in hard.iter().flatten() {
            let need = demand.get(canonical_key(resource));
            let (Some(need), Some(hard)) =
                (need.filter(|need| !need.is_zero()), parse_amount(hard))
            else {
                continue;
            };
            let used = used
                .get(resource)
                .and_then(parse_amount)
                .unwrap_or(Quantity::ZERO);
            let free = hard.subtract(&used).share_of(need, 1).unwrap_or_default();
            found.rooms.push(QuotaRoom {
                quota: name.to_owned(),
                resource: resource.clone(),
                hard,
                used,
                need: *need,
                fits: u64::try_from(free).unwrap_or(0),
            });
        }
    }
    found
}

/// Returns the objects with what the cluster adds before it counts them: the default StorageClass of claims, and the claims of generic
/// ephemeral volumes.
pub(super) fn complete_claims(mut objects: Vec<Value>, default_class: Option<&str>) -> Vec<Value> {
    let mut added = Vec::new();
    for object in &objects {
        let volumes = pod_spec(object).and_then(|spec| spec.get("volumes")?.as_array());
        for volume in volumes.into_iter().flatten() {
            let Some(template) = volume.pointer("/ephemeral/volumeClaimTemplate") else {
                continue;
            };
            let mut claim = template.clone();
            claim["apiVersion"] = "v1".into();
            claim["kind"] = "PersistentVolumeClaim".into();
            for _ in 0..pod_count(object) {
                added.push(claim.clone());
            }
        }
    }
    objects.extend(added);
    let Some(class) = default_class else {
        return objects;
    };
    for object in &mut objects {
        if Untyped(object).kind() == "PersistentVolumeClaim" {
            set_class(object, class);
        }
        let templates = object.pointer_mut("/spec/volumeClaimTemplates");
        let templates = templates.and_then(Value::as_array_mut);
        for claim in templates.into_iter().flatten() {
            set_class(claim, class);
        }
    }
    objects
}

fn set_class(claim: &mut Value, class: &str) {
    let named = claim.pointer("/spec/storageClassName");
    if named.is_none() && claim["spec"].is_object() {
        claim["spec"]["storageClassName"] = class.into();
    }
}
