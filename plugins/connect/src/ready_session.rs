//! Reads the session, and waits for it or starts it until it is ready.

use anyhow::{Result, anyhow};
use session_shared::Timestamp;
use session_shared::api::{Phase, Session};
use session_shared::diagnosis::{Remedy, RemedyFacts, find_remedies};
use session_shared::failure::with_hint;
use session_shared::ops::wait_error::{AwaitedSession, wait_error};
use session_shared::ops::wait_ready::{AwaitedWorkloads, WaitContext, WaitOutcome};
use session_shared::ops::{Cluster, ObservedSession};
use session_shared::reconcile::{
    LiveObjects, PhaseReason, TargetState, WorkloadState, current_phase, decide_phase, is_expired,
    is_start_requested,
};
use session_shared::report::age::remaining_time;
use session_shared::verb::Environment;

use crate::intent::{ConnectMode, Intent};
use crate::plan;
use crate::start_stopped::start_stopped;

/// Seconds before expiry from which on a note is printed.
const EXPIRY_NOTICE_SECONDS: i64 = 600;
/// Seconds after a request in which another command may still be making the workload.
const START_GRACE_SECONDS: i64 = 60;

/// Returns the session once it is ready; for `--print -o json` and `--ssh-config`, which open no connection, in any state.
///
/// # Errors
/// The server's refusal; a session that cannot become ready, with the reason and a hint; `TimedOut`.
pub(crate) async fn get_ready_session(
    cluster: &Cluster,
    intent: &Intent,
    environment: &mut Environment,
) -> Result<ObservedSession> {
    let namespace = cluster.namespace();
    let mut observed = cluster
        .observe_session(namespace, intent.name.as_str())
        .await?;
    if matches!(
        intent.mode,
        ConnectMode::Print { json: true } | ConnectMode::SshConfig
    ) {
        return Ok(observed);
    }
    if !intent.wait {
        // A wait reads events itself.
        let sessions = std::slice::from_mut(&mut observed);
        cluster.add_events(namespace, sessions).await?;
    }
    let ready = ensure_ready(cluster, intent, &observed, environment).await?;
    let observed = ready.unwrap_or(observed);
    for impostor in &observed.live.impostors {
        environment.console.note(&impostor.note());
    }
    if let Some(left) = remaining_if_soon(&observed.session, environment.now()) {
        environment.console.note(&format!(
            "session \"{name}\" expires in {left}; to extend: kubectl session extend {name} -n {namespace} --by 1h",
            name = intent.name,
        ));
    }
    Ok(observed)
}

/// Waits for a starting session, and starts a stopped one. Returns the session after that; `None` if there was nothing to do.
async fn ensure_ready(
    cluster: &Cluster,
    intent: &Intent,
    observed: &ObservedSession,
    environment: &mut Environment,
) -> Result<Option<ObservedSession>> {
    let session = &observed.session;
    let (now, state) = (environment.now(), observed.state.clone());
    let starts = intent.start && is_stopped(&state);
    if !session.is_being_deleted() && is_expired(session, now) && !is_start_requested(session) {
        return match starts {
            true => start_stopped(cluster, intent, observed, environment)
                .await
                .map(Some),
            false => check_expired_runs(cluster, intent, observed, environment).map(|()| None),
        };
    }
    let phase = current_phase(session, &state);
    match phase.phase {
        Phase::Running => Ok(None),
        Phase::Pending
            if state == WorkloadState::NoWorkload
                && is_abandoned_start(session, now)
                && !is_controlled(cluster).await? =>
        {
            Err(not_started_error(cluster, intent))
        }
        Phase::Pending if !intent.wait => {
            let state = cluster.explain_state(cluster.namespace(), state).await;
            Err(not_ready_error(intent, &phase, &state))
        }
        Phase::Pending => wait_started(cluster, intent, observed, environment)
            .await
            .map(Some),
        Phase::Stopped if starts => start_stopped(cluster, intent, observed, environment)
            .await
            .map(Some),
        _ => {
            let state = cluster.explain_state(cluster.namespace(), state).await;
            Err(not_connectable_error(
                cluster, intent, observed, &phase, &state,
            ))
        }
    }
}

