//! Reads the sessions to start, and validates the start of each.

use anyhow::Result;
use session_shared::api::Session;
use session_shared::client::{AccessReviews, DryRun};
use session_shared::ops::ObservedSession;
use session_shared::ops::room::offer_wait;
use session_shared::ops::selected_sessions::SelectedSession;
use session_shared::ops::session_losses::SessionLosses;
use session_shared::ops::session_selection::SessionSelection;
use session_shared::ops::start_plan::StartPlan;
use session_shared::ops::trust::{StoredPart, trust_start};
use session_shared::ops::{Cluster, template_lookup};
use session_shared::prompt::trust;
use session_shared::reconcile::restart_accesses;
use session_shared::session_batch::SessionBatch;
use session_shared::verb::Environment;

use crate::intent::Intent;
use crate::plan::Action;

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

/// The sessions with their tasks.
pub(crate) type Observed = SessionBatch<SessionTask>;

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
) -> Result<Option<Observed>> {
    let (sessions, driver) = SessionBatch::select(cluster, &intent.selection).await?;
    let read = async |selected: SelectedSession| {
        let restarts = intent.restart && intent.mutation.dry_run == DryRun::None;
        let accesses = |session: &Session| match restarts {
            true => restart_accesses(session),
            false => Vec::new(),
        };
        let observed = ObservedSession::read_with_access_reviews(
            cluster,
            permissions,
            selected,
            driver,
            accesses,
        )
        .await?;
        let action = Action::of(intent, &observed.session, &observed.state);
        action.check_values_apply(intent, &observed.session)?;
        if let Some(digest) = &intent.known_values {
            trust_start(cluster, &observed.session, digest);
        }
        Ok((action, observed))
    };
    let sessions = sessions.map(read).await;
    if let (Some((action, observed)), 1, SessionSelection::ByName(_)) =
        (sessions.single(), sessions.len(), &intent.selection)
        && !confirm_stored_text(cluster, intent, *action, observed, environment).await?
    {
        return Ok(None);
    }
    let prepare = async |(action, observed): (Action, ObservedSession)| {
        prepare_task(cluster, intent, action, observed, environment).await
    };
    Ok(Some(sessions.map(prepare).await))
}

/// Asks for confirmation where the start or the sync hook of a session runs text that is not trusted, and returns the answer.
async fn confirm_stored_text(
    cluster: &Cluster,
    intent: &Intent,
    action: Action,
    observed: &ObservedSession,
    environment: &mut Environment,
) -> Result<bool> {
    let (session, console) = (&observed.session, &mut environment.console);
    if action != Action::Unchanged
        && !trust::confirm_trust(cluster, session, StoredPart::Start, console).await?
    {
        return Ok(false);
    }
    let runs_hooks = action == Action::Restart && observed.runs_stored_text(&intent.stop_options);
    trust::confirm_hooks(
        cluster,
        session,
        runs_hooks,
        intent.mutation.dry_run,
        console,
    )
    .await
}

/// Validates the start of a session; of a session that is left running, only its template is read.
async fn prepare_task(
    cluster: &Cluster,
    intent: &Intent,
    action: Action,
    observed: ObservedSession,
    environment: &Environment,
) -> Result<SessionTask> {
    if action == Action::Unchanged {
        let template_change = read_template_change(cluster, &observed).await?;
        return Ok(SessionTask {
            action,
            observed,
            start_plan: None,
            template_change,
        });
    }
    let mut sink = environment.console.progress();
    let session = observed.clone();
    let mut options = intent.start_options.clone();
    // A restart gives up room of its own before it starts.
    options.waits_for_room &= action == Action::Start;
    let now = environment.now();
    let start_plan = StartPlan::prepare(cluster, session, &options, now, &mut sink).await;
    let start_plan = start_plan.map_err(offer_wait)?;
    Ok(SessionTask {
        action,
        observed,
        start_plan: Some(Box::new(start_plan)),
        template_change: None,
    })
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

    /// Returns what the user should know about the start.
    pub(crate) fn notes(&self) -> Vec<String> {
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
