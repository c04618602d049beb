//! Screen form of a report: the same sections in the same order, without the empty ones.

mod cell_text;
mod data;
mod workloads;

use session_shared::Timestamp;
use session_shared::api::{DataPolicy, OnExpiry, Phase};
use session_shared::objects::cron_schedule::CronSchedule;
use session_shared::report::age;
use session_shared::report::console::Emphasis;

use crate::events::EventReport;
use crate::head::{ReportHead, TemplateState};
use crate::layout::{Line, Page};
use crate::report::Report;
use cell_text::{MAX_NAME_COLUMN, age_text, unknown_text};

/// Column at which the text of an event begins.
const EVENT_COLUMN: usize = 8;

/// Returns the lines of a report at `now`, none but commands longer than `width`; without one, no text is wrapped.
pub(crate) fn report_lines(report: &Report, now: Timestamp, width: Option<usize>) -> Vec<Line> {
    let mut page = Page::new(width);
    add_head(&mut page, report, now);
    add_diagnosis(&mut page, report, now);
    workloads::add_workloads(&mut page, report, now);
    workloads::add_network(&mut page, report);
    data::add_data(&mut page, report, now);
    add_connect(&mut page, report);
    add_conditions(&mut page, report, now);
    add_events(&mut page, report, now);
    add_next_steps(&mut page, report);
    page.into_lines()
}

fn add_head(page: &mut Page, report: &Report, now: Timestamp) {
    let head = &report.head;
    page.add_field("Name", &report.metadata.name);
    page.add_field("Namespace", &report.metadata.namespace);
    page.add_field("Owner", &head.owner);
    page.add_field("Template", &template(report));
    let since = match &head.since {
        Some(since) => format!(" since {since} ({})", age_text(since, now)),
        None => String::new(),
    };
    page.add_marked_field(
        "Phase",
        head.phase.as_str(),
        phase_style(head.phase),
        &since,
    );
    let said = |reason: &str, message: &str| match (reason, message) {
        ("", message) => message.to_owned(),
        (reason, "") => reason.to_owned(),
        (reason, message) => format!("{reason}: {message}"),
    };
    // A running session needs no reason; with a diagnosis, a word is enough.
    let reason = said(&head.reason, &head.message);
    if head.phase != Phase::Running && !reason.is_empty() && reason != "Stopped" {
        let short = match report.diagnosis.first() {
            None => &reason,
            Some(_) => &head.reason,
        };
        page.add_field("Reason", short);
    }
    if let Some(why) = &report.unobserved {
        page.add_field(
            "Note",
            &format!("phase as recorded in the session's status: {why}"),
        );
    }
    let may_be_why = matches!(head.phase, Phase::Pending | Phase::Failed);
    if let Some(why) = report.unknown_reason("events")
        && may_be_why
        && report.diagnosis.is_empty()
    {
        page.add_field("Note", &format!("the cause may be among the events: {why}"));
    }
    if let Some(started) = &head.started {
        page.add_field(
            "Started",
            &format!("{started} ({} ago)", age_text(started, now)),
        );
    }
    page.add_field("Expires", &expiry_text(report, now));
    for schedule in &report.schedules {
        page.add_field("Schedule", &schedule_text(schedule, head, now));
    }
    if let Some(why) = report.unknown_reason("schedules") {
        page.add_field("Schedule", &unknown_text(why));
    }
    if let Some(endpoint) = &head.endpoint {
        page.add_field("Endpoint", endpoint);
    }
    if let Some(policy) = head.data_policy {
        page.add_field("Data policy", policy_word(policy));
    }
}

fn policy_word(policy: DataPolicy) -> &'static str {
    match policy {
        DataPolicy::Keep => "keep",
        DataPolicy::Snapshot => "snapshot",
        DataPolicy::Delete => "delete",
    }
}

fn template(report: &Report) -> String {
    let Some(template) = &report.head.template else {
        return "<none> (manifest)".into();
    };
    let mut text = template.name.clone();
    if let Some(preset) = &template.preset {
        text.push_str(&format!(", preset {preset}"));
    }
    if let Some(application) = &template.application {
        text.push_str(&format!(", application {application}"));
    }
    match (template.state, report.unknown_reason("template")) {
        (TemplateState::Changed, _) => text.push_str(" (changed since the last start)"),
        (TemplateState::Gone, _) => text.push_str(" (deleted)"),
        (TemplateState::Unknown, Some(why)) => text.push_str(&format!(" (changes unknown: {why})")),
        (TemplateState::Unknown, None) | (TemplateState::Unchanged, _) => {}
    }
    text
}

fn expiry_text(report: &Report, now: Timestamp) -> String {
    let head = &report.head;
    let Some(at) = &head.expires_at else {
        return "<none>".into();
    };
    let left = age::remaining_time(at.parse().ok(), now);
    let what = match head.on_expiry {
        Some(OnExpiry::Delete) => "delete",
        _ => "stop",
    };
    if head.expired {
        format!("{at} (expired, on expiry: {what})")
    } else {
        format!("{at} (in {left}, then: {what})")
    }
}

