//! Restore in place: replaces the claims of a session by claims of the same names whose data comes from snapshots.

use anyhow::{Result, anyhow};
use futures::future::try_join_all;
use k8s_openapi::api::storage::v1::StorageClass;
use serde_json::{Map, Value, json};

use super::snapshot_plan::SnapshotRun;
use crate::Cluster;
use crate::apply_plan::ApplyOptions;
use crate::observed_session::ObservedSession;
use session_client::random_token;
use session_engine::plan::{Plan, PropagationPolicy, Step};
use session_model::api::ObjectRef;
use session_model::failure::{self, FailureKind};
use session_model::labels;
use session_model::objects::Untyped;
use session_model::objects::access::Access;
use session_model::objects::kept_data::is_bound;
use session_model::objects::ownership::Ownership;
use session_model::objects::resource::{PERSISTENT_VOLUME_CLAIM, STORAGE_CLASS, VOLUME_SNAPSHOT};
use session_model::objects::volume_snapshot::source_claim_name;
use session_model::progress::{ProgressEvent, ProgressSink, WaitStage};
use session_model::quantity::Quantity;

/// Prefixes of annotations that describe a claim's old volume and are not copied to the new claim.
const VOLUME_ANNOTATION_PREFIXES: [&str; 3] =
    ["pv.kubernetes.io/", "volume.", "kubectl.kubernetes.io/"];

/// One claim that is replaced by a claim with the data of a snapshot.
#[derive(Clone, Debug, PartialEq)]
pub struct ClaimReplacement {
    /// Name of the VolumeSnapshot.
    pub snapshot: String,
    /// The present claim, if it exists.
    pub existing: Option<Value>,
    /// The new claim, complete.
    pub wanted: Value,
    /// The VolumeSnapshot.
    source: Value,
}

/// A validated restore in place of a session's claims.
#[derive(Clone, Debug)]
pub struct ClaimRestorePlan {
    /// The claims to replace.
    pub claims: Vec<ClaimReplacement>,
    ownership: Ownership,
}

/// The outcome of a restore.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RestoreOutcome {
    /// Names of claims that stay unbound until a Pod uses them, since their class has WaitForFirstConsumer.
    pub waiting_for_consumer: Vec<String>,
}

impl ClaimRestorePlan {
    /// Plans a new claim for each snapshot: with the spec of the present claim or, if that is gone, the spec recorded on the
    /// snapshot, and never smaller than the snapshot.
    ///
    /// # Errors
    /// A snapshot without a source claim, or without a recorded spec if the claim is gone.
    pub fn new(observed: &ObservedSession, snapshots: &[Value]) -> Result<Self> {
        let ownership = Ownership {
            command_token: random_token()?,
            ..observed.ownership()?.clone()
        };
        let claims = snapshots.iter().map(|snapshot| {
            let name = required_source_claim(snapshot)?;
            let mut own = observed.live.own_data(&observed.session);
            let found = own.find(|object| {
                Untyped(object).kind() == "PersistentVolumeClaim" && Untyped(object).name() == name
            });
            let wanted = claim_from_snapshot(&ownership, snapshot, found, name, None)?;
            Ok(ClaimReplacement {
                source: snapshot.clone(),
                snapshot: Untyped(snapshot).name().to_owned(),
                existing: found.cloned(),
                wanted,
            })
        });
        Ok(Self {
            claims: claims.collect::<Result<_>>()?,
            ownership,
        })
    }

    /// Returns the present claims that are bound to a volume, and so may hold data.
    pub fn bound_claims(&self) -> impl Iterator<Item = &Value> {
        self.existing_claims().filter(|claim| is_bound(claim))
    }

    /// Returns the rights that the restore needs.
    pub fn accesses(&self) -> Vec<Access> {
        let mut needs = self.deletion_steps().required_permissions();
        needs.push(Access::new("create", &PERSISTENT_VOLUME_CLAIM, ""));
        needs
    }

