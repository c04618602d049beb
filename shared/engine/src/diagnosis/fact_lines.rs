//! Lines of evidence about objects, one for each node, claim, quota, LimitRange and endpoint, and those of a log.

use k8s_openapi::api::core::v1::{LimitRange, Node, PersistentVolumeClaim, ResourceQuota, Taint};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use session_model::objects::metadata::name_of;

/// End of the line above the lines of a log.
const LOG_HEAD_END: &str = ", last lines:";
/// Indentation of the lines of a log.
const LOG_INDENT: &str = "  ";
/// Most endpoints of a Service that are shown.
const MAX_ENDPOINTS_SHOWN: usize = 4;

/// Returns the lines of a log, below one that names it.
pub(super) fn log_lines(log: &str, lines: &[String]) -> impl Iterator<Item = String> {
    let head = format!("{log}{LOG_HEAD_END}");
    let lines = lines.iter().map(|line| format!("{LOG_INDENT}{line}"));
    std::iter::once(head).chain(lines)
}

/// Returns true for a line that [`log_lines`] has made.
pub(super) fn is_log_line(line: &str) -> bool {
    line.starts_with(LOG_INDENT) || line.ends_with(LOG_HEAD_END)
}

/// Returns a line for each endpoint of a Service, or one that says that it has none.
pub(super) fn describe_endpoints(service: &str, slices: &[EndpointSlice]) -> Vec<String> {
    let endpoints = slices.iter().flat_map(|slice| {
        let slice_name = name_of(&slice.metadata);
        slice.endpoints.iter().map(move |one| {
            let conditions = one.conditions.as_ref();
            let is_going = conditions.and_then(|all| all.terminating) == Some(true);
            // Absent means ready.
            let state = match conditions.and_then(|all| all.ready) {
                _ if is_going => "terminating",
                Some(false) => "not ready",
                Some(true) | None => "ready",
            };
            let target = one.target_ref.as_ref().and_then(|to| to.name.as_deref());
            let target = target.map_or_else(String::new, |pod| format!(" of pod {pod:?}"));
            let address = one.addresses.first().map_or("unknown", String::as_str);
            format!("EndpointSlice {slice_name:?}: address {address}{target} is {state}")
        })
    });
    let lines: Vec<String> = endpoints.take(MAX_ENDPOINTS_SHOWN).collect();
    match lines.is_empty() {
        true => vec![format!(
            "service {service:?} has no endpoint in any EndpointSlice"
        )],
        false => lines,
    }
}

pub(super) fn describe_node(node: &Node) -> String {
    let conditions = node.status.iter().filter_map(|s| s.conditions.as_ref());
    let ready = conditions.flatten().find(|one| one.type_ == "Ready");
    let name = name_of(&node.metadata);
    let Some(ready) = ready else {
        return format!("node {name:?}: no Ready condition");
    };
    let since = ready.last_transition_time.as_ref();
    format!(
        "node {name:?}: Ready is {}{}: {}",
        ready.status,
        since.map_or_else(String::new, |since| format!(" since {}", since.0)),
        ready.message.as_deref().unwrap_or("no message")
    )
}

pub(super) fn format_taint(taint: &Taint) -> String {
    match taint.value.as_deref() {
        None | Some("") => format!("{}:{}", taint.key, taint.effect),
        Some(value) => format!("{}={value}:{}", taint.key, taint.effect),
    }
}

pub(super) fn describe_claim(claim: &PersistentVolumeClaim) -> String {
    let spec = claim.spec.as_ref();
    let class = match spec.and_then(|spec| spec.storage_class_name.as_deref()) {
        None => "no StorageClass".to_owned(),
        Some("") => "StorageClass \"\" (explicitly none)".to_owned(),
        Some(class) => format!("StorageClass {class:?}"),
    };
    let phase = claim.status.as_ref().and_then(|s| s.phase.as_deref());
    let requests = spec.and_then(|spec| spec.resources.as_ref()?.requests.as_ref());
    let size = requests.and_then(|requests| requests.get("storage"));
    let modes = spec.and_then(|spec| spec.access_modes.as_deref());
    format!(
        "claim {:?}: {}, {class}, {} {}",
        name_of(&claim.metadata),
        phase.unwrap_or("no phase"),
        size.map_or("no size", |size| size.0.as_str()),
        modes.map_or_else(String::new, |modes| modes.join(","))
    )
}

pub(super) fn describe_quota(quota: &ResourceQuota) -> String {
    let status = quota.status.as_ref();
    let hard = status.and_then(|status| status.hard.as_ref());
    let figures = hard.into_iter().flatten().map(|(name, hard)| {
        let used = status.and_then(|status| status.used.as_ref()?.get(name));
        let used = used.map_or("unknown", |used| used.0.as_str());
        format!("{name} {used} of {}", hard.0)
    });
    let figures: Vec<String> = figures.collect();
    format!(
        "quota {:?}: {} used",
        name_of(&quota.metadata),
        figures.join(", ")
    )
}

pub(super) fn describe_limit_range(range: &LimitRange) -> String {
    let limits = range.spec.iter().flat_map(|spec| &spec.limits);
    let parts = limits.map(|limit| {
        let bounds = [("min", &limit.min), ("max", &limit.max)];
        let bounds = bounds.into_iter().filter_map(|(bound, amounts)| {
            let amounts = amounts.as_ref()?.iter();
            let amounts: Vec<String> = amounts
                .map(|(name, amount)| format!("{name} {}", amount.0))
                .collect();
            Some(format!("{bound} {}", amounts.join(", ")))
        });
        let bounds: Vec<String> = bounds.collect();
        format!("{} {}", limit.type_, bounds.join(", "))
    });
    let parts: Vec<String> = parts.collect();
    format!(
        "LimitRange {:?}: {}",
        name_of(&range.metadata),
        parts.join("; ")
    )
}
