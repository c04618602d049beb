//! `status --wait-for`: until the session is where it is wanted, or cannot get there.

use std::time::Duration;

use anyhow::{Result, anyhow};
use session_shared::api::Phase;
use session_shared::cluster::wait::timed_out;
use session_shared::cluster::{Cluster, Turn};
use session_shared::failure::hinted;
use session_shared::objects::resource::SESSION;
use session_shared::progress::{Event, Sink, Stage};
use session_shared::reconcile::{Seen, look};
use session_shared::report::format::Format;
use session_shared::verb::Ground;

use crate::document;
use crate::intent::Intent;
use crate::observe::{Observed, observe, refresh};
use crate::report::{Report, live, notes};
use crate::watch::{follow, take};

/// Where a wait stands.
#[derive(Debug, PartialEq)]
enum Judged {
    Reached,
    /// It may still come; what it is doing.
    Waiting(Stage, String, String),
    /// It cannot come by itself: why, and what to do about it.
    Hopeless(String, Option<String>),
}

/// Waits.
///
/// # Errors
/// TimedOut in kubectl's words; at once when it is hopeless or the session is gone.
pub(crate) async fn wait(
    cluster: &Cluster,
    mut intent: Intent,
    target: Phase,
    limit: Duration,
    ground: &mut Ground,
) -> Result<()> {
    let name = intent.name.as_str().to_owned();
    let mut observed = observe(cluster, &name).await?;
    let mut turns = follow(cluster, &name, None, Some(limit));
    let mut sink = ground.console.progress();
    loop {
        let report = Report::of(&observed, ground.now());
        match judge(&report, &observed, target) {
            Judged::Reached => {
                sink.tell(Event::Done);
                drop(sink);
                return reached(&report, &mut intent.format, ground);
            }
            Judged::Hopeless(why, remedy) => {
                sink.tell(Event::Done);
                let error = anyhow!("session {name:?} will not be {}: {why}", target.word());
                return Err(match remedy {
                    Some(remedy) => hinted(error, remedy),
                    None => error,
                });
            }
            Judged::Waiting(stage, object, detail) => {
                if limit.is_zero() {
                    return Err(timed_out(&SESSION, &name));
                }
                sink.tell(Event::Waiting {
                    stage,
                    object,
                    detail,
                });
            }
        }
        let mut asks = false;
        let mut turn = turns.next().await;
        while let Some(one) = turn {
            if matches!(one, Turn::TimeUp) {
                return Err(timed_out(&SESSION, &name));
            }
            asks |= take(&mut observed, one)?;
            turn = turns.now();
            if turn.is_none() {
                break;
            }
        }
        if asks {
            let events = observed.events.clone();
            refresh(cluster, &mut observed).await;
            observed.events = events;
        }
    }
}

/// Says so as `kubectl wait` does, or prints the document.
fn reached(report: &Report, format: &mut Format, ground: &mut Ground) -> Result<()> {
    match format {
        Format::Objects(printer) => document(report, printer, &mut ground.console),
        Format::Text { .. } => {
            let name = &report.metadata.name;
            ground
                .console
                .line(&format!("{}/{name} condition met", SESSION.singular()))
        }
    }
}

fn judge(report: &Report, observed: &Observed, target: Phase) -> Judged {
    let head = &report.head;
    if head.phase == target {
        return Judged::Reached;
    }
    if head.phase == Phase::Terminating {
        return Judged::Hopeless("it is being deleted".into(), None);
    }
    // Anything may still be stopped, fail or be deleted.
    if !matches!(target, Phase::Running | Phase::Pending) {
        return waiting(report, observed);
    }
    match head.phase {
        Phase::Failed | Phase::Stopped => {
            let first = report.diagnosis.first();
            let why = match first {
                Some(found) => format!("{}: {}", found.reason, found.message),
                None if head.message.is_empty() => format!("it is {}", head.phase.word()),
                None => format!("it is {}: {}", head.phase.word(), head.message),
            };
            Judged::Hopeless(why, first.and_then(|found| found.remedy.clone()))
        }
        _ => waiting(report, observed),
    }
}

fn waiting(report: &Report, observed: &Observed) -> Judged {
    let pods = observed.pods.clone().unwrap_or_default();
    let owners = observed.owners.clone().unwrap_or_default();
    let events = notes(observed.events.as_deref().unwrap_or_default());
    match look(&observed.typed, &live(&pods, owners, Vec::new()), &events) {
        Seen::NotReady(finding) => Judged::Waiting(finding.stage, finding.object, finding.detail),
        _ => {
            let object = format!("session/{}", report.metadata.name);
            Judged::Waiting(
                Stage::Applying,
                object,
                format!("is {}", report.head.phase.word()),
            )
        }
    }
}
