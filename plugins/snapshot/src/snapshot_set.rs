//! Snapshots as users name them: sets of VolumeSnapshots that share a name, grouped, checked and found.

use anyhow::{Context, Result, anyhow};
use serde_json::Value;
use session_shared::Timestamp;
use session_shared::api::ObjectRef;
use session_shared::client::{ListOptions, Scope, not_found_error};
use session_shared::encode::shell;
use session_shared::failure::{FailureKind, has_kind, usage_error, with_hint};
use session_shared::labels;
use session_shared::names::SessionName;
use session_shared::objects::Untyped;
use session_shared::objects::ownership::Ownership;
use session_shared::objects::provenance::{ProvenanceProblem, find_provenance_problem};
use session_shared::objects::resource::{PERSISTENT_VOLUME_CLAIM, VOLUME_SNAPSHOT};
use session_shared::objects::volume_snapshot::{
    SnapshotState, snapshot_set_name, source_claim_name,
};
use session_shared::ops::Cluster;
use session_shared::ops::snapshot_plan::clarify_unserved;
use session_shared::plan::{Plan, PropagationPolicy, Step};
use session_shared::progress::{ProgressEvent, ProgressSink};

/// A snapshot of a session: VolumeSnapshots with the same name, session and user.
#[derive(Clone, Debug)]
pub(crate) struct SnapshotSet {
    pub(crate) name: String,
    pub(crate) session: String,
    /// User id of the session's owner. Part of the identity: another user may have had a session of the same name.
    pub(crate) user: String,
    /// One VolumeSnapshot for each claim.
    pub(crate) snapshots: Vec<Value>,
}

impl SnapshotSet {
    /// Returns true if every VolumeSnapshot is ready to restore.
    pub(crate) fn is_ready(&self) -> bool {
        let ready = |snapshot| SnapshotState::of(snapshot) == SnapshotState::Ready;
        self.snapshots.iter().all(ready)
    }

    /// Returns the set among `all` that this one is a part of, if a single VolumeSnapshot of several was named.
    pub(crate) fn whole<'s>(&self, all: &'s [Self]) -> Option<&'s Self> {
        let named = self.snapshots.first()?;
        all.iter()
            .find(|set| set.snapshots.len() > self.snapshots.len() && set.snapshots.contains(named))
    }

    /// Checks that every VolumeSnapshot is ready to restore.
    ///
    /// # Errors
    /// The first VolumeSnapshot that is not ready, with its state.
    pub(crate) fn ensure_ready(&self) -> Result<()> {
        for snapshot in &self.snapshots {
            let state = SnapshotState::of(snapshot);
            if state != SnapshotState::Ready {
                return Err(anyhow!(
                    "snapshot {:?} is not ready: {}",
                    Untyped(snapshot).name(),
                    state.describe()
                ));
            }
        }
        Ok(())
    }

    /// Returns the creation time of the newest VolumeSnapshot.
    pub(crate) fn created_at(&self) -> Option<Timestamp> {
        let times = self.snapshots.iter();
        let times = times.map(|one| Untyped(one).created());
        times.max().flatten()
    }

    /// Returns a plan that deletes all VolumeSnapshots at once by UID and, with `wait`, waits until they are gone.
    pub(crate) fn plan_deletion(&self, wait: bool) -> Plan {
        let targets: Vec<ObjectRef> = self.snapshots.iter().map(ObjectRef::from_object).collect();
        let mut plan = Plan::default();
        let delete = |target: &ObjectRef| Step::Delete {
            target: target.clone(),
            resource: VOLUME_SNAPSHOT.clone(),
            propagation: PropagationPolicy::Background,
        };
        plan.push_stage(targets.iter().map(delete).collect());
        if wait {
            plan.push_stage(vec![Step::WaitDeleted {
                targets,
                resource: VOLUME_SNAPSHOT.clone(),
            }]);
        }
        plan
    }

    /// Returns the ownership recorded in the labels and annotations, which outlives the session.
    ///
    /// # Errors
    /// Labels or annotations that are missing or invalid.
    pub(crate) fn ownership(&self) -> Result<Ownership> {
        let one = self.snapshots.first();
        let one = one.with_context(|| format!("snapshot {:?} has no parts", self.name))?;
        let annotation = |key: &str| Untyped(one).annotation(key).map(str::to_owned);
        let uid = annotation(labels::SESSION_UID);
        Ok(Ownership {
            session: self.session.parse()?,
            session_uid: uid.filter(|uid| !uid.is_empty()),
            namespace: Untyped(one).home_namespace().parse()?,
            user_id: self.user.parse()?,
            command_token: String::new(),
            template: annotation(labels::TEMPLATE),
            primary: None,
        })
    }
}

