//! `template` and `list -w` against a real server.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::world::{World, run};
use crate::{Live, kubelet, server};

pub(crate) fn tests() -> Vec<Live> {
    vec![
        server(
            "template_comes_and_goes_and_is_an_admins",
            comes_and_goes_and_is_an_admins,
        ),
        kubelet(
            "list_watches_sessions_come_and_go",
            list_watches_sessions_come_and_go,
        ),
    ]
}

const TOOL: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: \"tool-${SESSION_ID}\"}\nspec:\n  \
    containers:\n  - {name: main, image: \"${IMAGE:-localhost/busybox:1}\", command: [sleep, \"1000\"]}\n";

/// A template that is taken away whatever becomes of the test: templates are everybody's.
struct Applied<'a>(&'a World, String);

impl Drop for Applied<'_> {
    fn drop(&mut self) {
        // What fails here has failed before: the test says why.
        let _ = self
            .0
            .session(&["template", "delete", &self.1, "--ignore-not-found"]);
    }
}

fn comes_and_goes_and_is_an_admins() -> Result<()> {
    let world = World::installed("template")?;
    let name = format!("tool-{}", world.namespace.name());
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), TOOL)?;
    let path = file.path().to_string_lossy().into_owned();
    let kind = "sessiontemplate.streaming.platform";

    let linted = world
        .session(&["template", "lint", "-f", &path])?
        .exits(0)?;
    ensure!(!linted.stdout.contains("error"), "{linted:?}");
    let template = Applied(&world, name.clone());
    let apply = ["template", "apply", "-f", &path, "--name", &name];
    for (flags, said) in [
        (&["--dry-run=server"][..], "created (server dry run)"),
        (&[], "created"),
        (&[], "unchanged"),
        (&["--description", "a tool"], "configured"),
    ] {
        let applied = world.session(&[&apply[..], flags].concat())?.exits(0)?;
        ensure!(
            applied.stdout == format!("{kind}/{name} {said}\n"),
            "{applied:?}"
        );
    }
    let listed = world
        .session(&["template", "list", "--no-headers"])?
        .exits(0)?;
    ensure!(
        listed.stdout.lines().any(|row| row.starts_with(&name)),
        "{listed:?}"
    );
    let shown = world.session(&[
        "template",
        "show",
        &name,
        "-o",
        "jsonpath={.spec.description}",
    ])?;
    ensure!(shown.exits(0)?.stdout == "a tool");

    let user = format!("{}@example.com", world.namespace.name());
    let kubeconfig = world.cluster.user_kubeconfig(&user, &[])?;
    world
        .cluster
        .bind_role(world.namespace.name(), &user, "edit")?;
    let plain = |words: &[&str]| run(&mut world.command_as(&kubeconfig, words));
    // Everybody may look, nobody else may write.
    plain(&["template", "show", &name])?.exits(0)?;
    for words in [&apply[..], &["template", "delete", &name]] {
        let refused = plain(words)?.exits(1)?;
        let forbidden = "Error from server (Forbidden): sessiontemplates.streaming.platform ";
        ensure!(refused.stderr.contains(forbidden), "{refused:?}");
    }
    let deleted = world.session(&["template", "delete", &name])?.exits(0)?;
    ensure!(
        deleted
            .stdout
            .starts_with(&format!("{kind} \"{name}\" deleted")),
        "{deleted:?}"
    );
    let missing = world.session(&["template", "show", &name])?.exits(1)?;
    let not_found = format!(
        "Error from server (NotFound): sessiontemplates.streaming.platform \"{name}\" not found\n"
    );
    ensure!(missing.stderr.starts_with(&not_found), "{missing:?}");
    drop(template);
    Ok(())
}

fn list_watches_sessions_come_and_go() -> Result<()> {
    let world = World::installed("watch")?;
    world
        .session(&["create", "one", "--template", "shell"])?
        .exits(0)?;
    let mut child = world
        .command(&["list", "-w"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut out = BufReader::new(child.stdout.take().context("no stdout")?);
    let mut rows: Vec<String> = Vec::new();
    let mut until = |name: &str, phase: &str| -> Result<Vec<String>> {
        loop {
            let mut row = String::new();
            ensure!(out.read_line(&mut row)? > 0, "it ended after {rows:#?}");
            let cells: Vec<&str> = row.split_whitespace().collect();
            let found = cells.first() == Some(&name) && cells.get(3) == Some(&phase);
            rows.push(row);
            if found {
                return Ok(rows.clone());
            }
        }
    };
    let first = until("one", "running")?;
    let columns: Vec<&str> = first[0].split_whitespace().collect();
    ensure!(
        columns == ["NAME", "USER", "TEMPLATE", "PHASE", "EXPIRES", "AGE"],
        "{first:?}"
    );
    world
        .session(&["create", "two", "--template", "shell"])?
        .exits(0)?;
    until("two", "running")?;
    world.session(&["delete", "one", "-y"])?.exits(0)?;
    let all = until("one", "Terminating")?;
    // One heading for all of it, and its columns stay where they are.
    let headings = all.iter().filter(|row| row.starts_with("NAME"));
    ensure!(headings.count() == 1, "{all:?}");
    let pid = child.id().to_string();
    ensure!(
        Command::new("kill")
            .args(["-INT", &pid])
            .status()?
            .success()
    );
    let done = child.wait()?;
    ensure!(done.code() == Some(130), "{done}");
    Ok(())
}
