//! Snapshots as they are spoken of: a name, and the VolumeSnapshots that share it.

use anyhow::{Result, anyhow};
use serde_json::Value;
use session_shared::Timestamp;
use session_shared::api::ObjectRef;
use session_shared::cluster::live::missing;
use session_shared::cluster::{Cluster, Place, Selection};
use session_shared::encode::shell;
use session_shared::failure::{hinted, usage};
use session_shared::labels;
use session_shared::lifecycle::snapshotting::served;
use session_shared::names::SessionName;
use session_shared::objects::belonging::Belonging;
use session_shared::objects::resource::{VOLUME_SNAPSHOT, annotation, label, text};
use session_shared::objects::snapshot::{SnapshotState, set_name};
use session_shared::plan::{Plan, Propagation, Step};

/// A snapshot of a session.
#[derive(Clone, Debug)]
pub(crate) struct Set {
    pub(crate) name: String,
    pub(crate) session: String,
    /// One of each claim.
    pub(crate) snapshots: Vec<Value>,
}

impl Set {
    /// True if volumes can be made of all of it.
    pub(crate) fn is_ready(&self) -> bool {
        let ready = |snapshot| SnapshotState::of(snapshot) == SnapshotState::Ready;
        self.snapshots.iter().all(ready)
    }

    /// When it was made: what the server says of the last one of it.
    pub(crate) fn made(&self) -> Option<Timestamp> {
        let times = self.snapshots.iter();
        let times = times.map(|one| text(one, "/metadata/creationTimestamp").parse().ok());
        times.max().flatten()
    }

    /// Takes it away: by UID, all at once.
    pub(crate) fn deletion(&self, wait: bool) -> Plan {
        let targets: Vec<ObjectRef> = self.snapshots.iter().map(ObjectRef::of).collect();
        let mut plan = Plan::default();
        let delete = |target: &ObjectRef| Step::Delete {
            target: target.clone(),
            resource: VOLUME_SNAPSHOT.clone(),
            propagation: Propagation::Background,
        };
        plan.stage(targets.iter().map(delete).collect());
        if wait {
            plan.stage(vec![Step::AwaitGone {
                targets,
                resource: VOLUME_SNAPSHOT.clone(),
            }]);
        }
        plan
    }

    /// Whose it is, as its labels say: the session itself may be gone.
    ///
    /// # Errors
    /// When they are not what this suite writes.
    pub(crate) fn belonging(&self) -> Result<Belonging> {
        let one = self.snapshots.first().cloned().unwrap_or_default();
        let annotation = |key: &str| annotation(&one, key).map(str::to_owned);
        Ok(Belonging {
            session: self.session.parse()?,
            session_uid: annotation(labels::SESSION_UID).unwrap_or_default(),
            namespace: text(&one, "/metadata/namespace").parse()?,
            user_id: annotation(labels::USER_ID).unwrap_or_default().parse()?,
            run: String::new(),
            template: annotation(labels::TEMPLATE),
            primary: None,
        })
    }
}

/// All snapshots of a session, or of all sessions, of one namespace; as the server orders them.
///
/// # Errors
/// What the server refuses, a server without snapshots.
pub(crate) async fn sets(cluster: &Cluster, session: Option<&SessionName>) -> Result<Vec<Set>> {
    let place = Place::Namespace(cluster.namespace());
    let whose = match session {
        Some(name) => format!("{}={name}", labels::SESSION),
        None => labels::SESSION.to_owned(),
    };
    let select = Selection::labelled(format!(
        "{}={},{whose}",
        labels::MANAGED_BY,
        labels::MANAGER
    ));
    let list = cluster.list(&VOLUME_SNAPSHOT, place, &select).await;
    Ok(grouped(list.map_err(served)?.items))
}

fn grouped(snapshots: Vec<Value>) -> Vec<Set> {
    let mut sets: Vec<Set> = Vec::new();
    for snapshot in snapshots {
        let session = session_of(&snapshot);
        let name = set_name(&snapshot).to_owned();
        match sets
            .iter_mut()
            .find(|set| set.name == name && set.session == session)
        {
            Some(set) => set.snapshots.push(snapshot),
            None => sets.push(Set {
                name,
                session,
                snapshots: vec![snapshot],
            }),
        }
    }
    sets
}

fn session_of(snapshot: &Value) -> String {
    let session = label(snapshot, labels::SESSION);
    session.unwrap_or_default().to_owned()
}

/// The name in a word, alone or as `list -o name` prints it.
///
/// # Errors
/// An object of another kind.
pub(crate) fn name_of(word: &str) -> Result<&str> {
    let kind = VOLUME_SNAPSHOT.singular();
    match word.split_once('/') {
        None => Ok(word),
        Some((given, name)) if given == kind || given == "volumesnapshot" => Ok(name),
        Some((given, _)) => Err(usage(format!(
            "the resource type {given:?} is not a snapshot: {word:?}"
        ))),
    }
}

/// The snapshot of that name, or the one VolumeSnapshot.
///
/// # Errors
/// There is none, it is not ours, several sessions have one of that name.
pub(crate) async fn find(cluster: &Cluster, sets: &[Set], name: &str) -> Result<Set> {
    let whole: Vec<&Set> = sets.iter().filter(|set| set.name == name).collect();
    if let [only] = whole.as_slice() {
        return Ok((*only).clone());
    }
    for set in sets {
        let mut all = set.snapshots.iter();
        if let Some(one) = all.find(|one| text(one, "/metadata/name") == name) {
            return Ok(Set {
                name: name.to_owned(),
                session: set.session.clone(),
                snapshots: vec![one.clone()],
            });
        }
    }
    if !whole.is_empty() {
        let names = whole.iter().flat_map(|set| &set.snapshots);
        let names: Vec<&str> = names.map(|one| text(one, "/metadata/name")).collect();
        let error = anyhow!("several sessions have a snapshot {name:?}");
        return Err(hinted(error, format!("name one of {}", names.join(", "))));
    }
    let namespace = cluster.namespace();
    let found = cluster.get(&VOLUME_SNAPSHOT, namespace, name).await;
    match found.map_err(served)? {
        None => Err(missing(&VOLUME_SNAPSHOT, name)),
        Some(_) => {
            let error = anyhow!("VolumeSnapshot {name:?} is no session's: it was not taken here");
            let plain = ["kubectl", "get", "volumesnapshot", name, "-n", namespace];
            let plain = format!("use kubectl with it: {}", shell::line(&plain));
            Err(hinted(error, plain))
        }
    }
}
