//! Data section of the screen.

use session_shared::Timestamp;
use session_shared::objects::cron_schedule::CronSchedule;

use super::cell_text::{age_text, unknown_text};
use crate::data::{ClaimReport, EphemeralData, SnapshotReport};
use crate::layout::Page;
use crate::report::Report;

pub(super) fn add_data(page: &mut Page, report: &Report, now: Timestamp) {
    let data = &report.data;
    let hidden = ["claims", "parametersSecret", "schedule", "snapshots"]
        .map(|part| (part, report.unknown_reason(part)));
    let nothing =
        data.claims.is_empty() && data.parameters_secret.is_none() && data.snapshots.is_empty();
    let nothing_shown = nothing && data.schedule.is_none() && data.ephemeral.is_empty();
    if nothing_shown && hidden.iter().all(|(_, why)| why.is_none()) {
        return;
    }
    page.add_section("Data");
    for claim in &data.claims {
        page.add_text(2, 4, &claim_text(claim, now));
        page.add_text(4, 6, &usage_text(claim));
    }
    for one in &data.ephemeral {
        page.add_text(2, 4, &ephemeral_text(one));
    }
    if let Some(secret) = &data.parameters_secret {
        let effect = data.parameters_on_deletion.unwrap_or_default();
        page.add_text(
            2,
            4,
            &format!("Secret/{secret}: secret parameters, {effect}"),
        );
    }
    if let Some(command) = &data.parameters_command {
        page.add_text(4, 6, "show the values:");
        page.add_command(6, command);
    }
    for snapshot in &data.snapshots {
        page.add_text(2, 4, &snapshot_text(snapshot, now));
    }
    if let Some(schedule) = &data.schedule {
        page.add_text(2, 4, &schedule_text(schedule, now));
    }
    if !(data.claims.is_empty() && data.snapshots.is_empty()) {
        let (policy, deletion) = (&data.policy, &data.on_deletion);
        let text = format!("policy {policy}: {deletion}; {}", data.lost_by);
        page.add_text(2, 4, &text);
    }
    for (part, why) in hidden {
        if let Some(why) = why {
            page.add_text(2, 4, &format!("{part}: {}", unknown_text(why)));
        }
    }
}

fn ephemeral_text(one: &EphemeralData) -> String {
    let EphemeralData {
        pod, source, lost, ..
    } = one;
    match &one.volume {
        Some(volume) => format!("{volume}: {source} of Pod/{pod}, lost {lost}"),
        None => format!("{source} of Pod/{pod}: lost {lost}"),
    }
}

fn claim_text(claim: &ClaimReport, now: Timestamp) -> String {
    let mut parts = vec![claim.phase.clone()];
    match (&claim.capacity, &claim.requested) {
        (Some(capacity), Some(requested)) if capacity != requested => {
            parts.push(format!("{capacity}, requested {requested}"))
        }
        (Some(capacity), _) => parts.push(capacity.clone()),
        (None, Some(requested)) => parts.push(format!("requested {requested}")),
        (None, None) => {}
    }
    parts.extend(claim.class.as_ref().map(|class| format!("class {class}")));
    parts.extend(
        claim
            .volume
            .as_ref()
            .map(|volume| format!("volume {volume}")),
    );
    parts.extend(
        claim
            .kept_since
            .as_ref()
            .map(|since| format!("kept since {since} ({})", age_text(since, now))),
    );
    format!("PersistentVolumeClaim/{}: {}", claim.name, parts.join(", "))
}

/// Returns the usage of a claim. The reason why it is unknown is shown once, with the workloads.
fn usage_text(claim: &ClaimReport) -> String {
    match &claim.used {
        Some(used) => format!(
            "used {} of {} ({}%)",
            used.used, used.capacity, used.percent
        ),
        None => "used <unknown>".into(),
    }
}

fn snapshot_text(snapshot: &SnapshotReport, now: Timestamp) -> String {
    let mut parts = vec![if snapshot.ready {
        "ready".to_owned()
    } else {
        "not ready".to_owned()
    }];
    parts.extend(snapshot.size.clone());
    parts.extend(snapshot.claim.as_ref().map(|claim| format!("of {claim}")));
    parts.extend(
        snapshot
            .created
            .as_ref()
            .map(|created| format!("{} old", age_text(created, now))),
    );
    format!("VolumeSnapshot/{}: {}", snapshot.name, parts.join(", "))
}

fn schedule_text(schedule: &CronSchedule, now: Timestamp) -> String {
    let so_far = match (schedule.suspended, &schedule.last_successful_time) {
        (true, _) => "suspended".to_owned(),
        (false, Some(at)) => format!("last one {} ago", age_text(at, now)),
        (false, None) => "none yet".to_owned(),
    };
    let failing = schedule.failing_job.as_ref();
    let failing = failing.map(|job| format!("; Job/{} fails: {}", job.name, job.reason));
    format!(
        "CronJob/{}: snapshots at {}, {so_far}{}",
        schedule.name,
        schedule.describe(),
        failing.unwrap_or_default()
    )
}
