//! A shell in a session, on a real terminal.

use std::process::Stdio;
use std::time::Instant;

use anyhow::{Result, ensure};
use rustix::process::Signal;
use session_cluster::Part;

use crate::world::World;
use crate::{Live, kubelet};
use session_support::terminal::{Terminal, ended, signal};

pub(crate) fn tests() -> Vec<Live> {
    vec![
        kubelet(
            "shell_gives_the_terminal_back_on_every_way_out",
            gives_the_terminal_back_on_every_way_out,
        ),
        kubelet(
            "shell_follows_the_size_of_the_window",
            follows_the_size_of_the_window,
        ),
        kubelet(
            "shell_and_commands_end_as_signals_allow",
            commands_end_as_signals_allow,
        ),
        kubelet(
            "shell_in_the_background_is_not_stopped",
            in_the_background_is_not_stopped,
        ),
        kubelet("shell_ends_with_the_server", ends_with_the_server).alone(),
    ]
}

/// Something that ends a shell, given the program's pid.
type WayOut = fn(&World, &mut Terminal, u32) -> Result<()>;

const WAYS_OUT: &[(&str, i32, WayOut)] = &[
    ("exit", 7, |_, terminal, _| terminal.types("exit 7\r")),
    ("Ctrl-D", 0, |_, terminal, _| terminal.types("\x04")),
    ("kill in the session", 137, |_, terminal, _| {
        terminal.types("kill -9 $$\r")
    }),
    ("SIGTERM", 143, |_, _, pid| signal(pid, Signal::TERM)),
    ("SIGHUP", 129, |_, _, pid| signal(pid, Signal::HUP)),
    ("SIGINT from outside", 130, |_, _, pid| {
        signal(pid, Signal::INT)
    }),
    ("deleted Pod", 137, |world, _, _| {
        let delete = [
            "delete",
            "pod",
            "shell-alice",
            "--grace-period=1",
            "--wait=false",
        ];
        world.namespace.kubectl(&delete, None).map(drop)
    }),
];

/// Starts a shell and waits for its prompt.
fn shell(world: &World, terminal: &Terminal) -> Result<std::process::Child> {
    let child = terminal.run(&world.command(&["connect", "alice"]))?;
    terminal.shows("$ ")?;
    Ok(child)
}

fn gives_the_terminal_back_on_every_way_out() -> Result<()> {
    let world = World::installed("tty")?;
    world
        .session(&["create", "alice", "--template", "shell"])?
        .exits(0)?;
    for (way, expected, out) in WAYS_OUT {
        let mut terminal = Terminal::new(100, 40)?;
        let before = terminal.modes()?;
        let child = shell(&world, &terminal)?;
        let pid = child.id();
        ensure!(
            terminal.modes()? != before,
            "{way}: the terminal is not raw"
        );
        // Ctrl-C is for what runs in the shell, not for us. One process says it and sleeps: a Ctrl-C between two commands of
        // the shell itself is lost now and then.
        terminal.types("sh -c \"echo be''gun; exec sleep 600\"\r")?;
        terminal.shows("begun")?;
        terminal.types("\x03")?;
        terminal.shows("$ ")?;
        terminal.types("echo still $((40+2))\r")?;
        terminal.shows("still 42")?;
        out(&world, &mut terminal, pid)?;
        let code = ended(child)?;
        ensure!(code == *expected, "{way}: exit code {code}");
        let after = terminal.modes()?;
        ensure!(after == before, "{way}:\n{before}\n{after}");
        if *way == "deleted Pod" {
            terminal.shows("note: pod \"shell-alice\"")?;
        }
    }
    Ok(())
}

