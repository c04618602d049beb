//! What sessions take together, by session, user or namespace, as ResourceQuotas count it.
//!
//! ```text
//! SessionObjects: Sessions, Pods, claims, VolumeSnapshots ─► holder of each ─► sum_totals: a TotalsRow for each group
//! ```

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::demand::{parse_quantity, pod_resources};
use super::grouping::Grouping;
use super::session_pods::{SessionIndex, SessionKey, SessionObjects, is_live_pod, session_key};
use session_model::labels;
use session_model::objects::Untyped;
use session_model::objects::conditions::has_condition;
use session_model::objects::pods::pod_spec;
use session_model::quantity::Quantity;

/// Who takes something.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Holder {
    /// A session, or a deleted one whose data is kept.
    Session {
        /// Name.
        name: String,
        /// Owner.
        user: String,
    },
    /// The sessions of an owner and the data kept from them.
    User(String),
    /// All sessions of a namespace and the data kept from them.
    Sessions,
    /// Objects of no session.
    Others,
}

/// What a group takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TotalsRow {
    /// Namespace; `None` for a user, whose sessions may be in several.
    pub namespace: Option<String>,
    /// The group.
    pub holder: Holder,
    /// Its sums.
    pub totals: Totals,
}

/// Sums of what some sessions take. Sums of objects that could not be listed stay 0: see [`SessionObjects`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Number of Sessions.
    pub sessions: i64,
    /// Number of Sessions with a primary Pod that is ready.
    pub running: i64,
    /// Number of Pods that count against a quota.
    pub pods: i64,
    /// Requests and limits of these Pods, keyed `requests.NAME` and `limits.NAME`.
    pub resources: BTreeMap<String, Quantity>,
    /// Number of PersistentVolumeClaims.
    pub claims: i64,
    /// Storage that they request.
    pub storage: Quantity,
    /// Number of VolumeSnapshots.
    pub snapshots: i64,
    /// Sum of their restore sizes, as far as they have one.
    pub snapshot_storage: Quantity,
    /// Number of VolumeSnapshots whose restore size is not known.
    pub unsized_snapshots: i64,
    /// Namespaces of all these objects.
    pub namespaces: BTreeSet<String>,
}

impl Totals {
    /// Returns an amount of the Pods: `requests.cpu`.
    pub fn resource(&self, name: &str) -> Quantity {
        self.resources.get(name).copied().unwrap_or(Quantity::ZERO)
    }

    fn add_pod(&mut self, pod: &Value) {
        self.pods += 1;
        for (name, amount) in pod_spec(pod).map(pod_resources).unwrap_or_default() {
            let sum = self.resources.entry(name).or_default();
            *sum = sum.add(&amount);
        }
    }

    fn add_claim(&mut self, claim: &Value) {
        self.claims += 1;
        let size = claim.pointer("/spec/resources/requests/storage");
        let size = size.and_then(parse_quantity).unwrap_or_default();
        self.storage = self.storage.add(&size);
    }

    fn add_snapshot(&mut self, snapshot: &Value) {
        self.snapshots += 1;
        match snapshot
            .pointer("/status/restoreSize")
            .and_then(parse_quantity)
        {
            Some(size) => self.snapshot_storage = self.snapshot_storage.add(&size),
            None => self.unsized_snapshots += 1,
        }
    }

    /// Returns true if nothing is taken that was counted.
    fn is_empty(&self) -> bool {
        self.sessions + self.pods + self.claims + self.snapshots == 0
    }
}

/// Returns true for a resource of a device plugin: one with a domain, which is not Kubernetes' own, or a GPU.
pub fn is_extended_resource(name: &str) -> bool {
    let Some((domain, device)) = name.split_once('/') else {
        return false;
    };
    let is_native = domain == "kubernetes.io" || domain.ends_with(".kubernetes.io");
    !is_native || device == "gpu"
}

/// Sums what is taken, one row for each group, ordered by namespace and name; objects of no session, by namespace a row of their own, last.
pub fn sum_totals(objects: &SessionObjects, grouping: Grouping, now: Timestamp) -> Vec<TotalsRow> {
    let mut sums = Sums {
        index: SessionIndex::of(&objects.sessions),
        objects,
        grouping,
        rows: BTreeMap::new(),
    };
    let pods = objects.pods.iter().flatten();
    let pods: Vec<&Value> = pods.filter(|pod| takes_quota(pod, now)).collect();
    let ready = sums.ready_sessions(&pods);
    for session in &objects.sessions {
        let is_ready = ready.contains(&session_key(session));
        if let Some(totals) = sums.row(session, Some(SessionOwner::of(session))) {
            totals.sessions += 1;
            totals.running += i64::from(is_ready);
        }
    }
    for pod in pods {
        let owner = sums.index.session_of(pod).map(SessionOwner::of);
        if let Some(totals) = sums.row(pod, owner) {
            totals.add_pod(pod);
        }
    }
    for claim in objects.claims.iter().flatten() {
        let owner = owner_of_data(&sums.index, claim);
        if let Some(totals) = sums.row(claim, owner) {
            totals.add_claim(claim);
        }
    }
    for snapshot in objects.snapshots.iter().flatten() {
        let owner = owner_of_data(&sums.index, snapshot);
        if let Some(totals) = sums.row(snapshot, owner) {
            totals.add_snapshot(snapshot);
        }
    }
    sums.into_rows()
}

