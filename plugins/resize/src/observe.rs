//! Reads the session, its Pods and their nodes, and sends the resize as a server dry run, so that refusals are found before the
//! first write.

use anyhow::Result;
use serde_json::{Map, Value, json};
use session_shared::api::Session;
use session_shared::client::{AccessReviews, DryRun, WriteOptions};
use session_shared::diagnosis::pod_resize::{self, NodeFit, ResizeState};
use session_shared::failure::{self, FailureKind};
use session_shared::labels::MANAGER;
use session_shared::objects::Untyped;
use session_shared::objects::resource::POD;
use session_shared::ops::selected_sessions::SelectedSession;
use session_shared::ops::start_plan::{StartOptions, StartPlan};
use session_shared::ops::{Cluster, Driver, ObservedSession};
use session_shared::progress::ProgressSink;
use session_shared::reconcile::{is_start_requested, restart_accesses};
use session_shared::session_batch::SessionBatch;
use session_shared::verb::Environment;
use session_shared::{Pod, Timestamp};

use crate::claim_expansion::ClaimExpansion;
use crate::in_place_errors::{Obstacle, node_name};
use crate::intent::Intent;
use crate::plan::{self, ResizePlan, ResourceChange};

/// The session as read from the cluster, and everything planned for it.
pub(crate) struct Observed {
    pub(crate) session: ObservedSession,
    pub(crate) resize_plan: ResizePlan,
    pub(crate) claim_expansion: ClaimExpansion,
    /// Validated start of a restart; `None` if the session is resized in place.
    pub(crate) start_plan: Option<Box<StartPlan>>,
    /// Notes for the user, a line each.
    pub(crate) notes: Vec<String>,
}

impl Observed {
    /// Returns true if a Pod, claim or Session has another size than wanted.
    pub(crate) fn has_changes(&self) -> bool {
        self.resize_plan.has_changes() || self.claim_expansion.has_changes()
    }

    /// Returns true if nothing is written.
    pub(crate) fn is_idle(&self) -> bool {
        !self.has_changes() && self.start_plan.is_none()
    }
}

/// Reads the sessions and decides for each between a resize in place and a restart.
///
/// # Errors
/// Refusals of the server. An error of one session does not fail the call: it is an item of the result.
pub(crate) async fn observe_sessions(
    cluster: &Cluster,
    permissions: &AccessReviews,
    intent: &Intent,
    environment: &Environment,
) -> Result<SessionBatch<Observed>> {
    let (sessions, driver) = SessionBatch::select(cluster, &intent.selection).await?;
    let observe = async |selected: SelectedSession| {
        let observed = read_session(cluster, permissions, intent, selected, driver).await?;
        observe_session(cluster, intent, observed, environment).await
    };
    Ok(sessions.map(observe).await)
}

async fn read_session(
    cluster: &Cluster,
    permissions: &AccessReviews,
    intent: &Intent,
    selected: SelectedSession,
    driver: Driver,
) -> Result<ObservedSession> {
    let restarts = intent.restart && intent.mutation.dry_run == DryRun::None;
    let accesses = |session: &Session| match restarts {
        true => restart_accesses(session),
        false => Vec::new(),
    };
    ObservedSession::read_with_access_reviews(cluster, permissions, selected, driver, accesses)
        .await
}

/// Decides between a resize in place and a restart.
///
/// # Errors
/// A session that has no running Pod; without `--restart`, the obstacle to a resize in place; refusals of the server.
async fn observe_session(
    cluster: &Cluster,
    intent: &Intent,
    observed: ObservedSession,
    environment: &Environment,
) -> Result<Observed> {
    let resize_plan = plan::plan_resize(&observed, &intent.size)?;
    let claim_expansion = ClaimExpansion::plan(&observed, intent.storage)?;
    let mut notes = Vec::from_iter(interrupted_start_note(&observed));
    claim_expansion.check(cluster, intent, &mut notes).await?;
    let (obstacle, ()) = futures::try_join!(
        find_obstacle(cluster, intent, &resize_plan, &mut notes),
        check_session_patch(cluster, intent, &observed, &resize_plan, &claim_expansion)
    )?;
    let start_plan = match obstacle {
        None => None,
        Some(obstacle) if !intent.restart => return Err(obstacle.into_error(observed.name())),
        Some(_) => {
            let (now, mut sink) = (environment.now(), environment.console.progress());
            let start_plan = prepare_start(cluster, &observed, intent, now, &mut sink);
            Some(Box::new(start_plan.await?))
        }
    };
    if let Some(start_plan) = &start_plan {
        notes.extend(start_plan.notes.clone());
    }
    Ok(Observed {
        session: observed,
        resize_plan,
        claim_expansion,
        start_plan,
        notes,
    })
}

/// Lets the server judge the Session's patch if claims or Pods are changed before it: a refusal would leave the session half resized.
async fn check_session_patch(
    cluster: &Cluster,
    intent: &Intent,
    observed: &ObservedSession,
    resize_plan: &ResizePlan,
    claim_expansion: &ClaimExpansion,
) -> Result<()> {
    let changes_pods = resize_plan.changes_pods() && resize_plan.in_place_obstacle.is_none();
    if !changes_pods && claim_expansion.claims.is_empty() {
        return Ok(());
    }
    let patches = [&resize_plan.session_patch, &claim_expansion.session_patch];
    let specs = patches.into_iter().flatten();
    let specs = specs.filter_map(|patch| patch.get("spec")?.as_object());
    let spec: Map<String, Value> = specs.flat_map(Map::clone).collect();
    // A restart patches the Session in any case.
    if spec.is_empty() && !intent.restart {
        return Ok(());
    }
    let (session, write) = (&observed.session, &intent.mutation.write);
    let patch = json!({ "spec": spec });
    cluster.check_session_patch(session, patch, write).await
}

