//! Data section of a report: claims, snapshots, the name of the parameters Secret (never its values), and data outside claims.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use session_shared::api::{DataPolicy, Session};
use session_shared::client::{NodeUsage, VolumeUsage};
use session_shared::encode::shell;
use session_shared::k8s_openapi::api::core::v1::PersistentVolumeClaim;
use session_shared::k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use session_shared::labels;
use session_shared::objects::Untyped;
use session_shared::objects::cron_schedule::CronSchedule;
use session_shared::objects::kept_data::{is_claim, is_snapshot};
use session_shared::objects::metadata::{name_of, uid_of};
use session_shared::objects::provenance::find_provenance_problem;
use session_shared::objects::volume_snapshot::{SnapshotState, source_claim_name};
use session_shared::quantity::format_bytes;
use session_shared::reconcile::{
    DataLoss, LiveObjects, effective_data_policy, find_data_at_risk, is_secret_kept,
};

use crate::text_at::text_at;

/// The data of a session.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DataReport {
    pub(crate) claims: Vec<ClaimReport>,
    /// Data that is lost when the Pods end.
    pub(crate) ephemeral: Vec<EphemeralData>,
    /// Name of the Secret of secret parameters.
    pub(crate) parameters_secret: Option<String>,
    /// Command that prints the values of the secret parameters.
    pub(crate) parameters_command: Option<String>,
    /// Effect of a deletion on the Secret, for the user.
    pub(crate) parameters_on_deletion: Option<&'static str>,
    pub(crate) snapshots: Vec<SnapshotReport>,
    /// Snapshot schedule.
    pub(crate) schedule: Option<CronSchedule>,
    /// Effective data policy: `keep`, `snapshot` or `delete`.
    pub(crate) policy: String,
    /// Effect of the policy, for the user.
    pub(crate) on_deletion: String,
    /// All other ways to lose the data, for the user.
    pub(crate) lost_by: String,
}

/// Data outside claims, which is lost when its Pod ends.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EphemeralData {
    pub(crate) pod: String,
    /// Name of the volume; `None` for files that containers write outside volumes.
    pub(crate) volume: Option<String>,
    /// `emptyDir`, `ephemeral` or `container files`.
    pub(crate) source: &'static str,
    /// Events at which the data is lost, for the user.
    pub(crate) lost: &'static str,
}

/// A PersistentVolumeClaim.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ClaimReport {
    pub(crate) name: String,
    pub(crate) phase: String,
    /// Size that was asked for.
    pub(crate) requested: Option<String>,
    /// Size that it has.
    pub(crate) capacity: Option<String>,
    pub(crate) class: Option<String>,
    pub(crate) volume: Option<String>,
    /// Time since which the claim is kept, RFC 3339; `None` for a claim in use.
    pub(crate) kept_since: Option<String>,
    pub(crate) used: Option<VolumeUsageReport>,
    #[serde(skip)]
    pub(crate) uid: Option<String>,
}

/// Usage of a volume.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct VolumeUsageReport {
    pub(crate) used: String,
    pub(crate) used_bytes: u64,
    pub(crate) capacity: String,
    pub(crate) capacity_bytes: u64,
    /// Percentage in use, rounded down.
    pub(crate) percent: u64,
}

/// A VolumeSnapshot.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SnapshotReport {
    pub(crate) name: String,
    pub(crate) ready: bool,
    pub(crate) size: Option<String>,
    /// Source claim.
    pub(crate) claim: Option<String>,
    pub(crate) created: Option<String>,
}

/// All operations that delete kept data.
const DELETED_BY: &str = "deleted only by delete --delete-data, cleanup --kept-older-than and --snapshots-older-than, snapshot delete \
and prune, or with the namespace";

/// Returns the effect of a deletion on the Secret of secret parameters.
fn secret_effect(kept: bool) -> &'static str {
    match kept {
        true => "delete keeps it for the data that stays",
        false => "delete deletes it",
    }
}

fn deletion_effect(policy: DataPolicy) -> &'static str {
    match policy {
        DataPolicy::Keep => {
            "delete keeps the claims for the next create with the same name, owner and template"
        }
        DataPolicy::Snapshot => "delete takes a snapshot of the claims, then deletes the claims",
        DataPolicy::Delete => "delete deletes the claims; kubectl delete session keeps them",
    }
}

/// Template of kubectl that prints each value of a Secret with its name.
const SECRET_TEMPLATE: &str =
    r#"{{range $name, $value := .data}}{{printf "%s: %s\n" $name (base64decode $value)}}{{end}}"#;

/// Returns the command that prints the values of a Secret. Its parameters are not known here: values are never read.
fn secret_command(secret: &str, namespace: &str) -> String {
    let template = format!("go-template={SECRET_TEMPLATE}");
    let words = [
        "kubectl", "get", "secret", secret, "-n", namespace, "-o", &template,
    ];
    shell::quote_command(&words)
}

