//! Reads everything that a report needs, in two rounds of concurrent requests: first the session and the objects with its label,
//! then the objects that the session and its Pods refer to.

use anyhow::Result;
use futures::future::join_all;
use serde_json::Value;
use session_shared::client::NodeUsage;
use session_shared::diagnosis::Cause;
use session_shared::failure::{self, FailureKind};
use session_shared::objects::cron_schedule::CronSchedule;
use session_shared::objects::resource::{
    CRON_JOB, EVENT, HORIZONTAL_POD_AUTOSCALER, INGRESS, NETWORK_POLICY, POD_DISRUPTION_BUDGET,
    SERVICE, SESSION_TEMPLATE,
};
use session_shared::ops::observed_session::Part;
use session_shared::ops::read_schedule::{read_schedule, read_stop_start_schedules};
use session_shared::ops::session_events::event_notes;
use session_shared::ops::session_parts::unreadable_reason;
use session_shared::ops::{Cluster, ObservedSession};

/// A part of the observed state, or the reason why it could not be read.
pub(crate) type PartResult<T> = std::result::Result<T, String>;

/// Maximum number of nodes whose usage is read. A session has one, rarely two.
const MAX_USAGE_NODES: usize = 3;

/// The parts of the session that its name alone selects.
const FIRST_ROUND: [Part; 4] = [
    Part::Pods,
    Part::Claims,
    Part::ParametersSecret,
    Part::Snapshots,
];

/// One session with everything that a report shows of it.
#[derive(Clone, Debug)]
pub(crate) struct Observed {
    /// The session with its Pods, their owners and its data.
    pub(crate) session: ObservedSession,
    /// Events, possibly of other objects too, with the fields that the diagnosis does not read.
    pub(crate) events: PartResult<Vec<Value>>,
    /// The objects that the session and its Pods refer to.
    pub(crate) references: References,
    /// Causes as first diagnosed, each with its explained form.
    pub(crate) explained_causes: Vec<(Cause, Cause)>,
}

/// Objects that a session and its Pods refer to, and that no other verb reads.
#[derive(Clone, Debug)]
pub(crate) struct References {
    /// Services, Ingresses and HorizontalPodAutoscalers that the last start created.
    pub(crate) network: Vec<Value>,
    /// Reason why some of these could not be read.
    pub(crate) unread_network: Option<String>,
    /// CronJob that takes snapshots; `None` without one or without permission to read it.
    pub(crate) schedule: PartResult<Option<CronSchedule>>,
    /// CronJobs that stop and start the session; none without permission to list them.
    pub(crate) stop_start: PartResult<Vec<CronSchedule>>,
    /// Template of the last start; `None` if it was deleted, or for a session with a manifest.
    pub(crate) template: PartResult<Option<Value>>,
    /// Usage of the nodes that run the session's Pods.
    pub(crate) usage: PartResult<Vec<NodeUsage>>,
}

/// Reads the session and everything that a report shows of it.
///
/// # Errors
/// NotFound if the session does not exist, and any failure to read the session itself. A failure to read another part is stored in
/// that part.
pub(crate) async fn observe(cluster: &Cluster, name: &str) -> Result<Observed> {
    let session = cluster.observe_readable_parts(cluster.namespace(), name, &FIRST_ROUND);
    let session = session.await?;
    let (events, (session, references)) = futures::join!(
        cluster.list_events_of(&session),
        read_second_round(cluster, &session)
    );
    let mut observed = Observed {
        session,
        events: events.map_err(|error| unreadable_reason(&error, &EVENT.qualified())),
        references,
        explained_causes: Vec::new(),
    };
    observed.update_event_notes();
    Ok(observed)
}

