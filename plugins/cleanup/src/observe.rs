//! Reads everything a plan is made from, with one LIST for each kind, however many sessions there are.

use std::collections::{BTreeSet, HashMap};

use anyhow::Result;
use futures::future::try_join_all;
use serde_json::Value;
use session_shared::client::{ListOptions, Scope, parse_object};
use session_shared::failure::{self, FailureKind};
use session_shared::labels;
use session_shared::objects::ResourceType;
use session_shared::objects::Untyped;
use session_shared::objects::resource::{
    CONFIG_MAP, HORIZONTAL_POD_AUTOSCALER, NETWORK_POLICY, NODE, PERSISTENT_VOLUME_CLAIM,
    POD_DISRUPTION_BUDGET, ROLE, ROLE_BINDING, SECRET, SERVICE, SESSION, VOLUME_SNAPSHOT,
    VOLUME_SNAPSHOT_CONTENT,
};
use session_shared::ops::observed_session::{ObservedSession, Part};
use session_shared::ops::selected_sessions::SelectedSession;
use session_shared::ops::session_objects::with_setup_hint;
use session_shared::ops::snapshot_plan::clarify_unserved;
use session_shared::ops::{Cluster, Driver, makes_custom_objects};
use session_shared::reconcile::{LiveObjects, OwnedClaim};

use crate::contents::{
    RetainedContent, count_by_handle, is_retained, snapshot_reference, storage_handle,
};
use crate::intent::Intent;
use crate::object_users::ObjectUsers;
use crate::orphans::{SessionIndex, orphan_reason, session_key};

/// Further kinds that sessions consist of and that do not use other objects.
const PASSIVE_KINDS: [&ResourceType; 7] = [
    &CONFIG_MAP,
    &SECRET,
    &NETWORK_POLICY,
    &HORIZONTAL_POD_AUTOSCALER,
    &POD_DISRUPTION_BUDGET,
    &ROLE,
    &ROLE_BINDING,
];

/// Observed state of the cluster.
#[derive(Debug, Default)]
pub(crate) struct Observed {
    pub(crate) sessions: Vec<ObservedSession>,
    /// Objects with a session's label. Empty unless needed for orphans, kept data or snapshots.
    pub(crate) objects: Vec<Value>,
    /// Index of existing sessions and of the objects in use. Empty unless needed for orphans, kept data or snapshots.
    pub(crate) index: SessionIndex,
    /// VolumeSnapshotContents that outlive their snapshots. Empty unless needed.
    pub(crate) contents: Vec<RetainedContent>,
    /// Names of the nodes; `None` if not needed or not permitted.
    pub(crate) nodes: Option<BTreeSet<String>>,
    /// Plural names of kinds that the caller has no permission to list.
    pub(crate) forbidden_kinds: Vec<&'static str>,
}

/// Objects of optional kinds, and the kinds that could not be listed.
#[derive(Default)]
struct OptionalObjects {
    objects: Vec<Value>,
    forbidden_kinds: Vec<&'static str>,
}

/// The kinds that are listed beside Pods, workloads and claims.
struct WantedKinds {
    services: Vec<&'static ResourceType>,
    /// Snapshots that may be deleted.
    snapshots: Vec<&'static ResourceType>,
    /// Snapshots that may need a Secret: it is not deleted with kept data then. For that, a cluster without the snapshot API has no
    /// snapshots.
    needing: Vec<&'static ResourceType>,
    /// Further objects that may be orphans, or kept Secrets.
    rest: Vec<&'static ResourceType>,
    nodes: Vec<&'static ResourceType>,
}

impl WantedKinds {
    fn of(intent: &Intent) -> Self {
        let is_kept_data = intent.targets.kept_older_than.is_some();
        let is_snapshots = intent.targets.snapshots_older_than.is_some();
        let only_if = |wanted: bool, kind: &'static ResourceType| match wanted {
            true => vec![kind],
            false => Vec::new(),
        };
        Self {
            services: only_if(intent.targets.orphans, &SERVICE),
            snapshots: only_if(is_snapshots, &VOLUME_SNAPSHOT),
            needing: only_if(is_kept_data && !is_snapshots, &VOLUME_SNAPSHOT),
            rest: match intent.targets.orphans {
                true => PASSIVE_KINDS.to_vec(),
                false => only_if(is_kept_data, &SECRET),
            },
            nodes: only_if(intent.targets.unhealthy, &NODE),
        }
    }
}

