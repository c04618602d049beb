//! Reads everything that a report tells of: what the session's name leads to at once, and what only it and its Pods name in
//! one more round.

use anyhow::Result;
use futures::future::join_all;
use serde_json::Value;
use session_shared::api::Session;
use session_shared::client::NodeUse;
use session_shared::client::Place;
use session_shared::client::Selection;
use session_shared::client::missing;
use session_shared::client::typed;
use session_shared::diagnosis::Cause;
use session_shared::failure::{self, Kind};
use session_shared::labels;
use session_shared::names::parameters_secret;
use session_shared::objects::ResourceType;
use session_shared::objects::resource::{
    CRON_JOB, EVENT, HORIZONTAL_POD_AUTOSCALER, INGRESS, PERSISTENT_VOLUME_CLAIM, POD, SECRET,
    SERVICE, SESSION, SESSION_TEMPLATE, VOLUME_SNAPSHOT, text,
};
use session_shared::objects::schedule::ScheduleName;
use session_shared::ops::Cluster;
use session_shared::ops::live::installed;
use session_shared::ops::live::owner_kinds;

use crate::diagnosis;

/// A part of a report, or why it is not known.
pub(crate) type Part<T> = std::result::Result<T, String>;

/// Objects whose events are asked for one by one; of more, all events of the namespace cost less.
const ASKED_ONE_BY_ONE: usize = 3;
/// Nodes whose use is asked for: a session has one, rarely two.
const NODES: usize = 3;

/// What the cluster has of one session.
#[derive(Clone, Debug)]
pub(crate) struct Observed {
    /// The session, with every field.
    pub(crate) session: Value,
    /// The same as a type.
    pub(crate) typed: Session,
    /// What carries its label; others' may be among it.
    pub(crate) pods: Part<Vec<Value>>,
    /// What Pods can be owned by.
    pub(crate) owners: Part<Vec<Value>>,
    /// Services, Ingresses and HorizontalPodAutoscalers that the last start made.
    pub(crate) network: Vec<Value>,
    pub(crate) claims: Part<Vec<Value>>,
    /// Empty too where the cluster has no snapshots.
    pub(crate) snapshots: Part<Vec<Value>>,
    /// The CronJob that takes snapshots; who may not see CronJobs has none.
    pub(crate) schedule: Option<Value>,
    /// Metadata of the Secret of secret parameters.
    pub(crate) secret: Part<Option<Value>>,
    /// Others' may be among them.
    pub(crate) events: Part<Vec<Value>>,
    /// The template of the last start; `None` if it is gone, or there was none.
    pub(crate) template: Part<Option<Value>>,
    pub(crate) usage: Part<Vec<NodeUse>>,
    /// Causes as they were read, and with all that was found out about them.
    pub(crate) explained: Vec<(Cause, Cause)>,
}

/// Reads it all.
///
/// # Errors
/// NotFound if there is no such session; what the server refuses of the session itself. Of everything else a part that
/// cannot be seen says so in its place.
pub(crate) async fn observe(cluster: &Cluster, name: &str) -> Result<Observed> {
    let namespace = cluster.namespace();
    let select = Selection::labelled(format!("{}={name}", labels::SESSION));
    let list = |kind: &'static ResourceType| {
        let select = &select;
        async move {
            part(
                cluster
                    .list(kind, Place::Namespace(namespace), select)
                    .await,
                kind,
            )
            .map(|list| list.items)
        }
    };
    let secret = parameters_secret(name);
    let (session, pods, claims, snapshots, secret) = futures::join!(
        cluster.get(&SESSION, namespace, name),
        list(&POD),
        list(&PERSISTENT_VOLUME_CLAIM),
        snapshots(cluster, &select),
        cluster.get_metadata(&SECRET, namespace, &secret),
    );
    let Some(session) = installed(session)? else {
        return Err(missing(&SESSION, name));
    };
    let mut observed = Observed {
        typed: typed(session.clone())?,
        session,
        pods,
        owners: Ok(Vec::new()),
        network: Vec::new(),
        claims,
        snapshots,
        schedule: None,
        secret: part(secret, &SECRET),
        events: Ok(Vec::new()),
        template: Ok(None),
        usage: Ok(Vec::new()),
        explained: Vec::new(),
    };
    refresh(cluster, &mut observed).await;
    explain(cluster, &mut observed).await;
    Ok(observed)
}

/// Reads what makes causes finer, where there are causes: the last lines of a log, figures of nodes. Those that have been
/// explained before are not asked about again.
pub(crate) async fn explain(cluster: &Cluster, observed: &mut Observed) {
    let causes = diagnosis::causes(observed);
    observed
        .explained
        .retain(|(before, _)| causes.contains(before));
    let known = |cause: &Cause| observed.explained.iter().any(|(before, _)| before == cause);
    let new: Vec<Cause> = causes.into_iter().filter(|cause| !known(cause)).collect();
    let asked = new
        .iter()
        .map(|cause| cluster.explain_cause(cluster.namespace(), cause.clone()));
    let finer = join_all(asked).await;
    observed.explained.extend(new.into_iter().zip(finer));
}

