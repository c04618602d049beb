//! What is wrong in each case, as a person judges it who knows how the case was made: the measure of the diagnosis.
//!
//! Long because it is one list of data.

use super::causes;
use super::other_causes::found_before_creation;
use crate::diagnosis::Cause;

/// A case, the reason that is right for it, and words without which the message does not name the cause.
type Expected = (&'static str, &'static str, &'static str);

const EXPECTED: &[Expected] = &[
    ("never pulled", "ErrImageNeverPull", "is not on node"),
    ("name invalid", "InvalidImageName", "is not valid"),
    ("login", "ErrImagePull", "denies access"),
    ("wrong login", "ErrImagePull", "imagePullSecrets"),
    ("not in registry", "ErrImagePull", "does not have image"),
    ("no registry", "ErrImagePull", "unknown host"),
    ("no answer", "ErrImagePull", "cannot be reached"),
    ("untrusted", "ErrImagePull", "does not trust"),
    (
        "platform",
        "ErrImagePull",
        "not built for the node's platform",
    ),
    ("unsigned", "SignatureValidationFailed", "signature"),
    ("too many requests", "ErrImagePull", "too many requests"),
    ("pull unknown", "ErrImagePull", "unknown reason"),
    ("secret", "CreateContainerConfigError", "Secret \"s\""),
    ("configmap", "CreateContainerConfigError", "ConfigMap \"s\""),
    ("secret key", "CreateContainerConfigError", "key \"k\""),
    ("configmap key", "CreateContainerConfigError", "key \"k\""),
    (
        "config unknown",
        "CreateContainerConfigError",
        "runAsNonRoot",
    ),
    ("state unknown", "SomethingNew", "unknown reason"),
    ("not started", "RunContainerError", "no such file"),
    ("no capability", "RunContainerError", "unable to apply caps"),
    (
        "no seccomp profile",
        "CreateContainerError",
        "seccomp profile",
    ),
    (
        "no AppArmor profile",
        "CreateContainerError",
        "apparmor profile not found",
    ),
    ("working folder", "StartError", "chdir to cwd"),
    (
        "mounted on a file",
        "StartError",
        "\"…/v\" to rootfs at \"/etc/passwd\": not a directory",
    ),
    ("part of a volume", "StartError", "\"…/v/main/0\""),
    ("start unknown", "RunContainerError", "user bob"),
    ("crash loop", "CrashLoopBackOff", "exit code 3"),
    ("crash unsaid", "CrashLoopBackOff", "ended"),
    (
        "out of memory, no limit",
        "SystemOOM",
        "its node ran out of memory",
    ),
    ("not executable", "CrashLoopBackOff", "cannot be executed"),
    ("out of memory", "OOMKilled", "memory limit of 20Mi"),
    ("liveness", "LivenessFailed", "liveness probe"),
    (
        "hook after the start",
        "FailedPostStartHook",
        "postStart hook failed",
    ),
    ("hook before the end", "CrashLoopBackOff", "exit code 3"),
    ("liveness for good", "LivenessFailed", "liveness probe"),
    ("startup", "StartupFailed", "startup probe"),
    ("signal", "CrashLoopBackOff", "signal 15"),
    ("no command", "CrashLoopBackOff", "command was not found"),
    ("ends well", "CrashLoopBackOff", "exit code 0"),
    ("readiness", "ReadinessFailed", "readiness probe fails: 500"),
    ("port closed", "PortNotListening", "port 2222"),
    ("port closed at startup", "PortNotListening", "port 8080"),
    ("startup slow", "StartupFailed", "startup probe fails: 500"),
    (
        "sidecar slow",
        "StartupFailed",
        "sidecar container \"proxy\"",
    ),
    (
        "sidecar stopped",
        "StartupFailed",
        "nothing listens on port 15021",
    ),
    (
        "sidecar's readiness",
        "ReadinessFailed",
        "sidecar container \"proxy\"",
    ),
    ("placeholder", "PlaceholderValue", "variable JWT_SECRET"),
    ("placeholder perhaps", "CrashLoopBackOff", "exit code 1"),
    (
        "placeholder of the session",
        "PlaceholderValue",
        "parameter JWT_SECRET",
    ),
    (
        "no such host of a URL",
        "DownloadFailed",
        "\"https://images.example.com/root.ext4\": Could not resolve host",
    ),
    (
        "no such file of a URL",
        "DownloadFailed",
        "\"https://images.example.com/root.ext4\": server returned error: HTTP/1.1 404",
    ),
    (
        "no login of a URL",
        "DownloadFailed",
        "\"https://git.example.com/a.git\": could not read Username",
    ),
    (
        "no trust of a URL",
        "DownloadFailed",
        "\"https://images.example.com/key\": SSL certificate problem",
    ),
    (
        "no answer of a URL",
        "DownloadFailed",
        "\"https://git.example.com/a.git/\": Failed to connect",
    ),
    (
        "wrong program",
        "ExecFormatError",
        "not built for the node's platform",
    ),
    ("init for good", "Error", "init container \"prep\""),
    ("init again", "Error", "init container \"prep\""),
    ("cpu", "Unschedulable", "free cpu"),
    ("memory", "Unschedulable", "free memory"),
    ("gpu", "Unschedulable", "free example.com/gpu"),
    ("taint", "Unschedulable", "taint"),
    ("selector", "Unschedulable", "labels"),
    ("cordoned", "Unschedulable", "cordoned"),
    ("ports", "Unschedulable", "host ports"),
    ("affinity", "Unschedulable", "affinity"),
    ("pods", "Unschedulable", "limit of Pods"),
    ("volume", "Unschedulable", "available volume"),
    ("volume elsewhere", "Unschedulable", "reach its volume"),
    (
        "claim held",
        "Unschedulable",
        "another Pod holds its ReadWriteOncePod claim",
    ),
    (
        "autoscaler at its limit",
        "NotTriggerScaleUp",
        "max node group size reached",
    ),
    (
        "autoscaler without such nodes",
        "NotTriggerScaleUp",
        "Insufficient cpu",
    ),
    ("autoscaler unsaid", "NotTriggerScaleUp", "adds none"),
    ("autoscaler adds", "Unschedulable", "is adding a node"),
    ("hurdle unknown", "Unschedulable", "unknown conditions"),
    ("no node", "Unschedulable", "no nodes"),
    ("scheduler silent", "NotScheduled", "scheduler \"other\""),
    (
        "readiness gate",
        "ReadinessGatesNotReady",
        "gate \"example.com/traffic\"",
    ),
    ("gate", "SchedulingGated", "gate \"example.com/queue\""),
    (
        "gates",
        "SchedulingGated",
        "\"example.com/a\", \"example.com/b\"",
    ),
    ("scheduler unknown", "Unschedulable", "unknown reason"),
    ("no claim", "ClaimNotFound", "claim \"home\""),
    ("unbound", "Unbound", "\"home\""),
    (
        "no such class",
        "StorageClassNotFound",
        "StorageClass \"c\"",
    ),
    ("no class", "NoStorageClass", "no StorageClass"),
    (
        "no provisioner",
        "ExternalProvisioning",
        "provisioner \"e.example.com\"",
    ),
    (
        "provisioner fails",
        "ProvisioningFailed",
        "provisioner failed",
    ),
    ("claim unknown", "SomethingNew", "unknown reason"),
    ("volume's secret", "FailedMount", "Secret \"s\""),
    ("volume's secret key", "FailedMount", "key \"k\""),
    ("some volume", "FailedMount", "a volume"),
    ("volume's key", "FailedMount", "key \"k\""),
    ("attach", "FailedAttachVolume", "cannot be attached"),
    (
        "attached elsewhere",
        "FailedAttachVolume",
        "attached to another node",
    ),
    (
        "attached elsewhere, Pod named",
        "FailedAttachVolume",
        "held by \"web-a\", \"web-b\"",
    ),
    ("sandbox", "FailedCreatePodSandBox", "sandbox"),
    ("volume too full", "Evicted", "sizeLimit of 16Mi"),
    (
        "container too full",
        "Evicted",
        "ephemeral-storage limit of 64Mi",
    ),
    (
        "containers too full",
        "Evicted",
        "ephemeral-storage limits of 96Mi",
    ),
    ("evicted", "Evicted", "evicted by its node"),
    ("mount", "FailedMount", "is not a directory"),
    ("node lost", "NodeNotReady", "no longer responds"),
    ("drained", "EvictionByEvictionAPI", "drained"),
    ("tainted", "DeletionByTaintManager", "taint"),
    ("preempted", "PreemptionByScheduler", "higher priority"),
    ("node gone", "DeletionByPodGC", "no longer exists"),
    ("deadline", "DeadlineExceeded", "activeDeadlineSeconds"),
    ("sysctl", "SysctlForbidden", "not allowlisted"),
    ("out of cpu", "OutOfcpu", "enough resource: cpu"),
    ("other labels", "NodeAffinity", "node affinity/selector"),
    ("profile missing", "AppArmor", "profile \"x\""),
    ("port taken", "NodePorts", "free ports"),
    (
        "device fails",
        "UnexpectedAdmissionError",
        "no healthy devices",
    ),
    ("topology", "TopologyAffinityError", "Topology locality"),
    (
        "node goes down",
        "NodeShutdown",
        "the node is shutting down",
    ),
    ("rejected otherwise", "SomethingNew", "a new rule"),
    ("taken down", "NodeShutdown", "NodeShutdown"),
    ("ended unknown", "", "unknown reason"),
    ("pod security", "PodSecurity", "level \"restricted\""),
    ("limit range", "LimitRange", "maximum memory usage"),
    ("quota", "QuotaExceeded", "quota \"q\""),
    ("quota unsaid", "QuotaNeedsResources", "limits.cpu"),
    (
        "webhook refuses",
        "WebhookDenied",
        "webhook \"w.example.com\"",
    ),
    (
        "gatekeeper refuses",
        "PolicyViolation",
        "Gatekeeper denied the request by constraint \"ns-must-have-team\": you must provide labels",
    ),
    (
        "kyverno refuses",
        "PolicyViolation",
        "Kyverno denied the request by policy \"require-labels\", rule \"check-team\": validation error",
    ),
    (
        "policy refuses",
        "AdmissionPolicyDenied",
        "policy \"no-root.example.com\"",
    ),
    ("webhook away", "WebhookUnreachable", "does not answer"),
    (
        "no account",
        "ServiceAccountNotFound",
        "ServiceAccount \"sa\"",
    ),
    ("refusal unknown", "FailedCreate", "unknown reason"),
    ("service selects nothing", "NoPodsSelected", "app=other"),
    ("service's port", "NoTargetPort", "port named \"http\""),
    (
        "service's Pods",
        "EndpointsNotReady",
        "none of the Pods that it selects is ready",
    ),
    ("finalizer", "Finalizers", "finalizer"),
    ("dependents' finalizer", "Finalizers", "dependents"),
    ("finalizer of use", "Finalizers", "still in use by a Pod"),
    ("quota used up", "QuotaExceeded", "quota \"q\""),
    ("no limit", "QuotaNeedsResources", "limits.cpu"),
    ("below the range", "LimitRange", "minimum cpu"),
    (
        "no storage class",
        "StorageClassNotFound",
        "StorageClass \"c\"",
    ),
    (
        "no ingress class",
        "IngressClassNotFound",
        "IngressClass \"c\"",
    ),
    ("privileged", "PodSecurity", "level \"restricted\""),
    ("host taken", "IngressHostInUse", "p.example.com"),
];

/// Names of the causes that are found before anything is created, in their order.
const BEFORE_CREATION: [&str; 7] = [
    "quota used up",
    "no limit",
    "below the range",
    "no storage class",
    "no ingress class",
    "privileged",
    "host taken",
];

/// How well a case is diagnosed.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    NamedRightly,
    /// Another cause, with a remedy for it.
    WrongAndConfident,
    /// Only that something is wrong.
    NotNamed,
}

