//! Reads the sessions, starts them, waits until they are ready, and prints the results.

use anyhow::Result;
use futures::StreamExt;
use session_shared::api::Session;
use session_shared::client::{AccessReviews, DryRun, WriteOptions};
use session_shared::failure;
use session_shared::ops::ObservedSession;
use session_shared::ops::finish_start::Started;
use session_shared::ops::selected_sessions::MAX_CONCURRENT_SESSIONS;
use session_shared::ops::selected_sessions::SessionSelection;
use session_shared::ops::session_losses::SessionLosses;
use session_shared::ops::start_plan::StartPlan;
use session_shared::ops::stop::StopContext;
use session_shared::ops::trust::StoredPart;
use session_shared::ops::{Cluster, template_lookup};
use session_shared::progress::{ProgressEvent, ProgressSink};
use session_shared::prompt::started;
use session_shared::prompt::trust;
use session_shared::reconcile::{restart_accesses, status_patch};
use session_shared::report::format::Format;
use session_shared::report::mutation::{MutationPrinter, no_resources_message};
use session_shared::verb::Environment;

use crate::plan::{Action, Intent};

/// One session and the action to take on it.
pub(crate) struct SessionTask {
    pub(crate) action: Action,
    /// The session as read from the cluster.
    pub(crate) observed: ObservedSession,
    /// The validated start; `None` for a session that is left running.
    pub(crate) start_plan: Option<Box<StartPlan>>,
    /// Description of the change of the template since the last start, if the session is left running.
    pub(crate) template_change: Option<String>,
}

/// Reads the sessions and validates the start of each, before any write. Returns `None` if the user declined to run what a
/// session stores.
///
/// # Errors
/// Refusals of the server. An error of one session does not fail the call: it is an item of the result.
pub(crate) async fn prepare_tasks(
    cluster: &Cluster,
    permissions: &AccessReviews,
    intent: &Intent,
    environment: &mut Environment,
) -> Result<Option<Vec<Result<SessionTask>>>> {
    let namespace = cluster.namespace();
    let (chosen, driver) = futures::try_join!(
        cluster.get_selected_sessions(namespace, &intent.selection),
        cluster.choose_driver(namespace, None)
    )?;
    let looks = futures::stream::iter(chosen).map(|chosen| async move {
        let restarts = intent.restart && intent.dry_run == DryRun::None;
        let foreseen = |session: &Session| match restarts {
            true => restart_accesses(session),
            false => Vec::new(),
        };
        let observed = ObservedSession::read_with_access_reviews(
            cluster,
            permissions,
            chosen?,
            driver,
            foreseen,
        )
        .await?;
        let deed = Action::of(intent, &observed.session, &observed.state);
        deed.check_values_apply(intent, &observed.session)?;
        anyhow::Ok((deed, observed))
    });
    let looked: Vec<_> = looks.buffered(MAX_CONCURRENT_SESSIONS).collect().await;
    if let ([Ok((deed, observed))], SessionSelection::ByName(_)) =
        (looked.as_slice(), &intent.selection)
        && !confirm_stored_text(cluster, intent, *deed, observed, environment).await?
    {
        return Ok(None);
    }
    let (environment, now) = (&*environment, environment.now());
    let todo = futures::stream::iter(looked).map(|looked| {
        let mut sink = environment.console.progress();
        async move {
            let (deed, observed) = looked?;
            if deed == Action::Unchanged {
                let change = read_template_change(cluster, &observed).await?;
                return anyhow::Ok(SessionTask {
                    action: deed,
                    observed: observed,
                    start_plan: None,
                    template_change: change,
                });
            }
            let start_plan = StartPlan::prepare(
                cluster,
                observed.clone(),
                &intent.start_options,
                now,
                &mut sink,
            )
            .await?;
            Ok(SessionTask {
                action: deed,
                observed: observed,
                start_plan: Some(Box::new(start_plan)),
                template_change: None,
            })
        }
    });
    Ok(Some(todo.buffered(MAX_CONCURRENT_SESSIONS).collect().await))
}

/// Asks for confirmation where the start or the sync hook of a session runs text that is not trusted.
async fn confirm_stored_text(
    cluster: &Cluster,
    intent: &Intent,
    deed: Action,
    observed: &ObservedSession,
    environment: &mut Environment,
) -> Result<bool> {
    let mut parts = Vec::new();
    if deed != Action::Unchanged {
        parts.push(StoredPart::Start);
    }
    if deed == Action::Restart
        && intent.dry_run == DryRun::None
        && observed.runs_sync(&intent.stop_options)
    {
        parts.push(StoredPart::Hooks);
    }
    for part in parts {
        if !trust::confirm_trust(cluster, &observed.session, part, &mut environment.console).await?
        {
            return Ok(false);
        }
    }
    Ok(true)
}

async fn read_template_change(
    cluster: &Cluster,
    observed: &ObservedSession,
) -> Result<Option<String>> {
    let Some(name) = observed.session.spec.template_name() else {
        return Ok(None);
    };
    let template = template_lookup::find_template(cluster, name).await?;
    Ok(template_lookup::template_change(
        &observed.session,
        template.as_ref(),
    ))
}

