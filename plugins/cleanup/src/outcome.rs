//! Carries a plan out, and tells what became of it.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use futures::StreamExt;
use serde_json::Value;
use session_shared::cluster::chosen::{AT_ONCE, Chosen};
use session_shared::cluster::interrupt::interrupted;
use session_shared::cluster::live::installed;
use session_shared::cluster::{Cluster, Delete, Deleted, Place, Selection, Write};
use session_shared::failure::{self, Kind};
use session_shared::labels;
use session_shared::lifecycle::deleting::{Doomed, snapshots_of};
use session_shared::lifecycle::stopping::{Present, Stopping};
use session_shared::objects::belonging::is_data;
use session_shared::objects::resource::{
    NODE, PERSISTENT_VOLUME_CLAIM, POD, SESSION, VOLUME_SNAPSHOT_CONTENT, label, text,
};
use session_shared::progress::{Event, Silent, Sink, Stage};
use session_shared::reconcile::{Live, kept_since};
use session_shared::report::console::Console;
use session_shared::report::format::Format;
use session_shared::report::mutation::Mutations;
use session_shared::verb::Ground;

use crate::intent::Intent;
use crate::observe::Observed;
use crate::orphans::Living;
use crate::plan::{Deed, Item, remains};
use crate::purge;
use crate::sessions::judge;
use crate::view;

/// What became of one item.
#[derive(Debug)]
pub(crate) enum Done {
    /// Stopped: the Session as it is then.
    Stopped(Value),
    /// Deleted.
    Deleted {
        /// Claims that stay.
        kept: Vec<String>,
        /// The snapshot of those that went.
        saved: Option<String>,
    },
    /// An object was deleted.
    Removed,
    /// It has our labels now: the object as it is then.
    Labelled(Value),
    /// It was written down since when data is kept: as it is then.
    Dated(Value),
    /// It is not any more what the plan was made for: gone, or it has got more time.
    Left,
}

/// Carries everything out, some at a time; one that fails stops no other.
///
/// # Errors
/// Interrupted, before anything is done.
pub(crate) async fn carry_out(
    cluster: &Cluster,
    intent: &Intent,
    observed: &Observed,
    items: &[Item],
    write: &Write,
    ground: &mut Ground,
) -> Result<Vec<Result<Done>>> {
    // Ctrl-C ends the waiting, not the process: what was begun and what is left is still to be told.
    let _guard = ground.interrupt.guard()?;
    let (interrupt, now) = (ground.interrupt.clone(), ground.now());
    let with = Stopping {
        write,
        interrupt: &interrupt,
        now,
    };
    let mut sink = ground.console.progress();
    sink.tell(Event::Waiting {
        stage: Stage::Terminating,
        object: format!("{} objects", items.len()),
        detail: String::new(),
    });
    let controllers = controllers(cluster, items).await;
    let controllers = &controllers;
    let holders = purge::holders(cluster, items).await;
    let holders = &holders;
    // What is not begun when Ctrl-C comes is left to the next time.
    let begun = items.iter().take_while(|_| !interrupt.is_set());
    let all = futures::stream::iter(begun).map(|item| async move {
        let controller = match controllers.get(item.namespace.as_str()) {
            Some(Ok(alive)) => *alive,
            Some(Err(text)) => return Err(anyhow::anyhow!("{text}")),
            None => false,
        };
        match item.deed {
            _ if *item.resource == VOLUME_SNAPSHOT_CONTENT => {
                purge::carry_out(cluster, intent, item, holders, write).await
            }
            Deed::Stop | Deed::Delete => {
                end(cluster, intent, observed, item, controller, with).await
            }
            _ => remove(cluster, intent, item, with).await,
        }
    });
    let done = all.buffered(AT_ONCE).collect().await;
    sink.tell(Event::Done);
    Ok(done)
}

