//! Two users in one namespace, with the admission policy and without it: what one can do to the other, and the owner's
//! ordinary day.
//!
//! The policy holds for the whole cluster. Tests without it have the cluster alone and put it back.

mod rows;
mod scene;

use anyhow::{Result, ensure};
use session_cluster::{EXPANDABLE_CLASS, SNAPSHOT_CLASS};

use crate::world::{World, run};
use crate::{Live, kubelet, server};
use scene::{MANIFEST, STORED, TwoUsers, Unguarded, manifest};

pub(crate) fn tests() -> Vec<Live> {
    vec![
        server("two_users_under_the_policy", under_the_policy),
        server("two_users_and_the_control_plane", and_the_control_plane),
        server("two_users_without_the_policy", without_the_policy).alone(),
        kubelet(
            "two_users_an_ordinary_day_under_the_policy",
            an_ordinary_day_under_the_policy,
        ),
    ]
}

const SECRET: &str =
    "apiVersion: v1\nkind: Secret\nmetadata: {name: treasure}\nstringData: {gold: \"100\"}\n";

fn under_the_policy() -> Result<()> {
    let users = TwoUsers::in_world(World::installed("two-users")?)?;
    users.await_policy(true)?;
    users.stopped()?;
    rows::check(&users, true)?;
    let status = ["--subresource=status"];
    let none: [&str; 0] = [];
    for (more, patch) in [
        (&none[..], r#"{"spec":{"manifest":"kind: Pod"}}"#),
        (&none, r#"{"spec":{"manifest":null,"template":"shell"}}"#),
        (&none, r#"{"spec":{"parameters":{"CLASS":"other"}}}"#),
        (&none, r#"{"spec":{"state":"running"}}"#),
        (&none, r#"{"spec":{"dataPolicy":"delete"}}"#),
        (
            &none,
            r#"{"metadata":{"annotations":{"streaming.platform/skip-sync":"true"}}}"#,
        ),
        (
            &none,
            r#"{"metadata":{"labels":{"streaming.platform/user":"mallory"}}}"#,
        ),
        (&none, r#"{"metadata":{"finalizers":["mallory/holds"]}}"#),
        (
            &none,
            r#"{"metadata":{"ownerReferences":[{"apiVersion":"v1","kind":"ConfigMap","name":"gone","uid":"11111111-2222-3333-4444-555555555555"}]}}"#,
        ),
        (
            &status,
            r#"{"status":{"applied":{"hooks":{"sync":{"command":["evil"]}}}}}"#,
        ),
        (
            &status,
            r#"{"status":{"applied":{"connect":[{"name":"shell","exec":["evil"]}]}}}"#,
        ),
        (&status, r#"{"status":{"phase":"running"}}"#),
    ] {
        users.is_denied(&users.patch(more, patch)?, patch)?;
    }
    for words in [
        &["delete", "session", "lab"][..],
        &["delete", "sessions", "--all"],
        &["annotate", "session", "lab", "a=b"],
    ] {
        users.is_denied(&users.mallory(words)?, &words.join(" "))?;
    }
    // An apply changes another's session, and makes one in another's name.
    for (name, what) in [("lab", "apply"), ("forged", "userId by apply")] {
        let words = ["apply", "--server-side", "--force-conflicts", "-f", "-"];
        // A manifest excludes a template.
        let document = users
            .document(name, "alice")
            .replace("template: shell", "timeout: 2h");
        let done = users.kubectl(&users.mallory, &words, Some(&document))?;
        users.is_denied(&done, what)?;
    }
    let forged = users.document("forged", "alice");
    let done = users.kubectl(&users.mallory, &["create", "-f", "-"], Some(&forged))?;
    users.is_denied(&done, "userId by create")?;
    let own = users.document("own", "mallory");
    users
        .kubectl(&users.mallory, &["create", "-f", "-"], Some(&own))?
        .exits(0)?;
    users
        .mallory(&["annotate", "session", "own", "a=b"])?
        .exits(0)?;
    users.mallory(&["delete", "session", "own"])?.exits(0)?;
    // Nothing has reached the session: its owner starts it, from a machine that does not know it as well.
    let elsewhere = tempfile::tempdir()?;
    for home in [users.home.path(), elsewhere.path()] {
        run(&mut users.command_from(home, &["start", "lab", "--wait=false"]))?.exits(0)?;
        run(&mut users.command_from(home, &["stop", "lab", "-y"]))?.exits(0)?;
    }
    Ok(())
}

/// Managers may do what others may not, and so may the garbage collector and the namespace controller.
fn and_the_control_plane() -> Result<()> {
    let users = TwoUsers::in_world(World::installed("two-users-system")?)?;
    users.await_policy(true)?;
    let world = &users.world;
    let namespace = world.namespace.name();
    for (who, role) in [("carol", "admin"), ("dave", "session-manager")] {
        let name = users.name(who);
        world.cluster.bind_role(namespace, &name, role)?;
        let config = world.cluster.user_kubeconfig(&name, &[])?;
        let kubectl = |words: &[&str], input: Option<&str>| users.kubectl(&config, words, input);
        let document = users.document(who, "alice");
        kubectl(&["create", "-f", "-"], Some(&document))?.exits(0)?;
        let patch = r#"{"spec":{"timeout":"2h"}}"#;
        kubectl(
            &["patch", "session", who, "--type=merge", "-p", patch],
            None,
        )?
        .exits(0)?;
        kubectl(&["delete", "session", who], None)?.exits(0)?;
    }
    // Foreground deletion: the garbage collector takes its own finalizer off.
    let document = users.document("held", "alice");
    users
        .kubectl(&users.alice, &["create", "-f", "-"], Some(&document))?
        .exits(0)?;
    let delete = [
        "delete",
        "session",
        "held",
        "--cascade=foreground",
        "--timeout=60s",
    ];
    users.kubectl(&users.alice, &delete, None)?.exits(0)?;
    // An owner that goes takes a session along.
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: owner}\n";
    world.namespace.kubectl(&["create", "-f", "-"], Some(map))?;
    let uid = [
        "get",
        "configmap",
        "owner",
        "-o",
        "jsonpath={.metadata.uid}",
    ];
    let uid = world.namespace.kubectl(&uid, None)?;
    let owned = users.document("owned", "alice").replace(
        "{name: owned}",
        &format!("{{name: owned, ownerReferences: [{{apiVersion: v1, kind: ConfigMap, name: owner, uid: {uid}}}]}}"),
    );
    users
        .kubectl(&users.alice, &["create", "-f", "-"], Some(&owned))?
        .exits(0)?;
    world
        .namespace
        .kubectl(&["delete", "configmap", "owner"], None)?;
    let gone = ["wait", "--for=delete", "session/owned", "--timeout=60s"];
    world.namespace.kubectl(&gone, None)?;
    // A namespace goes with the sessions in it.
    let other = world.cluster.namespace("two-users-going")?;
    let document = users.document("left", "alice");
    other.kubectl(&["create", "-f", "-"], Some(&document))?;
    let delete = ["delete", "namespace", other.name(), "--timeout=120s"];
    world.cluster.kubectl_ok(&delete, None)?;
    Ok(())
}

fn without_the_policy() -> Result<()> {
    let unguarded = Unguarded::new("two-users-free")?;
    let users = &unguarded.0;
    let kubectl = |words: &[&str], input| users.world.namespace.kubectl(words, input);
    kubectl(&["create", "-f", "-"], Some(SECRET))?;
    users.stopped()?;
    rows::check(users, false)?;
    // Mallory can neither read the Secret nor make a Pod, but write what alice starts.
    ensure!(users.mallory(&["get", "secret", "treasure"])?.code == 1);
    let thief = r#"apiVersion: v1
kind: Pod
metadata: {name: thief}
spec:
  containers:
  - name: main
    image: localhost/busybox:1
    imagePullPolicy: Never
    command: [sleep, "600"]
    env: [{name: GOLD, valueFrom: {secretKeyRef: {name: treasure, key: gold}}}]
"#;
    let patch = serde_json::json!({ "spec": { "manifest": thief } }).to_string();
    users.patch(&[], &patch)?.exits(0)?;
    let elsewhere = tempfile::tempdir()?;
    for home in [users.home.path(), elsewhere.path()] {
        for words in [
            &["start", "lab"][..],
            &["start", "--all"],
            &["connect", "lab"],
        ] {
            let refused = run(&mut users.command_from(home, words))?.exits(1)?;
            let said = "cannot start session \"lab\" without confirmation";
            ensure!(refused.stderr.contains(said), "{words:?}: {refused:?}");
        }
    }
    let pods = kubectl(&["get", "pods", "-o", "name"], None)?;
    ensure!(pods.is_empty(), "{pods}");
    // Put back as it was, it is alice's own again; a template of mallory's choice is not.
    let patch = serde_json::json!({ "spec": { "manifest": STORED } }).to_string();
    users.patch(&[], &patch)?.exits(0)?;
    users.unasked(&["start", "lab", "--wait=false"])?;
    users.unasked(&["stop", "lab", "-y"])?;
    users
        .patch(&[], r#"{"spec":{"manifest":null,"template":"shell"}}"#)?
        .exits(0)?;
    let refused = users.alice(&["start", "lab"])?.exits(1)?;
    ensure!(
        refused.stderr.contains("spec.template is \"shell\""),
        "{refused:?}"
    );
    // A day of hers, as far as it needs no running Pod: the cluster is hers alone meanwhile.
    let create = [
        "create",
        "own",
        "--template",
        "shell",
        "--set",
        "CPU_LIMIT=100m",
    ];
    users.unasked(&[&create[..], &["--wait=false"]].concat())?;
    for words in [
        &["list"][..],
        &["stop", "own", "-y"],
        &["start", "own", "--set", "CPU_LIMIT=200m", "--wait=false"],
        &["extend", "own", "--by", "1h"],
        &["stop", "own", "-y"],
        &["start", "own", "--wait=false"],
        &["delete", "own"],
    ] {
        users.unasked(words)?;
    }
    Ok(())
}

/// Everything that an owner does in a day, from one machine, without a terminal: a question would be an error.
fn ordinary_day(users: &TwoUsers) -> Result<()> {
    users.world.cluster.wait_for_storage()?;
    let file = manifest(MANIFEST)?;
    let path = file.path().to_string_lossy();
    let class = format!("CLASS={EXPANDABLE_CLASS}");
    users.unasked(&[
        "create",
        "lab",
        "-f",
        &path,
        "--set",
        &class,
        "--expires-in",
        "2h",
    ])?;
    users.unasked(&[
        "create",
        "sh",
        "--template",
        "shell",
        "--set",
        "IMAGE=localhost/busybox:1",
    ])?;
    let snapshot = [
        "snapshot",
        "create",
        "lab",
        "--class",
        SNAPSHOT_CLASS,
        "--name",
        "first",
    ];
    for words in [
        &["list"][..],
        &["connect", "sh"],
        &["connect", "lab", "--", "test", "!", "-e", "/home/synced"],
        &["resize", "lab", "--cpu", "200m"],
        &["extend", "lab", "--by", "1h"],
        &snapshot,
        &["stop", "lab", "sh", "-y"],
        &["start", "lab"],
        &["connect", "lab", "--", "test", "-e", "/home/synced"],
        &["start", "sh", "--set", "CPU_LIMIT=200m"],
        &["start", "lab", "--restart", "-y"],
        &["stop", "sh", "-y"],
        &["connect", "sh"],
        &["snapshot", "restore", "first", "--into", "second"],
        &["start", "second"],
        &["delete", "lab", "sh", "second", "--delete-data", "-y"],
    ] {
        users.unasked(words)?;
    }
    Ok(())
}

fn an_ordinary_day_under_the_policy() -> Result<()> {
    let users = TwoUsers::in_world(World::installed("two-users-day")?)?;
    users.await_policy(true)?;
    ordinary_day(&users)?;
    // What this machine knows was enough: without the policy the day would have been the same.
    let alice = users.name("alice");
    let about_policy = users.world.cluster.audit_where(|event| {
        event.user == alice && event.resource.starts_with("validatingadmissionpolic")
    })?;
    ensure!(about_policy.is_empty(), "{about_policy:?}");
    Ok(())
}
