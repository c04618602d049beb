//! What outlives the session's workload: claims, snapshots, and the Secret of its secret parameters, whose values nobody reads.

use serde::Serialize;
use serde_json::Value;
use session_shared::api::{DataPolicy, Session};
use session_shared::client::NodeUse;
use session_shared::client::VolumeUse;
use session_shared::labels;
use session_shared::objects::provenance::doubt;
use session_shared::objects::resource::{annotation, text};
use session_shared::objects::schedule::Schedule;
use session_shared::objects::snapshot::SnapshotState;
use session_shared::quantity::size;
use session_shared::reconcile::{Live, Loss, at_risk, data_policy};

use crate::report::some_text;

/// A session's data.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Data {
    pub(crate) claims: Vec<Claim>,
    /// What ends with its Pods.
    pub(crate) ephemeral: Vec<Ephemeral>,
    /// Name of the Secret of secret parameters.
    pub(crate) parameters_secret: Option<String>,
    pub(crate) snapshots: Vec<Snapshot>,
    /// What takes snapshots by the clock.
    pub(crate) schedule: Option<Schedule>,
    /// What a deletion does with it: `keep`, `snapshot` or `delete`.
    pub(crate) policy: String,
    /// The same for people.
    pub(crate) on_deletion: String,
    /// All the ways in which it can be lost otherwise, for people.
    pub(crate) lost_by: String,
}

/// Data that ends with a Pod.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Ephemeral {
    pub(crate) pod: String,
    /// Name of the volume; nothing for what containers write beside volumes.
    pub(crate) volume: Option<String>,
    /// `emptyDir`, `ephemeral` or `container files`.
    pub(crate) source: &'static str,
    /// The same for people.
    pub(crate) lost: &'static str,
}

/// A PersistentVolumeClaim.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Claim {
    pub(crate) name: String,
    pub(crate) phase: String,
    /// Size that was asked for.
    pub(crate) requested: Option<String>,
    /// Size that it has.
    pub(crate) capacity: Option<String>,
    pub(crate) class: Option<String>,
    pub(crate) volume: Option<String>,
    /// When a delete kept it, RFC 3339.
    pub(crate) kept_since: Option<String>,
    pub(crate) used: Option<VolumeUsed>,
    #[serde(skip)]
    pub(crate) uid: String,
}

/// What of a volume is in use.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct VolumeUsed {
    pub(crate) used: String,
    pub(crate) used_bytes: u64,
    pub(crate) capacity: String,
    pub(crate) capacity_bytes: u64,
    /// Hundredths, cut.
    pub(crate) percent: u64,
}

/// A VolumeSnapshot.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Snapshot {
    pub(crate) name: String,
    pub(crate) ready: bool,
    pub(crate) size: Option<String>,
    /// Claim it was taken of.
    pub(crate) claim: Option<String>,
    pub(crate) created: Option<String>,
}

/// What kept data is lost by, and nothing else.
const LOST_BY: &str = "only delete --delete-data, cleanup --kept-older-than and --snapshots-older-than, snapshot delete and \
prune destroy it, or its namespace's end";

fn on_deletion(policy: DataPolicy) -> &'static str {
    match policy {
        DataPolicy::Keep => "delete keeps claims for a create of the same name, user and template",
        DataPolicy::Snapshot => "delete takes a snapshot first, then destroys the claims",
        DataPolicy::Delete => {
            "delete destroys the claims; a plain kubectl delete session keeps them"
        }
    }
}

