//! `quota set` on a real server: its quota controller counts the resources, and its admission refuses what is over.
//!
//! On a new cluster this takes up to five minutes, as the controller finds sessions at its next full count.

use anyhow::{Result, ensure};
use serde_json::Value;

use crate::world::World;
use crate::{Live, server};

pub(crate) fn tests() -> Vec<Live> {
    vec![
        server("quota_set_limits_the_sessions", limits_the_sessions),
        server(
            "quota_set_gives_containers_defaults",
            gives_containers_defaults,
        ),
    ]
}

/// Creates a session without waiting for it; returns standard error.
fn create(world: &World, name: &str, more: &[&str], code: i32) -> Result<String> {
    let create = ["create", name, "--template", "shell", "--wait=false"];
    let created = world.session(&[&create, more].concat())?;
    Ok(created.exits(code)?.stderr)
}

fn limits_the_sessions() -> Result<()> {
    let world = World::installed("quota-set")?;
    let set = |words: &[&str], code| {
        world
            .session(&[&["quota", "set"], words].concat())?
            .exits(code)
    };
    let created = set(&["--max-sessions", "1"], 0)?;
    ensure!(
        created.stdout == "resourcequota/session-quota created\n",
        "{created:?}"
    );
    let get = ["get", "quota", "session-quota", "-o", "json"];
    let quota: Value = serde_json::from_str(&world.namespace.kubectl(&get, None)?)?;
    let key = "count/sessions.streaming.platform";
    ensure!(
        quota["status"]["hard"][key] == "1" && quota["status"]["used"][key] == "0",
        "{quota}"
    );

    create(&world, "one", &[], 0)?;
    let refused = create(&world, "two", &[], 1)?;
    ensure!(refused.contains("session-quota"), "{refused}");
    let refused = create(&world, "two", &["--skip-checks"], 1)?;
    ensure!(
        refused.contains("quota \"session-quota\" is exceeded: sessions"),
        "{refused}"
    );

    let raised = set(&["--max-sessions", "2"], 0)?;
    ensure!(
        raised.stdout == "resourcequota/session-quota configured\n",
        "{raised:?}"
    );
    create(&world, "two", &[], 0)?;

    let below = set(&["--max-sessions", "1"], 1)?;
    ensure!(
        below.stderr.contains(&format!("{key}: used 2, hard 1")),
        "{below:?}"
    );
    set(&["--max-sessions", "1", "--yes"], 0)?;
    let names = ["get", "sessions", "-o", "name"];
    let names = world.namespace.kubectl(&names, None)?;
    ensure!(names.lines().count() == 2, "{names}");

    let uncounted = set(
        &["--hard", "count/widgets.example.com=1", "--timeout", "3s"],
        1,
    )?;
    ensure!(
        uncounted
            .stderr
            .contains("not counted yet: count/widgets.example.com"),
        "{uncounted:?}"
    );
    Ok(())
}

fn gives_containers_defaults() -> Result<()> {
    let world = World::new("quota-defaults")?;
    let set = |words: &[&str]| {
        world
            .session(&[&["quota", "set"], words].concat())?
            .exits(0)
    };
    let pod = |name: &str| {
        let pod = format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: {name}}}, spec: {{containers: [{{name: main, image: busybox}}]}}}}"
        );
        world.namespace.kubectl(&["create", "-f", "-"], Some(&pod))
    };
    let warned = set(&["--cpu", "1", "--memory", "1Gi", "--limits-factor", "2"])?;
    ensure!(
        warned.stderr.contains("no LimitRange in namespace"),
        "{warned:?}"
    );
    let refused = pod("bare").err().map(|error| format!("{error:#}"));
    ensure!(
        refused
            .as_ref()
            .is_some_and(|why| why.contains("must specify")),
        "{refused:?}"
    );

    let words = [
        "--cpu",
        "1",
        "--memory",
        "1Gi",
        "--limits-factor",
        "2",
        "--limit-range",
        "default.cpu=200m,default.memory=64Mi,defaultRequest.cpu=100m",
    ];
    let both = set(&words)?;
    ensure!(both.stderr.is_empty(), "{both:?}");
    ensure!(
        both.stdout == "limitrange/session-limits created\nresourcequota/session-quota unchanged\n",
        "{both:?}"
    );
    pod("given")?;
    let again = set(&words)?;
    ensure!(
        again.stdout
            == "limitrange/session-limits unchanged\nresourcequota/session-quota unchanged\n",
        "{again:?}"
    );
    Ok(())
}
