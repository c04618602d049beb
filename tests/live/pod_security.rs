//! The Pod Security Standards as a real API server admits Pods, against the table of ours.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use session_shared::objects::pod_security::{Level, find_violations};

use crate::world::World;
use crate::{Live, server};

pub(crate) fn tests() -> Vec<Live> {
    vec![server(
        "pod_security_is_judged_as_the_server_judges_it",
        is_judged_as_the_server_judges_it,
    )]
}

/// How the server calls what a check finds, and the check of the level `restricted` that takes its place there.
const REASONS: &[(&str, &str, &str)] = &[
    ("windowsHostProcess", "hostProcess", ""),
    ("hostNamespaces", "host namespaces", ""),
    ("privileged", "privileged", ""),
    (
        "capabilities_baseline",
        "non-default capabilities",
        "capabilities_restricted",
    ),
    ("hostPathVolumes", "hostPath volumes", "restrictedVolumes"),
    ("hostPorts", "hostPort", ""),
    ("hostProbesAndHostLifecycle", "probe or lifecycle host", ""),
    ("appArmorProfile", "forbidden AppArmor profile", ""),
    ("seLinuxOptions", "seLinuxOptions", ""),
    ("procMount", "procMount", "procMount_restricted"),
    (
        "seccompProfile_baseline",
        "seccompProfile",
        "seccompProfile_restricted",
    ),
    ("sysctls", "forbidden sysctls", ""),
    ("restrictedVolumes", "restricted volume types", ""),
    (
        "allowPrivilegeEscalation",
        "allowPrivilegeEscalation != false",
        "",
    ),
    ("runAsNonRoot", "runAsNonRoot != true", ""),
    ("runAsUser", "runAsUser=0", ""),
    ("seccompProfile_restricted", "seccompProfile", ""),
    ("capabilities_restricted", "unrestricted capabilities", ""),
    ("procMount_restricted", "procMount", ""),
];

/// A namespace that enforces a level of a policy version, until this is dropped.
struct Enforcing<'w> {
    world: &'w World,
    name: String,
}

impl<'w> Enforcing<'w> {
    fn new(world: &'w World, level: &str, version: &str) -> Result<Self> {
        let suffix = version.replace('.', "-");
        let name = format!("{}-{level}-{suffix}", world.namespace.name());
        let labels = json!({
            "pod-security.kubernetes.io/enforce": level,
            "pod-security.kubernetes.io/enforce-version": version,
        });
        let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}});
        let create = ["create", "-f", "-"];
        world
            .cluster
            .kubectl_ok(&create, Some(&object.to_string()))?;
        let made = Self { world, name };
        for account in ["default", "builder"] {
            if account != "default" {
                let words = ["create", "serviceaccount", account, "-n", &made.name];
                world.cluster.kubectl_ok(&words, None)?;
            }
            let named = format!("serviceaccount/{account}");
            let wait = [
                "wait",
                "--for=create",
                "--timeout=30s",
                &named,
                "-n",
                &made.name,
            ];
            world.cluster.kubectl_ok(&wait, None)?;
        }
        Ok(made)
    }

    /// What the server says to Pods that it is asked to make and does not make; in order, nothing of those it would make.
    fn admits(&self, pods: &[Value]) -> Result<Vec<String>> {
        let list = json!({"apiVersion": "v1", "kind": "List", "items": pods});
        let words = [
            "create",
            "--dry-run=server",
            "-o",
            "name",
            "-n",
            &self.name,
            "-f",
            "-",
        ];
        let output = self
            .world
            .cluster
            .kubectl(&words, Some(&list.to_string()))?;
        let verdicts = pods.iter().map(|pod| {
            let name = pod["metadata"]["name"].as_str().unwrap_or_default();
            let made = output
                .stdout
                .lines()
                .any(|line| line == format!("pod/{name}"));
            let refused = format!("pods \"{name}\" is forbidden: ");
            let mut lines = output.stderr.lines();
            match lines.find_map(|line| Some(line.split_once(&refused)?.1.to_owned())) {
                Some(reason) => Ok(reason),
                None if made => Ok(String::new()),
                None => anyhow::bail!("{pod} is neither made nor refused: {}", output.stderr),
            }
        });
        verdicts.collect()
    }
}