/// Returns a note for a session whose start was interrupted: a resize does not finish the start.
fn interrupted_start_note(observed: &ObservedSession) -> Option<String> {
    let (name, namespace) = (observed.name(), observed.namespace());
    let interrupted = is_start_requested(&observed.session) && !observed.driver.is_controller();
    interrupted.then(|| {
        format!(
            "the last start was interrupted; finish it with: kubectl session start {name} -n {namespace}"
        )
    })
}

/// Prepares the start that gives the session its new size.
///
/// # Errors
/// As the preparation of any start.
pub(crate) async fn prepare_start(
    cluster: &Cluster,
    observed: &ObservedSession,
    intent: &Intent,
    now: Timestamp,
    sink: &mut dyn ProgressSink,
) -> Result<StartPlan> {
    let mut larger = observed.clone();
    let (size, spec) = (&intent.size, &mut larger.session.spec);
    let resources = spec.resources.get_or_insert_default();
    resources.cpu = size.cpu.clone().or(resources.cpu.take());
    resources.memory = size.memory.clone().or(resources.memory.take());
    if let Some(size) = intent.storage {
        let storage = spec.storage.get_or_insert_default();
        storage.size = Some(size.to_string().as_str().into());
    }
    StartPlan::prepare(cluster, larger, &StartOptions::default(), now, sink).await
}

/// Finds the obstacle to a resize in place, if there is one: by the Pods, by the node's free resources, and by a server dry run.
async fn find_obstacle(
    cluster: &Cluster,
    intent: &Intent,
    changes: &ResizePlan,
    notes: &mut Vec<String>,
) -> Result<Option<Obstacle>> {
    let resized: Vec<&ResourceChange> = changes.pods.iter().filter(|pod| pod.is_needed()).collect();
    if resized.is_empty() {
        // The size is asked for already, and the kubelet waits for room that a restart finds on another node.
        let deferred = changes.pods.iter().find_map(deferred_resize);
        return Ok(deferred.map(Obstacle::new).filter(|_| intent.restart));
    }
    if let Some(obstacle) = &changes.in_place_obstacle {
        return Ok(Some(Obstacle::new(obstacle.clone())));
    }
    for change in resized {
        match check_node_fit(cluster, change).await {
            Ok(NodeFit::Fits) => {}
            Ok(NodeFit::NodeFull(figures)) => notes.extend(
                figures
                    .into_iter()
                    .map(|figure| format!("{figure}: resize is deferred until the node has room")),
            ),
            Ok(NodeFit::NodeTooSmall(figures)) => {
                return Ok(Some(Obstacle::node_too_small(change, figures)));
            }
            Err(error) if failure::has_kind(&error, FailureKind::Forbidden) => notes.push(format!(
                "node {:?} not checked: no permission to read it",
                node_name(&change.object)
            )),
            Err(error) => return Err(error),
        }
        if intent.mutation.dry_run == DryRun::Client {
            continue;
        }
        let rehearsal = WriteOptions::by(MANAGER).as_dry_run();
        if let Err(error) = resize_pod(cluster, change, true, &rehearsal).await {
            return Obstacle::from_refusal(error).map(Some);
        }
    }
    Ok(None)
}

/// Returns the kubelet's message for a Pod whose resize it has put off; `None` for any other Pod.
fn deferred_resize(change: &ResourceChange) -> Option<String> {
    let pod: Pod = Untyped(&change.object).read()?;
    match pod_resize::pod_resize_state(&pod, &change.container) {
        ResizeState::Deferred(message) => Some(message),
        _ => None,
    }
}

/// Returns whether the Pod's node has room for larger requests. Sends no request if they do not become larger.
///
/// # Errors
/// Refusals of the server.
pub(crate) async fn check_node_fit(cluster: &Cluster, change: &ResourceChange) -> Result<NodeFit> {
    let pod = Untyped(&change.object);
    let (Some(node), Some(uid)) = (pod.str_at("/spec/nodeName"), pod.uid()) else {
        return Ok(NodeFit::Fits);
    };
    if !change.raises_requests() {
        return Ok(NodeFit::Fits);
    }
    let load = cluster.get_node_load(node).await?;
    let Some(load) = &*load else {
        return Ok(NodeFit::Fits);
    };
    let (before, after) = change.pod_specs();
    Ok(pod_resize::check_node_fit(
        &load.node, &load.pods, uid, &before, &after,
    ))
}

/// Resizes a Pod to its new size, or to its old one if `forth` is false.
///
/// # Errors
/// Refusals of the server.
pub(crate) async fn resize_pod(
    cluster: &Cluster,
    change: &ResourceChange,
    forth: bool,
    write: &WriteOptions,
) -> Result<serde_json::Value> {
    let resources = if forth { &change.after } else { &change.before };
    let (namespace, name) = (
        Untyped(&change.object).home_namespace(),
        Untyped(&change.object).name(),
    );
    let (patch, part) = (change.patch(resources), Some("resize"));
    cluster
        .strategic_patch(&POD, namespace, name, part, &patch, write)
        .await
}
