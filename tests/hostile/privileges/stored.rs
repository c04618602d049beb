//! What somebody has stored in a Session, and its owner starts.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use session_support::FakeApi;

use super::runs::{
    POD, fails_with, nothing_written, pod, server, session, session_in_little_memory,
};
use crate::attack::{Attack, attack};

pub(super) fn attacks() -> Vec<Attack> {
    vec![
        attack!(
            stored_placeholders_do_not_become_gigabytes,
            "Stores 196 kB of placeholders of a long value, which stand for 3.1 GB, in a session that its owner starts",
            "`start` refuses the text within 1 GB of memory, and nothing is made",
        ),
        attack!(
            stored_text_of_another_is_not_even_read,
            "Stores a manifest in another user's session whose reading alone is dear",
            "`start` says whose manifest it is before the text is parsed",
        ),
        attack!(
            stored_privileges_are_confirmed,
            "Stores a manifest with SYS_ADMIN, a host port, seccomp Unconfined, a sysctl of the node or another violation of the baseline Pod Security Standard",
            "`start` names object, container, field and value, makes nothing, and needs --trust-manifest",
        ),
        attack!(
            stored_identities_are_confirmed,
            "Stores a manifest with a ServiceAccount that is not the default, a projected token, a token Secret or an RBAC kind",
            "`start` names each, makes nothing, and needs --trust-manifest",
        ),
        attack!(
            stored_privileges_do_not_hide_in_kinds,
            "Hides a privileged Pod template in a kind that is not known, or behind a list of containers where none belongs",
            "the template is found by its shape, and needs --trust-manifest",
        ),
        attack!(
            connect_wakes_no_privileges,
            "Stores a privileged manifest in a stopped session, and waits for its owner's `connect`",
            "`connect` refuses to start it, as `start` does",
        ),
    ]
}

/// A stopped session with that manifest.
fn stored(api: &FakeApi, owner: &str, manifest: &str, parameters: &Value) {
    api.put(json!({
        "apiVersion": "streaming.platform/v1", "kind": "Session",
        "metadata": {"name": "work", "namespace": "default"},
        "spec": {"userId": owner, "state": "stopped", "manifest": manifest, "parameters": parameters,
            "primary": {"kind": "Pod", "name": "p-work"}},
        "status": {"phase": "stopped"},
    }));
}

fn stored_placeholders_do_not_become_gigabytes() -> Result<()> {
    let value = json!({"V": "x".repeat(64 << 10)});
    for (count, reason) in [
        (48_000, "more than 10000 placeholders"),
        (
            9_900,
            "the value has more than 1048576 bytes after replacing its parameters",
        ),
    ] {
        let (api, server) = server();
        let config = format!(
            "{POD}---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c}}\ndata: {{a: \"{}\"}}\n",
            "${V}".repeat(count)
        );
        stored(&api, "alice", &config, &value);
        let started = session_in_little_memory(&server, &["start", "work", "--wait=false"], None)?;
        fails_with(&started, reason)?;
        nothing_written(&api)?;
    }
    Ok(())
}

fn stored_text_of_another_is_not_even_read() -> Result<()> {
    let (api, server) = server();
    stored(&api, "mallory", "{ no: [manifest", &json!({}));
    let started = session(&server, &["start", "work", "--wait=false"], "");
    fails_with(
        &started,
        "session \"work\" has a manifest of user \"mallory\", but you are \"alice\"",
    )?;
    ensure!(!started.stderr.contains("YAML"), "{}", started.stderr);
    nothing_written(&api)
}

/// Starts a session of alice's with that manifest: it must need a word of hers.
fn confirmed(manifest: &str, named: &str) -> Result<()> {
    let (api, server) = server();
    stored(&api, "alice", manifest, &json!({}));
    let started = session(&server, &["start", "work", "--wait=false"], "");
    fails_with(&started, named)?;
    ensure!(
        started.stderr.contains("--trust-manifest"),
        "{}",
        started.stderr
    );
    nothing_written(&api)
}