/// Computes the data section of a report.
pub(crate) fn data_report(
    session: &Session,
    live: &LiveObjects,
    schedule: Option<CronSchedule>,
    usage: &[NodeUsage],
) -> DataReport {
    let genuine = without_foreign_snapshots(live);
    let own: Vec<&Value> = genuine.own_data(session).collect();
    let secret = own.iter().find(|object| Untyped(object).kind() == "Secret");
    let secret_name = secret.map(|secret| Untyped(secret).name().to_owned());
    let policy = effective_data_policy(session);
    DataReport {
        claims: claim_reports(&own, &volumes_of_own_pods(session, live, usage)),
        ephemeral: ephemeral_data(find_data_at_risk(session, live)),
        parameters_command: secret_name
            .as_deref()
            .map(|secret| secret_command(secret, session.namespace())),
        parameters_on_deletion: secret.map(|_| secret_effect(is_secret_kept(session, &genuine))),
        parameters_secret: secret_name,
        snapshots: snapshot_reports(&own),
        schedule,
        policy: policy.as_str().to_owned(),
        on_deletion: deletion_effect(policy).to_owned(),
        lost_by: DELETED_BY.to_owned(),
    }
}

/// Returns the data without snapshots that only look like the session's.
fn without_foreign_snapshots(live: &LiveObjects) -> LiveObjects {
    let is_foreign = |object: &Value| {
        is_snapshot(object)
            && find_provenance_problem(object, &live.data).is_some_and(|d| d.is_foreign())
    };
    let genuine = live.data.iter().filter(|object| !is_foreign(object));
    LiveObjects {
        data: genuine.cloned().collect(),
        snapshots_unlistable: live.snapshots_unlistable,
        ..LiveObjects::default()
    }
}

/// Returns the usage of the volumes of the session's Pods. A node reports all of its Pods, and claims in other namespaces may have the
/// same name.
fn volumes_of_own_pods<'a>(
    session: &Session,
    live: &LiveObjects,
    usage: &'a [NodeUsage],
) -> Vec<&'a VolumeUsage> {
    let own: Vec<&str> = live
        .own_pods(session.uid())
        .filter_map(|pod| pod.metadata.uid.as_deref())
        .collect();
    let pods = usage.iter().flat_map(|node| &node.pods);
    let pods = pods.filter(|pod| own.contains(&pod.uid.as_str()));
    pods.flat_map(|pod| &pod.volumes).collect()
}

fn claim_reports(data: &[&Value], used: &[&VolumeUsage]) -> Vec<ClaimReport> {
    let claims = data.iter().filter(|object| is_claim(object));
    let mut reports: Vec<ClaimReport> = claims
        .filter_map(|claim| Untyped(claim).read())
        .map(|claim| claim_report(claim, used))
        .collect();
    reports.sort_by(|one, other| one.name.cmp(&other.name));
    reports
}

fn snapshot_reports(data: &[&Value]) -> Vec<SnapshotReport> {
    let snapshots = data.iter().filter(|object| is_snapshot(object));
    let mut reports: Vec<SnapshotReport> = snapshots.map(|one| snapshot_report(one)).collect();
    reports.sort_by(|one, other| (&one.created, &one.name).cmp(&(&other.created, &other.name)));
    reports
}

fn ephemeral_data(losses: Vec<DataLoss>) -> Vec<EphemeralData> {
    let of_one = |loss: DataLoss| {
        let one = |volume, source| EphemeralData {
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

fn claim_report(claim: PersistentVolumeClaim, used: &[&VolumeUsage]) -> ClaimReport {
    let name = name_of(&claim.metadata).to_owned();
    let uid = uid_of(&claim.metadata).map(str::to_owned);
    let spec = claim.spec.unwrap_or_default();
    let status = claim.status.unwrap_or_default();
    let storage = |amounts: Option<BTreeMap<String, Quantity>>| Some(amounts?.remove("storage")?.0);
    let requests = spec.resources.and_then(|resources| resources.requests);
    let annotations = claim.metadata.annotations;
    ClaimReport {
        phase: status.phase.unwrap_or_else(|| "Pending".into()),
        requested: storage(requests),
        capacity: storage(status.capacity),
        class: spec.storage_class_name.filter(|class| !class.is_empty()),
        volume: spec.volume_name,
        kept_since: annotations.and_then(|mut all| all.remove(labels::KEPT_SINCE)),
        used: used
            .iter()
            .find(|used| used.claim == name)
            .map(|used| volume_usage(used)),
        uid,
        name,
    }
}

fn volume_usage(used: &VolumeUsage) -> VolumeUsageReport {
    VolumeUsageReport {
        used: format_bytes(used.used),
        used_bytes: used.used,
        capacity: format_bytes(used.capacity),
        capacity_bytes: used.capacity,
        percent: used
            .used
            .saturating_mul(100)
            .checked_div(used.capacity)
            .unwrap_or(0),
    }
}

fn snapshot_report(snapshot: &Value) -> SnapshotReport {
    SnapshotReport {
        name: Untyped(snapshot).name().to_owned(),
        ready: SnapshotState::of(snapshot) == SnapshotState::Ready,
        size: text_at(snapshot, "/status/restoreSize"),
        claim: source_claim_name(snapshot).map(str::to_owned),
        created: text_at(snapshot, "/status/creationTime")
            .or_else(|| text_at(snapshot, "/metadata/creationTimestamp")),
    }
}
