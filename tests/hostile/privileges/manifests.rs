//! Files that are not what they seem.

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use session_support::run_binary;

use super::runs::{
    POD, fails_with, nothing_written, program, server, session, session_in_little_memory,
};
use crate::attack::{Attack, attack};

pub(super) fn attacks() -> Vec<Attack> {
    vec![
        attack!(
            a_controller_of_its_own_owns_no_data,
            "Writes ownerReferences into a manifest's claim, so that garbage collection takes it",
            "the claim is made without an owner",
        ),
        attack!(
            our_labels_are_set_by_us,
            "Writes another session's labels, user and run into the objects of a manifest",
            "the objects carry those of their own session",
        ),
        attack!(
            values_make_no_structure,
            "Gives a value with line breaks, colons and anchors that would add fields or objects to text",
            "the value is one text, and the objects are as many as before",
        ),
        attack!(
            bombs_are_refused,
            "Gives a file with an alias bomb, 10,000 levels, duplicate keys or a placeholder in a key",
            "the file is refused with line and column within 1 GB of memory",
        ),
        attack!(
            kinds_of_the_cluster_are_refused,
            "Puts a Namespace, a CustomResourceDefinition or a ClusterRole into a manifest",
            "the manifest is refused before any request that writes",
        ),
        attack!(
            placeholders_choose_no_type_and_no_namespace,
            "Puts a placeholder into apiVersion or kind, or a value into metadata.namespace that names another namespace",
            "the manifest is refused before any request that writes",
        ),
        attack!(
            names_lead_nowhere_else,
            "Names objects `..`, `../secrets/x` or `a/b`, directly or by a value",
            "the name is refused before any request that writes",
        ),
    ]
}

/// What `template render` makes of a manifest.
fn rendered(manifest: &str, words: &[&str]) -> Result<Vec<Value>> {
    let words = [&["template", "render", "-f", "-", "-o", "json"], words].concat();
    let output = run_binary(program(), &words, &[], manifest);
    ensure!(output.code == 0, "{}", output.stderr);
    let list: Value = serde_json::from_str(&output.stdout)?;
    Ok(list["items"].as_array().context("no list")?.clone())
}

fn a_controller_of_its_own_owns_no_data() -> Result<()> {
    let owner = "{apiVersion: v1, kind: ConfigMap, name: c, uid: u}";
    let manifest = format!(
        "{POD}---\napiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {{name: d, ownerReferences: [{owner}]}}\nspec: {{accessModes: [ReadWriteOnce]}}\n"
    );
    let objects = rendered(&manifest, &[])?;
    let claim = objects
        .iter()
        .find(|object| object["kind"] == "PersistentVolumeClaim");
    let claim = claim.context("no claim")?;
    ensure!(
        claim["metadata"].get("ownerReferences").is_none(),
        "{claim}"
    );
    Ok(())
}

fn our_labels_are_set_by_us() -> Result<()> {
    let manifest = POD.replace(
        "name: \"p-${SESSION_ID}\"",
        "name: p, labels: {streaming.platform/session: theirs, streaming.platform/user: bob, app.kubernetes.io/managed-by: me}, annotations: {streaming.platform/user-id: bob, streaming.platform/run: r}",
    );
    let objects = rendered(&manifest, &["--name", "work", "--user-id", "alice"])?;
    let metadata = &objects.first().context("no Pod")?["metadata"];
    let (labels, annotations) = (&metadata["labels"], &metadata["annotations"]);
    ensure!(
        labels["streaming.platform/session"] == "work"
            && labels["streaming.platform/user"] == "alice"
            && labels["app.kubernetes.io/managed-by"] == "kubectl-session"
            && annotations["streaming.platform/user-id"] == "alice"
            && annotations.get("streaming.platform/run").is_none(),
        "{metadata}"
    );
    Ok(())
}

fn values_make_no_structure() -> Result<()> {
    let manifest = POD.replace(
        "image: \"tool:1\"",
        "image: \"${IMAGE}\", workingDir: '${IMAGE}'",
    );
    for value in [
        "x\n    securityContext: {privileged: true}",
        "x\", securityContext: {privileged: true}, y: \"",
        "&a x\n---\nkind: Secret",
        "*a",
        "{a: b}",
        "${SESSION_ID}",
    ] {
        let objects = rendered(&manifest, &["--set", &format!("IMAGE={value}")])?;
        ensure!(objects.len() == 1, "{objects:?}");
        let container = &objects[0]["spec"]["containers"][0];
        ensure!(
            container["image"] == value && container["workingDir"] == value,
            "{container}"
        );
        ensure!(container.get("securityContext").is_none(), "{container}");
    }
    Ok(())
}

