//! Carries out a plan and reports the outcome.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use futures::StreamExt;
use serde_json::Value;
use session_shared::client::Permissions;
use session_shared::client::Place;
use session_shared::client::Write;
use session_shared::client::interrupt::interrupted;
use session_shared::failure;
use session_shared::objects::resource::{
    CONFIG_MAP, NODE, PERSISTENT_VOLUME_CLAIM, SECRET, SERVICE, SERVICE_ACCOUNT, SESSION,
    VOLUME_SNAPSHOT_CONTENT, text,
};
use session_shared::ops::Cluster;
use session_shared::ops::Driver;
use session_shared::ops::chosen::AT_ONCE;
use session_shared::ops::chosen::Chosen;
use session_shared::ops::deleting::Doomed;
use session_shared::ops::live::installed;
use session_shared::ops::stopping::{Present, Stopping};
use session_shared::progress::{Event, Silent, Sink, Stage};
use session_shared::prompt::consent;
use session_shared::reconcile::{Ending, Live, ending_accesses};
use session_shared::report::console::Console;
use session_shared::report::format::Format;
use session_shared::report::mutation::Mutations;
use session_shared::verb::Ground;

use crate::intent::Intent;
use crate::observe::Observed;
use crate::orphans::Living;
use crate::plan::{Data, Deed, Item};
use crate::purge;
use crate::removal::remove;
use crate::sessions::judge;
use crate::users::Users;
use crate::view;

/// Outcome of one item.
#[derive(Debug)]
pub(crate) enum Done {
    /// The session was stopped; the updated Session.
    Stopped(Value),
    /// The session was deleted.
    Deleted {
        /// Names of claims that were kept.
        kept: Vec<String>,
        /// Name of the snapshot taken of deleted claims.
        saved: Option<String>,
    },
    /// Another object was deleted.
    Removed,
    /// Session labels were added; the updated object.
    Labelled(Value),
    /// The kept-since time was recorded; the updated object.
    Dated(Value),
    /// Nothing was done, because the object was deleted or changed since the plan was made.
    Left,
}

/// Carries out all items, phase by phase and with limited concurrency; a failed item does not stop the others. The outcome
/// is `None` for items that were not begun because of an interrupt.
///
/// # Errors
/// `Interrupted`, before anything is done.
pub(crate) async fn carry_out(
    cluster: &Cluster,
    intent: &Intent,
    observed: &Observed,
    items: &[Item],
    write: &Write,
    ground: &mut Ground,
) -> Result<Vec<Option<Result<Done>>>> {
    // Ctrl-C ends the waiting, not the process: the outcome is still reported.
    let _guard = ground.interrupt.guard()?;
    let (interrupt, now) = (ground.interrupt.clone(), ground.now());
    let permissions = Permissions::of(cluster);
    let with = Stopping {
        write,
        interrupt: &interrupt,
        now,
        permissions: &permissions,
    };
    let mut sink = ground.console.progress();
    sink.tell(Event::Waiting {
        stage: Stage::Terminating,
        object: format!("{} objects", items.len()),
        detail: String::new(),
    });
    let drivers = &controllers(cluster, items).await;
    let holders = &purge::holders(cluster, items).await;
    let mut done: Vec<Option<Result<Done>>> = items.iter().map(|_| None).collect();
    for turn in Turn::ALL {
        let these: Vec<usize> = (0..items.len())
            .filter(|at| Turn::of(&items[*at]) == turn)
            .collect();
        if these.is_empty() {
            continue;
        }
        let around = match turn {
            Turn::First => Ok(Living::default()),
            _ => around(cluster, intent, observed, items, &done, &these).await,
        };
        let around = &around.map_err(|error| format!("{error:#}"));
        // Items not begun before Ctrl-C are left for the next run.
        let begun = these.iter().take_while(|_| !interrupt.is_set());
        let all = futures::stream::iter(begun).map(|at| async move {
            let item = &items[*at];
            let driver = match drivers.get(item.namespace.as_str()) {
                Some(Ok(driver)) => *driver,
                Some(Err(text)) => return Err(anyhow::anyhow!("{text}")),
                None => Driver::Client,
            };
            match item.deed {
                _ if *item.resource == VOLUME_SNAPSHOT_CONTENT => {
                    purge::carry_out(cluster, intent, item, holders, write).await
                }
                Deed::Stop | Deed::Delete => {
                    end(cluster, intent, observed, item, driver, with).await
                }
                _ => match around {
                    Ok(around) => remove(cluster, intent, item, around, with).await,
                    Err(text) => Err(anyhow::anyhow!("{text}")),
                },
            }
        });
        let results: Vec<Result<Done>> = all.buffered(AT_ONCE).collect().await;
        for (at, result) in these.iter().zip(results) {
            done[*at] = Some(result);
        }
    }
    sink.tell(Event::Done);
    let console = &mut ground.console;
    consent::tell_unchecked(&permissions, console);
    Ok(done)
}

/// Order of deletion: used objects after their users, parameters after the claims that need them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    First,
    Used,
    Parameters,
}

impl Turn {
    const ALL: [Turn; 3] = [Turn::First, Turn::Used, Turn::Parameters];