/// Reads the owners of the session's Pods, and the objects that the session and its Pods refer to.
pub(crate) async fn read_second_round(
    cluster: &Cluster,
    session: &ObservedSession,
) -> (ObservedSession, References) {
    let mut with_owners = session.clone();
    let ((network, unread_network), schedule, stop_start, template, usage, ()) = futures::join!(
        read_network(cluster, session),
        read_own_schedule(cluster, session),
        read_stop_start_schedules(cluster, &session.session),
        read_template(cluster, session),
        read_usage(cluster, session),
        with_owners.reload_owners(cluster),
    );
    let references = References {
        network,
        unread_network,
        schedule,
        stop_start: stop_start.map_err(|error| unreadable_reason(&error, &CRON_JOB.qualified())),
        template,
        usage,
    };
    (with_owners, references)
}

impl Observed {
    /// Gives the events to the diagnosis, after they have been read or have changed.
    pub(crate) fn update_event_notes(&mut self) {
        let notes = event_notes(self.events.as_deref().unwrap_or_default());
        self.session.set_events(notes);
    }
}

/// Reads the session's snapshot schedule. `None` for one that the session does not own.
async fn read_own_schedule(
    cluster: &Cluster,
    session: &ObservedSession,
) -> PartResult<Option<CronSchedule>> {
    let uid = session.session.metadata.uid.as_deref();
    let (Ok(name), Some(uid)) = (session.name().parse(), uid) else {
        return Ok(None);
    };
    let schedule = read_schedule(cluster, &name, Some(uid)).await;
    schedule.map_err(|error| unreadable_reason(&error, &CRON_JOB.qualified()))
}

/// Reads the Services, Ingresses, autoscalers, disruption budgets and policies that the last start created. Objects that are gone or
/// may not be read are left out; the report then shows the endpoint in the session's status. Also returns another reason why one could
/// not be read.
async fn read_network(
    cluster: &Cluster,
    session: &ObservedSession,
) -> (Vec<Value>, Option<String>) {
    let applied = session.session.applied().into_iter();
    let kinds = [
        &SERVICE,
        &INGRESS,
        &HORIZONTAL_POD_AUTOSCALER,
        &POD_DISRUPTION_BUDGET,
        &NETWORK_POLICY,
    ];
    let reads = applied
        .flat_map(|applied| &applied.objects)
        .filter_map(|object| {
            let kind = kinds.into_iter().find(|kind| kind.kind == object.kind)?;
            let read = cluster.get(kind, cluster.namespace(), &object.name);
            Some(async move { (kind, read.await) })
        });
    let (mut found, mut reason) = (Vec::new(), None);
    for (kind, answer) in join_all(reads).await {
        match answer {
            Ok(object) => found.extend(object),
            Err(error) if failure::has_kind(&error, FailureKind::Forbidden) => {}
            Err(error) => reason = Some(unreadable_reason(&error, &kind.qualified())),
        }
    }
    (found, reason)
}

async fn read_template(cluster: &Cluster, session: &ObservedSession) -> PartResult<Option<Value>> {
    let status = session.session.status.as_ref();
    let Some(name) = status.and_then(|status| status.template.as_deref()) else {
        return Ok(None);
    };
    let template = cluster.get_metadata(&SESSION_TEMPLATE, "", name).await;
    template.map_err(|error| unreadable_reason(&error, &SESSION_TEMPLATE.qualified()))
}

/// Reads the usage of running Pods from their nodes. Usually only admins have permission, so Forbidden is the normal case.
async fn read_usage(cluster: &Cluster, session: &ObservedSession) -> PartResult<Vec<NodeUsage>> {
    let mut nodes: Vec<&str> = Vec::new();
    for pod in &session.live.pods {
        let status = pod.status.as_ref();
        let phase = status.and_then(|status| status.phase.as_deref());
        let node = pod
            .spec
            .as_ref()
            .and_then(|spec| spec.node_name.as_deref())
            .filter(|node| !node.is_empty() && phase == Some("Running"));
        if let Some(node) = node.filter(|node| !nodes.contains(node)) {
            nodes.push(node);
        }
    }
    let reads = nodes
        .into_iter()
        .take(MAX_USAGE_NODES)
        .map(|node| cluster.get_node_usage(node));
    let answers: Result<Vec<NodeUsage>> = join_all(reads).await.into_iter().collect();
    answers.map_err(|error| unreadable_reason(&error, "the usage of nodes"))
}
