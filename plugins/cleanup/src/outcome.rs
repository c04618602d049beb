//! Carries out a plan and reports the outcome.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use session_shared::client::AccessReviews;
use session_shared::client::interrupt::interrupted_error;
use session_shared::failure;
use session_shared::objects::Untyped;
use session_shared::objects::resource::{
    CONFIG_MAP, NODE, PERSISTENT_VOLUME_CLAIM, SECRET, SERVICE, SERVICE_ACCOUNT, SESSION,
    VOLUME_SNAPSHOT_CONTENT,
};
use session_shared::ops::deletion::Deletion;
use session_shared::ops::observed_session::{ObservedSession, Part};
use session_shared::ops::selected_sessions::SelectedSession;
use session_shared::ops::session_objects::with_setup_hint;
use session_shared::ops::stop::StopContext;
use session_shared::ops::stop_options::StopOptions;
use session_shared::ops::{Cluster, Driver};
use session_shared::progress::{DiscardingSink, ProgressEvent, ProgressSink, WaitStage};
use session_shared::prompt::confirmation;
use session_shared::reconcile::{LiveObjects, Teardown, teardown_accesses};
use session_shared::report::console::Console;
use session_shared::session_batch::run_concurrently;
use session_shared::verb::Environment;

use crate::content_action::{self, ContentCounts};
use crate::intent::Intent;
use crate::item_outcome::Outcome;
use crate::object_action::apply_object_item;
use crate::object_users::ObjectUsers;
use crate::observe::Observed;
use crate::orphans::SessionIndex;
use crate::plan_item::{Action, DataEffect, PlanItem};
use crate::session_plan::plan_session;
use crate::view;

/// Carries out all items, phase by phase and with limited concurrency; a failed item does not stop the others. The outcome
/// is `None` for items that were not begun because of an interrupt.
///
/// # Errors
/// `Interrupted`, before anything is done.
pub(crate) async fn apply_items(
    cluster: &Cluster,
    intent: &Intent,
    observed: &Observed,
    items: &[PlanItem],
    environment: &mut Environment,
) -> Result<Vec<Option<Result<Outcome>>>> {
    // Ctrl-C ends the waiting, not the process: the outcome is still reported.
    let _guard = environment.interrupt.guard()?;
    let _watches = cluster.share_watches();
    let permissions = AccessReviews::new(cluster);
    let context = environment.stop_context(&intent.mutation.write, &permissions);
    let mut sink = environment.console.progress();
    sink.tell(ProgressEvent::Waiting {
        stage: WaitStage::Terminating,
        object: format!("{} objects", items.len()),
        detail: String::new(),
    });
    let run = CleanupRun {
        cluster,
        intent,
        observed,
        items,
        drivers: &check_controllers(cluster, items).await,
        contents: &content_action::count_contents(cluster, items).await,
        context,
    };
    let mut done: Vec<Option<Result<Outcome>>> = items.iter().map(|_| None).collect();
    for phase in DeletionPhase::ALL {
        run.apply_phase(phase, &mut done).await;
    }
    sink.tell(ProgressEvent::Done);
    let console = &mut environment.console;
    confirmation::note_unchecked_access(&permissions, console);
    Ok(done)
}

/// Inputs that all actions of a cleanup share.
#[derive(Clone, Copy)]
struct CleanupRun<'a> {
    cluster: &'a Cluster,
    intent: &'a Intent,
    observed: &'a Observed,
    items: &'a [PlanItem],
    /// The driver of the sessions of each namespace; an error is kept as text.
    drivers: &'a BTreeMap<&'a str, Result<Driver, String>>,
    /// Numbers of the VolumeSnapshotContents that hold the same storage.
    contents: &'a ContentCounts,
    context: StopContext<'a>,
}

