//! Workloads and network sections of the screen.

use session_shared::Timestamp;

use super::cell_text::{MAX_NAME_COLUMN, age_text, unknown_text};
use crate::layout::Page;
use crate::report::Report;
use crate::workloads::{ContainerReport, PodReport, WorkloadReport};

pub(super) fn add_workloads(page: &mut Page, report: &Report, now: Timestamp) {
    page.add_section("Workloads");
    if let Some(why) = report.unknown_reason("workloads") {
        page.add_text(2, 2, &unknown_text(why));
    } else if report.workloads.is_empty() {
        page.add_text(2, 2, "<none>");
    }
    for workload in &report.workloads {
        let alone = workload.kind == "Pod";
        if !alone {
            page.add_text(2, 4, &workload_title(workload));
        }
        for pod in &workload.pods {
            let primary = if alone && workload.primary {
                ", primary"
            } else {
                ""
            };
            let indent = if alone { 2 } else { 4 };
            page.add_text(
                indent,
                indent + 2,
                &format!("Pod/{}{primary}: {}", pod.name, pod_text(pod, now)),
            );
            add_containers(page, indent + 2, pod, now);
        }
    }
    if let Some(why) = report.unknown_reason("usage") {
        page.add_text(2, 2, &format!("usage: {}", unknown_text(why)));
    }
}

fn workload_title(workload: &WorkloadReport) -> String {
    let primary = if workload.primary { ", primary" } else { "" };
    let ready = match (workload.ready, workload.replicas) {
        (Some(ready), Some(replicas)) => format!(", {ready} of {replicas} ready"),
        _ => String::new(),
    };
    format!("{}/{}{primary}{ready}", workload.kind, workload.name)
}

fn pod_text(pod: &PodReport, now: Timestamp) -> String {
    let mut parts = vec![match &pod.node {
        Some(node) => format!("{} on {node}", pod.status),
        None => pod.status.clone(),
    }];
    parts.extend(pod.ip.clone());
    parts.extend(pod.qos.clone());
    parts.extend(
        pod.created
            .as_ref()
            .map(|created| format!("{} old", age_text(created, now))),
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

fn add_containers(page: &mut Page, indent: usize, pod: &PodReport, now: Timestamp) {
    let longest = pod
        .containers
        .iter()
        .map(|container| container.name.chars().count())
        .max();
    let column = indent + longest.unwrap_or(0).min(MAX_NAME_COLUMN) + 2;
    for container in &pod.containers {
        page.add_labelled_text(
            indent,
            column,
            &container.name,
            &container_state_text(container, now),
        );
        if let Some(last) = &container.last {
            let reason = last
                .reason
                .as_ref()
                .map_or_else(String::new, |reason| format!("{reason}, "));
            let when = last
                .finished
                .as_ref()
                .map_or_else(String::new, |time| format!(", {} ago", age_text(time, now)));
            page.add_text(
                column,
                column + 2,
                &format!(
                    "last termination: {reason}exit code {}{when}",
                    last.exit_code
                ),
            );
        }
        page.add_text(column, column + 2, &format!("image {}", container.image));
        for (word, map) in [
            ("requests", &container.requests),
            ("limits", &container.limits),
        ] {
            if !map.is_empty() {
                let all: Vec<String> = map
                    .iter()
                    .map(|(key, value)| format!("{key} {value}"))
                    .collect();
                page.add_text(column, column + 2, &format!("{word} {}", all.join(", ")));
            }
        }
    }
}

fn container_state_text(container: &ContainerReport, now: Timestamp) -> String {
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
            format!(" for {}", age_text(since, now))
        } else {
            format!(" {} ago", age_text(since, now))
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

pub(super) fn add_network(page: &mut Page, report: &Report) {
    let unread = report.unknown_reason("network");
    if report.network.is_empty() && unread.is_none() {
        return;
    }
    page.add_section("Network");
    if let Some(why) = unread {
        page.add_text(2, 2, &unknown_text(why));
    }
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
            (_, Some(0)) => parts.push("selects no Pod of the session".into()),
            (Some(ready), Some(pods)) => parts.push(format!("{ready} of {pods} Pods ready")),
            (None, Some(1)) => parts.push("selects 1 Pod".into()),
            (None, Some(pods)) => parts.push(format!("selects {pods} Pods")),
            _ => {}
        }
        page.add_text(
            2,
            4,
            &format!("{}/{}: {}", service.kind, service.name, parts.join(", ")),
        );
    }
}