fn follows_the_size_of_the_window() -> Result<()> {
    let world = World::installed("window")?;
    world
        .session(&["create", "alice", "--template", "shell"])?
        .exits(0)?;
    let mut terminal = Terminal::new(100, 40)?;
    let child = shell(&world, &terminal)?;
    terminal.types("stty size\r")?;
    terminal.shows("40 100")?;
    terminal.types("echo be''gun; while [ \"$(stty size)\" = '40 100' ]; do sleep 0.1; done; stty size; exit\r")?;
    terminal.shows("begun")?;
    terminal.resize(132, 50)?;
    terminal.shows("50 132")?;
    ensure!(ended(child)? == 0);
    let mut nothing = Terminal::new(0, 0)?;
    let child = shell(&world, &nothing)?;
    nothing.types("stty size; exit\r")?;
    nothing.shows("24 80")?;
    ensure!(ended(child)? == 0);
    Ok(())
}

/// Returns the processes in the container whose command line contains `words`.
fn processes(world: &World, words: &str) -> Result<String> {
    let list = format!("ps -o args | grep '{words}' | grep -v grep || true");
    Ok(world
        .session(&["connect", "alice", "--", "sh", "-c", &list])?
        .exits(0)?
        .stdout)
}

/// What reads its input ends with it; what does not runs on, unless the flag ends it with all that it started.
fn commands_end_as_signals_allow() -> Result<()> {
    let world = World::installed("left")?;
    world
        .session(&["create", "alice", "--template", "shell"])?
        .exits(0)?;
    for (words, left, runs_on) in [
        (&["-i", "--", "cat", "-"][..], "cat -", false),
        (&["--", "sleep", "611"], "sleep 611", true),
        (
            &["--kill-on-exit", "--", "sh", "-c", "sleep 612 & sleep 612"],
            "sleep 612",
            false,
        ),
    ] {
        let mut command = world.command(&[&["connect", "alice"][..], words].concat());
        command.stdin(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn()?;
        let begun = Instant::now();
        while processes(&world, left)?.is_empty() {
            ensure!(begun.elapsed().as_secs() < 30, "{left} never ran");
        }
        signal(child.id(), Signal::TERM)?;
        let done = child.wait_with_output()?;
        let told = String::from_utf8(done.stderr)?;
        ensure!(done.status.code() == Some(143), "{left}: {}", done.status);
        ensure!(told.contains("may still run") == runs_on, "{left}: {told}");
        ensure!(processes(&world, left)?.is_empty() != runs_on, "{left}");
    }
    Ok(())
}

/// A job in the background of a terminal reads nothing, and is not stopped for that.
fn in_the_background_is_not_stopped() -> Result<()> {
    let world = World::installed("job")?;
    world
        .session(&["create", "alice", "--template", "shell"])?
        .exits(0)?;
    let terminal = Terminal::new(100, 40)?;
    let connect = world.command(&["connect", "alice", "-i", "--", "echo", "done"]);
    let mut shell = std::process::Command::new("bash");
    shell
        .args(["-c", "set -m; \"$@\" & wait $!; echo \"code $?\"", "bash"])
        .arg(connect.get_program())
        .args(connect.get_args());
    let environment = connect.get_envs();
    shell.envs(environment.filter_map(|(name, value)| Some((name, value?))));
    let child = terminal.run(&shell)?;
    terminal.shows("done")?;
    terminal.shows("code 0")?;
    ensure!(ended(child)? == 0);
    Ok(())
}

fn ends_with_the_server() -> Result<()> {
    let world = World::alone("gone")?;
    world.session(&["setup"])?.exits(0)?;
    world
        .session(&["create", "alice", "--template", "shell"])?
        .exits(0)?;
    let terminal = Terminal::new(100, 40)?;
    let before = terminal.modes()?;
    let child = shell(&world, &terminal)?;
    let server = world.cluster.part(Part::ApiServer);
    server.kill()?;
    let code = ended(child);
    let after = terminal.modes()?;
    server.start()?;
    ensure!(code? == 1);
    terminal.shows("error: lost the connection to container \"shell\" of pod \"shell-alice\"")?;
    ensure!(after == before, "{before}\n{after}");
    Ok(())
}
