//! The API as the server enforces it: every CEL rule, and the first users' own objects.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::world::{LAB_TEMPLATE, World};
use crate::{Live, server};

pub(crate) fn tests() -> Vec<Live> {
    vec![
        server("api_every_rule_is_enforced", every_rule_is_enforced),
        server(
            "api_the_gimp_document_is_accepted",
            the_gimp_document_is_accepted,
        ),
        server("api_setup_says_what_it_changed", setup_says_what_it_changed),
    ]
}

fn session(name: &str, spec: Value) -> String {
    let mut full = json!({ "userId": "alice@example.com" });
    if let (Some(full), Some(spec)) = (full.as_object_mut(), spec.as_object()) {
        full.extend(spec.clone());
    }
    json!({ "apiVersion": "streaming.platform/v1", "kind": "Session", "metadata": { "name": name }, "spec": full }).to_string()
}

/// Asserts that the server refuses an object with that message.
fn refused(world: &World, object: &str, message: &str) -> Result<()> {
    match world
        .namespace
        .kubectl(&["create", "-f", "-"], Some(object))
    {
        Ok(_) => anyhow::bail!("accepted: {object}"),
        Err(error) => {
            let text = format!("{error:#}");
            ensure!(text.contains(message), "{text}");
            Ok(())
        }
    }
}

fn every_rule_is_enforced() -> Result<()> {
    let world = World::installed("rules")?;
    refused(
        &world,
        &session(&"x".repeat(64), json!({})),
        "must be a DNS label of at most 63 characters",
    )?;
    refused(
        &world,
        &session("a.b", json!({})),
        "must be a DNS label of at most 63 characters",
    )?;
    refused(
        &world,
        &session("a", json!({ "manifest": "x", "template": "shell" })),
        "manifest and template are mutually exclusive",
    )?;
    refused(
        &world,
        &session("a", json!({ "resources": { "gpu": "0.25" } })),
        "gpu must be a whole number",
    )?;
    refused(
        &world,
        &session("a", json!({ "resources": { "gpu": -1 } })),
        "gpu must be a whole number",
    )?;
    refused(
        &world,
        &session("a", json!({ "timeout": "soon" })),
        "timeout must be a number of seconds",
    )?;
    refused(
        &world,
        &session("a", json!({ "timeout": -1 })),
        "timeout must be a number of seconds",
    )?;
    for (name, spec) in [
        (&*"x".repeat(63), json!({})),
        ("gpus", json!({ "resources": { "gpu": "2" } })),
        (
            "gpu",
            json!({ "resources": { "gpu": 1, "cpu": 2, "memory": "4Gi" } }),
        ),
        ("seconds", json!({ "timeout": 3600 })),
        ("week", json!({ "timeout": "1w2d" })),
        ("half", json!({ "timeout": "1.5h" })),
        ("ever", json!({ "timeout": "never" })),
    ] {
        world
            .namespace
            .kubectl(&["create", "-f", "-"], Some(&session(name, spec)))?;
    }
    let patch = [
        "patch",
        "session",
        "gpu",
        "--type",
        "merge",
        "-p",
        r#"{"spec":{"userId":"mallory"}}"#,
    ];
    let error = world
        .namespace
        .kubectl(&patch, None)
        .expect_err("userId is immutable");
    ensure!(
        format!("{error:#}").contains("userId is immutable"),
        "{error:#}"
    );
    Ok(())
}

/// The Session of the GIMP streaming document, field by field.
fn the_gimp_document_is_accepted() -> Result<()> {
    let world = World::installed("gimp")?;
    let spec = json!({
        "userId": "user-123", "application": "gimp", "timeout": 3600,
        "resources": { "cpu": "2", "memory": "4Gi", "gpu": "0" },
        "storage": { "size": "20Gi", "class": "ssd-user-storage" },
    });
    world
        .namespace
        .kubectl(&["create", "-f", "-"], Some(&session("gimp-1", spec)))?;
    let listed = world
        .session(&[
            "list",
            "gimp-1",
            "-o",
            "jsonpath={.spec.timeout} {.spec.resources.gpu} {.status.phase}",
        ])?
        .exits(0)?;
    ensure!(listed.stdout == "3600 0 pending", "{listed:?}");
    let found = world
        .session(&["list", "--user-id", "user-123", "-o", "name"])?
        .exits(0)?;
    ensure!(
        found.stdout == "session.streaming.platform/gimp-1\n",
        "found without our label: {found:?}"
    );
    Ok(())
}

fn setup_says_what_it_changed() -> Result<()> {
    let world = World::installed("setup")?;
    let _unchanged = LAB_TEMPLATE.lock();
    let again = world.session(&["setup"])?.exits(0)?;
    ensure!(
        again
            .stdout
            .lines()
            .all(|line| line.ends_with(" unchanged")),
        "{again:?}"
    );
    let server = world.session(&["setup", "--dry-run=server"])?.exits(0)?;
    ensure!(
        server
            .stdout
            .lines()
            .all(|line| line.ends_with(" unchanged (server dry run)")),
        "{server:?}"
    );
    world
        .namespace
        .kubectl(&["create", "-f", "-"], Some(&session("there", json!({}))))?;
    let refused = world.session(&["setup", "--remove"])?.exits(1)?;
    ensure!(
        refused.stdout.is_empty() && refused.stderr.contains("cannot remove the API"),
        "{refused:?}"
    );
    let bad = world.session(&["setup", "everything"])?.exits(1)?;
    ensure!(
        bad.stderr.starts_with("error: unknown part \"everything\""),
        "{bad:?}"
    );
    Ok(())
}