fn bombs_are_refused() -> Result<()> {
    let (api, server) = server();
    let folder = tempfile::tempdir()?;
    let bomb: String = (1..12)
        .map(|level| {
            format!(
                "  a{level}: &a{level} [{}]\n",
                vec![format!("*a{}", level - 1); 10].join(", ")
            )
        })
        .collect();
    let head = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n";
    let long = "${V}".repeat(4_000);
    for (text, reason) in [
        (
            format!("{head}data:\n  a0: &a0 x\n{bomb}"),
            "aliases expanded",
        ),
        (
            format!("{head}data:\n  a0: &a0 \"{long}\"\n{bomb}"),
            "aliases expanded",
        ),
        (format!("{head}data: {}1\n", "[".repeat(10_000)), "input:4:"),
        (
            format!("{head}data: {{a: 1, a: 2}}\n"),
            "duplicate key \"a\"",
        ),
        (
            format!("{head}data: {{\"${{K}}\": 1}}\n"),
            "placeholders are allowed only in values",
        ),
        (
            format!(
                "{head}? {}\n: [{}]\n",
                "k".repeat(90_000),
                "\"${V}\",".repeat(9_000)
            ),
            "a key must have at most 1024 bytes",
        ),
    ] {
        let file = folder.path().join("manifest.yaml");
        std::fs::write(&file, &text)?;
        let output =
            session_in_little_memory(&server, &["create", "work", "-f", "-"], Some(&file))?;
        fails_with(&output, reason)?;
    }
    nothing_written(&api)
}

fn kinds_of_the_cluster_are_refused() -> Result<()> {
    for (version, kind) in [
        ("v1", "Node"),
        ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
        ("rbac.authorization.k8s.io/v1", "ClusterRole"),
        (
            "admissionregistration.k8s.io/v1",
            "ValidatingWebhookConfiguration",
        ),
    ] {
        let (api, server) = server();
        let text =
            format!("{POD}---\napiVersion: {version}\nkind: {kind}\nmetadata: {{name: x}}\n");
        let output = session(&server, &["create", "work", "-f", "-"], &text);
        fails_with(&output, &format!("{kind} is cluster-scoped"))?;
        nothing_written(&api)?;
    }
    // A Namespace, which every rendering has, is left out instead.
    let (api, server) = server();
    let text = format!("{POD}---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: x}}\n");
    let create = ["create", "work", "-f", "-", "--wait=false"];
    let output = session(&server, &create, &text);
    ensure!(
        output.code == 0 && output.stderr.contains("Namespace \"x\" is left out"),
        "{output:?}"
    );
    ensure!(
        api.lines()
            .iter()
            .all(|line| !line.starts_with("POST /api/v1/namespaces?")),
        "{:?}",
        api.lines()
    );
    Ok(())
}

fn placeholders_choose_no_type_and_no_namespace() -> Result<()> {
    for (from, to, reason) in [
        (
            "kind: Pod",
            "kind: \"${KIND:-Pod}\"",
            "kind must not contain a placeholder",
        ),
        (
            "apiVersion: v1",
            "apiVersion: \"${V:-v1}\"",
            "apiVersion must not contain a placeholder",
        ),
        (
            "{name: ",
            "{namespace: \"${NS:-kube-system}\", name: ",
            "has namespace \"kube-system\"",
        ),
        (
            "{name: ",
            "{namespace: kube-system, name: ",
            "has namespace \"kube-system\"",
        ),
    ] {
        let (api, server) = server();
        let text = POD.replacen(from, to, 1);
        let output = session(&server, &["create", "work", "-f", "-"], &text);
        fails_with(&output, reason)?;
        nothing_written(&api)?;
    }
    Ok(())
}

fn names_lead_nowhere_else() -> Result<()> {
    for name in ["..", "../secrets/x", "a/b", "%2e%2e", "${N}"] {
        let (api, server) = server();
        let text = POD.replace("p-${SESSION_ID}", name);
        let words: &[&str] = match name {
            "${N}" => &[
                "create",
                "work",
                "-f",
                "-",
                "--set",
                "N=../../default/secrets/x",
            ],
            _ => &["create", "work", "-f", "-"],
        };
        let output = session(&server, words, &text);
        fails_with(&output, "invalid Pod name")?;
        nothing_written(&api)?;
    }
    Ok(())
}
