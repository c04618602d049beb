//! `setup secrets NAME` on a real server, whose field ownership decides what an apply leaves alone.

use anyhow::{Result, anyhow, ensure};

use crate::world::World;
use crate::{Live, server};

pub(crate) fn tests() -> Vec<Live> {
    vec![
        server("secrets_keep_the_keys_of_others", keep_the_keys_of_others),
        server("secrets_set_at_the_same_time", set_at_the_same_time),
    ]
}

fn say(world: &World, line: &str) -> Result<String> {
    let words: Vec<&str> = line.split(' ').collect();
    Ok(world.session(&words)?.exits(0)?.stdout)
}

/// The keys of the Secret `keys`, in order.
fn keys(world: &World) -> Result<String> {
    let range = "-o=go-template={{range $key, $value := .data}}{{$key}} {{end}}";
    world
        .namespace
        .kubectl(&["get", "secret", "keys", range], None)
}

fn keep_the_keys_of_others() -> Result<()> {
    let world = World::installed("secrets")?;
    let made = say(
        &world,
        "setup secrets keys --from-literal A=1 --from-literal B=2",
    )?;
    ensure!(made == "secret/keys created\n", "{made}");
    let theirs = r#"{"stringData": {"THEIRS": "hunter2"}}"#;
    world
        .namespace
        .kubectl(&["patch", "secret", "keys", "-p", theirs], None)?;
    let more = say(&world, "setup secrets keys --from-literal C=three")?;
    ensure!(more == "secret/keys configured\n", "{more}");
    let again = say(&world, "setup secrets keys --from-literal C=three")?;
    ensure!(again == "secret/keys unchanged\n", "{again}");
    ensure!(keys(&world)? == "A B C THEIRS ", "{}", keys(&world)?);
    let shown = say(&world, "setup secrets keys")?;
    ensure!(
        shown == "KEY      BYTES\nA        1\nB        1\nC        5\nTHEIRS   7\n",
        "{shown}"
    );
    say(&world, "setup secrets keys --remove-key A")?;
    ensure!(keys(&world)? == "B C THEIRS ", "{}", keys(&world)?);
    let refused = world.session(&["setup", "secrets", "keys", "--remove-key", "THEIRS"])?;
    refused.exits(1)?;

    // Somebody else's Secret keeps its labels and keys.
    let words = [
        "create",
        "secret",
        "generic",
        "foreign",
        "--from-literal=X=1",
    ];
    world.namespace.kubectl(&words, None)?;
    let set = ["setup", "secrets", "foreign", "--from-literal", "Y=2"];
    world.session(&set)?.exits(1)?;
    world
        .session(&[&set[..], &["--force"]].concat())?
        .exits(0)?;
    let found = "-o=jsonpath={.data.X}{.data.Y}{.metadata.labels}";
    let found = world
        .namespace
        .kubectl(&["get", "secret", "foreign", found], None)?;
    ensure!(found == "MQ==Mg==", "{found}");
    world
        .session(&["setup", "secrets", "foreign", "--remove"])?
        .exits(1)?;
    let removed = say(&world, "setup secrets keys --remove")?;
    ensure!(removed.starts_with("secret \"keys\" deleted"), "{removed}");
    Ok(())
}

/// Each conflict is another command's success, so four commands need at most four attempts each.
fn set_at_the_same_time() -> Result<()> {
    let world = World::installed("secrets")?;
    say(&world, "setup secrets keys --from-literal A=1")?;
    std::thread::scope(|scope| {
        let set = |key: &'static str| {
            let line = format!("setup secrets keys --from-literal {key}=1");
            let world = &world;
            scope.spawn(move || say(world, &line))
        };
        let commands = ["B", "C", "D", "E"].map(set);
        commands.into_iter().try_for_each(|command| {
            let done = command.join().map_err(|_| anyhow!("a command panicked"))?;
            done.map(drop)
        })
    })?;
    ensure!(keys(&world)? == "A B C D E ", "{}", keys(&world)?);
    Ok(())
}
