//! A report as a screen: the same sections in the same order, those with nothing to say left out.

use session_shared::Timestamp;
use session_shared::api::{OnExpiry, Phase};
use session_shared::report::age;
use session_shared::report::console::Tone;

use crate::data::{Claim, Snapshot};
use crate::events::Happened;
use crate::head::TemplateState;
use crate::layout::{Line, Page};
use crate::report::Report;
use crate::workloads::{Container, PodReport, Workload};

/// Column where what is said of an event begins.
const EVENTS: usize = 8;
/// Longest container name that gets a column beside it.
const LONG_NAME: usize = 16;

/// The lines of a report at `now`, none longer than `width`.
pub(crate) fn lines(report: &Report, now: Timestamp, width: usize) -> Vec<Line> {
    let mut page = Page::new(width);
    head(&mut page, report, now);
    diagnosis(&mut page, report);
    workloads(&mut page, report, now);
    network(&mut page, report);
    data(&mut page, report, now);
    connect(&mut page, report);
    conditions(&mut page, report, now);
    events(&mut page, report, now);
    next(&mut page, report);
    page.lines()
}

fn head(page: &mut Page, report: &Report, now: Timestamp) {
    let head = &report.head;
    page.field("Name", &report.metadata.name);
    page.field("Namespace", &report.metadata.namespace);
    page.field("Owner", &head.owner);
    page.field("Template", &template(report));
    let since = match &head.since {
        Some(since) => format!(" since {since} ({})", ago(since, now)),
        None => String::new(),
    };
    page.marked_field("Phase", head.phase.word(), tone(head.phase), &since);
    let said = |reason: &str, message: &str| match (reason, message) {
        ("", message) => message.to_owned(),
        (reason, "") => reason.to_owned(),
        (reason, message) => format!("{reason}: {message}"),
    };
    // The diagnosis says it at length, and of what runs there is nothing to say.
    let reason = said(&head.reason, &head.message);
    if head.phase != Phase::Running && !reason.is_empty() && reason != "Stopped" {
        let short = if report.diagnosis.is_empty() {
            &reason
        } else {
            &head.reason
        };
        page.field("Reason", short);
    }
    if let Some(why) = report.why_unknown("workloads") {
        page.field(
            "Note",
            &format!("the phase is as the session's status has it: {why}"),
        );
    }
    if let Some(started) = &head.started {
        page.field("Started", &format!("{started} ({} ago)", ago(started, now)));
    }
    page.field("Expires", &expires(report, now));
    if let Some(endpoint) = &head.endpoint {
        page.field("Endpoint", endpoint);
    }
    if let Some(policy) = head.data_policy {
        page.field(
            "Data policy",
            &serde_json::to_value(policy)
                .ok()
                .and_then(|word| word.as_str().map(str::to_owned))
                .unwrap_or_default(),
        );
    }
}

fn template(report: &Report) -> String {
    let Some(template) = &report.head.template else {
        return "<none>, a manifest".into();
    };
    let mut text = template.name.clone();
    if let Some(preset) = &template.preset {
        text.push_str(&format!(", preset {preset}"));
    }
    if let Some(application) = &template.application {
        text.push_str(&format!(", application {application}"));
    }
    match (template.state, report.why_unknown("template")) {
        (TemplateState::Changed, _) => text.push_str(" (changed since this start)"),
        (TemplateState::Gone, _) => text.push_str(" (gone)"),
        (TemplateState::Unknown, Some(why)) => {
            text.push_str(&format!(" (unknown whether it has changed: {why})"))
        }
        (TemplateState::Unknown, None) | (TemplateState::Unchanged, _) => {}
    }
    text
}