impl CleanupRun<'_> {
    /// Carries out the items of one phase, and writes their outcomes to `done`.
    async fn apply_phase(self, phase: DeletionPhase, done: &mut [Option<Result<Outcome>>]) {
        let these: Vec<usize> = (0..self.items.len())
            .filter(|at| DeletionPhase::of_item(&self.items[*at]) == phase)
            .collect();
        if these.is_empty() {
            return;
        }
        let around = match phase {
            DeletionPhase::Users => Ok(SessionIndex::default()),
            _ => {
                let (cluster, intent, observed) = (self.cluster, self.intent, self.observed);
                observe_users(cluster, intent, observed, self.items, done, &these).await
            }
        };
        let around = &around.map_err(|error| format!("{error:#}"));
        // Items not begun before Ctrl-C are left for the next run.
        let begun = these
            .iter()
            .take_while(|_| !self.context.interrupt.is_set());
        let actions = begun.map(|at| self.apply_item(&self.items[*at], around));
        let results = run_concurrently(actions).await;
        for (at, result) in these.iter().zip(results) {
            done[*at] = Some(result);
        }
    }

    /// Carries out one item. `around` is what uses objects by now, or the error of reading it.
    ///
    /// # Errors
    /// That error, if the item depends on it; the server's refusal; a session that cannot be stopped or deleted.
    async fn apply_item(
        self,
        item: &PlanItem,
        around: &Result<SessionIndex, String>,
    ) -> Result<Outcome> {
        let (cluster, intent, context) = (self.cluster, self.intent, self.context);
        let driver = match self.drivers.get(item.namespace.as_str()) {
            Some(Ok(driver)) => *driver,
            Some(Err(text)) => return Err(anyhow::anyhow!("{text}")),
            None => Driver::Client,
        };
        match item.action {
            _ if *item.resource == VOLUME_SNAPSHOT_CONTENT => {
                let (contents, write) = (self.contents, context.write);
                content_action::apply_content_item(cluster, intent, item, contents, write).await
            }
            Action::StopSession | Action::DeleteSession => {
                end_session(cluster, intent, self.observed, item, driver, context).await
            }
            _ => match around {
                Ok(around) => apply_object_item(cluster, intent, item, around, context).await,
                Err(text) => Err(anyhow::anyhow!("{text}")),
            },
        }
    }
}

/// Order of deletion: used objects after their users, parameters after the claims that need them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DeletionPhase {
    Users,
    UsedObjects,
    Parameters,
}

impl DeletionPhase {
    const ALL: [DeletionPhase; 3] = [
        DeletionPhase::Users,
        DeletionPhase::UsedObjects,
        DeletionPhase::Parameters,
    ];

    fn of_item(item: &PlanItem) -> Self {
        let used = [
            &CONFIG_MAP,
            &SECRET,
            &SERVICE_ACCOUNT,
            &SERVICE,
            &PERSISTENT_VOLUME_CLAIM,
        ];
        match used.contains(&item.resource) {
            // Of all Secrets, only those with parameters are data.
            true if *item.resource == SECRET && item.data != DataEffect::None => {
                DeletionPhase::Parameters
            }
            true => DeletionPhase::UsedObjects,
            false => DeletionPhase::Users,
        }
    }
}

/// Reads the current users of objects. Objects deleted before or in this phase do not count as users.
async fn observe_users(
    cluster: &Cluster,
    intent: &Intent,
    observed: &Observed,
    items: &[PlanItem],
    done: &[Option<Result<Outcome>>],
    these: &[usize],
) -> Result<SessionIndex> {
    let place = cluster.scope(intent.all_namespaces);
    let users = ObjectUsers::list_all(cluster, place).await?;
    let gone = items.iter().zip(done).filter(|(_, done)| {
        matches!(
            done,
            Some(Ok(Outcome::ObjectDeleted | Outcome::Deleted { .. }))
        )
    });
    let gone: BTreeSet<String> = gone.map(|(item, _)| item.uid.clone()).collect();
    let going: BTreeSet<&str> = these
        .iter()
        .filter(|at| items[**at].action == Action::DeleteObject)
        .map(|at| items[*at].uid.as_str())
        .collect();
    let objects = observed.objects.iter();
    let deletion =
        objects.filter(|object| Untyped(object).uid().is_some_and(|uid| going.contains(uid)));
    let mut living = SessionIndex::default();
    living.record_uses(&deletion.collect::<Vec<_>>(), &gone, &users);
    Ok(living)
}

/// Chooses the driver of the sessions of each namespace; an error is kept as text.
async fn check_controllers<'i>(
    cluster: &Cluster,
    items: &'i [PlanItem],
) -> BTreeMap<&'i str, Result<Driver, String>> {
    let ends =
        |item: &&PlanItem| matches!(item.action, Action::StopSession | Action::DeleteSession);
    let sessions = items.iter().filter(ends);
    let mut namespaces: Vec<&str> = sessions.map(|item| item.namespace.as_str()).collect();
    namespaces.sort_unstable();
    namespaces.dedup();
    let choices = namespaces.into_iter().map(|namespace| async move {
        let driver = cluster.choose_driver(namespace, None).await;
        (namespace, driver.map_err(|error| format!("{error:#}")))
    });
    run_concurrently(choices).await.into_iter().collect()
}