/// Lists of the objects beside the sessions, as the server returned them.
struct Lists {
    users: ObjectUsers,
    claims: Vec<Value>,
    services: Vec<Value>,
    snapshots: Vec<Value>,
    needing: OptionalObjects,
    rest: OptionalObjects,
    nodes: OptionalObjects,
    /// `None` where the caller has no permission and has not asked for them.
    contents: Option<Vec<RetainedContent>>,
}

impl Lists {
    async fn read(cluster: &Cluster, intent: &Intent, scope: Scope<'_>) -> Result<Self> {
        let kinds = WantedKinds::of(intent);
        let (ours, all) = (
            ListOptions::with_labels(labels::SESSION),
            ListOptions::default(),
        );
        let list = async |kind| anyhow::Ok(cluster.list(kind, scope, &ours).await?.items);
        // Objects of other programs count too: any of them may use a session's objects.
        let users = async {
            match counts_uses(intent) {
                true => ObjectUsers::list_all(cluster, scope).await,
                false => ObjectUsers::list_workloads(cluster, scope, &ours).await,
            }
        };
        let (users, claims, services, snapshots, needing, rest, nodes, contents) = futures::try_join!(
            users,
            list(&PERSISTENT_VOLUME_CLAIM),
            try_join_all(kinds.services.iter().map(|kind| list(kind))),
            try_join_all(kinds.snapshots.iter().map(|kind| list(kind))),
            list_optional(cluster, &kinds.needing, scope, &ours),
            list_optional(cluster, &kinds.rest, scope, &ours),
            list_optional(cluster, &kinds.nodes, Scope::Cluster, &all),
            observe_contents(cluster, intent, scope),
        )?;
        Ok(Self {
            users,
            claims,
            services: services.concat(),
            snapshots: snapshots.concat(),
            needing,
            rest,
            nodes,
            contents,
        })
    }

    /// Returns the plural names of the kinds that the caller has no permission to list.
    fn forbidden_kinds(&self) -> Vec<&'static str> {
        let optional = [&self.needing, &self.rest, &self.nodes];
        let optional = optional.into_iter().flat_map(|one| &one.forbidden_kinds);
        let users = self.users.forbidden_kinds.iter();
        let users = users.map(|kind| kind.plural.as_ref());
        let contents = self.contents.is_none();
        let contents = contents.then(|| VOLUME_SNAPSHOT_CONTENT.plural.as_ref());
        optional.copied().chain(users).chain(contents).collect()
    }

    fn node_names(&self) -> BTreeSet<String> {
        let nodes = self.nodes.objects.iter();
        nodes.map(|node| Untyped(node).name().to_owned()).collect()
    }

    /// Returns the index of the sessions and of what is in use, except the uses of `objects` that are orphans.
    fn index(
        &self,
        intent: &Intent,
        sessions: &[SelectedSession],
        objects: &[Value],
    ) -> SessionIndex {
        let mut index = SessionIndex::default();
        sessions
            .iter()
            .for_each(|session| index.add_session(session));
        index.are_snapshots_forbidden = !self.needing.forbidden_kinds.is_empty();
        for snapshot in self.snapshots.iter().chain(&self.needing.objects) {
            index.add_snapshot(snapshot);
        }
        for claim in &self.claims {
            index.session_uses.add_source(claim);
            index.add_claim(claim);
        }
        let orphans = objects.iter().filter(|_| intent.targets.orphans);
        let orphans = orphans.filter(|object| orphan_reason(object, &index).is_some());
        let orphans: Vec<&Value> = orphans.collect();
        index.record_uses(&orphans, &BTreeSet::new(), &self.users);
        index
    }

    /// Returns the objects that may be orphans, kept data or old snapshots.
    fn candidates(&self) -> Vec<Value> {
        let all = self.rest.objects.iter();
        let all = all.chain(&self.claims).chain(&self.snapshots);
        let users = self.users.iter().filter(|user| has_session_label(user));
        all.chain(&self.services).chain(users).cloned().collect()
    }
}