    /// Returns the present claims, which are deleted.
    pub fn existing_claims(&self) -> impl Iterator<Item = &Value> {
        self.claims
            .iter()
            .filter_map(|claim| claim.existing.as_ref())
    }

    /// Deletes the present claims by UID, waits until they are gone, creates the new ones, and waits until they are bound, except
    /// those whose class has WaitForFirstConsumer.
    ///
    /// # Errors
    /// Refusals of the server; TimedOut with the provisioner's message; Interrupted.
    pub async fn apply(
        &self,
        cluster: &Cluster,
        with: &SnapshotRun<'_>,
        sink: &mut dyn ProgressSink,
    ) -> Result<RestoreOutcome> {
        let carrying = ApplyOptions {
            ownership: &self.ownership,
            write: with.write.clone(),
            interrupt: with.interrupt,
            wait_limit: with.timeout,
        };
        let outcome = cluster
            .apply_plan(&self.deletion_steps(), &carrying, sink)
            .await;
        if let Some((_, error)) = outcome.failed {
            return Err(error);
        }
        let namespace = self.ownership.namespace.as_str();
        let posts = self.claims.iter().map(|claim| {
            cluster.create(
                &PERSISTENT_VOLUME_CLAIM,
                namespace,
                &claim.wanted,
                with.write,
            )
        });
        try_join_all(posts).await?;
        let sizes = self
            .claims
            .iter()
            .map(|claim| (&claim.source, &claim.wanted));
        note_sizes(sizes, sink);
        let wanted: Vec<Value> = self
            .claims
            .iter()
            .map(|claim| claim.wanted.clone())
            .collect();
        wait_claims_bound(cluster, namespace, &wanted, with, sink).await
    }

    fn deletion_steps(&self) -> Plan {
        let targets: Vec<ObjectRef> = self.existing_claims().map(ObjectRef::from_object).collect();
        let resource = PERSISTENT_VOLUME_CLAIM.clone();
        let delete = |target: &ObjectRef| Step::Delete {
            target: target.clone(),
            resource: resource.clone(),
            propagation: PropagationPolicy::Background,
        };
        let mut plan = Plan::default();
        plan.push_stage(targets.iter().map(delete).collect());
        if !targets.is_empty() {
            plan.push_stage(vec![Step::WaitDeleted { targets, resource }]);
        }
        plan
    }
}

/// Waits until new claims are bound, except those whose class has WaitForFirstConsumer.
pub(super) async fn wait_claims_bound(
    cluster: &Cluster,
    namespace: &str,
    claims: &[Value],
    with: &SnapshotRun<'_>,
    sink: &mut dyn ProgressSink,
) -> Result<RestoreOutcome> {
    let (mut restored, mut awaited) = (RestoreOutcome::default(), Vec::new());
    for claim in claims {
        let name = Untyped(claim).name();
        if waits_for_first_consumer(cluster, claim).await? {
            restored.waiting_for_consumer.push(name.to_owned());
        } else {
            awaited.push(name);
        }
    }
    if with.wait && !awaited.is_empty() {
        sink.tell(ProgressEvent::Waiting {
            stage: WaitStage::Binding,
            object: format!("persistentvolumeclaim/{}", awaited.join(", ")),
            detail: String::new(),
        });
        let waits = awaited
            .iter()
            .map(|name| cluster.wait_claim_bound(namespace, name, with.timeout));
        with.interrupt.race(try_join_all(waits)).await?;
    }
    Ok(restored)
}

