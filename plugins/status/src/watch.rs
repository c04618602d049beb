//! `status -w`: prints the report again whenever it changes.

use std::future::pending;
use std::pin::pin;
use std::time::Duration;

use anyhow::Result;
use futures::future::{Either, select};
use session_shared::ops::Cluster;
use session_shared::report::format::Format;
use session_shared::report::full_screen::FullScreen;
use session_shared::verb::Environment;

use crate::followed_session::FollowedSession;
use crate::intent::Intent;
use crate::layout::Line;
use crate::print_report::{compute_report, print_report};
use crate::report::Report;
use crate::view;

/// Interval at which ages are updated on a terminal.
const TICK_INTERVAL: Duration = Duration::from_secs(1);

/// Shows the report until interrupted: in place on a terminal; elsewhere, every report that differs from the previous one.
///
/// # Errors
/// NotFound when the session is deleted; any failure to read or watch the session.
pub(crate) async fn watch_report(
    cluster: &Cluster,
    mut intent: Intent,
    environment: &mut Environment,
) -> Result<()> {
    let mut screen = match intent.format {
        Format::Text { .. } => environment.console.full_screen(),
        Format::Objects(_) => None,
    };
    let tick = screen.is_some().then_some(TICK_INTERVAL);
    let mut followed = FollowedSession::new(cluster, intent.name.as_str(), tick, None).await?;
    let mut shown = None;
    loop {
        let report = compute_report(&followed.observed, environment);
        match &mut screen {
            Some(screen) => draw_report(screen, &report, environment)?,
            None if shown.as_ref() != Some(&report) => {
                if shown.is_some() && matches!(intent.format, Format::Text { .. }) {
                    environment.console.print_line("")?;
                }
                print_report(&report, &mut intent.format, environment)?;
                shown = Some(report);
            }
            None => {}
        }
        {
            let mut next = pin!(followed.next_event());
            loop {
                match select(&mut next, pin!(wait_suspended(&mut screen))).await {
                    Either::Left((changed, _)) => break changed?,
                    Either::Right((stopped, _)) => stopped?,
                }
            }
        };
        followed.explain().await;
    }
}

/// Waits for Ctrl-Z, so that the terminal can be restored before the process stops. Never returns without a screen.
async fn wait_suspended(screen: &mut Option<FullScreen>) -> Result<()> {
    match screen {
        Some(screen) => screen.wait_suspend().await,
        None => pending().await,
    }
}

fn draw_report(screen: &mut FullScreen, report: &Report, environment: &Environment) -> Result<()> {
    let width = environment.console.width();
    let lines = view::report_lines(report, environment.now(), Some(width));
    let painted: Vec<String> = lines
        .iter()
        .map(|line| line.to_styled_text(&environment.console))
        .collect();
    // The terminal wraps a command that is longer than a line: it takes more rows.
    let more_rows = |line: &Line| line.text.chars().count().saturating_sub(1) / width;
    let more: usize = lines.iter().map(more_rows).sum();
    let height = environment.console.height();
    screen.draw(&painted, height.map(|rows| rows.saturating_sub(more)))
}