impl SessionTask {
    /// Returns the session if the action destroys data: a restart ends all its Pods, a start those that the template no longer
    /// contains.
    pub(crate) fn session_losses(&self) -> Option<SessionLosses> {
        if self.action == Action::Restart {
            return Some(SessionLosses::of_stop(&self.observed));
        }
        let start_plan = self.start_plan.as_ref()?;
        SessionLosses::of_start(start_plan).filter(|_| self.action == Action::Start)
    }

    /// Carries out the action up to the creation of the objects, without waiting for them.
    ///
    /// # Errors
    /// The failed step, with a hint how to continue.
    async fn apply(
        &self,
        cluster: &Cluster,
        intent: &Intent,
        with: StopContext<'_>,
        sink: &mut dyn ProgressSink,
    ) -> Result<Option<Started>> {
        let Some(start_plan) = &self.start_plan else {
            self.write_template_changed(cluster, with).await?;
            return Ok(None);
        };
        if self.action == Action::WaitOnly || intent.dry_run == DryRun::Client {
            return Ok(Some(Started {
                session: self.observed.session.clone(),
                object: self.observed.object.clone(),
                start: start_plan.start.clone(),
                objects: self.observed.live.owners.clone(),
                driver: self.observed.driver,
            }));
        }
        if self.action == Action::Start {
            return start_plan.start(cluster, with.into(), sink).await.map(Some);
        }
        start_plan
            .restart(cluster, &intent.stop_options, with, sink)
            .await
            .map(Some)
    }

    /// Writes the condition TemplateChanged if the template has changed since the last start.
    async fn write_template_changed(&self, cluster: &Cluster, with: StopContext<'_>) -> Result<()> {
        let Some(change) = self
            .template_change
            .as_ref()
            .filter(|_| !with.write.dry_run && !self.observed.driver.is_controller())
        else {
            return Ok(());
        };
        let patch = status_patch::template_changed_status(&self.observed.session, change, with.now);
        cluster
            .patch_status(&self.observed.ownership, patch, with.write)
            .await
            .map(drop)
    }

    fn notes(&self) -> Vec<String> {
        // A session that is starting already does not apply a later change of its template.
        let start_plan = self
            .start_plan
            .iter()
            .filter(|_| self.action != Action::WaitOnly);
        let before = start_plan.flat_map(|start_plan| start_plan.notes.clone());
        let later = self
            .template_change
            .iter()
            .map(|change| format!("{change}; apply with: kubectl session start --restart"));
        before.chain(later).collect()
    }
}

/// Starts the sessions, a limited number at a time, then waits for one after the other, as all of them are starting.
///
/// # Errors
/// The errors of all sessions that did not start or did not become ready, as one.
pub(crate) async fn start_sessions(
    cluster: &Cluster,
    permissions: &AccessReviews,
    intent: &Intent,
    found: Vec<Result<SessionTask>>,
    write: &WriteOptions,
    format: Format,
    environment: &mut Environment,
) -> Result<()> {
    if found.is_empty() && matches!(intent.selection, SessionSelection::BySelector(_)) {
        environment
            .console
            .print_error_line(&no_resources_message(None));
    }
    let mut errors = Vec::new();
    let mut todo = Vec::new();
    for one in found {
        match one {
            Ok(one) => todo.push(one),
            Err(error) => errors.push(error),
        }
    }
    // Ctrl-C takes effect between two steps, so that the error can say how to continue.
    let _guard = environment.interrupt.guard()?;
    let started = {
        let (interrupt, now) = (environment.interrupt.clone(), environment.now());
        let with = StopContext {
            write,
            interrupt: &interrupt,
            now,
            permissions,
        };
        let all = futures::stream::iter(&todo).map(|one| {
            let mut sink = environment.console.progress();
            async move {
                let started = one.apply(cluster, intent, with, &mut sink).await;
                sink.tell(ProgressEvent::Done);
                started
            }
        });
        all.buffered(MAX_CONCURRENT_SESSIONS)
            .collect::<Vec<_>>()
            .await
    };
    let mut mutations = MutationPrinter::new(format, intent.dry_run);
    let mut settling = Vec::new();
    for (one, started) in todo.iter().zip(started) {
        for note in one.notes() {
            environment.console.note(&note);
        }
        match started {
            Ok(Some(started)) => {
                started::print_started(
                    &started,
                    one.action.operation(),
                    &mut mutations,
                    &mut environment.console,
                )?;
                settling.push(started);
            }
            Ok(None) => {
                let line = mutations.print_result(&one.observed.object, one.action.operation())?;
                environment.console.print(&line)?;
            }
            Err(error) => errors.push(error),
        }
    }
    for started in settling {
        let settled = started::finish(cluster, started, intent.wait, write, environment).await;
        errors.extend(settled.err());
    }
    failure::combine_errors(errors)
}
