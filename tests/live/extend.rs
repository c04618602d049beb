//! `extend` of a real session: the end moves, `connect` tells when it is near, and the template bounds it.

use anyhow::{Result, ensure};
use serde_json::Value;

use crate::world::World;
use crate::{Live, kubelet};

pub(crate) fn tests() -> Vec<Live> {
    vec![kubelet(
        "extend_moves_the_end_as_far_as_the_template_allows",
        moves_the_end_as_far_as_the_template_allows,
    )]
}

/// The built-in shell, which may live for two hours here. Cluster-scoped, so it is named after the namespace.
struct Short<'a>(&'a World, String);

impl<'a> Short<'a> {
    fn applied(world: &'a World) -> Result<Self> {
        let shipped = world
            .namespace
            .kubectl(&["get", "sessiontemplate", "shell", "-o", "json"], None)?;
        let mut template: Value = serde_json::from_str(&shipped)?;
        let name = format!("short-{}", world.namespace.name());
        template["metadata"] = serde_json::json!({ "name": name });
        template["spec"]["lifetime"] = serde_json::json!({ "timeout": "5m", "maximum": "2h" });
        world
            .namespace
            .kubectl(&["create", "-f", "-"], Some(&template.to_string()))?;
        Ok(Self(world, name))
    }
}

impl Drop for Short<'_> {
    fn drop(&mut self) {
        let delete = ["delete", "sessiontemplate", &self.1];
        // What fails here has failed before: the test says why.
        let _ = self.0.namespace.kubectl(&delete, None);
    }
}

fn moves_the_end_as_far_as_the_template_allows() -> Result<()> {
    let world = World::installed("extend")?;
    let short = Short::applied(&world)?;
    world
        .session(&["create", "alice", "--template", &short.1])?
        .exits(0)?;
    let enter = ["connect", "alice", "--", "true"];
    let told = world.session(&enter)?.exits(0)?;
    let text = "note: session \"alice\" expires in 4m";
    ensure!(told.stderr.starts_with(text), "{told:?}");
    let extended = world
        .session(&["extend", "alice", "--by", "1h"])?
        .exits(0)?;
    let line = "session.streaming.platform/alice extended\n";
    ensure!(extended.stdout == line, "{extended:?}");
    let quiet = world.session(&enter)?.exits(0)?;
    ensure!(quiet.stderr.is_empty(), "{quiet:?}");
    let listed = world
        .session(&["list", "alice", "--no-headers"])?
        .exits(0)?;
    ensure!(listed.stdout.contains(" 1h"), "{listed:?}");
    let get = ["get", "session", "alice", "-o", "jsonpath={.spec.timeout}"];
    let seconds = world.namespace.kubectl(&get, None)?;
    ensure!(seconds == "3900", "{seconds}");
    for end in [["--by", "1h"].as_slice(), &["--no-expiry"]] {
        let refused = world
            .session(&[&["extend", "alice"], end].concat())?
            .exits(1)?;
        let text = "maximum lifetime of its template is 2h from the start";
        ensure!(refused.stderr.contains(text), "{refused:?}");
    }
    Ok(())
}
