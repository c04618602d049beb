//! Reads everything that a report needs, in two rounds of concurrent requests: first the session and the objects with its label,
//! then the objects that the session and its Pods refer to.

use anyhow::Result;
use futures::future::join_all;
use serde_json::Value;
use session_shared::api::Session;
use session_shared::client::{ListOptions, NodeUsage, Scope, not_found_error, parse_object};
use session_shared::diagnosis::Cause;
use session_shared::failure::{self, FailureKind};
use session_shared::names::parameters_secret_name;
use session_shared::objects::ResourceType;
use session_shared::objects::Untyped;
use session_shared::objects::resource::{
    EVENT, HORIZONTAL_POD_AUTOSCALER, INGRESS, NETWORK_POLICY, PERSISTENT_VOLUME_CLAIM, POD,
    POD_DISRUPTION_BUDGET, SECRET, SERVICE, SESSION, SESSION_TEMPLATE, VOLUME_SNAPSHOT,
};
use session_shared::objects::snapshot_schedule::SnapshotSchedule;
use session_shared::ops::Cluster;
use session_shared::ops::read_schedule::read_schedule;
use session_shared::ops::session_events::event_notes;
use session_shared::ops::session_objects::owner_kinds;
use session_shared::ops::session_objects::session_selector;
use session_shared::ops::session_objects::with_setup_hint;
use session_shared::reconcile::LiveObjects;

/// A part of the observed state, or the reason why it could not be read.
pub(crate) type PartResult<T> = std::result::Result<T, String>;

/// Maximum number of nodes whose usage is read. A session has one, rarely two.
const MAX_USAGE_NODES: usize = 3;

/// The observed state of one session.
#[derive(Clone, Debug)]
pub(crate) struct Observed {
    /// Session with every field, including unknown ones.
    pub(crate) session: Value,
    /// Session as a typed object.
    pub(crate) typed_session: Session,
    /// Pods with the session's label; may include Pods of other owners.
    pub(crate) pods: PartResult<Vec<Value>>,
    /// Possible owners of the Pods.
    pub(crate) owners: PartResult<Vec<Value>>,
    /// Services, Ingresses and HorizontalPodAutoscalers that the last start created.
    pub(crate) network: Vec<Value>,
    /// PersistentVolumeClaims with the session's label.
    pub(crate) claims: PartResult<Vec<Value>>,
    /// VolumeSnapshots with the session's label; empty where the cluster does not serve them.
    pub(crate) snapshots: PartResult<Vec<Value>>,
    /// CronJob that takes snapshots; `None` without one or without permission to read it.
    pub(crate) schedule: Option<SnapshotSchedule>,
    /// Metadata of the Secret of secret parameters.
    pub(crate) secret: PartResult<Option<Value>>,
    /// Events, possibly of other objects too.
    pub(crate) events: PartResult<Vec<Value>>,
    /// Template of the last start; `None` if it was deleted, or for a session with a manifest.
    pub(crate) template: PartResult<Option<Value>>,
    /// Usage of the nodes that run the session's Pods.
    pub(crate) usage: PartResult<Vec<NodeUsage>>,
    /// Causes as first diagnosed, each with its explained form.
    pub(crate) explained_causes: Vec<(Cause, Cause)>,
}

/// Returns the live objects for the reconciler. Parts that could not be read count as empty, and Pods that do not parse are
/// ignored.
pub(crate) fn live_objects(observed: &Observed) -> LiveObjects {
    let pods = observed.pods.iter().flatten();
    let claims = observed.claims.iter().flatten();
    let secret = observed.secret.iter().flatten();
    let live = LiveObjects {
        pods: pods
            .filter_map(|pod| parse_object(pod.clone()).ok())
            .collect(),
        owners: observed.owners.clone().unwrap_or_default(),
        events: event_notes(observed.events.as_deref().unwrap_or_default()),
        data: claims.chain(secret).cloned().collect(),
        ..LiveObjects::default()
    };
    live.attribute(&observed.typed_session)
}

/// Reads the session and everything that a report shows of it.
///
/// # Errors
/// NotFound if the session does not exist, and any failure to read the session itself. A failure to read another part is stored in
/// that part.
pub(crate) async fn observe(cluster: &Cluster, name: &str) -> Result<Observed> {
    let namespace = cluster.namespace();
    let select = session_selector(name);
    let list = |kind: &'static ResourceType| {
        let select = &select;
        async move {
            part_result(
                cluster
                    .list(kind, Scope::Namespace(namespace), select)
                    .await,
                kind,
            )
            .map(|list| list.items)
        }
    };
    let secret = parameters_secret_name(name);
    let (session, pods, claims, snapshots, secret) = futures::join!(
        cluster.get(&SESSION, namespace, name),
        list(&POD),
        list(&PERSISTENT_VOLUME_CLAIM),
        read_snapshots(cluster, &select),
        cluster.get_metadata(&SECRET, namespace, &secret),
    );
    let Some(session) = with_setup_hint(session)? else {
        return Err(not_found_error(&SESSION, name));
    };
    let mut observed = Observed {
        typed_session: parse_object(session.clone())?,
        session,
        pods,
        owners: Ok(Vec::new()),
        network: Vec::new(),
        claims,
        snapshots,
        schedule: None,
        secret: part_result(secret, &SECRET),
        events: Ok(Vec::new()),
        template: Ok(None),
        usage: Ok(Vec::new()),
        explained_causes: Vec::new(),
    };
    read_second_round(cluster, &mut observed).await;
    Ok(observed)
}

