//! `setup PART` on a real server, whose own validation of the definitions of other projects judges the objects.

use anyhow::{Context as _, Result, ensure};
use session_cluster::ThirdPartyApis;

use crate::world::{Output, World};
use crate::{Live, server};

pub(crate) fn tests() -> Vec<Live> {
    vec![server("parts_are_what_their_definitions_allow", are_allowed).alone()]
}

/// Each part, and whether its kinds are those of another project.
const PARTS: [(&str, bool); 13] = [
    ("autoscaling --for nvim", false),
    ("autoscaling --for gimp", false),
    ("autoscaling --for preview", false),
    ("ingress --for nvim", false),
    (
        "ingress --for nvim --host *.example.org --cluster-issuer=",
        false,
    ),
    ("storage --for gimp", false),
    ("isolation --for gimp", false),
    ("isolation --for preview", false),
    ("isolation --for shell", false),
    ("monitoring --for preview --alerts", true),
    ("monitoring --for sindri --alerts", true),
    ("mesh --for gimp", true),
    ("secrets --external --for sindri", true),
];

fn setup(world: &World, words: &str) -> Result<Output> {
    let words = format!("setup {words}");
    let words: Vec<&str> = words.split(' ').collect();
    world.session(&words)
}

fn are_allowed() -> Result<()> {
    let world = World::alone("parts")?;
    for (words, _) in PARTS.iter().filter(|(_, is_foreign)| *is_foreign) {
        let refused = setup(&world, words)?.exits(1)?;
        ensure!(
            refused.stderr.contains("the server does not have ")
                && refused.stderr.contains("hint: install "),
            "{refused:?}"
        );
        setup(&world, &format!("{words} --dry-run=client -o yaml"))?.exits(0)?;
    }
    let _apis = ThirdPartyApis::install(&world.cluster)?;
    for (words, _) in PARTS {
        is_applied_and_removed(&world, words).with_context(|| format!("setup {words}"))?;
    }
    Ok(())
}

fn is_applied_and_removed(world: &World, words: &str) -> Result<()> {
    let each_ends = |output: &Output, end: &str| {
        let lines = || output.stdout.lines();
        ensure!(lines().count() > 0, "{output:?}");
        ensure!(lines().all(|line| line.ends_with(end)), "{output:?}");
        Ok(lines().count())
    };
    let rehearsed = setup(world, &format!("{words} --dry-run=server"))?.exits(0)?;
    let count = each_ends(&rehearsed, " created (server dry run)")?;
    let made = setup(world, words)?.exits(0)?;
    ensure!(each_ends(&made, " created")? == count, "{made:?}");
    let again = setup(world, words)?.exits(0)?;
    ensure!(each_ends(&again, " unchanged")? == count, "{again:?}");
    let removed = setup(world, &format!("{words} --remove"))?.exits(0)?;
    ensure!(removed.stdout.lines().count() == count, "{removed:?}");
    let nothing = setup(world, &format!("{words} --remove"))?.exits(0)?;
    ensure!(nothing.stdout.is_empty(), "{nothing:?}");
    Ok(())
}
