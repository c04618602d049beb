//! `--wait-for-room`: a session that waits for the quota of its namespace, and comes up when another goes.

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use anyhow::{Context, Result, ensure};

use crate::world::World;
use crate::{Live, kubelet};

pub(crate) fn tests() -> Vec<Live> {
    vec![kubelet(
        "room_of_a_session_that_goes_is_for_the_one_that_waits",
        a_session_that_goes_makes_room,
    )]
}

fn a_session_that_goes_makes_room() -> Result<()> {
    let world = World::installed("room")?;
    let hard = "--hard=count/sessions.streaming.platform=1";
    let quota = ["create", "quota", "one", hard];
    world.namespace.kubectl(&quota, None)?;
    // Quotas of custom resources are counted from some seconds after the definition on.
    let counted = "--for=jsonpath={.status.used.count/sessions\\.streaming\\.platform}=0";
    let wait = ["wait", counted, "quota/one", "--timeout=60s"];
    world.namespace.kubectl(&wait, None)?;
    let first = ["create", "first", "--template", "shell"];
    world.session(&first)?.exits(0)?;

    let second = ["create", "second", "--template", "shell"];
    let refused = world.session(&second)?.exits(1)?;
    let full = "quota \"one\" is exceeded: sessions (count/sessions.streaming.platform): requested 1, used 1, hard 1\n";
    ensure!(refused.stderr.contains(full), "{refused:?}");
    let raced = world.session(&[&second[..], &["--skip-checks"]].concat())?;
    let unchecked = "note: quotas, classes and budgets of running hours not checked\n";
    let raced = raced.exits(1)?.stderr;
    ensure!(raced == format!("{unchecked}{}", refused.stderr), "{raced}");

    let patient = [&second[..], &["--wait-for-room=2m"]].concat();
    let mut waiting = world.command(&patient);
    let mut waiting = waiting
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    let stderr = waiting.stderr.take().context("stderr is piped")?;
    let mut stderr = BufReader::new(stderr);
    let mut note = String::new();
    stderr.read_line(&mut note)?;
    ensure!(
        note == format!("note: session \"second\" waits for room: {full}"),
        "{note}"
    );
    let sessions = ["get", "sessions", "-o", "name"];
    let there = world.namespace.kubectl(&sessions, None)?;
    ensure!(there == "session.streaming.platform/first\n", "{there}");
    world.session(&["delete", "first", "-y"])?.exits(0)?;
    let ended = waiting.wait()?;
    let mut rest = String::new();
    stderr.read_to_string(&mut rest)?;
    ensure!(ended.success(), "{rest}");
    let phase = ["get", "session", "second", "-o", "jsonpath={.status.phase}"];
    ensure!(world.namespace.kubectl(&phase, None)? == "running");
    Ok(())
}
