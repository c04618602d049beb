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
use session_shared::ops::{Cluster, Driver};
use session_shared::reconcile::LiveObjects;

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
    let (ours, all) = (
        ListOptions::with_labels(labels::SESSION),
        ListOptions::default(),
    );
    let list = |kind| cluster.list(kind, scope, &ours);
    let rest: &[&'static ResourceType] = match intent.kept_older_than {
        _ if intent.orphans => &PASSIVE_KINDS,
        Some(_) => &[&SECRET],
        None => &[],
    };
    // Secrets that a snapshot needs are not deleted with kept data. For that, a cluster without the snapshot API has no
    // snapshots.
    let (snapshots, needing): (&[&'static ResourceType], &[&'static ResourceType]) =
        match (intent.snapshots_older_than, intent.kept_older_than) {
            (Some(_), _) => (&[&VOLUME_SNAPSHOT], &[]),
            (None, Some(_)) => (&[], &[&VOLUME_SNAPSHOT]),
            (None, None) => (&[], &[]),
        };
    let nodes: &[&'static ResourceType] = if intent.unhealthy { &[&NODE] } else { &[] };
    // Objects of other programs count too: any of them may use a session's objects.
    let uses_count = intent.orphans || intent.kept_older_than.is_some();
    let users = async {
        match uses_count {
            true => ObjectUsers::list_all(cluster, scope).await,
            false => ObjectUsers::list_workloads(cluster, scope, &ours).await,
        }
    };
    let services: &[&ResourceType] = if intent.orphans { &[&SERVICE] } else { &[] };
    let (users, claims, services, snapshots, needing, rest, nodes, contents) = futures::try_join!(
        users,
        list(&PERSISTENT_VOLUME_CLAIM),
        try_join_all(services.iter().map(|kind| list(kind))),
        try_join_all(snapshots.iter().map(|kind| list(kind))),
        list_optional(cluster, needing, scope, &ours),
        list_optional(cluster, rest, scope, &ours),
        list_optional(cluster, nodes, Scope::Cluster, &all),
        observe_contents(cluster, intent, scope),
    )?;
    let sessions = with_setup_hint(cluster.list(&SESSION, scope, &all).await)?;
    let contents_unseen = contents.is_none();
    let names = nodes
        .objects
        .iter()
        .map(|node| Untyped(node).name().to_owned());
    let snapshots_unseen = !needing.forbidden_kinds.is_empty();
    let unseen = users
        .forbidden_kinds
        .iter()
        .map(|kind| kind.plural.as_ref());
    let unseen = unseen.collect();
    let looked_at = intent.unhealthy && nodes.forbidden_kinds.is_empty();
    let mut observed = Observed {
        nodes: looked_at.then(|| names.collect()),
        forbidden_kinds: [
            needing.forbidden_kinds,
            rest.forbidden_kinds,
            nodes.forbidden_kinds,
            unseen,
        ]
        .concat(),
        objects: rest.objects,
        contents: contents.unwrap_or_default(),
        ..Observed::default()
    };
    if contents_unseen {
        observed
            .forbidden_kinds
            .push(VOLUME_SNAPSHOT_CONTENT.plural.as_ref());
    }
    let sessions = sessions.items.into_iter().map(SelectedSession::parse);
    let sessions: Vec<SelectedSession> = sessions.collect::<Result<_>>()?;
    let labelled = |object: &&Value| Untyped(object).label(labels::SESSION).is_some();
    if uses_count || intent.snapshots_older_than.is_some() {
        let living = &mut observed.index;
        sessions
            .iter()
            .for_each(|session| living.add_session(session));
        let snapshots = snapshots.into_iter().flat_map(|list| list.items);
        let snapshots: Vec<Value> = snapshots.collect();
        living.are_snapshots_forbidden = snapshots_unseen;
        for snapshot in snapshots.iter().chain(&needing.objects) {
            living.add_snapshot(snapshot);
        }
        for claim in &claims.items {
            living.session_uses.add_source(claim);
            living.add_claim(claim);
        }
        let objects = &mut observed.objects;
        objects.extend(claims.items.iter().cloned().chain(snapshots));
        objects.extend(services.into_iter().flat_map(|list| list.items));
        objects.extend(users.iter().filter(labelled).cloned());
        let orphans = objects.iter().filter(|_| intent.orphans);
        let orphans = orphans.filter(|object| orphan_reason(object, living).is_some());
        let orphans: Vec<&Value> = orphans.collect();
        observed
            .index
            .record_uses(&orphans, &BTreeSet::new(), &users);
    }
    let ObjectUsers {
        pods,
        workloads: owners,
        ..
    } = users;
    let only = |all: Vec<Value>| -> Vec<Value> {
        let all = all.into_iter();
        all.filter(|object| labelled(&object)).collect()
    };
    observed.sessions = join_objects(sessions, only(pods), only(owners), claims.items)?;
    if intent.unhealthy {
        // Some causes only events tell, such as Pods that an admission policy refuses.
        let by_namespace = observed
            .sessions
            .chunk_by_mut(|one, next| one.namespace() == next.namespace());
        try_join_all(by_namespace.map(|sessions| async move {
            let namespace = sessions.first().map(|first| first.namespace().to_owned());
            cluster
                .add_events(&namespace.unwrap_or_default(), sessions)
                .await
        }))
        .await?;
    }
    Ok(observed)
}

/// Lists VolumeSnapshotContents that outlive their snapshots; `None` if the caller has no permission and has not asked
/// for them.
async fn observe_contents(
    cluster: &Cluster,
    intent: &Intent,
    scope: Scope<'_>,
) -> Result<Option<Vec<RetainedContent>>> {
    if !intent.snapshot_contents && !intent.orphans {
        return Ok(Some(Vec::new()));
    }
    match list_retained(cluster, scope).await {
        Ok(held) => Ok(Some(held)),
        Err(error) if intent.snapshot_contents => Err(clarify_unserved(error)),
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

/// Joins each session with the objects that carry its label.
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
        let key = (session.namespace().to_owned(), session.name().to_owned());
        let live = lives.remove(&key).unwrap_or_default().attribute(session);
        let observed = ObservedSession::new(chosen, Driver::Client)?;
        Ok(observed.with_objects(live, &[Part::Pods, Part::Owners, Part::Claims]))
    });
    observed.collect()
}