pub(crate) fn of(
    session: &Session,
    live: &Live,
    snapshots: &[Value],
    schedule: Option<&Value>,
    usage: &[NodeUse],
) -> Data {
    let own: Vec<&Value> = live.own_data(session).collect();
    let claims = own
        .iter()
        .filter(|object| text(object, "/kind") == "PersistentVolumeClaim");
    let secret = own.iter().find(|object| text(object, "/kind") == "Secret");
    let is_foreign = |snapshot: &Value| doubt(snapshot, &live.data).is_some_and(|d| d.is_foreign());
    let genuine = snapshots.iter().filter(|snapshot| !is_foreign(snapshot));
    let taken = Live {
        data: genuine.cloned().collect(),
        ..Live::default()
    };
    // Two sessions' Pods may lie on one node, and claims of other namespaces have the same names: own Pods' alone count.
    let uid = session.metadata.uid.as_deref().unwrap_or_default();
    let pods: Vec<&str> = live
        .own_pods(uid)
        .filter_map(|pod| pod.metadata.uid.as_deref())
        .collect();
    let all = usage.iter().flat_map(|node| &node.pods);
    let used: Vec<&VolumeUse> = all
        .filter(|pod| pods.contains(&pod.uid.as_str()))
        .flat_map(|pod| &pod.volumes)
        .collect();
    let mut claims: Vec<Claim> = claims.map(|claim| of_claim(claim, &used)).collect();
    claims.sort_by(|one, other| one.name.cmp(&other.name));
    let mut snapshots: Vec<Snapshot> = taken.own_data(session).map(of_snapshot).collect();
    snapshots.sort_by(|one, other| (&one.created, &one.name).cmp(&(&other.created, &other.name)));
    let policy = data_policy(session);
    Data {
        claims,
        ephemeral: of_losses(at_risk(session, live)),
        parameters_secret: secret.map(|secret| text(secret, "/metadata/name").to_owned()),
        snapshots,
        schedule: schedule.map(Schedule::of),
        policy: policy.word().to_owned(),
        on_deletion: on_deletion(policy).to_owned(),
        lost_by: LOST_BY.to_owned(),
    }
}

fn of_losses(losses: Vec<Loss>) -> Vec<Ephemeral> {
    let of_one = |loss: Loss| {
        let one = |volume, source| Ephemeral {
            pod: loss.pod.clone(),
            volume,
            source,
            lost: "at stop and delete",
        };
        let files = loss.container_files.then(|| one(None, "container files"));
        let volumes = loss.volumes.iter();
        let volumes = volumes.map(|volume| one(Some(volume.name.clone()), volume.source));
        volumes.chain(files).collect::<Vec<_>>()
    };
    losses.into_iter().flat_map(of_one).collect()
}

fn of_claim(claim: &Value, used: &[&VolumeUse]) -> Claim {
    let name = text(claim, "/metadata/name");
    Claim {
        name: name.to_owned(),
        phase: some_text(claim, "/status/phase").unwrap_or_else(|| "Pending".into()),
        requested: some_text(claim, "/spec/resources/requests/storage"),
        capacity: some_text(claim, "/status/capacity/storage"),
        class: some_text(claim, "/spec/storageClassName"),
        volume: some_text(claim, "/spec/volumeName"),
        kept_since: annotation(claim, labels::KEPT_SINCE).map(str::to_owned),
        used: used
            .iter()
            .find(|used| used.claim == name)
            .map(|used| of_volume(used)),
        uid: text(claim, "/metadata/uid").to_owned(),
    }
}

fn of_volume(used: &VolumeUse) -> VolumeUsed {
    VolumeUsed {
        used: size(used.used),
        used_bytes: used.used,
        capacity: size(used.capacity),
        capacity_bytes: used.capacity,
        percent: used
            .used
            .saturating_mul(100)
            .checked_div(used.capacity)
            .unwrap_or(0),
    }
}

fn of_snapshot(snapshot: &Value) -> Snapshot {
    Snapshot {
        name: text(snapshot, "/metadata/name").to_owned(),
        ready: SnapshotState::of(snapshot) == SnapshotState::Ready,
        size: some_text(snapshot, "/status/restoreSize"),
        claim: some_text(snapshot, "/spec/source/persistentVolumeClaimName"),
        created: some_text(snapshot, "/status/creationTime")
            .or_else(|| some_text(snapshot, "/metadata/creationTimestamp")),
    }
}