/// Reads the objects that the session and its Pods refer to: the second round of requests.
pub(crate) async fn read_second_round(cluster: &Cluster, observed: &mut Observed) {
    let namespace = cluster.namespace();
    let (owners, network, schedule, events, template, usage) = futures::join!(
        cluster.list_owners(namespace, &observed.typed_session),
        read_network(cluster, observed),
        read_own_schedule(cluster, observed),
        read_events(cluster, observed),
        read_template(cluster, observed),
        read_usage(cluster, observed),
    );
    observed.owners = match owner_kinds(&observed.typed_session).first() {
        Some(kind) => part_result(owners, kind),
        None => Ok(Vec::new()),
    };
    (observed.network, observed.events) = (network, events);
    observed.schedule = schedule;
    (observed.template, observed.usage) = (template, usage);
}

/// Turns a failure into the text that the report shows in place of the part.
fn part_result<T>(result: Result<T>, kind: &ResourceType) -> PartResult<T> {
    result.map_err(|error| {
        if failure::has_kind(&error, FailureKind::Forbidden) {
            return format!("no permission to read {}", kind.qualified());
        }
        match failure::find_failure(&error) {
            Some(failure) => failure.message.clone(),
            None => format!("{error:#}"),
        }
    })
}

/// Reads the session's snapshot schedule. `None` for one that the session does not own.
async fn read_own_schedule(cluster: &Cluster, observed: &Observed) -> Option<SnapshotSchedule> {
    let metadata = &observed.typed_session.metadata;
    let name = metadata.name.as_deref()?.parse().ok()?;
    read_schedule(cluster, &name, Some(metadata.uid.as_deref()?)).await
}

async fn read_snapshots(cluster: &Cluster, select: &ListOptions) -> PartResult<Vec<Value>> {
    let scope = Scope::Namespace(cluster.namespace());
    match cluster.list(&VOLUME_SNAPSHOT, scope, select).await {
        Err(error) if failure::has_kind(&error, FailureKind::ResourceTypeNotFound) => {
            Ok(Vec::new())
        }
        other => part_result(other, &VOLUME_SNAPSHOT).map(|list| list.items),
    }
}

/// Reads the Services, Ingresses, autoscalers, disruption budgets and policies that the last start created. Objects that are gone or cannot be read are left out;
/// the report then shows the endpoint in the session's status.
async fn read_network(cluster: &Cluster, observed: &Observed) -> Vec<Value> {
    let applied = observed.typed_session.applied();
    let objects = applied
        .map(|applied| applied.objects.as_slice())
        .unwrap_or_default();
    let kinds = [
        &SERVICE,
        &INGRESS,
        &HORIZONTAL_POD_AUTOSCALER,
        &POD_DISRUPTION_BUDGET,
        &NETWORK_POLICY,
    ];
    let reads = objects.iter().filter_map(|object| {
        let kind = kinds.into_iter().find(|kind| kind.kind == object.kind)?;
        Some(cluster.get(kind, cluster.namespace(), &object.name))
    });
    let found = join_all(reads).await;
    found
        .into_iter()
        .filter_map(|answer| answer.ok().flatten())
        .collect()
}

async fn read_template(cluster: &Cluster, observed: &Observed) -> PartResult<Option<Value>> {
    let status = observed.typed_session.status.as_ref();
    let Some(name) = status.and_then(|status| status.template.as_deref()) else {
        return Ok(None);
    };
    part_result(
        cluster.get_metadata(&SESSION_TEMPLATE, "", name).await,
        &SESSION_TEMPLATE,
    )
}

/// Reads the events of the session's objects.
async fn read_events(cluster: &Cluster, observed: &Observed) -> PartResult<Vec<Value>> {
    let uids = object_uids(observed);
    let all = has_pod_controllers(observed);
    let events = cluster.list_session_events(cluster.namespace(), &uids, all);
    part_result(events.await, &EVENT)
}

/// Returns true if controllers create the Pods. Their events count, and their UIDs are not known yet.
fn has_pod_controllers(observed: &Observed) -> bool {
    !owner_kinds(&observed.typed_session).is_empty()
}

/// Returns the UIDs of the session, its Pods and its claims.
fn object_uids(observed: &Observed) -> Vec<String> {
    let parts = [&observed.pods, &observed.claims];
    let lists = parts.into_iter().flatten().flatten();
    let all = std::iter::once(&observed.session).chain(lists);
    all.filter_map(|object| Untyped(object).uid().map(str::to_owned))
        .collect()
}

/// Reads the usage of running Pods from their nodes. Usually only admins have permission, so Forbidden is the normal case.
async fn read_usage(cluster: &Cluster, observed: &Observed) -> PartResult<Vec<NodeUsage>> {
    let mut nodes: Vec<&str> = Vec::new();
    for pod in observed.pods.iter().flatten() {
        if Untyped(pod).str_at("/status/phase") == Some("Running")
            && let Some(node) = Untyped(pod).str_at("/spec/nodeName")
            && !nodes.contains(&node)
        {
            nodes.push(node);
        }
    }
    let reads = nodes
        .into_iter()
        .take(MAX_USAGE_NODES)
        .map(|node| cluster.get_node_usage(node));
    let answers: Result<Vec<NodeUsage>> = join_all(reads).await.into_iter().collect();
    answers.map_err(
        |error| match failure::has_kind(&error, FailureKind::Forbidden) {
            true => "no permission to read the usage of nodes".to_owned(),
            false => failure::find_failure(&error)
                .map_or_else(|| format!("{error:#}"), |failure| failure.message.clone()),
        },
    )
}