/// Lists the snapshots of a session, or of all sessions, in the namespace, in the server's order.
///
/// # Errors
/// The server's refusal; a cluster without the VolumeSnapshot API.
pub(crate) async fn list_snapshot_sets(
    cluster: &Cluster,
    session: Option<&SessionName>,
) -> Result<Vec<SnapshotSet>> {
    let scope = Scope::Namespace(cluster.namespace());
    let whose = match session {
        Some(name) => format!("{}={name}", labels::SESSION),
        None => labels::SESSION.to_owned(),
    };
    let select = ListOptions::with_labels(format!(
        "{}={},{whose}",
        labels::MANAGED_BY,
        labels::MANAGER
    ));
    let list = cluster.list(&VOLUME_SNAPSHOT, scope, &select).await;
    Ok(group_by_set(list.map_err(clarify_unserved)?.items))
}

/// Removes from `sets` those with a `doubtful` provenance, and reports each one removed. Provenance is checked against the
/// claims of the namespace; without permission to list claims only the VolumeSnapshots themselves are checked.
///
/// # Errors
/// A refusal of the server other than Forbidden.
pub(crate) async fn exclude_doubtful(
    cluster: &Cluster,
    sets: Vec<SnapshotSet>,
    doubtful: fn(&ProvenanceProblem) -> bool,
    sink: &mut dyn ProgressSink,
) -> Result<Vec<SnapshotSet>> {
    if sets.is_empty() {
        return Ok(sets);
    }
    let scope = Scope::Namespace(cluster.namespace());
    let all = ListOptions::default();
    let claims = cluster.list(&PERSISTENT_VOLUME_CLAIM, scope, &all);
    let claims = match claims.await {
        Ok(list) => list.items,
        Err(error) if has_kind(&error, FailureKind::Forbidden) => Vec::new(),
        Err(error) => return Err(error),
    };
    let doubt = |snapshot: &Value| find_provenance_problem(snapshot, &claims).filter(doubtful);
    let (counted, others) = sets.into_iter().partition(|set: &SnapshotSet| {
        let mut all = set.snapshots.iter();
        all.all(|snapshot| doubt(snapshot).is_none())
    });
    let others: Vec<SnapshotSet> = others;
    for snapshot in others.iter().flat_map(|set| &set.snapshots) {
        if let Some(doubt) = doubt(snapshot) {
            sink.tell(ProgressEvent::Note(format!(
                "volumesnapshot {:?} is not counted and not deleted: {}",
                Untyped(snapshot).name(),
                doubt.describe()
            )));
        }
    }
    Ok(counted)
}

/// Checks that a snapshot holds data of its session, whatever its labels say. `data` holds the session's claims; claims
/// that are not in it are read from the server.
///
/// # Errors
/// A VolumeSnapshot of foreign data; the server's refusal.
pub(crate) async fn verify_provenance(
    cluster: &Cluster,
    set: &SnapshotSet,
    data: &[Value],
) -> Result<()> {
    let namespace = cluster.namespace();
    let mut claims = data.to_vec();
    for name in set.snapshots.iter().filter_map(source_claim_name) {
        let known = |claim: &Value| Untyped(claim).name() == name;
        if !claims.iter().any(known) {
            let found = cluster.get(&PERSISTENT_VOLUME_CLAIM, namespace, name);
            claims.extend(found.await?);
        }
    }
    for snapshot in &set.snapshots {
        let Some(doubt) =
            find_provenance_problem(snapshot, &claims).filter(ProvenanceProblem::is_foreign)
        else {
            continue;
        };
        let name = Untyped(snapshot).name();
        let error = anyhow!(
            "VolumeSnapshot {name:?} does not belong to session {:?}: {}",
            set.session,
            doubt.describe()
        );
        let look = format!(
            "inspect the VolumeSnapshot: kubectl describe volumesnapshot {name} -n {namespace}"
        );
        return Err(with_hint(error, look));
    }
    Ok(())
}