/// Returns true if it matters who uses an object.
fn counts_uses(intent: &Intent) -> bool {
    intent.targets.orphans || intent.targets.kept_older_than.is_some()
}

fn has_session_label(object: &Value) -> bool {
    Untyped(object).label(labels::SESSION).is_some()
}

/// Reads everything a plan is made from. Sessions are read last: if the session of an object is not in that list, it had
/// been deleted when the object was read, and no session that is being created can be missing.
///
/// # Errors
/// The server's refusal.
pub(crate) async fn observe(cluster: &Cluster, intent: &Intent) -> Result<Observed> {
    let scope = if intent.all_namespaces {
        Scope::All
    } else {
        Scope::Namespace(cluster.namespace())
    };
    let lists = Lists::read(cluster, intent, scope).await?;
    let all = ListOptions::default();
    let sessions = with_setup_hint(cluster.list(&SESSION, scope, &all).await)?;
    let sessions = sessions.items.into_iter().map(SelectedSession::parse);
    let sessions: Vec<SelectedSession> = sessions.collect::<Result<_>>()?;
    let looked_at_nodes = intent.targets.unhealthy && lists.nodes.forbidden_kinds.is_empty();
    let (mut objects, mut index) = (Vec::new(), SessionIndex::default());
    if counts_uses(intent) || intent.targets.snapshots_older_than.is_some() {
        objects = lists.candidates();
        index = lists.index(intent, &sessions, &objects);
    }
    let nodes = looked_at_nodes.then(|| lists.node_names());
    let forbidden_kinds = lists.forbidden_kinds();
    let ObjectUsers {
        mut pods,
        mut workloads,
        ..
    } = lists.users;
    pods.retain(has_session_label);
    workloads.retain(has_session_label);
    let mut sessions = join_objects(sessions, pods, workloads, lists.claims)?;
    let parts = [Part::Pods, Part::Owners, Part::Claims];
    let unread = sessions.iter_mut();
    try_join_all(unread.map(|session| session.load(cluster, &parts))).await?;
    if intent.targets.unhealthy {
        add_events(cluster, &mut sessions).await?;
    }
    Ok(Observed {
        sessions,
        objects,
        index,
        contents: lists.contents.unwrap_or_default(),
        nodes,
        forbidden_kinds,
    })
}

/// Reads the events of sessions in doubt: some causes only events tell, such as Pods that an admission policy refuses.
async fn add_events(cluster: &Cluster, sessions: &mut [ObservedSession]) -> Result<()> {
    let by_namespace = sessions.chunk_by_mut(|one, next| one.namespace() == next.namespace());
    let reads = by_namespace.map(|sessions| async move {
        let namespace = sessions.first().map(|first| first.namespace().to_owned());
        cluster
            .add_events(&namespace.unwrap_or_default(), sessions)
            .await
    });
    try_join_all(reads).await.map(drop)
}

/// Lists VolumeSnapshotContents that outlive their snapshots; `None` if the caller has no permission and has not asked
/// for them.
async fn observe_contents(
    cluster: &Cluster,
    intent: &Intent,
    scope: Scope<'_>,
) -> Result<Option<Vec<RetainedContent>>> {
    if !intent.targets.snapshot_contents && !intent.targets.orphans {
        return Ok(Some(Vec::new()));
    }
    match list_retained(cluster, scope).await {
        Ok(held) => Ok(Some(held)),
        Err(error) if intent.targets.snapshot_contents => Err(clarify_unserved(error)),
        Err(error) if failure::has_kind(&error, FailureKind::ResourceTypeNotFound) => {
            Ok(Some(Vec::new()))
        }
        Err(error) if failure::has_kind(&error, FailureKind::Forbidden) => Ok(None),
        Err(error) => Err(error),
    }
}

