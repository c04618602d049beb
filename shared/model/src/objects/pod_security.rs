//! Pod Security Standards: finds fields of an object's Pods that violate the levels `baseline` and `restricted`, and grants of
//! access to the API server.
//!
//! ```text
//! object ─► PodTemplate ─► CHECKS ─► Violation
//!           metadata,      one row    level, container,
//!           spec           a check    field, value
//! ```
//!
//! The rows are those of Kubernetes 1.36, whose newest policy version is v1.35. A live test compares every row with the
//! admission of a real API server, in both directions.

mod api_access;
mod baseline;
mod pod_template;
mod restricted;

use std::fmt;

use serde_json::Value;

use pod_template::{FieldViolations, PodTemplate};

/// Kubernetes version of the checks.
pub const TABLE_VERSION: &str = "1.36";

/// The level that a check belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Level `baseline`: prevents known ways to gain privileges on the node.
    Baseline,
    /// Level `restricted`: follows the practices of hardened Pods; an ordinary image does not meet it.
    Restricted,
    /// Not part of the standards: access of the Pod to the API server.
    ApiAccess,
}

/// One check of the standards.
#[derive(Clone, Copy)]
pub struct Check {
    /// Kubernetes' name of the check.
    pub id: &'static str,
    /// Level of the check.
    pub level: Level,
    /// First policy version with the check in this form: `v1.SINCE`.
    pub since: u32,
    find: fn(&PodTemplate<'_>, &mut FieldViolations),
}

const fn check(
    id: &'static str,
    level: Level,
    since: u32,
    find: fn(&PodTemplate<'_>, &mut FieldViolations),
) -> Check {
    Check {
        id,
        level,
        since,
        find,
    }
}

/// All checks, in the order of Kubernetes' documentation.
#[rustfmt::skip]
pub const CHECKS: &[Check] = &[
    check("windowsHostProcess", Level::Baseline, 0, baseline::windows_host_process),
    check("hostNamespaces", Level::Baseline, 0, baseline::host_namespaces),
    check("privileged", Level::Baseline, 0, baseline::privileged),
    check("capabilities_baseline", Level::Baseline, 0, baseline::capabilities),
    check("hostPathVolumes", Level::Baseline, 0, baseline::host_path_volumes),
    check("hostPorts", Level::Baseline, 0, baseline::host_ports),
    check("hostProbesAndHostLifecycle", Level::Baseline, 34, baseline::host_probes),
    check("appArmorProfile", Level::Baseline, 0, baseline::app_armor_profile),
    check("seLinuxOptions", Level::Baseline, 31, baseline::se_linux_options),
    check("procMount", Level::Baseline, 35, baseline::proc_mount),
    check("seccompProfile_baseline", Level::Baseline, 19, baseline::seccomp_profile),
    // Kubelets up to 1.26 read these annotations. Later versions have no check for them, since nothing reads them.
    check("seccompProfile_baseline", Level::Baseline, 0, baseline::seccomp_annotations),
    check("sysctls", Level::Baseline, 32, baseline::sysctls),
    check("restrictedVolumes", Level::Restricted, 0, restricted::volume_types),
    check("allowPrivilegeEscalation", Level::Restricted, 25, restricted::privilege_escalation),
    check("runAsNonRoot", Level::Restricted, 35, restricted::run_as_non_root),
    check("runAsUser", Level::Restricted, 35, restricted::run_as_user),
    check("seccompProfile_restricted", Level::Restricted, 25, restricted::seccomp_profile),
    check("capabilities_restricted", Level::Restricted, 25, restricted::capabilities),
    check("procMount_restricted", Level::Restricted, 35, restricted::proc_mount),
    check("serviceAccountName", Level::ApiAccess, 0, api_access::service_account),
    check("serviceAccountToken", Level::ApiAccess, 0, api_access::projected_tokens),
];

/// A field of a Pod that violates a level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Name of the check.
    pub id: &'static str,
    /// Level that is violated.
    pub level: Level,
    /// Name of the container; `None` for the Pod as a whole.
    pub container: Option<String>,
    /// JSON pointer of the field in the object; the field may be absent.
    pub pointer: String,
    /// Field and value for people: `hostNetwork is true`.
    pub description: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.container {
            Some(container) => write!(f, "container {container:?}: {}", self.description),
            None => f.write_str(&self.description),
        }
    }
}

/// Returns all violations of an object's Pods, in the order of [`CHECKS`]. Pods are found by their structure, so that those in
/// objects of unknown kinds are checked, too.
pub fn find_violations(object: &Value) -> Vec<Violation> {
    let pods = PodTemplate::find_all(object);
    let mut all = Vec::new();
    for check in CHECKS {
        let mut found = FieldViolations::default();
        pods.iter().for_each(|pod| (check.find)(pod, &mut found));
        all.extend(found.0.into_iter().map(|field| Violation {
            id: check.id,
            level: check.level,
            container: field.container,
            pointer: field.pointer,
            description: field.description,
        }));
    }
    all
}

#[cfg(test)]
#[path = "pod_security_tests.rs"]
mod tests;
