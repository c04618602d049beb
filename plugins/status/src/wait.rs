//! `status --wait-for`: waits until the session is in a phase, or can no longer reach it.

use std::time::Duration;

use anyhow::{Error, Result, anyhow};
use session_shared::api::Phase;
use session_shared::client::timed_out;
use session_shared::failure::{with_evidence, with_hint};
use session_shared::objects::resource::SESSION;
use session_shared::ops::Cluster;
use session_shared::progress::{ProgressEvent, ProgressSink, WaitStage};
use session_shared::reconcile::WorkloadState;
use session_shared::report::format::Format;
use session_shared::verb::Environment;

use crate::followed_session::{FollowEvent, FollowedSession};
use crate::intent::Intent;
use crate::print_report::{compute_report, print_document};
use crate::report::Report;

/// State of a wait.
#[derive(Debug, PartialEq)]
enum WaitState {
    /// The session is in the phase.
    Reached,
    /// The session may still reach the phase; with stage, object and detail for the progress line.
    Waiting(WaitStage, String, String),
    /// The session cannot reach the phase by itself.
    Unreachable,
}

/// Waits until the session is in phase `target`.
///
/// # Errors
/// TimedOut after `limit`, with kubectl's message. At once if the phase can no longer be reached or the session is deleted.
pub(crate) async fn wait_for_phase(
    cluster: &Cluster,
    mut intent: Intent,
    target: Phase,
    limit: Duration,
    environment: &mut Environment,
) -> Result<()> {
    let name = intent.name.as_str().to_owned();
    let mut followed = FollowedSession::new(cluster, &name, None, Some(limit)).await?;
    let mut sink = environment.console.progress();
    loop {
        let report = compute_report(&followed.observed, environment);
        match wait_state(&report, &followed.observed.session.state, target) {
            WaitState::Reached => {
                drop(sink);
                return print_reached(&report, &mut intent.format, environment);
            }
            WaitState::Unreachable => {
                followed.explain().await;
                return Err(unreachable_error(
                    &compute_report(&followed.observed, environment),
                    target,
                ));
            }
            WaitState::Waiting(stage, object, detail) => sink.tell(ProgressEvent::Waiting {
                stage,
                object,
                detail,
            }),
        }
        // A limit of zero checks once.
        if limit.is_zero() || followed.next_event().await? == FollowEvent::TimedOut {
            return Err(timeout_error(&report));
        }
    }
}

/// Returns the timeout error with what the session waits for, and the remedy and the next steps as its hints.
fn timeout_error(report: &Report) -> Error {
    let (error, head) = (timed_out(&SESSION, &report.metadata.name), &report.head);
    let state = match head.message.as_str() {
        "" => format!("the session is {}", head.phase.as_str()),
        message => format!("the session is {}: {message}", head.phase.as_str()),
    };
    add_next_steps(with_evidence(error, vec![state]), report)
}

/// Returns the error of a phase that cannot be reached, with its cause, and the remedy and the next steps as its hints.
fn unreachable_error(report: &Report, target: Phase) -> Error {
    let (head, name) = (&report.head, &report.metadata.name);
    let first = report.diagnosis.first();
    let why = match first {
        _ if head.phase == Phase::Terminating => "the session is being deleted".to_owned(),
        Some(found) => format!("{}: {}", found.reason, found.message),
        None if head.message.is_empty() => format!("the session is {}", head.phase.as_str()),
        None => format!("the session is {}: {}", head.phase.as_str(), head.message),
    };
    let error = anyhow!("session {name:?} cannot become {}: {why}", target.as_str());
    add_next_steps(error, report)
}

/// Adds the remedy of the first cause and the next steps as hints.
fn add_next_steps(error: Error, report: &Report) -> Error {
    let remedy = report
        .diagnosis
        .first()
        .and_then(|found| found.remedy.clone());
    let steps = report.next.iter();
    let steps = steps.map(|step| format!("{}: {}", step.what, step.command));
    remedy.into_iter().chain(steps).fold(error, with_hint)
}

/// Prints the line that `kubectl wait` prints, or the document.
fn print_reached(
    report: &Report,
    format: &mut Format,
    environment: &mut Environment,
) -> Result<()> {
    match format {
        Format::Objects(printer) => print_document(report, printer, &mut environment.console),
        Format::Text { .. } => {
            let name = &report.metadata.name;
            environment
                .console
                .print_line(&format!("{}/{name} condition met", SESSION.singular()))
        }
    }
}

fn wait_state(report: &Report, state: &WorkloadState, target: Phase) -> WaitState {
    let phase = report.head.phase;
    if phase == target {
        return WaitState::Reached;
    }
    // Any session may still be stopped, fail or be deleted; a failed or stopped one does not start by itself.
    let comes_up = matches!(target, Phase::Running | Phase::Pending);
    match phase {
        Phase::Terminating => WaitState::Unreachable,
        Phase::Failed | Phase::Stopped if comes_up => WaitState::Unreachable,
        _ => waiting_state(report, state),
    }
}

fn waiting_state(report: &Report, state: &WorkloadState) -> WaitState {
    match state {
        WorkloadState::NotReady(finding) => {
            let (object, detail) = (finding.object.clone(), finding.detail.clone());
            WaitState::Waiting(finding.stage, object, detail)
        }
        _ => {
            let object = format!("session/{}", report.metadata.name);
            let detail = format!("is {}", report.head.phase.as_str());
            WaitState::Waiting(WaitStage::Applying, object, detail)
        }
    }
}