fn stored_privileges_are_confirmed() -> Result<()> {
    let context = |text: &str| pod("", &format!(", securityContext: {{{text}}}"));
    let of_container = |text: &str| format!("Pod \"p-work\": container \"main\": {text}");
    for (manifest, named) in [
        (
            context("capabilities: {add: [CHOWN, SYS_ADMIN]}"),
            of_container("securityContext.capabilities.add has \"SYS_ADMIN\""),
        ),
        (
            context("capabilities: {add: [SYS_MODULE]}"),
            of_container("securityContext.capabilities.add has \"SYS_MODULE\""),
        ),
        (
            context("capabilities: {add: [NET_ADMIN]}"),
            of_container("securityContext.capabilities.add has \"NET_ADMIN\""),
        ),
        (
            context("seccompProfile: {type: Unconfined}"),
            of_container("securityContext.seccompProfile.type is \"Unconfined\""),
        ),
        (
            context("appArmorProfile: {type: Unconfined}"),
            of_container("securityContext.appArmorProfile.type is \"Unconfined\""),
        ),
        (
            context("procMount: Unmasked"),
            of_container("securityContext.procMount is \"Unmasked\""),
        ),
        (
            context("privileged: yes"),
            of_container("securityContext.privileged is true"),
        ),
        (
            pod("", ", ports: [{containerPort: 1, hostPort: 1}]"),
            of_container("hostPort is 1"),
        ),
        (
            pod(
                "",
                ", lifecycle: {preStop: {httpGet: {host: 169.254.169.254, port: 80}}}",
            ),
            of_container("lifecycle.preStop.httpGet.host is \"169.254.169.254\""),
        ),
        (
            pod(
                "  securityContext: {sysctls: [{name: kernel.msgmax, value: \"1\"}]}\n",
                "",
            ),
            "Pod \"p-work\": securityContext.sysctls has \"kernel.msgmax\"".into(),
        ),
        (
            pod("  hostPID: true\n", ""),
            "Pod \"p-work\": hostPID is true".into(),
        ),
        (
            pod("  volumes: [{name: v, hostPath: {path: /etc}}]\n", ""),
            "Pod \"p-work\": volume \"v\" is the hostPath \"/etc\"".into(),
        ),
    ] {
        confirmed(&manifest, &named)?;
    }
    Ok(())
}

fn stored_identities_are_confirmed() -> Result<()> {
    let beside = |text: &str| format!("{POD}---\n{text}");
    for (manifest, named) in [
        (
            pod("  serviceAccountName: builder\n", ""),
            "Pod \"p-work\": serviceAccountName is \"builder\"",
        ),
        (
            pod("  serviceAccount: builder\n", ""),
            "Pod \"p-work\": serviceAccount is \"builder\"",
        ),
        (
            pod(
                "  volumes: [{name: v, projected: {sources: [{serviceAccountToken: {path: t}}]}}]\n",
                "",
            ),
            "volume \"v\" projects a serviceAccountToken",
        ),
        (
            beside(
                "apiVersion: v1\nkind: Secret\nmetadata: {name: t}\ntype: kubernetes.io/service-account-token\n",
            ),
            "Secret \"t\": type is kubernetes.io/service-account-token",
        ),
        (
            beside(
                "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: r}\nroleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: admin}\n",
            ),
            "RoleBinding \"r\": grants permissions",
        ),
    ] {
        confirmed(&manifest, named)?;
    }
    Ok(())
}

fn stored_privileges_do_not_hide_in_kinds() -> Result<()> {
    let spec = "{hostNetwork: true, containers: [{name: a, image: b}]}";
    for (kind, rest) in [
        (
            "apiVersion: apps/v1\nkind: Deployment",
            format!(
                "spec: {{containers: [], selector: {{matchLabels: {{a: b}}}}, template: {{metadata: {{labels: {{a: b}}}}, spec: {spec}}}}}"
            ),
        ),
        (
            "apiVersion: example.com/v1\nkind: Workflow",
            format!("spec: {{steps: [{{pod: {{spec: {spec}}}}}]}}"),
        ),
        (
            "apiVersion: batch/v1\nkind: CronJob",
            format!(
                "spec: {{schedule: 0 0 * * *, jobTemplate: {{spec: {{template: {{spec: {spec}}}}}}}}}"
            ),
        ),
    ] {
        confirmed(
            &format!("{POD}---\n{kind}\nmetadata: {{name: h}}\n{rest}\n"),
            "\"h\": hostNetwork is true",
        )?;
    }
    Ok(())
}

fn connect_wakes_no_privileges() -> Result<()> {
    let (api, server) = server();
    stored(&api, "alice", &pod("  hostNetwork: true\n", ""), &json!({}));
    let connected = session(&server, &["connect", "work"], "");
    fails_with(
        &connected,
        "asks for privileges: Pod \"p-work\": hostNetwork is true",
    )?;
    nothing_written(&api)
}