fn is_stopped(state: &WorkloadState) -> bool {
    matches!(
        state,
        WorkloadState::NoWorkload | WorkloadState::Terminated { code: 0, .. }
    )
}

/// Checks that an expired session still runs: until it is cleaned up, the user may want to save something.
fn check_expired_runs(
    cluster: &Cluster,
    intent: &Intent,
    observed: &ObservedSession,
    environment: &mut Environment,
) -> Result<()> {
    let error = expired_error(cluster, intent, observed);
    if !matches!(observed.state, WorkloadState::Ready { .. }) {
        return Err(error);
    }
    environment
        .console
        .warn(&format!("{error}, and may be stopped at any time"));
    Ok(())
}

/// Waits until the session is ready that another process starts, and reads it again: only the server knows what that start recorded.
async fn wait_started(
    cluster: &Cluster,
    intent: &Intent,
    observed: &ObservedSession,
    environment: &mut Environment,
) -> Result<ObservedSession> {
    if has_recorded_methods(observed) {
        // An invalid method is reported before the wait.
        plan::resolve_target(intent, &observed.session)?;
    }
    wait_ready(cluster, intent, observed, environment).await?;
    cluster
        .observe_session(cluster.namespace(), intent.name.as_str())
        .await
}

/// Returns true if no command carries the start out: none asked for it (`kubectl apply`), or the one that did has given up.
fn is_abandoned_start(session: &Session, now: Timestamp) -> bool {
    let asked = session.spec.start_request.as_deref();
    let asked = asked.and_then(|asked| asked.parse::<Timestamp>().ok());
    asked.is_none_or(|asked| now.duration_since(asked).as_secs() >= START_GRACE_SECONDS)
}

async fn is_controlled(cluster: &Cluster) -> Result<bool> {
    let driver = cluster.choose_driver(cluster.namespace(), None).await?;
    Ok(driver.is_controller())
}

/// Returns the remaining time of a session that expires soon.
fn remaining_if_soon(session: &Session, now: Timestamp) -> Option<String> {
    let at = session.expires_at()?;
    let at: Timestamp = at.parse().ok()?;
    let left = at.as_second() - now.as_second();
    (0 < left && left < EXPIRY_NOTICE_SECONDS).then(|| remaining_time(Some(at), now))
}

/// Returns why a session will not become ready again; `None` if it may.
pub(crate) fn unrecoverable_error(
    cluster: &Cluster,
    intent: &Intent,
    observed: &ObservedSession,
) -> Option<anyhow::Error> {
    let phase = current_phase(&observed.session, &observed.state);
    match phase.phase {
        Phase::Running | Phase::Pending => None,
        _ => Some(not_connectable_error(
            cluster,
            intent,
            observed,
            &phase,
            &observed.state,
        )),
    }
}

/// Returns true if the status records the connection methods of the current start.
fn has_recorded_methods(observed: &ObservedSession) -> bool {
    observed.session.applied().is_some() && !is_start_requested(&observed.session)
}

async fn wait_ready(
    cluster: &Cluster,
    intent: &Intent,
    observed: &ObservedSession,
    environment: &mut Environment,
) -> Result<()> {
    let wait = async |context: &mut WaitContext<'_>| {
        let (session, owners) = (&observed.session, observed.live.owners.clone());
        let (namespace, primary) = (cluster.namespace(), AwaitedWorkloads::Primary);
        cluster
            .wait_ready(namespace, session, owners, primary, intent.limit, context)
            .await
    };
    let outcome = environment.wait(wait).await?;
    if let WaitOutcome::Settled { state, .. } = &outcome
        && matches!(**state, WorkloadState::Ready { .. })
    {
        return Ok(());
    }
    let awaited = StartingSession {
        cluster,
        intent,
        observed,
    };
    Err(wait_error(&outcome, &awaited))
}

/// A session that another process starts.
struct StartingSession<'a> {
    cluster: &'a Cluster,
    intent: &'a Intent,
    observed: &'a ObservedSession,
}

impl StartingSession<'_> {
    fn phase(&self, state: &WorkloadState) -> PhaseReason {
        decide_phase(&self.observed.session, TargetState::Running, state)
    }
}