/// Returns a claim called `name` with the data of a snapshot. Its spec is that of `found` or, without one, the spec recorded on
/// the snapshot.
pub(super) fn claim_from_snapshot(
    ownership: &Ownership,
    snapshot: &Value,
    found: Option<&Value>,
    name: &str,
    size: Option<&Quantity>,
) -> Result<Value> {
    let of = Untyped(snapshot).name();
    let remembered: Option<Value> = Untyped(snapshot)
        .annotation(labels::CLAIM)
        .and_then(|text| serde_json::from_str(text).ok());
    let spec = found
        .and_then(|claim| claim.get("spec"))
        .or(remembered.as_ref());
    let spec = spec.ok_or_else(|| {
        anyhow!("cannot restore claim {name:?}: claim is gone, and snapshot {of:?} has no record of its spec")
    })?;
    let requested = Untyped(spec).str_at("/resources/requests/storage");
    let size = restored_size(requested, snapshot, size)?;
    let mut wanted = json!({
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": { "name": name, "labels": {}, "annotations": {} },
        "spec": {
            "resources": { "requests": { "storage": size } },
            "dataSource": { "apiGroup": VOLUME_SNAPSHOT.group, "kind": "VolumeSnapshot", "name": of },
        },
    });
    for field in ["accessModes", "storageClassName", "volumeMode"] {
        if let Some(value) = spec.get(field) {
            wanted["spec"][field] = value.clone();
        }
    }
    if let Some(metadata) = found.and_then(|claim| claim.get("metadata")) {
        wanted["metadata"]["labels"] = metadata.get("labels").cloned().unwrap_or_default();
        let kept = metadata.get("annotations").and_then(Value::as_object);
        let kept: Map<String, Value> = kept
            .into_iter()
            .flatten()
            .filter(|(key, _)| {
                !VOLUME_ANNOTATION_PREFIXES
                    .iter()
                    .any(|part| key.starts_with(part))
            })
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        wanted["metadata"]["annotations"] = Value::Object(kept);
    }
    ownership.apply_to(&mut wanted);
    Ok(wanted)
}

/// Returns the name of the claim that a snapshot was taken of.
///
/// # Errors
/// A snapshot without one.
pub(super) fn required_source_claim(snapshot: &Value) -> Result<&str> {
    source_claim_name(snapshot).ok_or_else(|| {
        anyhow!(
            "cannot restore snapshot {:?}: snapshot has no source claim",
            Untyped(snapshot).name()
        )
    })
}

/// Reports the claims that are not as large as their snapshots.
pub(super) fn note_sizes<'a>(
    restored: impl Iterator<Item = (&'a Value, &'a Value)>,
    sink: &mut dyn ProgressSink,
) {
    let notes = restored.filter_map(|(snapshot, claim)| size_note(snapshot, claim));
    notes.for_each(|note| sink.tell(ProgressEvent::Note(note)));
}

/// Returns a note for a claim that is not as large as its snapshot: the claim has been expanded since, or a larger one is wanted.
fn size_note(snapshot: &Value, claim: &Value) -> Option<String> {
    let size = Untyped(claim).str_at("/spec/resources/requests/storage")?;
    let source = Untyped(snapshot).str_at("/status/restoreSize")?;
    let quantity = |text: &str| text.parse::<Quantity>().ok();
    (quantity(size) != quantity(source)).then(|| {
        format!(
            "claim {:?} is restored with {size}; snapshot {:?} has {source}",
            Untyped(claim).name(),
            Untyped(snapshot).name()
        )
    })
}

/// Returns the wanted size, else the larger one of claim and snapshot; `None` if neither is known.
fn restored_size(
    claim: Option<&str>,
    snapshot: &Value,
    wanted: Option<&Quantity>,
) -> Result<Option<String>> {
    let parse = |size: &str| size.parse::<Quantity>().ok();
    let least = Untyped(snapshot).str_at("/status/restoreSize");
    let least = least.and_then(|size| Some((size, parse(size)?)));
    if let Some(wanted) = wanted {
        if let Some((least, _)) = least.filter(|(_, smallest)| wanted < smallest) {
            return Err(anyhow!(
                "size {wanted} is too small: snapshot {:?} needs {least}",
                Untyped(snapshot).name()
            ));
        }
        return Ok(Some(wanted.to_string()));
    }
    let size = match least {
        Some((least, smallest)) => claim
            .filter(|claim| parse(claim).is_some_and(|claim| claim >= smallest))
            .or(Some(least)),
        None => claim,
    };
    Ok(size.map(str::to_owned))
}