/// Describes a schedule: `stop at "0 20 * * *" (Europe/Berlin), last success 3h ago`.
fn schedule_text(schedule: &CronSchedule, head: &ReportHead, now: Timestamp) -> String {
    let action = schedule.action.as_deref().unwrap_or_default();
    let mut text = format!("{action} at {}", schedule.describe());
    if let Some(selection) = schedule
        .sessions
        .as_ref()
        .filter(|text| text.starts_with('-'))
    {
        text.push_str(&format!(", with {selection}"));
    }
    match (schedule.suspended, &schedule.last_successful_time) {
        (true, _) => text.push_str(", suspended"),
        (false, Some(at)) => text.push_str(&format!(", last success {} ago", age_text(at, now))),
        (false, None) => {}
    }
    if let Some(until) = head.extended_until.as_ref().filter(|_| action == "stop") {
        text.push_str(&format!("; a stop before {until} waits until then"));
    }
    if let Some(job) = &schedule.failing_job {
        text.push_str(&format!("; Job/{} fails: {}", job.name, job.reason));
    }
    text
}

fn phase_style(phase: Phase) -> Emphasis {
    match phase {
        Phase::Running => Emphasis::Good,
        Phase::Failed => Emphasis::Bad,
        Phase::Pending | Phase::Terminating => Emphasis::Warning,
        Phase::Stopped => Emphasis::Heading,
    }
}

fn add_diagnosis(page: &mut Page, report: &Report, now: Timestamp) {
    if report.diagnosis.is_empty() {
        return;
    }
    page.add_section("Diagnosis");
    for found in &report.diagnosis {
        let place = match &found.recorded_at {
            Some(at) => format!(
                " ({}, as recorded {} ago in its status)",
                found.object,
                age_text(at, now)
            ),
            None => format!(" ({})", found.object),
        };
        page.add_marked_text(2, 4, &found.reason, Emphasis::Bad, &place);
        page.add_text(4, 4, &found.message);
        for line in &found.evidence {
            page.add_labelled_text(4, 14, "evidence:", line);
        }
        if let Some(remedy) = &found.remedy {
            page.add_labelled_text(4, 14, "remedy:", remedy);
        }
    }
}

fn add_connect(page: &mut Page, report: &Report) {
    // `connect` waits for a pending session.
    if report.connect.is_empty() || !matches!(report.head.phase, Phase::Running | Phase::Pending) {
        return;
    }
    page.add_section("Connect");
    let label = |name: &str, default: bool| {
        if default {
            format!("{name} (default)")
        } else {
            name.to_owned()
        }
    };
    let longest = report
        .connect
        .iter()
        .map(|method| label(&method.name, method.default).chars().count())
        .max();
    let column = 2 + longest.unwrap_or(0).min(MAX_NAME_COLUMN + 10) + 2;
    for method in &report.connect {
        let label = label(&method.name, method.default);
        page.add_labelled_command(2, column, &label, &method.command);
    }
}

fn add_conditions(page: &mut Page, report: &Report, now: Timestamp) {
    if report.conditions.is_empty() {
        return;
    }
    page.add_section("Conditions");
    for condition in &report.conditions {
        let mut why = condition.message.clone();
        if condition.reason != condition.r#type {
            let colon = if why.is_empty() { "" } else { ": " };
            why = format!("{}{colon}{why}", condition.reason);
        }
        let comma = if why.is_empty() { "" } else { ", " };
        let age = match condition.last_transition_time.as_str() {
            "" => String::new(),
            at => format!(" for {}", age_text(at, now)),
        };
        let text = format!(
            "{} is {}{age}{comma}{why}",
            condition.r#type, condition.status
        );
        page.add_text(2, 4, &text);
    }
}

fn add_events(page: &mut Page, report: &Report, now: Timestamp) {
    page.add_section("Events");
    if let Some(why) = report.unknown_reason("events") {
        page.add_text(2, 2, &unknown_text(why));
    } else if report.events.is_empty() {
        page.add_text(2, 2, "<none>");
    }
    for event in &report.events {
        let (kind, count) = (event_type_prefix(event), event_count_text(event, now));
        let text = format!(
            "{kind}{} {}{count}: {}",
            event.reason, event.object, event.message
        );
        page.add_labelled_text(2, EVENT_COLUMN, &age_text(&event.time, now), &text);
    }
}

fn event_type_prefix(event: &EventReport) -> String {
    if event.r#type == "Normal" {
        String::new()
    } else {
        format!("{} ", event.r#type)
    }
}

fn event_count_text(event: &EventReport, now: Timestamp) -> String {
    match event.count {
        1 => String::new(),
        count => format!(" ({count} times in {})", age_text(&event.first, now)),
    }
}

fn add_next_steps(page: &mut Page, report: &Report) {
    if report.next.is_empty() {
        return;
    }
    page.add_section("Next");
    for step in &report.next {
        page.add_text(2, 4, &format!("{}:", step.what));
        page.add_command(4, &step.command);
    }
}