fn group_by_set(snapshots: Vec<Value>) -> Vec<SnapshotSet> {
    let mut sets: Vec<SnapshotSet> = Vec::new();
    for snapshot in snapshots {
        let session = session_label(&snapshot);
        let name = snapshot_set_name(&snapshot).to_owned();
        let user = Untyped(&snapshot).annotation(labels::USER_ID);
        let user = user.unwrap_or(Untyped::NONE).to_owned();
        match sets
            .iter_mut()
            .find(|set| set.name == name && set.session == session && set.user == user)
        {
            Some(set) => set.snapshots.push(snapshot),
            None => sets.push(SnapshotSet {
                name,
                session,
                user,
                snapshots: vec![snapshot],
            }),
        }
    }
    sets
}

fn session_label(snapshot: &Value) -> String {
    let session = Untyped(snapshot).label(labels::SESSION);
    session.unwrap_or(Untyped::NONE).to_owned()
}

/// Returns the snapshot name in an argument: `NAME`, or `KIND/NAME` as `list -o name` prints it.
///
/// # Errors
/// Another kind than VolumeSnapshot.
pub(crate) fn parse_snapshot_name(word: &str) -> Result<&str> {
    let kind = VOLUME_SNAPSHOT.singular();
    match word.split_once('/') {
        None => Ok(word),
        Some((given, name)) if given == kind || given == "volumesnapshot" => Ok(name),
        Some((given, _)) => Err(usage_error(format!(
            "the resource type {given:?} is not a snapshot: {word:?}"
        ))),
    }
}

/// Finds the snapshot called `name`, or the single VolumeSnapshot of that name.
///
/// # Errors
/// `NotFound`; a VolumeSnapshot that no session owns; a name that snapshots of several sessions share.
pub(crate) async fn find_snapshot_set(
    cluster: &Cluster,
    sets: &[SnapshotSet],
    name: &str,
) -> Result<SnapshotSet> {
    let whole: Vec<&SnapshotSet> = sets.iter().filter(|set| set.name == name).collect();
    if let [only] = whole.as_slice() {
        return Ok((*only).clone());
    }
    for set in sets {
        let mut all = set.snapshots.iter();
        if let Some(one) = all.find(|one| Untyped(one).name() == name) {
            return Ok(SnapshotSet {
                name: name.to_owned(),
                session: set.session.clone(),
                user: set.user.clone(),
                snapshots: vec![one.clone()],
            });
        }
    }
    if !whole.is_empty() {
        let names = whole.iter().flat_map(|set| &set.snapshots);
        let names: Vec<&str> = names.map(|one| Untyped(one).name()).collect();
        let error = anyhow!("several sessions have a snapshot {name:?}");
        return Err(with_hint(
            error,
            format!("use the name of one VolumeSnapshot: {}", names.join(", ")),
        ));
    }
    let namespace = cluster.namespace();
    let found = cluster.get(&VOLUME_SNAPSHOT, namespace, name).await;
    match found.map_err(clarify_unserved)? {
        None => Err(not_found_error(&VOLUME_SNAPSHOT, name)),
        Some(_) => {
            let error = anyhow!("VolumeSnapshot {name:?} does not belong to a session");
            let plain = ["kubectl", "get", "volumesnapshot", name, "-n", namespace];
            let plain = format!(
                "use kubectl for this VolumeSnapshot: {}",
                shell::quote_command(&plain)
            );
            Err(with_hint(error, plain))
        }
    }
}
