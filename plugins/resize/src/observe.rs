//! Reads the session, its Pods and their nodes, and sends the resize as a server dry run, so that obstacles are found before the
//! first write.

use anyhow::{Context, Result};
use session_shared::api::Session;
use session_shared::client::DryRun;
use session_shared::client::Permissions;
use session_shared::client::Write;
use session_shared::diagnosis::resizing::{Fit, fit};
use session_shared::failure::{self, Kind};
use session_shared::labels::MANAGER;
use session_shared::objects::resource::{POD, text};
use session_shared::ops::Cluster;
use session_shared::ops::starting::{Ahead, Wish};
use session_shared::ops::stopping::Present;
use session_shared::reconcile::{is_start_asked, restart_accesses};
use session_shared::verb::Ground;

use crate::plan::{self, Change, Changes, Intent};
use crate::storage::Growth;
use crate::tell::Obstacle;

/// The session as read from the cluster, and everything planned for it.
pub(crate) struct Found {
    pub(crate) present: Present,
    pub(crate) changes: Changes,
    pub(crate) growth: Growth,
    /// Validated start of a restart; `None` if the session is resized in place.
    pub(crate) ahead: Option<Box<Ahead>>,
    /// Notes for the user, a line each.
    pub(crate) notes: Vec<String>,
    /// Answers of access reviews; requested only if `--restart` is given.
    pub(crate) permissions: Permissions,
}

/// Reads the session and decides between a resize in place and a restart.
///
/// # Errors
/// A session that does not exist or has no running Pod; without `--restart`, the obstacle to a resize in place; refusals of the
/// server.
pub(crate) async fn observe(cluster: &Cluster, intent: &Intent, ground: &Ground) -> Result<Found> {
    let namespace = cluster.namespace();
    let (chosen, driver) = futures::try_join!(
        cluster.chosen(namespace, &intent.which),
        cluster.choose_driver(namespace, None)
    )?;
    let chosen = chosen.into_iter().next().context("no session is named")??;
    let permissions = Permissions::of(cluster);
    let restarts = intent.restart && intent.dry_run == DryRun::None;
    let foreseen = |session: &Session| match restarts {
        true => restart_accesses(session),
        false => Vec::new(),
    };
    let present = Present::with_rights(cluster, &permissions, chosen, driver, foreseen).await?;
    let changes = plan::changes(&present, &intent.size)?;
    let growth = Growth::of(&present, intent.storage)?;
    let mut notes = Vec::from_iter(cut_off(&present));
    growth.check(cluster, intent, &mut notes).await?;
    let obstacle = obstacle(cluster, intent, &changes, &mut notes).await?;
    let ahead = match obstacle {
        None => None,
        Some(obstacle) if !intent.restart => return Err(obstacle.error(present.name())),
        Some(_) => Some(Box::new(ahead(cluster, &present, intent, ground).await?)),
    };
    if let Some(ahead) = &ahead {
        notes.extend(ahead.notes.clone());
    }
    Ok(Found {
        present,
        changes,
        growth,
        ahead,
        notes,
        permissions,
    })
}

/// Returns a note for a session whose start was interrupted: a resize does not finish the start.
fn cut_off(present: &Present) -> Option<String> {
    let (name, namespace) = (present.name(), present.namespace());
    let cut = is_start_asked(&present.session) && !present.driver.is_controller();
    cut.then(|| {
        format!(
            "the last start was interrupted; finish it with: kubectl session start {name} -n {namespace}"
        )
    })
}

/// Prepares the start that gives the session its new size.
///
/// # Errors
/// As the preparation of any start.
pub(crate) async fn ahead(
    cluster: &Cluster,
    present: &Present,
    intent: &Intent,
    ground: &Ground,
) -> Result<Ahead> {
    let mut larger = present.clone();
    let (size, spec) = (&intent.size, &mut larger.session.spec);
    let resources = spec.resources.get_or_insert_default();
    resources.cpu = size.cpu.clone().or(resources.cpu.take());
    resources.memory = size.memory.clone().or(resources.memory.take());
    if let Some(size) = intent.storage {
        let storage = spec.storage.get_or_insert_default();
        storage.size = Some(size.to_string().as_str().into());
    }
    let mut sink = ground.console.progress();
    Ahead::of(cluster, larger, &Wish::default(), ground.now(), &mut sink).await
}

/// Finds the obstacle to a resize in place, if there is one: by the Pods, by the node's free resources, and by a server dry run.
async fn obstacle(
    cluster: &Cluster,
    intent: &Intent,
    changes: &Changes,
    notes: &mut Vec<String>,
) -> Result<Option<Obstacle>> {
    let resized: Vec<&Change> = changes.pods.iter().filter(|pod| pod.changes()).collect();
    if resized.is_empty() {
        return Ok(None);
    }
    if let Some(hurdle) = &changes.hurdle {
        return Ok(Some(Obstacle::of(hurdle.clone())));
    }
    for change in resized {
        match room(cluster, change).await {
            Ok(Fit::Fits) => {}
            Ok(Fit::Later(figures)) => notes.extend(
                figures
                    .into_iter()
                    .map(|figure| format!("{figure}: resize is deferred until the node has room")),
            ),
            Ok(Fit::Never(figures)) => return Ok(Some(Obstacle::small(change, figures))),
            Err(error) if failure::is(&error, Kind::Forbidden) => notes.push(format!(
                "node {:?} not checked: no permission to read it",
                text(&change.object, "/spec/nodeName")
            )),
            Err(error) => return Err(error),
        }
        if intent.dry_run == DryRun::Client {
            continue;
        }
        let rehearsal = Write {
            dry_run: true,
            ..Write::by(MANAGER)
        };
        if let Err(error) = resize(cluster, change, true, &rehearsal).await {
            return Obstacle::refused(error).map(Some);
        }
    }
    Ok(None)
}

/// Returns whether the Pod's node has room for larger requests. Sends no request if they do not become larger.
///
/// # Errors
/// Refusals of the server.
pub(crate) async fn room(cluster: &Cluster, change: &Change) -> Result<Fit> {
    let node = text(&change.object, "/spec/nodeName");
    if !change.grows() || node.is_empty() {
        return Ok(Fit::Fits);
    }
    let Some(load) = cluster.node_load(node).await? else {
        return Ok(Fit::Fits);
    };
    let (before, after) = change.specs();
    let uid = text(&change.object, "/metadata/uid");
    Ok(fit(&load.node, &load.pods, uid, &before, &after))
}

/// Resizes a Pod to its new size, or to its old one if `forth` is false.
///
/// # Errors
/// Refusals of the server.
pub(crate) async fn resize(
    cluster: &Cluster,
    change: &Change,
    forth: bool,
    write: &Write,
) -> Result<serde_json::Value> {
    let resources = if forth { &change.after } else { &change.before };
    let (namespace, name) = (
        text(&change.object, "/metadata/namespace"),
        text(&change.object, "/metadata/name"),
    );
    let (patch, part) = (change.patch(resources), Some("resize"));
    cluster
        .strategic_patch(&POD, namespace, name, part, &patch, write)
        .await
}