/// Reads what the session and its Pods name: the second round.
pub(crate) async fn refresh(cluster: &Cluster, observed: &mut Observed) {
    let namespace = cluster.namespace();
    let (owners, network, schedule, events, template, usage) = futures::join!(
        cluster.owners(namespace, &observed.typed),
        network(cluster, observed),
        schedule(cluster, observed),
        events(cluster, observed),
        template(cluster, observed),
        usage(cluster, observed),
    );
    observed.owners = match owner_kinds(&observed.typed).first() {
        Some(kind) => part(owners, kind),
        None => Ok(Vec::new()),
    };
    (observed.network, observed.events) = (network, events);
    observed.schedule = schedule;
    (observed.template, observed.usage) = (template, usage);
}

/// A failure as a text that stands in the place of what was not to be had.
fn part<T>(result: Result<T>, kind: &ResourceType) -> Part<T> {
    result.map_err(|error| {
        if failure::is(&error, Kind::Forbidden) {
            return format!("you may not see {}", kind.qualified());
        }
        match failure::of(&error) {
            Some(failure) => failure.message.clone(),
            None => format!("{error:#}"),
        }
    })
}

/// What takes snapshots by the clock; only the session's own.
async fn schedule(cluster: &Cluster, observed: &Observed) -> Option<Value> {
    let metadata = &observed.typed.metadata;
    let name = ScheduleName::of(&metadata.name.as_deref()?.parse().ok()?);
    let found = cluster.get(&CRON_JOB, cluster.namespace(), name.as_str());
    let found = found.await.ok()??;
    let owners = found.pointer("/metadata/ownerReferences")?.as_array()?;
    let uid = metadata.uid.as_deref()?;
    let own = owners.iter().any(|owner| text(owner, "/uid") == uid);
    own.then_some(found)
}

async fn snapshots(cluster: &Cluster, select: &Selection) -> Part<Vec<Value>> {
    let place = Place::Namespace(cluster.namespace());
    match cluster.list(&VOLUME_SNAPSHOT, place, select).await {
        Err(error) if failure::is(&error, Kind::NoSuchResource) => Ok(Vec::new()),
        other => part(other, &VOLUME_SNAPSHOT).map(|list| list.items),
    }
}

/// What of the objects that the last start made leads to the session. One that is gone or may not be seen is left out: the
/// endpoint in the session's status is shown then.
async fn network(cluster: &Cluster, observed: &Observed) -> Vec<Value> {
    let applied = observed
        .typed
        .status
        .as_ref()
        .and_then(|status| status.applied.as_ref());
    let objects = applied
        .map(|applied| applied.objects.as_slice())
        .unwrap_or_default();
    let kinds = [&SERVICE, &INGRESS, &HORIZONTAL_POD_AUTOSCALER];
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

async fn template(cluster: &Cluster, observed: &Observed) -> Part<Option<Value>> {
    let status = observed.typed.status.as_ref();
    let Some(name) = status.and_then(|status| status.template.as_deref()) else {
        return Ok(None);
    };
    part(
        cluster.get_metadata(&SESSION_TEMPLATE, "", name).await,
        &SESSION_TEMPLATE,
    )
}

/// Events of the session's objects: asked for by UID while they are few. The server finds events by no label, and all events
/// of a class of fifty are many.
async fn events(cluster: &Cluster, observed: &Observed) -> Part<Vec<Value>> {
    let uids = uids(observed);
    let selections: Vec<Selection> = if uids.len() <= ASKED_ONE_BY_ONE && !makes_pods(observed) {
        let of = |uid: &String| Selection::with_fields(format!("involvedObject.uid={uid}"));
        uids.iter().map(of).collect()
    } else {
        vec![Selection::default()]
    };
    let place = Place::Namespace(cluster.namespace());
    let reads = selections
        .iter()
        .map(|select| cluster.list(&EVENT, place, select));
    let mut found = Vec::new();
    for answer in join_all(reads).await {
        found.extend(part(answer, &EVENT)?.items);
    }
    Ok(found)
}

/// True if Pods are made by others, whose events count and whose UIDs are not known yet.
fn makes_pods(observed: &Observed) -> bool {
    !owner_kinds(&observed.typed).is_empty()
}

/// UIDs of the session, its Pods and its claims.
fn uids(observed: &Observed) -> Vec<String> {
    let parts = [&observed.pods, &observed.claims];
    let lists = parts.into_iter().flatten().flatten();
    let all = std::iter::once(&observed.session).chain(lists);
    all.map(|object| text(object, "/metadata/uid").to_owned())
        .filter(|uid| !uid.is_empty())
        .collect()
}

/// Use of the Pods that run. Only an admin sees it, so a missing right is the rule.
async fn usage(cluster: &Cluster, observed: &Observed) -> Part<Vec<NodeUse>> {
    let mut nodes: Vec<&str> = Vec::new();
    for pod in observed.pods.iter().flatten() {
        let node = text(pod, "/spec/nodeName");
        if text(pod, "/status/phase") == "Running" && !node.is_empty() && !nodes.contains(&node) {
            nodes.push(node);
        }
    }
    let reads = nodes
        .into_iter()
        .take(NODES)
        .map(|node| cluster.node_use(node));
    let answers: Result<Vec<NodeUse>> = join_all(reads).await.into_iter().collect();
    answers.map_err(|error| match failure::is(&error, Kind::Forbidden) {
        true => "you may not see the use of nodes".to_owned(),
        false => failure::of(&error)
            .map_or_else(|| format!("{error:#}"), |failure| failure.message.clone()),
    })
}