/// Whether a controller looks after each Namespace; why that is not known, as text, where it is not.
async fn controllers<'i>(
    cluster: &Cluster,
    items: &'i [Item],
) -> BTreeMap<&'i str, Result<bool, String>> {
    let ends = |item: &&Item| matches!(item.deed, Deed::Stop | Deed::Delete);
    let sessions = items.iter().filter(ends);
    let mut namespaces: Vec<&str> = sessions.map(|item| item.namespace.as_str()).collect();
    namespaces.sort_unstable();
    namespaces.dedup();
    let asked = futures::stream::iter(namespaces).map(|namespace| async move {
        let alive = cluster.controller_alive(namespace).await;
        (namespace, alive.map_err(|error| format!("{error:#}")))
    });
    asked.buffered(AT_ONCE).collect().await
}

async fn end(
    cluster: &Cluster,
    intent: &Intent,
    observed: &Observed,
    item: &Item,
    controller: bool,
    with: Stopping<'_>,
) -> Result<Done> {
    let found = installed(cluster.get(&SESSION, &item.namespace, &item.name).await)?;
    let Some(object) = found.filter(|object| text(object, "/metadata/uid") == item.uid) else {
        return Ok(Done::Left);
    };
    let chosen = Chosen::of(object)?;
    let live = cluster.live(&item.namespace, &chosen.session).await?;
    let nodes = nodes(cluster, observed, &live).await?;
    let still = judge(intent, &chosen, &live, nodes.as_ref(), with.now)?;
    // Somebody may lose more than was agreed to: what has changed since the plan waits for the next one.
    if still.is_none_or(|still| still.deed != item.deed || still.data != item.data) {
        return Ok(Done::Left);
    }
    let manner = &intent.manner;
    match item.deed {
        Deed::Stop => {
            let present = Present::with(chosen, live, controller)?;
            let stopped = present.stop(cluster, manner, with, &mut Silent).await?;
            Ok(Done::Stopped(stopped))
        }
        _ => {
            let doomed = Doomed::with(chosen, live, controller)?;
            let doomed = doomed.prepared(cluster, None, with.now).await?;
            doomed.delete(cluster, manner, with, &mut Silent).await?;
            let (kept, saved) = (doomed.kept(), doomed.snapshot().map(str::to_owned));
            Ok(Done::Deleted { kept, saved })
        }
    }
}

/// The nodes, with those that have joined since they were listed, as far as the Pods are on such.
async fn nodes(
    cluster: &Cluster,
    observed: &Observed,
    live: &Live,
) -> Result<Option<BTreeSet<String>>> {
    let Some(mut nodes) = observed.nodes.clone() else {
        return Ok(None);
    };
    let specs = live.pods.iter().filter_map(|pod| pod.spec.as_ref());
    for node in specs.filter_map(|spec| spec.node_name.as_ref()) {
        if !nodes.contains(node) && cluster.get_metadata(&NODE, "", node).await?.is_some() {
            nodes.insert(node.clone());
        }
    }
    Ok(Some(nodes))
}