impl Drop for Enforcing<'_> {
    fn drop(&mut self) {
        let words = [
            "delete",
            "namespace",
            &self.name,
            "--wait=false",
            "--ignore-not-found",
        ];
        // What fails here leaves a namespace behind, and no test depends on that.
        let _ = self.world.cluster.kubectl(&words, None);
    }
}

/// What our table says of a Pod at a level, in the server's words.
fn judged(pod: &Value, level: Level) -> BTreeSet<&'static str> {
    let found = find_violations(pod);
    let reason = |id: &str| REASONS.iter().find(|(known, ..)| *known == id);
    let reasons = found.iter().filter_map(|one| reason(one.id));
    let counts = |(id, _, instead): &&(&str, &str, &str)| {
        let own = found.iter().any(|one| one.id == *id && one.level <= level);
        own && (level == Level::Baseline || instead.is_empty())
    };
    reasons
        .filter(counts)
        .map(|(_, reason, _)| *reason)
        .collect()
}

/// The reasons in what a server says.
fn said(message: &str) -> BTreeSet<&'static str> {
    let reasons = REASONS.iter().map(|(_, reason, _)| *reason);
    // Each reason is followed by its detail: "privileged (container ...)", "forbidden AppArmor profiles (...)".
    let stands = |reason: &&str| {
        ["", "s"]
            .iter()
            .any(|plural| message.contains(&format!("{reason}{plural} (")))
    };
    reasons.filter(stands).collect()
}

fn merge(target: &mut Value, patch: &Value) {
    match patch {
        Value::Object(patch) => {
            if !target.is_object() {
                *target = json!({});
            }
            for (key, value) in patch {
                if value.is_null() {
                    if let Some(target) = target.as_object_mut() {
                        target.remove(key);
                    }
                } else {
                    merge(&mut target[key.as_str()], value);
                }
            }
        }
        Value::Null => {}
        value => *target = value.clone(),
    }
}

fn is_judged_as_the_server_judges_it() -> Result<()> {
    let rows: Vec<Value> = serde_json::from_str(include_str!("../fixtures/pod-security.json"))?;
    let base = rows.first().context("no rows")?["pod"].clone();
    let world = World::new("pod-security")?;
    for version in ["latest", "v1.18"] {
        let mut pods = Vec::new();
        for (at, row) in rows.iter().enumerate() {
            let of = row["version"].as_str().unwrap_or("latest");
            if of != version || row["invalid"] == true {
                continue;
            }
            let mut pod = base.clone();
            merge(&mut pod, &row["pod"]);
            merge(&mut pod["spec"]["containers"][0], &row["container"]);
            pod["metadata"]["name"] = format!("row-{at}").into();
            pods.push((row["row"].clone(), pod));
        }
        ensure!(!pods.is_empty(), "no rows of version {version}");
        let levels = match version {
            "latest" => vec![
                ("baseline", Level::Baseline),
                ("restricted", Level::Restricted),
            ],
            _ => vec![("baseline", Level::Baseline)],
        };
        for (name, level) in levels {
            let namespace = Enforcing::new(&world, name, version)?;
            let all: Vec<Value> = pods.iter().map(|(_, pod)| pod.clone()).collect();
            for ((row, pod), message) in pods.iter().zip(namespace.admits(&all)?) {
                let (ours, theirs) = (judged(pod, level), said(&message));
                ensure!(
                    ours == theirs && theirs.is_empty() == message.is_empty(),
                    "{row} at {name} of {version}: we say {ours:?}, the server {theirs:?}: {message:?}"
                );
            }
        }
    }
    Ok(())
}