impl AwaitedSession for StartingSession<'_> {
    fn name(&self) -> &str {
        self.intent.name.as_str()
    }

    fn not_ready_error(&self, state: &WorkloadState, _: &LiveObjects) -> anyhow::Error {
        let phase = self.phase(state);
        not_connectable_error(self.cluster, self.intent, self.observed, &phase, state)
    }

    fn describe(&self, state: &WorkloadState) -> String {
        self.phase(state).message
    }

    fn with_inspect_hints(&self, error: anyhow::Error, _: &WorkloadState) -> anyhow::Error {
        with_status_hint(error, self.cluster, self.intent)
    }

    fn with_interrupt_hints(&self, error: anyhow::Error, _: &WorkloadState) -> anyhow::Error {
        error
    }
}

/// Adds a hint to inspect the session.
fn with_status_hint(error: anyhow::Error, cluster: &Cluster, intent: &Intent) -> anyhow::Error {
    let (name, namespace) = (&intent.name, cluster.namespace());
    with_hint(
        error,
        format!("inspect the session: kubectl session status {name} -n {namespace}"),
    )
}

fn not_ready_error(intent: &Intent, phase: &PhaseReason, state: &WorkloadState) -> anyhow::Error {
    let what = format!("session \"{}\" is not ready", intent.name);
    let error = match state.cause() {
        Some(cause) => cause.to_error(&what),
        None => anyhow!("{what}: {}", phase.message),
    };
    with_hint(error, "omit --wait=false to wait for the session")
}

/// Returns the hint to start the session.
fn start_hint(cluster: &Cluster, intent: &Intent) -> String {
    Remedy::start().hint(intent.name.as_str(), cluster.namespace())
}

/// Adds the commands that repair the session. Its deletion is not among them: who connects wants to work in it.
fn with_remedies(
    error: anyhow::Error,
    cluster: &Cluster,
    intent: &Intent,
    observed: &ObservedSession,
    phase: Phase,
    state: &WorkloadState,
) -> anyhow::Error {
    let facts = RemedyFacts::new(&observed.session, &observed.live, state);
    let remedies = find_remedies(phase, state, &facts).into_iter();
    let remedies = remedies.filter(|remedy| !remedy.is_deletion());
    let (name, namespace) = (intent.name.as_str(), cluster.namespace());
    remedies.fold(error, |error, remedy| {
        with_hint(error, remedy.hint(name, namespace))
    })
}

/// Returns the error for a session that was never started. Its first start is the user's to ask for: nobody has seen what it makes.
fn not_started_error(cluster: &Cluster, intent: &Intent) -> anyhow::Error {
    let error = anyhow!(
        "session \"{}\" has not been started: no controller starts it",
        intent.name
    );
    with_hint(error, start_hint(cluster, intent))
}

fn expired_error(cluster: &Cluster, intent: &Intent, observed: &ObservedSession) -> anyhow::Error {
    let at = observed.session.expires_at();
    let error = anyhow!(
        "session \"{}\" expired at {}",
        intent.name,
        at.unwrap_or_default()
    );
    with_hint(error, start_hint(cluster, intent))
}

/// Returns the error for a session that will not become ready, with the commands that repair it.
fn not_connectable_error(
    cluster: &Cluster,
    intent: &Intent,
    observed: &ObservedSession,
    phase: &PhaseReason,
    state: &WorkloadState,
) -> anyhow::Error {
    let name = &intent.name;
    let because = |word: &str| match phase.message.as_str() {
        "" => anyhow!("session \"{name}\" {word}"),
        message => anyhow!("session \"{name}\" {word}: {message}"),
    };
    let error = match (phase.phase, state) {
        (Phase::Terminating, _) => return anyhow!("session \"{name}\" is being deleted"),
        (_, WorkloadState::Lost) => because("is lost"),
        (Phase::Failed, state) => match state.cause() {
            Some(cause) => cause.to_error(&format!("session \"{name}\" has failed")),
            None => because("has failed"),
        },
        (_, WorkloadState::Terminated { .. }) => anyhow!("session \"{name}\" {}", phase.message),
        _ => because("is stopped"),
    };
    let error = match state {
        WorkloadState::Unrecoverable(_) => with_status_hint(error, cluster, intent),
        _ => error,
    };
    with_remedies(error, cluster, intent, observed, phase.phase, state)
}