async fn end_session(
    cluster: &Cluster,
    intent: &Intent,
    observed: &Observed,
    item: &PlanItem,
    driver: Driver,
    with: StopContext<'_>,
) -> Result<Outcome> {
    let found = with_setup_hint(cluster.get(&SESSION, &item.namespace, &item.name).await)?;
    let Some(object) = found.filter(|object| Untyped(object).has_uid(&item.uid)) else {
        return Ok(Outcome::Skipped);
    };
    let chosen = SelectedSession::parse(object)?;
    let what = match item.action {
        Action::StopSession => Teardown::Stop { skip_sync: false },
        _ => Teardown::Delete { skip_sync: false },
    };
    let needs = teardown_accesses(&chosen.session, what, intent.stop_options.wait);
    let needs = if driver.is_controller() || with.write.dry_run {
        Vec::new()
    } else {
        needs
    };
    let mut session = ObservedSession::new(chosen, driver)?;
    let (read, ()) = futures::join!(
        session.load(cluster, &Part::WORKLOAD_AND_DATA),
        with.permissions.prefetch(&item.namespace, &needs)
    );
    read?;
    if intent.targets.unhealthy {
        let one = std::slice::from_mut(&mut session);
        cluster.add_events(&item.namespace, one).await?;
    }
    let nodes = current_nodes(cluster, observed, &session.live).await?;
    let still = plan_session(intent, &session, nodes.as_ref(), with.now);
    // The user has confirmed a certain action and loss of data. If either has changed, the item is left for the next plan.
    if still.is_none_or(|still| still.action != item.action || still.data != item.data) {
        return Ok(Outcome::Skipped);
    }
    carry_out(cluster, session, item.action, &intent.stop_options, with).await
}

/// Stops the session, or deletes it with the data that its policy does not keep.
async fn carry_out(
    cluster: &Cluster,
    session: ObservedSession,
    action: Action,
    options: &StopOptions,
    with: StopContext<'_>,
) -> Result<Outcome> {
    let sink = &mut DiscardingSink;
    if action == Action::StopSession {
        let stopped = session.stop(cluster, options, with, sink).await?;
        return Ok(Outcome::Stopped(stopped));
    }
    let deletion = Deletion::new(session);
    let deletion = deletion.prepare(cluster, None, with.now).await?;
    deletion.delete(cluster, options, with, sink).await?;
    let kept = deletion.kept_claims();
    let saved = deletion.snapshot_name().map(str::to_owned);
    Ok(Outcome::Deleted { kept, saved })
}

/// Returns the observed nodes, plus those of the Pods that have joined since.
async fn current_nodes(
    cluster: &Cluster,
    observed: &Observed,
    live: &LiveObjects,
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
    items: &[PlanItem],
    done: Vec<Option<Result<Outcome>>>,
    console: &mut Console,
) -> Result<()> {
    let count = view::count_outcomes(&done, intent.mutation.dry_run);
    let not_begun = done.iter().filter(|done| done.is_none()).count();
    let mut mutations = intent.mutation.printer();
    let mut errors = Vec::new();
    let begun = items.iter().zip(done);
    for (item, done) in begun.filter_map(|(item, done)| Some((item, done?))) {
        match done {
            Ok(Outcome::Labelled(object)) => {
                console.print(&mutations.print_result(&object, "labeled")?)?
            }
            Ok(Outcome::Stopped(object)) => {
                console.print(&mutations.print_result(&object, "stopped")?)?
            }
            Ok(Outcome::Deleted { kept, saved }) => {
                let (name, namespace) = (&item.name, &item.namespace);
                console.print(&mutations.print_deleted(item.resource, name, namespace, false))?;
                for claim in kept {
                    console.print_error_line(&format!("kept: persistentvolumeclaim/{claim}"));
                }
                if let Some(set) = saved {
                    console.print_error_line(&format!("saved: snapshot/{set}"));
                }
            }
            Ok(Outcome::Dated(object)) => {
                console.print(&mutations.print_result(&object, "dated")?)?
            }
            Ok(Outcome::ObjectDeleted) => {
                let (name, namespace) = (&item.name, &item.namespace);
                console.print(&mutations.print_deleted(item.resource, name, namespace, false))?;
            }
            Ok(Outcome::Skipped) => console.note(&format!(
                "{}/{} is left alone: object has changed since the plan was made",
                item.resource.kind.to_lowercase(),
                item.name
            )),
            Err(error) => errors.push(error),
        }
    }
    if !count.is_empty() {
        console.print_line(&count)?;
    }
    if not_begun > 0 {
        console.note(&format!("actions not started: {not_begun}"));
        errors.push(interrupted_error());
    }
    failure::combine_errors(errors)
}