/// Returns true for a Pod that counts against a ResourceQuota, as in Kubernetes (`QuotaV1Pod` of k8s.io/kubernetes): one that has not ended,
/// and that is not being deleted for longer than its grace period, as on a lost node.
fn takes_quota(pod: &Value, now: Timestamp) -> bool {
    let object = Untyped(pod);
    if !is_live_pod(pod) {
        return false;
    }
    let deleted = object.str_at("/metadata/deletionTimestamp");
    let deleted: Option<Timestamp> = deleted.and_then(|time| time.parse().ok());
    let grace = pod.pointer("/metadata/deletionGracePeriodSeconds");
    match (deleted, grace.and_then(Value::as_i64)) {
        (Some(deleted), Some(grace)) => {
            now.duration_since(deleted) <= SignedDuration::from_secs(grace)
        }
        _ => true,
    }
}

/// A session that takes something: its name and owner.
#[derive(Clone, Copy, Debug)]
struct SessionOwner<'o> {
    name: &'o str,
    user: &'o str,
    /// True if it is among the sessions that were read.
    is_known: bool,
}

impl<'o> SessionOwner<'o> {
    /// Returns name and owner of a session that was read.
    fn of(session: &'o Value) -> Self {
        Self {
            name: Untyped(session).name(),
            user: user_of(session),
            is_known: true,
        }
    }
}

/// Returns the session of a claim or snapshot. The data names its user itself: it may be kept from a deleted session, whose name
/// another user's session has now.
fn owner_of_data<'o>(index: &SessionIndex<'o>, data: &'o Value) -> Option<SessionOwner<'o>> {
    let name = Untyped(data).label(labels::SESSION)?;
    let session_user = index.labelled(data).map(user_of);
    let user = Untyped(data).annotation(labels::USER_ID);
    let user = user.filter(|user| !user.is_empty()).or(session_user)?;
    Some(SessionOwner {
        name,
        user,
        is_known: session_user == Some(user),
    })
}

fn user_of(session: &Value) -> &str {
    let user = Untyped(session).str_at("/spec/userId");
    user.unwrap_or(Untyped::NONE)
}

/// The rows while they are summed.
struct Sums<'o> {
    index: SessionIndex<'o>,
    objects: &'o SessionObjects,
    grouping: Grouping,
    rows: BTreeMap<(Option<String>, Holder), Totals>,
}

impl<'o> Sums<'o> {
    /// Returns the sessions with a primary Pod that is ready; with any ready Pod if none is marked as primary, as of a workload whose
    /// kind is not built in.
    fn ready_sessions(&self, pods: &[&'o Value]) -> BTreeSet<SessionKey<'o>> {
        let (mut primary, mut all) = (BTreeSet::new(), BTreeSet::new());
        let mut marked = BTreeSet::new();
        for pod in pods {
            let Some(session) = self.index.session_of(pod) else {
                continue;
            };
            let key = session_key(session);
            let is_primary = Untyped(pod).label(labels::PRIMARY) == Some("true");
            let is_ready = has_condition(pod, "Ready", "True") && !Untyped(pod).is_terminating();
            if is_primary {
                marked.insert(key);
            }
            if is_ready {
                all.insert(key);
                if is_primary {
                    primary.insert(key);
                }
            }
        }
        all.retain(|key| !marked.contains(key));
        primary.extend(all);
        primary
    }

    /// Returns the row that an object counts for; `None` for one that is left out.
    fn row(&mut self, object: &Value, owner: Option<SessionOwner<'_>>) -> Option<&mut Totals> {
        let namespace = Untyped(object).home_namespace();
        let holder = match (owner, self.grouping) {
            (Some(owner), _) if self.objects.is_selection && !owner.is_known => return None,
            (Some(owner), Grouping::Session) => Holder::Session {
                name: owner.name.to_owned(),
                user: owner.user.to_owned(),
            },
            (Some(owner), Grouping::User) => Holder::User(owner.user.to_owned()),
            (Some(_), Grouping::Namespace) => Holder::Sessions,
            (None, Grouping::Session) => return None,
            (None, _) if self.objects.is_selection => return None,
            (None, _) if !self.objects.quota_namespaces.contains(namespace) => return None,
            (None, _) => Holder::Others,
        };
        let in_namespace = self.grouping != Grouping::User;
        let key = (in_namespace.then(|| namespace.to_owned()), holder);
        let totals = self.rows.entry(key).or_default();
        totals.namespaces.insert(namespace.to_owned());
        Some(totals)
    }

    fn into_rows(self) -> Vec<TotalsRow> {
        let rows = self
            .rows
            .into_iter()
            .filter(|(_, totals)| !totals.is_empty());
        let rows = rows.map(|((namespace, holder), totals)| TotalsRow {
            namespace,
            holder,
            totals,
        });
        rows.collect()
    }
}

#[cfg(test)]
#[path = "session_totals_tests.rs"]
mod tests;