/// Takes one object away that is no session, if it is still what the plan was made for and its session still gone.
async fn remove(
    cluster: &Cluster,
    intent: &Intent,
    item: &Item,
    with: Stopping<'_>,
) -> Result<Done> {
    let (resource, namespace, name) = (item.resource, item.namespace.as_str(), item.name.as_str());
    // Nobody's secrets are read for this; whether a claim was ever bound stands in its status.
    let found = if *resource == PERSISTENT_VOLUME_CLAIM {
        cluster.get(resource, namespace, name).await?
    } else {
        cluster.get_metadata(resource, namespace, name).await?
    };
    let Some(object) = found.filter(|object| text(object, "/metadata/uid") == item.uid) else {
        return Ok(Done::Left);
    };
    let mut living = Living::default();
    let session = label(&object, labels::SESSION).unwrap_or_default();
    if is_data(&object) && *resource != PERSISTENT_VOLUME_CLAIM {
        let select = Selection::labelled(format!("{}={session}", labels::SESSION));
        let snapshots = snapshots_of(cluster, namespace, &select).await?;
        snapshots.iter().for_each(|one| living.add_snapshot(one));
    }
    if let Some(session) = cluster.get(&SESSION, namespace, session).await? {
        living.add(&Chosen::of(session)?);
    }
    if *resource == PERSISTENT_VOLUME_CLAIM {
        // Somebody may look at kept data with a Pod of his own: as soon as that ends, the claim would go.
        let place = Place::Namespace(namespace);
        let pods = cluster.list(&POD, place, &Selection::default()).await?;
        pods.items.iter().for_each(|pod| living.uses.workload(pod));
    }
    let still = remains(intent, &object, &living, with.now);
    if still.is_none_or(|still| still.deed != item.deed) {
        return Ok(Done::Left);
    }
    if item.deed == Deed::Date {
        return date(cluster, item, &object, with).await;
    }
    let mut options = Delete {
        uid: item.uid.clone(),
        dry_run: with.write.dry_run,
        ..Delete::default()
    };
    if is_data(&object) {
        // Who takes it up writes on it: from then on it is not the one that was looked at.
        options.resource_version = text(&object, "/metadata/resourceVersion").to_owned();
    }
    match cluster.delete(resource, namespace, name, &options).await {
        Ok(Deleted::Absent) => Ok(Done::Left),
        Ok(_) => Ok(Done::Removed),
        Err(error) if failure::is(&error, Kind::Conflict) => Ok(Done::Left),
        Err(error) => Err(error),
    }
}

/// Writes down since when data is kept: since now.
async fn date(cluster: &Cluster, item: &Item, object: &Value, with: Stopping<'_>) -> Result<Done> {
    let mut patch = kept_since(with.now);
    for field in ["uid", "resourceVersion"] {
        patch["metadata"][field] = object["metadata"][field].clone();
    }
    let (kind, namespace, name) = (item.resource, item.namespace.as_str(), item.name.as_str());
    let dated = cluster
        .merge_patch(kind, namespace, name, None, &patch, with.write)
        .await;
    match dated {
        Ok(object) => Ok(Done::Dated(object)),
        Err(error) if failure::is(&error, Kind::Conflict) => Ok(Done::Left),
        Err(error) => Err(error),
    }
}

/// Prints a line for each thing that was done, and the count.
///
/// # Errors
/// The errors of all that failed, as one.
pub(crate) fn report(
    intent: &Intent,
    items: &[Item],
    done: Vec<Result<Done>>,
    console: &mut Console,
) -> Result<()> {
    let count = view::count(&done, intent.dry_run);
    let not_begun = items.len() - done.len();
    let mut mutations = Mutations::new(Format::Text { wide: false }, intent.dry_run);
    let mut errors = Vec::new();
    for (item, done) in items.iter().zip(done) {
        match done {
            Ok(Done::Labelled(object)) => console.out(&mutations.done(&object, "labeled")?)?,
            Ok(Done::Stopped(object)) => console.out(&mutations.done(&object, "stopped")?)?,
            Ok(Done::Deleted { kept, saved }) => {
                let (name, namespace) = (&item.name, &item.namespace);
                console.out(&mutations.deleted(item.resource, name, namespace, false))?;
                for claim in kept {
                    console.err_line(&format!("kept: persistentvolumeclaim/{claim}"));
                }
                if let Some(set) = saved {
                    console.err_line(&format!("saved: snapshot/{set}"));
                }
            }
            Ok(Done::Dated(object)) => console.out(&mutations.done(&object, "dated")?)?,
            Ok(Done::Removed) => {
                let (name, namespace) = (&item.name, &item.namespace);
                console.out(&mutations.deleted(item.resource, name, namespace, false))?;
            }
            Ok(Done::Left) => console.note(&format!(
                "{}/{} is left alone: it has changed meanwhile",
                item.resource.kind.to_lowercase(),
                item.name
            )),
            Err(error) => errors.push(error),
        }
    }
    if !count.is_empty() {
        console.line(&count)?;
    }
    if not_begun > 0 {
        console.note(&format!("{not_begun} are left as they were"));
        errors.push(interrupted());
    }
    failure::all(errors)
}
