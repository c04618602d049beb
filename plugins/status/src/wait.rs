//! `status --wait-for`: until the session is where it is wanted, or cannot get there.

use std::time::Duration;

use anyhow::{Error, Result, anyhow};
use session_shared::api::Phase;
use session_shared::client::timed_out;
use session_shared::failure::hinted;
use session_shared::objects::resource::SESSION;
use session_shared::ops::Cluster;
use session_shared::progress::{Event, Sink, Stage};
use session_shared::reconcile::{Seen, look};
use session_shared::report::format::Format;
use session_shared::verb::Ground;

use crate::document;
use crate::follow::{Followed, Happened};
use crate::intent::Intent;
use crate::observe::Observed;
use crate::report::{Report, live, notes};

/// Where a wait stands.
#[derive(Debug, PartialEq)]
enum Judged {
    Reached,
    /// It may still come; what it is doing.
    Waiting(Stage, String, String),
    /// It cannot come by itself.
    Hopeless,
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
    let mut followed = Followed::new(cluster, &name, None, Some(limit)).await?;
    let mut sink = ground.console.progress();
    loop {
        let report = Report::of(&followed.observed, ground.now());
        match judge(&report, &followed.observed, target) {
            Judged::Reached => {
                drop(sink);
                return reached(&report, &mut intent.format, ground);
            }
            Judged::Hopeless => {
                followed.explain().await;
                return Err(hopeless(
                    &Report::of(&followed.observed, ground.now()),
                    target,
                ));
            }
            Judged::Waiting(stage, object, detail) => sink.tell(Event::Waiting {
                stage,
                object,
                detail,
            }),
        }
        // No time at all looks once.
        if limit.is_zero() || followed.next().await? == Happened::TimeUp {
            return Err(too_late(&report));
        }
    }
}

/// kubectl's words, and what was seen last.
fn too_late(report: &Report) -> Error {
    let error = timed_out(&SESSION, &report.metadata.name);
    let head = &report.head;
    let phase = format!("it is {}", head.phase.word());
    if head.message.is_empty() {
        hinted(error, phase)
    } else {
        hinted(error, format!("{phase}: {}", head.message))
    }
}

/// Why it will not be what it was waited for, and what to do about it.
fn hopeless(report: &Report, target: Phase) -> Error {
    let (head, name) = (&report.head, &report.metadata.name);
    let first = report.diagnosis.first();
    let why = match first {
        _ if head.phase == Phase::Terminating => "it is being deleted".to_owned(),
        Some(found) => format!("{}: {}", found.reason, found.message),
        None if head.message.is_empty() => format!("it is {}", head.phase.word()),
        None => format!("it is {}: {}", head.phase.word(), head.message),
    };
    let error = anyhow!("session {name:?} will not be {}: {why}", target.word());
    match first.and_then(|found| found.remedy.clone()) {
        Some(remedy) => hinted(error, remedy),
        None => error,
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
    let phase = report.head.phase;
    if phase == target {
        return Judged::Reached;
    }
    // Anything may still be stopped, fail or be deleted; what failed or ended does not come up by itself.
    let comes_up = matches!(target, Phase::Running | Phase::Pending);
    match phase {
        Phase::Terminating => Judged::Hopeless,
        Phase::Failed | Phase::Stopped if comes_up => Judged::Hopeless,
        _ => waiting(report, observed),
    }
}

fn waiting(report: &Report, observed: &Observed) -> Judged {
    let events = notes(observed.events.as_deref().unwrap_or_default());
    match look(&observed.typed, &live(observed), &events) {
        Seen::NotReady(finding) => Judged::Waiting(finding.stage, finding.object, finding.detail),
        _ => {
            let object = format!("session/{}", report.metadata.name);
            let detail = format!("is {}", report.head.phase.word());
            Judged::Waiting(Stage::Applying, object, detail)
        }
    }
}