fn judge(cause: &Cause, (_, reason, words): &Expected) -> Verdict {
    let is_unknown = cause.message.contains("unknown reason") || cause.remedy.is_none();
    if cause.reason == *reason && cause.message.contains(words) {
        Verdict::NamedRightly
    } else if is_unknown {
        Verdict::NotNamed
    } else {
        Verdict::WrongAndConfident
    }
}

#[test]
fn causes_are_named_rightly_and_none_is_wrong_and_confident() {
    let before = BEFORE_CREATION.into_iter().zip(found_before_creation());
    let all: Vec<(&str, Cause)> = causes().into_iter().chain(before).collect();
    let (mut right, mut wrong, mut messages) = (0, Vec::new(), Vec::new());
    for (name, cause) in &all {
        let expected = EXPECTED.iter().find(|(case, ..)| case == name);
        let expected = expected.unwrap_or_else(|| panic!("{name}: nobody says what is wrong"));
        match judge(cause, expected) {
            Verdict::NamedRightly => right += 1,
            verdict => wrong.push((name, verdict, &cause.reason, &cause.message)),
        }
        if !messages.contains(&&cause.message) {
            messages.push(&cause.message);
        }
    }
    let share = f64::from(right) / all.len() as f64 * 100.0;
    println!(
        "{} causes, {} cases: {right} named rightly ({share:.1} %)",
        messages.len(),
        all.len()
    );
    assert!(messages.len() >= 45, "{}", messages.len());
    assert!(share >= 95.0, "{share:.1} %: {wrong:#?}");
    let mut verdicts = wrong.iter().map(|(_, verdict, ..)| verdict);
    let is_confident = verdicts.any(|verdict| *verdict == Verdict::WrongAndConfident);
    assert!(!is_confident, "{wrong:#?}");
}

#[test]
fn the_list_has_no_case_that_is_gone() {
    let known: Vec<&str> = causes().into_iter().map(|(name, _)| name).collect();
    for (name, ..) in EXPECTED {
        assert!(
            known.contains(name) || BEFORE_CREATION.contains(name),
            "{name}"
        );
    }
}
