//! Checks of the level `baseline`.

use serde_json::Value;

use super::pod_template::{FieldViolations, PodTemplate, display_value};

/// Capabilities that may be added: those that container runtimes grant by default.
const ALLOWED_CAPABILITIES: [&str; 13] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

/// Kernel parameters that affect only the Pod itself.
const SAFE_SYSCTLS: [&str; 12] = [
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_wmem",
];

const SE_LINUX_TYPES: [&str; 5] = [
    "",
    "container_t",
    "container_init_t",
    "container_kvm_t",
    "container_engine_t",
];

/// Types of seccomp and AppArmor profiles that confine a container.
const CONFINING_PROFILES: [&str; 2] = ["RuntimeDefault", "Localhost"];

const APP_ARMOR: &str = "container.apparmor.security.beta.kubernetes.io/";
const SECCOMP_POD: &str = "seccomp.security.alpha.kubernetes.io/pod";
const SECCOMP_CONTAINER: &str = "container.seccomp.security.alpha.kubernetes.io/";

/// Fields of a container whose actions may name another host.
const HANDLER_FIELDS: [&str; 5] = [
    "livenessProbe",
    "readinessProbe",
    "startupProbe",
    "lifecycle.postStart",
    "lifecycle.preStop",
];

fn is_false(value: &Value) -> bool {
    *value == Value::Bool(false)
}

/// Returns true if `value` is one of the `allowed` strings.
pub(super) fn is_one_of(value: &Value, allowed: &[&str]) -> bool {
    value.as_str().is_some_and(|text| allowed.contains(&text))
}

pub(super) fn windows_host_process(pod: &PodTemplate<'_>, found: &mut FieldViolations) {
    for part in pod.security_context_parts() {
        found.report_unless(
            &part,
            "securityContext.windowsOptions.hostProcess",
            is_false,
        );
    }
}

pub(super) fn host_namespaces(pod: &PodTemplate<'_>, found: &mut FieldViolations) {
    for field in ["hostNetwork", "hostPID", "hostIPC"] {
        found.report_unless(&pod.spec_part(), field, is_false);
    }
}

pub(super) fn privileged(pod: &PodTemplate<'_>, found: &mut FieldViolations) {
    for container in pod.containers() {
        found.report_unless(&container, "securityContext.privileged", is_false);
    }
}

pub(super) fn capabilities(pod: &PodTemplate<'_>, found: &mut FieldViolations) {
    report_added_capabilities(pod, &ALLOWED_CAPABILITIES, found);
}

/// Reports added capabilities that are not `allowed`.
pub(super) fn report_added_capabilities(
    pod: &PodTemplate<'_>,
    allowed: &[&str],
    found: &mut FieldViolations,
) {
    const FIELD: &str = "securityContext.capabilities.add";
    for container in pod.containers() {
        for item in container.items(FIELD) {
            if !is_one_of(item.value(), allowed) {
                found.report_part(
                    &item,
                    format!("{FIELD} has {}", display_value(item.value())),
                );
            }
        }
    }
}

pub(super) fn host_path_volumes(pod: &PodTemplate<'_>, found: &mut FieldViolations) {
    for volume in pod.volumes() {
        if let Some(source) = volume.field("hostPath") {
            let path = source.get("path").unwrap_or(&Value::Null);
            let what = format!(
                "volume {:?} is the hostPath {}",
                volume.name(),
                display_value(path)
            );
            found.report_part(&volume, what);
        }
    }
}

pub(super) fn host_ports(pod: &PodTemplate<'_>, found: &mut FieldViolations) {
    for container in pod.containers() {
        for port in container.items("ports") {
            found.report_unless(&port, "hostPort", |value| *value == 0);
        }
    }
}

pub(super) fn host_probes(pod: &PodTemplate<'_>, found: &mut FieldViolations) {
    for container in pod.containers() {
        for handler in HANDLER_FIELDS {
            for action in ["httpGet", "tcpSocket"] {
                let field = format!("{handler}.{action}.host");
                found.report_unless(&container, &field, |value| is_one_of(value, &[""]));
            }
        }
    }
}

pub(super) fn app_armor_profile(pod: &PodTemplate<'_>, found: &mut FieldViolations) {
    report_unconfined_profiles(pod, "appArmorProfile", found);
    for (key, annotation) in pod.annotations(APP_ARMOR) {
        let value = annotation.value();
        if !is_one_of(value, &["", "runtime/default"]) && !is_localhost_profile(value) {
            found.report_part(
                &annotation,
                format!("annotation {key} is {}", display_value(value)),
            );
        }
    }
}

/// Reports profiles that are set and do not confine.
fn report_unconfined_profiles(pod: &PodTemplate<'_>, field: &str, found: &mut FieldViolations) {
    for part in pod.security_context_parts() {
        let given = format!("securityContext.{field}");
        let kind = format!("{given}.type");
        if part.field(&given).is_some()
            && !part
                .field(&kind)
                .is_some_and(|kind| is_one_of(kind, &CONFINING_PROFILES))
        {
            found.field(&part, &kind);
        }
    }
}

fn is_localhost_profile(value: &Value) -> bool {
    value
        .as_str()
        .is_some_and(|text| text.starts_with("localhost/"))
}

pub(super) fn se_linux_options(pod: &PodTemplate<'_>, found: &mut FieldViolations) {
    for part in pod.security_context_parts() {
        for (field, allowed) in [
            ("type", SE_LINUX_TYPES.as_slice()),
            ("user", &[""]),
            ("role", &[""]),
        ] {
            let field = format!("securityContext.seLinuxOptions.{field}");
            found.report_unless(&part, &field, |value| is_one_of(value, allowed));
        }
    }
}

pub(super) fn proc_mount(pod: &PodTemplate<'_>, found: &mut FieldViolations) {
    if !pod.has_user_namespace() {
        report_unmasked_proc(pod, found);
    }
}

/// Reports containers whose `/proc` is not masked.
pub(super) fn report_unmasked_proc(pod: &PodTemplate<'_>, found: &mut FieldViolations) {
    for container in pod.containers() {
        found.report_unless(&container, "securityContext.procMount", |value| {
            is_one_of(value, &["Default"])
        });
    }
}

pub(super) fn seccomp_profile(pod: &PodTemplate<'_>, found: &mut FieldViolations) {
    report_unconfined_profiles(pod, "seccompProfile", found);
}

pub(super) fn seccomp_annotations(pod: &PodTemplate<'_>, found: &mut FieldViolations) {
    for (key, annotation) in pod
        .annotations(SECCOMP_POD)
        .chain(pod.annotations(SECCOMP_CONTAINER))
    {
        let value = annotation.value();
        if !is_one_of(value, &["runtime/default", "docker/default"]) && !is_localhost_profile(value)
        {
            found.report_part(
                &annotation,
                format!("annotation {key} is {}", display_value(value)),
            );
        }
    }
}

pub(super) fn sysctls(pod: &PodTemplate<'_>, found: &mut FieldViolations) {
    for sysctl in pod.spec_part().items("securityContext.sysctls") {
        let name = sysctl.name();
        if !SAFE_SYSCTLS.contains(&name) {
            found.report_part(&sysctl, format!("securityContext.sysctls has {name:?}"));
        }
    }
}
