//! A case for every cause, with the messages of Kubernetes 1.36 and containerd 2.4.
//!
//! Long because it is one list of data.

use super::fixtures::*;
use super::recordings;
use crate::diagnosis::Finding;
use serde_json::json;

/// Name of the case, and the finding.
pub(super) type Case = (&'static str, Finding);

/// Returns all cases.
pub(super) fn findings() -> Vec<Case> {
    sections()
        .into_iter()
        .flat_map(|(_, cases)| cases)
        .collect()
}

/// Returns all cases below the titles that they have in docs/troubleshooting.md.
pub(super) fn sections() -> [(&'static str, Vec<Case>); 6] {
    let ends = ends().into_iter().chain(recordings::findings());
    [
        ("The image is not pulled", images()),
        (
            "A container does not start, ends or is not ready",
            containers(),
        ),
        ("No node takes the Pod", places()),
        ("A volume is not ready", volumes()),
        ("The Pod or its node fails", ends.collect()),
        ("Pods are refused", refusals()),
    ]
}

fn images() -> Vec<Case> {
    vec![
        ("never pulled", waiting("ErrImageNeverPull", "")),
        ("name invalid", waiting("InvalidImageName", "")),
        ("login", waiting("ErrImagePull", DENIED)),
        ("wrong login", with_login(DENIED)),
        (
            "not in registry",
            waiting("ErrImagePull", "r.example.com/i:1: not found"),
        ),
        (
            "no registry",
            waiting("ErrImagePull", "dial tcp: lookup r: no such host"),
        ),
        (
            "no answer",
            waiting("ErrImagePull", "dial tcp: i/o timeout"),
        ),
        (
            "untrusted",
            waiting("ErrImagePull", "x509: unknown authority"),
        ),
        (
            "platform",
            waiting(
                "ErrImagePull",
                "no match for platform in manifest: not found",
            ),
        ),
        (
            "unsigned",
            waiting(
                "SignatureValidationFailed",
                "image pull failed for r.example.com/i:1 because the signature validation failed: Source image rejected",
            ),
        ),
        (
            "too many requests",
            waiting("ErrImagePull", "429 Too Many Requests"),
        ),
        (
            "pull unknown",
            waiting("ErrImagePull", "unexpected media type"),
        ),
    ]
}

fn containers() -> Vec<Case> {
    vec![
        (
            "secret",
            waiting("CreateContainerConfigError", "secret \"s\" not found"),
        ),
        (
            "configmap",
            waiting("CreateContainerConfigError", "configmap \"s\" not found"),
        ),
        (
            "secret key",
            waiting(
                "CreateContainerConfigError",
                "couldn't find key k in Secret ns/s",
            ),
        ),
        (
            "configmap key",
            waiting(
                "CreateContainerConfigError",
                "couldn't find key k in ConfigMap ns/s",
            ),
        ),
        (
            "config unknown",
            waiting(
                "CreateContainerConfigError",
                "container has runAsNonRoot and image will run as root",
            ),
        ),
        ("state unknown", waiting("SomethingNew", "")),
        (
            "not started",
            waiting("RunContainerError", "exec: \"/nope\": no such file"),
        ),
        (
            "no capability",
            waiting(
                "RunContainerError",
                "OCI runtime create failed: runc create failed: unable to start container process: unable to apply caps: operation not permitted",
            ),
        ),
        (
            "no seccomp profile",
            waiting(
                "CreateContainerError",
                "failed to create containerd container: cannot load seccomp profile \"/var/lib/kubelet/seccomp/x.json\": open /var/lib/kubelet/seccomp/x.json: no such file or directory",
            ),
        ),
        (
            "no AppArmor profile",
            waiting(
                "CreateContainerError",
                "failed to create containerd container: apparmor profile not found x",
            ),
        ),
        (
            "working folder",
            ended(
                128,
                "StartError",
                "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: chdir to cwd (\"/etc/passwd\") set in config.json failed: not a directory",
                &[],
            ),
        ),
        (
            "mounted on a file",
            ended(
                128,
                "StartError",
                "OCI runtime create failed: runc create failed: unable to start container process: error during container init: error mounting \"/var/lib/kubelet/pods/1-2/volumes/kubernetes.io~empty-dir/v\" to rootfs at \"/etc/passwd\": mount src=/var/lib/kubelet/pods/1-2/volumes/kubernetes.io~empty-dir/v, dst=/etc/passwd, flags=MS_BIND: not a directory",
                &[],
            ),
        ),
        (
            "part of a volume",
            ended(
                128,
                "StartError",
                "OCI runtime create failed: runc create failed: unable to start container process: error during container init: error mounting \"/var/lib/kubelet/pods/1-2/volume-subpaths/v/main/0\" to rootfs at \"/data\": not a directory",
                &[],
            ),
        ),
        (
            "start unknown",
            waiting(
                "RunContainerError",
                "unable to find user bob: no matching entries in passwd file",
            ),
        ),
        ("crash loop", waiting("CrashLoopBackOff", "back-off")),
        ("crash unsaid", crash_unsaid()),
        ("out of memory, no limit", unlimited()),
        ("not executable", ended(126, "Error", "", &[])),
        ("out of memory", ended(137, "OOMKilled", "", &[])),
        (
            "liveness",
            ended(
                137,
                "Error",
                "",
                &[event(
                    "Killing",
                    "Container main failed liveness probe, will be restarted",
                )],
            ),
        ),
        (
            "hook after the start",
            ended(
                137,
                "Error",
                "",
                &[
                    event("FailedPostStartHook", "PostStartHook failed"),
                    event("Killing", "FailedPostStartHook"),
                ],
            ),
        ),
        (
            "hook before the end",
            ended(
                3,
                "Error",
                "",
                &[event("FailedPreStopHook", "PreStopHook failed")],
            ),
        ),
        (
            "liveness for good",
            stopped(&[event("Unhealthy", "Liveness probe failed: slow")]),
        ),
        (
            "startup",
            ended(
                137,
                "Error",
                "",
                &[event(
                    "Killing",
                    "Container main failed startup probe, will be restarted",
                )],
            ),
        ),
        ("signal", ended(143, "Error", "", &[])),
        ("no command", ended(127, "Error", "", &[])),
        ("ends well", ended(0, "Completed", "", &[])),
        (
            "readiness",
            running(&[event("Unhealthy", "Readiness probe failed: 500")]),
        ),
        (
            "port closed",
            running(&[event(
                "Unhealthy",
                "Readiness probe failed: dial tcp 10.1.2.3:2222: connect: connection refused",
            )]),
        ),
        (
            "port closed at startup",
            running(&[event(
                "Unhealthy",
                "Startup probe failed: Get \"http://10.1.2.3:8080/health\": dial tcp 10.1.2.3:8080: connect: connection refused",
            )]),
        ),
        ("readiness gate", behind_gate(json!(null))),
        (
            "startup slow",
            running(&[event("Unhealthy", "Startup probe failed: 500")]),
        ),
        (
            "sidecar slow",
            sidecar(&[event("Unhealthy", "Startup probe failed: 503")]),
        ),
        ("sidecar stopped", stopped_sidecar()),
        ("sidecar's readiness", unready_sidecar()),
        (
            "placeholder",
            with_log(
                ended_in(|pod| {
                    pod["spec"]["containers"][0]["env"] =
                        json!([{ "name": "JWT_SECRET", "value": "CHANGE_ME_IN_PRODUCTION" }]);
                }),
                &[],
            ),
        ),
        (
            "placeholder perhaps",
            with_log(
                ended_in(|pod| {
                    pod["spec"]["containers"][0]["env"] =
                        json!([{ "name": "TITLE", "value": "Change_me page" }]);
                }),
                &["port in use"],
            ),
        ),
        ("placeholder of the session", placeholder_parameter()),
        (
            "no such host of a URL",
            init_log(&[
                "+ curl -fsSL https://images.example.com/root.ext4",
                "curl: (6) Could not resolve host: images.example.com",
            ]),
        ),
        (
            "no such file of a URL",
            init_log(&[
                "Downloading https://images.example.com/root.ext4",
                "wget: server returned error: HTTP/1.1 404 Not Found",
                "no root file system",
            ]),
        ),
        (
            "no login of a URL",
            init_log(&[
                "fatal: could not read Username for 'https://git.example.com/a.git': No such device or address",
            ]),
        ),
        (
            "no trust of a URL",
            init_log(&[
                "+ curl -fsS https://images.example.com/key",
                "curl: (60) SSL certificate problem: unable to get local issuer certificate",
                "More details here: https://curl.se/docs/sslcerts.html",
            ]),
        ),
        (
            "no answer of a URL",
            init_log(&[
                "fatal: unable to access 'https://git.example.com/a.git/': Failed to connect to git.example.com port 443",
            ]),
        ),
        (
            "wrong program",
            init_log(&["exec /prep: exec format error"]),
        ),
        ("init for good", init("Never", 2)),
        ("init again", init("Always", 4)),
    ]
}

fn places() -> Vec<Case> {
    vec![
        ("cpu", nodes("1 Insufficient cpu")),
        ("memory", nodes("1 Insufficient memory")),
        ("gpu", nodes("1 Insufficient example.com/gpu")),
        ("taint", nodes("1 node(s) had untolerated taint(s)")),
        (
            "selector",
            nodes("1 node(s) didn't match Pod's node affinity/selector"),
        ),
        ("cordoned", nodes("1 node(s) were unschedulable")),
        (
            "ports",
            nodes("1 node(s) didn't have free ports for the requested pod ports"),
        ),
        (
            "affinity",
            nodes("1 node(s) didn't match pod anti-affinity rules"),
        ),
        ("pods", nodes("1 Too many pods")),
        (
            "volume",
            nodes("1 node(s) didn't find available persistent volumes to bind"),
        ),
        (
            "volume elsewhere",
            nodes("1 node(s) didn't match PersistentVolume's node affinity"),
        ),
        (
            "claim held",
            nodes(
                "1 node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod",
            ),
        ),
        (
            "autoscaler at its limit",
            scale_up(
                "NotTriggerScaleUp",
                "pod didn't trigger scale-up: 1 max node group size reached",
            ),
        ),
        (
            "autoscaler without such nodes",
            scale_up(
                "NotTriggerScaleUp",
                "pod didn't trigger scale-up (it wouldn't fit if a new node is added): 2 Insufficient cpu",
            ),
        ),
        (
            "autoscaler unsaid",
            scale_up("NotTriggerScaleUp", "pod didn't trigger scale-up"),
        ),
        (
            "autoscaler adds",
            scale_up(
                "TriggeredScaleUp",
                "pod triggered scale-up: [{pool 1->2 (max: 3)}]",
            ),
        ),
        ("hurdle unknown", nodes("1 node(s) had unknown conditions")),
        (
            "no node",
            unscheduled("no nodes available to schedule pods", &[]),
        ),
        ("scheduler silent", unseen_by_scheduler()),
        ("gate", gated(json!([{ "name": "example.com/queue" }]))),
        (
            "gates",
            gated(json!([{ "name": "example.com/a" }, { "name": "example.com/b" }])),
        ),
        ("scheduler unknown", unscheduled("something new", &[])),
    ]
}

fn volumes() -> Vec<Case> {
    vec![
        (
            "no claim",
            unscheduled(
                "0/1 nodes are available: persistentvolumeclaim \"home\" not found. not found",
                &[],
            ),
        ),
        (
            "unbound",
            unscheduled(
                "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found",
                &[],
            ),
        ),
        (
            "no such class",
            claim(
                "ProvisioningFailed",
                "storageclass.storage.k8s.io \"c\" not found",
            ),
        ),
        (
            "no class",
            claim(
                "FailedBinding",
                "no persistent volumes available for this claim and no storage class is set",
            ),
        ),
        (
            "no provisioner",
            claim(
                "ExternalProvisioning",
                "Waiting for a volume to be created either by the external provisioner 'e.example.com' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.",
            ),
        ),
        (
            "provisioner fails",
            claim("ProvisioningFailed", "rpc error: no space"),
        ),
        ("claim unknown", claim("SomethingNew", "no")),
        (
            "volume's secret",
            told(&[event(
                "FailedMount",
                "MountVolume.SetUp failed for volume \"v\" : secret \"s\" not found",
            )]),
        ),
        (
            "volume's secret key",
            told(&[event(
                "FailedMount",
                "MountVolume.SetUp failed for volume \"v\" : references non-existent secret key: k",
            )]),
        ),
        (
            "some volume",
            told(&[event(
                "FailedMount",
                "Unable to attach or mount volumes: unmounted volumes=[v], unattached volumes=[], failed to process volumes=[]: context deadline exceeded",
            )]),
        ),
        (
            "volume's key",
            told(&[event(
                "FailedMount",
                "MountVolume.SetUp failed for volume \"v\" : configmap references non-existent config key: k",
            )]),
        ),
        (
            "attach",
            told(&[event(
                "FailedAttachVolume",
                "AttachVolume.Attach failed for volume \"v\" : no",
            )]),
        ),
        (
            "attached elsewhere",
            told(&[event(
                "FailedAttachVolume",
                "Multi-Attach error for volume \"v\" Volume is already exclusively attached to one node and can't be attached to another",
            )]),
        ),
        (
            "attached elsewhere, Pod named",
            told(&[event(
                "FailedAttachVolume",
                "Multi-Attach error for volume \"v\" Volume is already used by pod(s) web-a, web-b and 1 pod(s) in different namespaces",
            )]),
        ),
    ]
}

fn ends() -> Vec<Case> {
    vec![
        (
            "sandbox",
            told(&[event("FailedCreatePodSandBox", "no network")]),
        ),
        (
            "volume too full",
            down(
                "Evicted",
                "Usage of EmptyDir volume \"cache\" exceeds the limit \"16Mi\". ",
            ),
        ),
        (
            "container too full",
            down(
                "Evicted",
                "Container main exceeded its local ephemeral storage limit \"64Mi\". ",
            ),
        ),
        (
            "containers too full",
            down(
                "Evicted",
                "Pod ephemeral local storage usage exceeds the total limit of containers 96Mi. ",
            ),
        ),
        (
            "drained",
            disrupted("EvictionByEvictionAPI", "Eviction API: evicting"),
        ),
        (
            "tainted",
            disrupted(
                "DeletionByTaintManager",
                "Taint manager: deleting due to NoExecute taint",
            ),
        ),
        (
            "preempted",
            disrupted(
                "PreemptionByScheduler",
                "default-scheduler: preempting to accommodate a higher priority pod",
            ),
        ),
        (
            "node gone",
            disrupted("DeletionByPodGC", "PodGC: node no longer exists"),
        ),
        ("deadline", down("DeadlineExceeded", "")),
        (
            "sysctl",
            down(
                "SysctlForbidden",
                "Pod was rejected: forbidden sysctl: \"net.core.somaxconn\" not allowlisted",
            ),
        ),
        (
            "out of cpu",
            down(
                "OutOfcpu",
                "Pod was rejected: Node didn't have enough resource: cpu, requested: 4000, used: 100, capacity: 2000",
            ),
        ),
        (
            "other labels",
            down(
                "NodeAffinity",
                "Pod was rejected: Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector",
            ),
        ),
        (
            "profile missing",
            down(
                "AppArmor",
                "Pod was rejected: Cannot enforce AppArmor: profile \"x\" is not loaded",
            ),
        ),
        (
            "port taken",
            down(
                "NodePorts",
                "Pod was rejected: Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports",
            ),
        ),
        (
            "device fails",
            down(
                "UnexpectedAdmissionError",
                "Pod was rejected: Allocate failed due to no healthy devices present; cannot allocate unhealthy devices example.com/gpu, which is unexpected",
            ),
        ),
        (
            "topology",
            down(
                "TopologyAffinityError",
                "Pod was rejected: Resources cannot be allocated with Topology locality",
            ),
        ),
        (
            "node goes down",
            down(
                "NodeShutdown",
                "Pod was rejected as the node is shutting down.",
            ),
        ),
        (
            "rejected otherwise",
            down("SomethingNew", "Pod was rejected: a new rule"),
        ),
        ("taken down", down("NodeShutdown", "")),
        ("ended unknown", down("", "")),
    ]
}

fn refusals() -> Vec<Case> {
    vec![
        (
            "pod security",
            refused("pods \"p\" is forbidden: violates PodSecurity \"restricted:latest\": no"),
        ),
        (
            "limit range",
            refused(
                "pods \"p\" is forbidden: maximum memory usage per Container is 64Mi, but limit is 1Gi",
            ),
        ),
        (
            "quota",
            refused(
                "pods \"p\" is forbidden: exceeded quota: q, requested: pods=1, used: pods=0, limited: pods=0",
            ),
        ),
        (
            "quota unsaid",
            refused("pods \"p\" is forbidden: failed quota: q: must specify limits.cpu for: main"),
        ),
        (
            "webhook refuses",
            refused("admission webhook \"w.example.com\" denied the request: no"),
        ),
        (
            "gatekeeper refuses",
            refused(
                "admission webhook \"validation.gatekeeper.sh\" denied the request: [ns-must-have-team] you must provide labels: {\"team\"}",
            ),
        ),
        (
            "kyverno refuses",
            refused(
                "admission webhook \"validate.kyverno.svc-fail\" denied the request: \n\nresource Pod/ns/p-0 was blocked due to the following policies \n\nrequire-labels:\n  check-team: 'validation error: label team is required'",
            ),
        ),
        (
            "policy refuses",
            refused(
                "create Pod p-0 in StatefulSet p failed error: pods \"p-0\" is forbidden: ValidatingAdmissionPolicy 'no-root.example.com' with binding 'b' denied request: no",
            ),
        ),
        (
            "webhook away",
            refused("Internal error occurred: failed calling webhook \"w.example.com\": no"),
        ),
        (
            "no account",
            refused(
                "pods \"p\" is forbidden: error looking up service account ns/sa: serviceaccount \"sa\" not found",
            ),
        ),
        ("refusal unknown", refused("no")),
    ]
}