fn expires(report: &Report, now: Timestamp) -> String {
    let head = &report.head;
    let Some(at) = &head.expires_at else {
        return "<none>".into();
    };
    let left = age::remaining(at.parse().ok(), now);
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

fn tone(phase: Phase) -> Tone {
    match phase {
        Phase::Running => Tone::Good,
        Phase::Failed => Tone::Bad,
        Phase::Pending | Phase::Terminating => Tone::Worth,
        Phase::Stopped => Tone::Strong,
    }
}

fn diagnosis(page: &mut Page, report: &Report) {
    if report.diagnosis.is_empty() {
        return;
    }
    page.section("Diagnosis");
    for found in &report.diagnosis {
        page.marked_text(
            2,
            4,
            &found.reason,
            Tone::Bad,
            &format!(" ({})", found.object),
        );
        page.text(4, 4, &found.message);
        if let Some(remedy) = &found.remedy {
            page.hanging(4, 12, "remedy:", remedy);
        }
    }
}

fn workloads(page: &mut Page, report: &Report, now: Timestamp) {
    page.section("Workloads");
    if let Some(why) = report.why_unknown("workloads") {
        page.text(2, 2, &unknown(why));
    } else if report.workloads.is_empty() {
        page.text(2, 2, "<none>");
    }
    for workload in &report.workloads {
        let alone = workload.kind == "Pod";
        if !alone {
            page.text(2, 4, &title(workload));
        }
        for pod in &workload.pods {
            let primary = if alone && workload.primary {
                ", primary"
            } else {
                ""
            };
            let indent = if alone { 2 } else { 4 };
            page.text(
                indent,
                indent + 2,
                &format!("Pod/{}{primary}: {}", pod.name, place(pod, now)),
            );
            containers(page, indent + 2, pod, now);
        }
    }
    if let Some(why) = report.why_unknown("usage") {
        page.text(2, 2, &format!("use: {}", unknown(why)));
    }
}

fn title(workload: &Workload) -> String {
    let primary = if workload.primary { ", primary" } else { "" };
    let ready = match (workload.ready, workload.replicas) {
        (Some(ready), Some(replicas)) => format!(", {ready} of {replicas} ready"),
        _ => String::new(),
    };
    format!("{}/{}{primary}{ready}", workload.kind, workload.name)
}

fn place(pod: &PodReport, now: Timestamp) -> String {
    let mut parts = vec![match &pod.node {
        Some(node) => format!("{} on {node}", pod.status),
        None => pod.status.clone(),
    }];
    parts.extend(pod.ip.clone());
    parts.extend(pod.qos.clone());
    parts.extend(
        pod.created
            .as_ref()
            .map(|created| format!("{} old", ago(created, now))),
    );
    if let Some(used) = &pod.used {
        let cpu = used.cpu.as_ref().map(|cpu| format!("cpu {cpu}"));
        let memory = used
            .memory
            .as_ref()
            .map(|memory| format!("memory {memory}"));
        let both: Vec<String> = cpu.into_iter().chain(memory).collect();
        parts.push(format!("uses {}", both.join(" and ")));
    }
    parts.join(", ")
}

fn containers(page: &mut Page, indent: usize, pod: &PodReport, now: Timestamp) {
    let longest = pod
        .containers
        .iter()
        .map(|container| container.name.chars().count())
        .max();
    let column = indent + longest.unwrap_or(0).min(LONG_NAME) + 2;
    for container in &pod.containers {
        page.hanging(indent, column, &container.name, &state(container, now));
        if let Some(last) = &container.last {
            let reason = last
                .reason
                .as_ref()
                .map_or_else(String::new, |reason| format!("{reason}, "));
            let when = last
                .finished
                .as_ref()
                .map_or_else(String::new, |time| format!(", {} ago", ago(time, now)));
            page.text(
                column,
                column + 2,
                &format!("last end: {reason}exit code {}{when}", last.exit_code),
            );
        }
        page.text(column, column + 2, &format!("image {}", container.image));
        for (word, map) in [
            ("requests", &container.requests),
            ("limits", &container.limits),
        ] {
            if !map.is_empty() {
                let all: Vec<String> = map
                    .iter()
                    .map(|(key, value)| format!("{key} {value}"))
                    .collect();
                page.text(column, column + 2, &format!("{word} {}", all.join(", ")));
            }
        }
    }
}

fn state(container: &Container, now: Timestamp) -> String {
    let mut text = if container.init {
        format!("init, {}", container.state)
    } else {
        container.state.clone()
    };
    if let Some(reason) = &container.reason {
        text.push_str(&format!(" ({reason})"));
    }
    if let Some(code) = container.exit_code {
        text.push_str(&format!(", exit code {code}"));
    }
    if let Some(since) = &container.since {
        text.push_str(&if container.state == "running" {
            format!(" for {}", ago(since, now))
        } else {
            format!(" {} ago", ago(since, now))
        });
    }
    if container.state == "running" && !container.init {
        text.push_str(if container.ready {
            ", ready"
        } else {
            ", not ready"
        });
    }
    let plural = if container.restarts == 1 { "" } else { "s" };
    text.push_str(&format!(", {} restart{plural}", container.restarts));
    text
}

fn network(page: &mut Page, report: &Report) {
    if report.network.is_empty() {
        return;
    }
    page.section("Network");
    for service in &report.network {
        let mut parts = Vec::new();
        let mut of_type = service.r#type.clone();
        if let Some((first, rest)) = service.addresses.split_first() {
            let blank = if of_type.is_empty() { "" } else { " " };
            of_type.push_str(&format!("{blank}{first}"));
            parts.push(of_type);
            parts.extend(rest.iter().cloned());
        } else if !of_type.is_empty() {
            parts.push(of_type);
        }
        parts.extend(service.ports.iter().cloned());
        match (service.ready, service.pods) {
            (_, Some(0)) => parts.push("leads to no Pod of the session".into()),
            (Some(ready), Some(pods)) => parts.push(format!("{ready} of {pods} Pods ready")),
            _ => {}
        }
        page.text(
            2,
            4,
            &format!("{}/{}: {}", service.kind, service.name, parts.join(", ")),
        );
    }
}

fn data(page: &mut Page, report: &Report, now: Timestamp) {
    let data = &report.data;
    let hidden =
        ["claims", "parametersSecret", "snapshots"].map(|part| (part, report.why_unknown(part)));
    let nothing =
        data.claims.is_empty() && data.parameters_secret.is_none() && data.snapshots.is_empty();
    if nothing && hidden.iter().all(|(_, why)| why.is_none()) {
        return;
    }
    page.section("Data");
    for claim in &data.claims {
        page.text(2, 4, &of_claim(claim, now));
        page.text(4, 6, &used(claim, report));
    }
    if let Some(secret) = &data.parameters_secret {
        page.text(2, 4, &format!("Secret/{secret}: the secret parameters"));
    }
    for snapshot in &data.snapshots {
        page.text(2, 4, &of_snapshot(snapshot, now));
    }
    for (part, why) in hidden {
        if let Some(why) = why {
            page.text(2, 4, &format!("{part}: {}", unknown(why)));
        }
    }
}

fn of_claim(claim: &Claim, now: Timestamp) -> String {
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
            .map(|since| format!("kept since {since} ({})", ago(since, now))),
    );
    format!("PersistentVolumeClaim/{}: {}", claim.name, parts.join(", "))
}

