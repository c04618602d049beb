//! `status -w`: the report again whenever it changes; and the state that watches keep up to date.

use std::time::Duration;

use anyhow::{Result, bail};
use serde_json::Value;
use session_shared::cluster::live::{missing, typed};
use session_shared::cluster::{Change, Cluster, Selection, Turn, Turns};
use session_shared::labels;
use session_shared::objects::ResourceType;
use session_shared::objects::resource::{EVENT, PERSISTENT_VOLUME_CLAIM, POD, SESSION, text};
use session_shared::report::format::Format;
use session_shared::report::screen::FullScreen;
use session_shared::verb::Ground;

use crate::intent::Intent;
use crate::observe::{Observed, observe, refresh};
use crate::report::Report;
use crate::{show, view};

/// How often ages are counted on.
const TICK: Duration = Duration::from_secs(1);
/// So many ticks later everything that is not watched is read again: use, templates, Services.
const TICKS_TO_REFRESH: u32 = 15;

const SESSIONS: usize = 0;
const PODS: usize = 1;
const EVENTS: usize = 2;
const CLAIMS: usize = 3;

/// Watches what a report is made of. The clock ticks where `tick` says.
pub(crate) fn follow(
    cluster: &Cluster,
    name: &str,
    tick: Option<Duration>,
    limit: Option<Duration>,
) -> Turns {
    let labelled = Selection::labelled(format!("{}={name}", labels::SESSION));
    let what: [(&ResourceType, Selection); 4] = [
        (
            &SESSION,
            Selection::with_fields(format!("metadata.name={name}")),
        ),
        (&POD, labelled.clone()),
        // No label leads to events: all of the namespace come, and those of others are passed over.
        (&EVENT, Selection::default()),
        (&PERSISTENT_VOLUME_CLAIM, labelled),
    ];
    cluster.turns(cluster.namespace(), &what, tick, limit)
}

/// Puts a change into what was observed. True if what the second round reads may have become another.
///
/// # Errors
/// NotFound when the session is gone; when it can be watched no more.
pub(crate) fn take(observed: &mut Observed, turn: Turn) -> Result<bool> {
    match turn {
        Turn::Tick | Turn::TimeUp => Ok(false),
        Turn::Ended {
            what: SESSIONS,
            error,
        } => Err(error),
        // A part that may not be watched stays as it was read.
        Turn::Ended { .. } => Ok(false),
        // What is there comes again; what is gone is found by reading.
        Turn::Anew(_) => Ok(true),
        Turn::Changed {
            what: SESSIONS,
            change,
        } => match change {
            Change::Added(object) | Change::Modified(object) => {
                observed.typed = typed(object.clone())?;
                let asks = observed.session["status"]["applied"] != object["status"]["applied"];
                observed.session = object;
                Ok(asks)
            }
            Change::Deleted(object) => Err(missing(&SESSION, text(&object, "/metadata/name"))),
            Change::Bookmark(_) => Ok(false),
        },
        Turn::Changed { what, change } => {
            let part = match what {
                PODS => &mut observed.pods,
                EVENTS => &mut observed.events,
                CLAIMS => &mut observed.claims,
                _ => return Ok(false),
            };
            let Ok(list) = part else { return Ok(false) };
            Ok(put(list, change) && what == PODS)
        }
    }
}

/// Puts a change into a list; true if an object came or went.
fn put(list: &mut Vec<Value>, change: Change) -> bool {
    let uid = |object: &Value| text(object, "/metadata/uid").to_owned();
    match change {
        Change::Added(object) | Change::Modified(object) => {
            match list.iter_mut().find(|known| uid(known) == uid(&object)) {
                Some(known) => {
                    *known = object;
                    false
                }
                None => {
                    list.push(object);
                    true
                }
            }
        }
        Change::Deleted(object) => {
            list.retain(|known| uid(known) != uid(&object));
            true
        }
        Change::Bookmark(_) => false,
    }
}

/// Shows the report until it is interrupted.
///
/// # Errors
/// NotFound when the session is gone, or what the server refuses.
pub(crate) async fn watch(
    cluster: &Cluster,
    mut intent: Intent,
    ground: &mut Ground,
) -> Result<()> {
    let name = intent.name.as_str().to_owned();
    let mut observed = observe(cluster, &name).await?;
    let mut screen = match intent.format {
        Format::Text { .. } => ground.console.full_screen(),
        Format::Objects(_) => None,
    };
    // Only a screen shows ages that grow.
    let mut turns = follow(cluster, &name, screen.is_some().then_some(TICK), None);
    let (mut shown, mut ticks) = (None, 0);
    loop {
        let report = Report::of(&observed, ground.now());
        match &mut screen {
            Some(screen) => draw(screen, &report, ground)?,
            None if shown.as_ref() != Some(&report) => {
                if shown.is_some() && matches!(intent.format, Format::Text { .. }) {
                    ground.console.line("")?;
                }
                show(&report, &mut intent.format, ground)?;
                shown = Some(report);
            }
            None => {}
        }
        let Some(turn) = turns.next().await else {
            bail!("the watches have ended");
        };
        ticks += u32::from(matches!(turn, Turn::Tick));
        let mut asks = take(&mut observed, turn)?;
        // What comes together is shown together.
        while let Some(turn) = turns.now() {
            asks |= take(&mut observed, turn)?;
        }
        if asks || ticks >= TICKS_TO_REFRESH {
            ticks = 0;
            again(cluster, &mut observed).await;
        }
    }
}

/// Reads what is not watched, and keeps the events that are.
async fn again(cluster: &Cluster, observed: &mut Observed) {
    let events = observed.events.clone();
    refresh(cluster, observed).await;
    observed.events = events;
}

fn draw(screen: &mut FullScreen, report: &Report, ground: &Ground) -> Result<()> {
    let lines = view::lines(report, ground.now(), ground.console.width());
    let painted: Vec<String> = lines
        .iter()
        .map(|line| line.painted(&ground.console))
        .collect();
    screen.draw(&painted, ground.console.height())
}