    fn of(item: &Item) -> Self {
        let used = [
            &CONFIG_MAP,
            &SECRET,
            &SERVICE_ACCOUNT,
            &SERVICE,
            &PERSISTENT_VOLUME_CLAIM,
        ];
        match used.contains(&item.resource) {
            // Of all Secrets, only those with parameters are data.
            true if *item.resource == SECRET && item.data != Data::None => Turn::Parameters,
            true => Turn::Used,
            false => Turn::First,
        }
    }
}

/// Reads the current users of objects. Objects deleted before or in this phase do not count as users.
async fn around(
    cluster: &Cluster,
    intent: &Intent,
    observed: &Observed,
    items: &[Item],
    done: &[Option<Result<Done>>],
    these: &[usize],
) -> Result<Living> {
    let place = match intent.all_namespaces {
        true => Place::All,
        false => Place::Namespace(cluster.namespace()),
    };
    let users = Users::all(cluster, place).await?;
    let gone = items
        .iter()
        .zip(done)
        .filter(|(_, done)| matches!(done, Some(Ok(Done::Removed | Done::Deleted { .. }))));
    let gone: BTreeSet<String> = gone.map(|(item, _)| item.uid.clone()).collect();
    let going: BTreeSet<&str> = these
        .iter()
        .filter(|at| items[**at].deed == Deed::Remove)
        .map(|at| items[*at].uid.as_str())
        .collect();
    let objects = observed.objects.iter();
    let doomed = objects.filter(|object| going.contains(text(object, "/metadata/uid")));
    let mut living = Living::default();
    living.settle(&doomed.collect::<Vec<_>>(), &gone, &users);
    Ok(living)
}

/// Chooses the driver of the sessions of each namespace; an error is kept as text.
async fn controllers<'i>(
    cluster: &Cluster,
    items: &'i [Item],
) -> BTreeMap<&'i str, Result<Driver, String>> {
    let ends = |item: &&Item| matches!(item.deed, Deed::Stop | Deed::Delete);
    let sessions = items.iter().filter(ends);
    let mut namespaces: Vec<&str> = sessions.map(|item| item.namespace.as_str()).collect();
    namespaces.sort_unstable();
    namespaces.dedup();
    let asked = futures::stream::iter(namespaces).map(|namespace| async move {
        let driver = cluster.choose_driver(namespace, None).await;
        (namespace, driver.map_err(|error| format!("{error:#}")))
    });
    asked.buffered(AT_ONCE).collect().await
}

async fn end(
    cluster: &Cluster,
    intent: &Intent,
    observed: &Observed,
    item: &Item,
    driver: Driver,
    with: Stopping<'_>,
) -> Result<Done> {
    let found = installed(cluster.get(&SESSION, &item.namespace, &item.name).await)?;
    let Some(object) = found.filter(|object| text(object, "/metadata/uid") == item.uid) else {
        return Ok(Done::Left);
    };
    let chosen = Chosen::of(object)?;
    let what = match item.deed {
        Deed::Stop => Ending::Workload { skip_sync: false },
        _ => Ending::Everything { skip_sync: false },
    };
    let needs = ending_accesses(&chosen.session, what, intent.manner.wait);
    let needs = if driver.is_controller() || with.write.dry_run {
        Vec::new()
    } else {
        needs
    };
    let (live, ()) = futures::join!(
        cluster.live(&item.namespace, &chosen.session),
        with.permissions.foresee(&item.namespace, &needs)
    );
    let live = live?;
    let nodes = nodes(cluster, observed, &live).await?;
    let still = judge(intent, &chosen, &live, nodes.as_ref(), with.now)?;
    // The user has confirmed a certain action and loss of data. If either has changed, the item is left for the next plan.
    if still.is_none_or(|still| still.deed != item.deed || still.data != item.data) {
        return Ok(Done::Left);
    }
    let manner = &intent.manner;
    match item.deed {
        Deed::Stop => {
            let present = Present::with(chosen, live, driver)?;
            let stopped = present.stop(cluster, manner, with, &mut Silent).await?;
            Ok(Done::Stopped(stopped))
        }
        _ => {
            let doomed = Doomed::with(chosen, live, driver)?;
            let doomed = doomed.prepared(cluster, None, with.now).await?;
            doomed.delete(cluster, manner, with, &mut Silent).await?;
            let (kept, saved) = (doomed.kept(), doomed.snapshot().map(str::to_owned));
            Ok(Done::Deleted { kept, saved })
        }
    }
}

/// Returns the observed nodes, plus those of the Pods that have joined since.
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

/// Prints one line for each item and the counts.
///
/// # Errors
/// The errors of all failed items, as one.
pub(crate) fn report(
    intent: &Intent,
    items: &[Item],
    done: Vec<Option<Result<Done>>>,
    console: &mut Console,
) -> Result<()> {
    let count = view::count(&done, intent.dry_run);
    let not_begun = done.iter().filter(|done| done.is_none()).count();
    let mut mutations = Mutations::new(Format::Text { wide: false }, intent.dry_run);
    let mut errors = Vec::new();
    let begun = items.iter().zip(done);
    for (item, done) in begun.filter_map(|(item, done)| Some((item, done?))) {
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
                "{}/{} is left alone: object has changed since the plan was made",
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
        console.note(&format!("actions not started: {not_begun}"));
        errors.push(interrupted());
    }
    failure::all(errors)
}