fn used(claim: &Claim, report: &Report) -> String {
    match (&claim.used, report.why_unknown("usage")) {
        (Some(used), _) => format!(
            "used {} of {} ({}%)",
            used.used, used.capacity, used.percent
        ),
        (None, Some(why)) => format!("used {}", unknown(why)),
        (None, None) => "used <unknown>".into(),
    }
}

fn of_snapshot(snapshot: &Snapshot, now: Timestamp) -> String {
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
            .map(|created| format!("{} old", ago(created, now))),
    );
    format!("VolumeSnapshot/{}: {}", snapshot.name, parts.join(", "))
}

fn connect(page: &mut Page, report: &Report) {
    if report.connect.is_empty() {
        return;
    }
    page.section("Connect");
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
    let column = 2 + longest.unwrap_or(0).min(LONG_NAME + 10) + 2;
    for method in &report.connect {
        page.hanging(
            2,
            column,
            &label(&method.name, method.default),
            &method.command,
        );
    }
}

fn conditions(page: &mut Page, report: &Report, now: Timestamp) {
    if report.conditions.is_empty() {
        return;
    }
    page.section("Conditions");
    for condition in &report.conditions {
        let message = if condition.message.is_empty() {
            String::new()
        } else {
            format!(": {}", condition.message)
        };
        let age = ago(&condition.last_transition_time, now);
        let text = format!(
            "{} {} for {age}, {}{message}",
            condition.r#type, condition.status, condition.reason
        );
        page.text(2, 4, &text);
    }
}

fn events(page: &mut Page, report: &Report, now: Timestamp) {
    page.section("Events");
    if let Some(why) = report.why_unknown("events") {
        page.text(2, 2, &unknown(why));
    } else if report.events.is_empty() {
        page.text(2, 2, "<none>");
    }
    for event in &report.events {
        let (kind, count) = (warning(event), count(event, now));
        let text = format!(
            "{kind}{} {}{count}: {}",
            event.reason, event.object, event.message
        );
        page.hanging(2, EVENTS, &ago(&event.time, now), &text);
    }
}

fn warning(event: &Happened) -> String {
    if event.r#type == "Normal" {
        String::new()
    } else {
        format!("{} ", event.r#type)
    }
}

fn count(event: &Happened, now: Timestamp) -> String {
    match event.count {
        1 => String::new(),
        count => format!(" ({count} times in {})", ago(&event.first, now)),
    }
}

fn next(page: &mut Page, report: &Report) {
    if report.next.is_empty() {
        return;
    }
    page.section("Next");
    for step in &report.next {
        page.text(2, 4, &format!("{}:", step.what));
        page.text(4, 6, &step.command);
    }
}

fn unknown(why: &str) -> String {
    format!("<unknown> ({why})")
}

/// How long ago an RFC 3339 time was.
fn ago(time: &str, now: Timestamp) -> String {
    age::since(time.parse().ok(), now)
}
