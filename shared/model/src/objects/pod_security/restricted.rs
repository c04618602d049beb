//! Checks of the level `restricted`, in addition to those of `baseline`.

use serde_json::Value;

use super::baseline::{is_one_of, report_added_capabilities, report_unmasked_proc};
use super::pod_template::{FieldViolations, PodPart, PodTemplate};

/// Allowed types of volumes: those that do not reach beyond the Namespace.
const ALLOWED_VOLUME_TYPES: [&str; 9] = [
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "image",
    "persistentVolumeClaim",
    "projected",
    "secret",
];

pub(super) fn volume_types(pod: &PodTemplate<'_>, found: &mut FieldViolations) {
    for volume in pod.volumes() {
        // A volume without a source is an emptyDir.
        let other = |(key, value): &(&String, &Value)| *key != "name" && !value.is_null();
        let mut sources = volume
            .value()
            .as_object()
            .into_iter()
            .flatten()
            .filter(other);
        if let Some((kind, _)) =
            sources.find(|(kind, _)| !ALLOWED_VOLUME_TYPES.contains(&kind.as_str()))
        {
            found.report_part(
                &volume,
                format!("volume {:?} is of the type {kind}", volume.name()),
            );
        }
    }
}

pub(super) fn privilege_escalation(pod: &PodTemplate<'_>, found: &mut FieldViolations) {
    const FIELD: &str = "securityContext.allowPrivilegeEscalation";
    for container in linux_containers(pod) {
        if container.field(FIELD) != Some(&Value::Bool(false)) {
            found.field(&container, FIELD);
        }
    }
}

/// Returns the containers, none for a Windows Pod: the check applies to Linux only.
fn linux_containers<'o>(pod: &PodTemplate<'o>) -> impl Iterator<Item = PodPart<'o>> {
    let windows = pod.is_windows();
    pod.containers().filter(move |_| !windows)
}

pub(super) fn run_as_non_root(pod: &PodTemplate<'_>, found: &mut FieldViolations) {
    const FIELD: &str = "securityContext.runAsNonRoot";
    if pod.has_user_namespace() {
        return;
    }
    let whole = pod.spec_part();
    found.report_unless(&whole, FIELD, |value| *value == Value::Bool(true));
    let inherited = whole.field(FIELD) == Some(&Value::Bool(true));
    for container in pod.containers() {
        match container.field(FIELD) {
            None if inherited => {}
            Some(Value::Bool(true)) => {}
            _ => found.field(&container, FIELD),
        }
    }
}

pub(super) fn run_as_user(pod: &PodTemplate<'_>, found: &mut FieldViolations) {
    if pod.has_user_namespace() {
        return;
    }
    for part in pod.security_context_parts() {
        found.report_unless(&part, "securityContext.runAsUser", |value| *value != 0);
    }
}

pub(super) fn seccomp_profile(pod: &PodTemplate<'_>, found: &mut FieldViolations) {
    const FIELD: &str = "securityContext.seccompProfile.type";
    let confines = |value: &Value| is_one_of(value, &["RuntimeDefault", "Localhost"]);
    let inherited = pod.spec_part().field(FIELD).is_some_and(confines);
    for container in linux_containers(pod) {
        match container.field("securityContext.seccompProfile") {
            None if inherited => {}
            Some(_) if container.field(FIELD).is_some_and(confines) => {}
            _ => found.field(&container, FIELD),
        }
    }
}

pub(super) fn capabilities(pod: &PodTemplate<'_>, found: &mut FieldViolations) {
    const FIELD: &str = "securityContext.capabilities.drop";
    if pod.is_windows() {
        return;
    }
    for container in pod.containers() {
        if !container
            .items(FIELD)
            .any(|item| is_one_of(item.value(), &["ALL"]))
        {
            found.field(&container, FIELD);
        }
    }
    report_added_capabilities(pod, &["NET_BIND_SERVICE"], found);
}

pub(super) fn proc_mount(pod: &PodTemplate<'_>, found: &mut FieldViolations) {
    report_unmasked_proc(pod, found);
}