async fn list_retained(cluster: &Cluster, scope: Scope<'_>) -> Result<Vec<RetainedContent>> {
    let all = ListOptions::default();
    let contents = cluster.list(&VOLUME_SNAPSHOT_CONTENT, Scope::Cluster, &all);
    let contents = contents.await?.items;
    let holders = count_by_handle(&contents);
    let here = |content: &Value| match scope {
        Scope::Namespace(namespace) => {
            snapshot_reference(content).is_some_and(|(place, _)| place == namespace)
        }
        _ => true,
    };
    let retained = contents
        .into_iter()
        .filter(|content| is_retained(content) && here(content));
    let retained: Vec<Value> = retained.collect();
    if retained.is_empty() {
        return Ok(Vec::new());
    }
    // Read after the contents: a snapshot that is missing here was deleted while its content still existed.
    let snapshots = cluster.list_metadata(&VOLUME_SNAPSHOT, scope, &all).await?;
    let named = |snapshot: Value| {
        let named = Untyped(&snapshot);
        let key = (named.home_namespace().to_owned(), named.name().to_owned());
        (key, snapshot)
    };
    let snapshots: HashMap<_, _> = snapshots.items.into_iter().map(named).collect();
    let held = retained.into_iter().map(|content| RetainedContent {
        snapshot: snapshot_reference(&content).and_then(|key| snapshots.get(&key).cloned()),
        is_shared: storage_handle(&content).is_some_and(|handle| holders.get(&handle) > Some(&1)),
        content,
    });
    Ok(held.collect())
}

/// Lists the metadata of several kinds. A kind that the server does not have is empty; one that may not be listed is
/// recorded.
async fn list_optional(
    cluster: &Cluster,
    kinds: &[&'static ResourceType],
    scope: Scope<'_>,
    select: &ListOptions,
) -> Result<OptionalObjects> {
    let lists = kinds.iter().map(|kind| async move {
        match cluster.list_metadata(kind, scope, select).await {
            Ok(list) => Ok(Some(list.items)),
            Err(error) if failure::has_kind(&error, FailureKind::ResourceTypeNotFound) => {
                Ok(Some(Vec::new()))
            }
            Err(error) if failure::has_kind(&error, FailureKind::Forbidden) => Ok(None),
            Err(error) => Err(error),
        }
    });
    let mut found = OptionalObjects::default();
    for (kind, list) in kinds.iter().zip(try_join_all(lists).await?) {
        match list {
            Some(objects) => found.objects.extend(objects),
            None => found.forbidden_kinds.push(kind.plural.as_ref()),
        }
    }
    Ok(found)
}

/// Joins each session with the objects that carry its label. One of custom objects stays unread: its Pods and claims may have no label.
fn join_objects(
    sessions: Vec<SelectedSession>,
    pods: Vec<Value>,
    owners: Vec<Value>,
    claims: Vec<Value>,
) -> Result<Vec<ObservedSession>> {
    let mut lives: HashMap<(String, String), LiveObjects> = HashMap::new();
    for pod in pods {
        let live = lives.entry(session_key(&pod)).or_default();
        live.pods.push(parse_object(pod)?);
    }
    for owner in owners {
        let live = lives.entry(session_key(&owner)).or_default();
        live.owners.push(owner);
    }
    for claim in claims {
        let live = lives.entry(session_key(&claim)).or_default();
        live.data.push(claim);
    }
    let observed = sessions.into_iter().map(|chosen| {
        let session = &chosen.session;
        if makes_custom_objects(session) {
            return ObservedSession::new(chosen, Driver::Client);
        }
        let key = (session.namespace().to_owned(), session.name().to_owned());
        let mut live = lives.remove(&key).unwrap_or_default();
        live.owned_claims = OwnedClaim::find_all(&live.data, &live.owners, session);
        let live = live.attribute(session);
        let observed = ObservedSession::new(chosen, Driver::Client)?;
        Ok(observed.with_objects(live, &[Part::Pods, Part::Owners, Part::Claims]))
    });
    observed.collect()
}