/// Returns true if the claim's class has WaitForFirstConsumer; false if the caller may not read it.
async fn waits_for_first_consumer(cluster: &Cluster, claim: &Value) -> Result<bool> {
    let Some(class) = Untyped(claim).str_at("/spec/storageClassName") else {
        return Ok(false);
    };
    match cluster.get(&STORAGE_CLASS, "", class).await {
        Err(error) if failure::has_kind(&error, FailureKind::Forbidden) => Ok(false),
        other => Ok(other?.is_some_and(|class| {
            let class = Untyped(&class).read::<StorageClass>();
            let mode = class.and_then(|class| class.volume_binding_mode);
            mode.as_deref() == Some("WaitForFirstConsumer")
        })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use session_support::session_fixture::ownership;

    fn snapshot() -> Value {
        let remembered = r#"{"accessModes":["ReadWriteOnce"],"storageClassName":"fast","resources":{"requests":{"storage":"1Gi"}}}"#;
        json!({ "metadata": { "name": "a-1", "annotations": { labels::CLAIM: remembered } },
            "spec": { "source": { "persistentVolumeClaimName": "home" } }, "status": { "restoreSize": "2Gi" } })
    }

    #[test]
    fn a_size_that_is_not_the_snapshots_is_told() {
        let snapshot =
            json!({ "metadata": { "name": "s-home" }, "status": { "restoreSize": "64Mi" } });
        let claim = |size: &str| json!({ "metadata": { "name": "home" }, "spec": { "resources": { "requests": { "storage": size } } } });
        assert_eq!(
            size_note(&snapshot, &claim("128Mi")).as_deref(),
            Some("claim \"home\" is restored with 128Mi; snapshot \"s-home\" has 64Mi")
        );
        assert_eq!(size_note(&snapshot, &claim("65536Ki")), None);
        assert_eq!(size_note(&json!({}), &claim("1Gi")), None);
    }

    #[test]
    fn a_claim_that_is_gone_is_made_as_the_snapshot_remembers_it() {
        let claim = claim_from_snapshot(&ownership(), &snapshot(), None, "home", None).unwrap();
        assert_eq!(Untyped(&claim).name(), "home");
        assert_eq!(
            Untyped(&claim).str_at("/spec/storageClassName"),
            Some("fast")
        );
        assert_eq!(
            Untyped(&claim).str_at("/spec/resources/requests/storage"),
            Some("2Gi")
        );
        assert_eq!(Untyped(&claim).str_at("/spec/dataSource/name"), Some("a-1"));
        assert_eq!(claim["metadata"]["labels"][labels::SESSION], "a");
        let mut forgetful = snapshot();
        forgetful["metadata"]["annotations"] = json!({});
        assert!(claim_from_snapshot(&ownership(), &forgetful, None, "home", None).is_err());
    }

    #[test]
    fn a_claim_that_is_there_stays_as_it_is_but_for_its_volume() {
        let found = json!({
            "metadata": { "name": "home", "labels": { "app": "x" }, "annotations": {
                "pv.kubernetes.io/bind-completed": "yes", "volume.kubernetes.io/selected-node": "n", "note": "mine" } },
            "spec": { "accessModes": ["ReadWriteMany"], "volumeName": "pvc-1", "resources": { "requests": { "storage": "5Gi" } } },
        });
        let claim =
            claim_from_snapshot(&ownership(), &snapshot(), Some(&found), "home", None).unwrap();
        assert_eq!(claim["spec"]["accessModes"], json!(["ReadWriteMany"]));
        assert_eq!(
            Untyped(&claim).str_at("/spec/resources/requests/storage"),
            Some("5Gi")
        );
        assert_eq!(claim["spec"].get("volumeName"), None);
        assert_eq!(claim["metadata"]["labels"]["app"], "x");
        let annotations = claim["metadata"]["annotations"].as_object().unwrap();
        assert!(annotations.contains_key("note"));
        assert!(!annotations.keys().any(|key| key.contains("kubernetes.io/")));
    }
}
