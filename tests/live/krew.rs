//! The suite as krew installs it, typed as users type it, on the real cluster.

use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use rustix::process::Signal;
use session_cluster::Krew;
use session_krew::platform::Platform;
use session_krew::release::{Release, Rules};
use tempfile::TempDir;

use crate::world::{Output, World, run};
use crate::{Live, kubelet};
use session_support::terminal::{Terminal, ended, signal};

pub(crate) fn tests() -> Vec<Live> {
    vec![
        kubelet(
            "krew_what_krew_installs_runs_through_kubectl",
            what_krew_installs_runs_through_kubectl,
        ),
        kubelet(
            "krew_a_shell_through_kubectl_gives_the_terminal_back",
            a_shell_through_kubectl_gives_the_terminal_back,
        ),
        kubelet(
            "krew_status_through_kubectl_is_one_screen",
            status_through_kubectl_is_one_screen,
        ),
    ]
}

/// A namespace, and a machine on whose PATH is what krew has installed, and what Debian has.
struct Machine {
    world: World,
    krew: Krew,
    folder: TempDir,
}

impl Machine {
    fn new(prefix: &str) -> Result<Self> {
        let world = World::installed(prefix)?;
        let folder = tempfile::tempdir()?;
        let host = Platform::host()?;
        let release = Release::in_folder(folder.path().join("release"))?;
        release.pack(host, World::binary())?;
        release.write_papers(None)?;
        release.check(Rules::AnyProgram)?;
        let krew = Krew::at(folder.path().join("root"))?;
        krew.install(&release.manifest(), &release.archive(host))?;
        Ok(Self {
            world,
            krew,
            folder,
        })
    }

    /// `kubectl session WORDS` in the namespace.
    fn command(&self, words: &str) -> Command {
        let mut kubectl = Command::new(self.world.cluster.kubectl_path());
        kubectl.arg("session").args(words.split(' '));
        kubectl.args(["-n", self.world.namespace.name()]);
        kubectl.env(
            "PATH",
            format!("{}:/usr/bin:/bin", self.krew.bin().display()),
        );
        kubectl.env("HOME", self.folder.path()).env("TERM", "xterm");
        kubectl
            .env("KUBECONFIG", self.world.cluster.admin_kubeconfig())
            .stdin(Stdio::null());
        kubectl
    }

    fn session(&self, words: &str) -> Result<Output> {
        run(&mut self.command(words)).with_context(|| words.to_owned())
    }
}

fn what_krew_installs_runs_through_kubectl() -> Result<()> {
    let machine = Machine::new("krew")?;
    let created = machine.session("create alice --template shell")?.exits(0)?;
    ensure!(
        created.stdout == "session.streaming.platform/alice created\n",
        "{created:?}"
    );
    let listed = machine.session("list alice --no-headers")?.exits(0)?;
    ensure!(
        listed.stdout.split_whitespace().nth(3) == Some("running"),
        "{listed:?}"
    );
    machine
        .session("connect alice -- test -e /nowhere")?
        .exits(1)?;
    let deleted = machine.session("delete alice -y")?.exits(0)?;
    let namespace = machine.world.namespace.name();
    let line = format!("session.streaming.platform \"alice\" deleted from {namespace} namespace\n");
    ensure!(deleted.stdout == line, "{deleted:?}");
    Ok(())
}

fn a_shell_through_kubectl_gives_the_terminal_back() -> Result<()> {
    let machine = Machine::new("krewtty")?;
    machine.session("create alice --template shell")?.exits(0)?;
    let before_all = objects(&machine)?;
    for (way, expected) in [("exit", 7), ("INT", 130), ("TERM", 143), ("HUP", 129)] {
        let mut terminal = Terminal::new(100, 40)?;
        let before = terminal.modes()?;
        // kubectl becomes the plugin: its pid is the plugin's.
        let child = terminal.run(&machine.command("connect alice"))?;
        terminal.shows("$ ")?;
        ensure!(
            terminal.modes()? != before,
            "{way}: the terminal is not raw"
        );
        // A typed Ctrl-C is for what the shell runs. One process says it and sleeps: between two commands a Ctrl-C can be lost.
        terminal.types("sh -c \"echo be''gun; exec sleep 600\"\r")?;
        terminal.shows("begun")?;
        terminal.types("\x03")?;
        terminal.shows("$ ")?;
        terminal.types("echo still $((40+2))\r")?;
        terminal.shows("still 42")?;
        match way {
            "INT" => signal(child.id(), Signal::INT)?,
            "TERM" => signal(child.id(), Signal::TERM)?,
            "HUP" => signal(child.id(), Signal::HUP)?,
            _ => terminal.types("exit 7\r")?,
        }
        let code = ended(child)?;
        ensure!(code == expected, "{way}: exit code {code}");
        let after = terminal.modes()?;
        ensure!(after == before, "{way}:\n{before}\n{after}");
    }
    let after_all = objects(&machine)?;
    ensure!(after_all == before_all, "{before_all}\n{after_all}");
    Ok(())
}

/// What a helper of `connect` would have to be among.
fn objects(machine: &Machine) -> Result<String> {
    let kinds = "sessions,pods,secrets,configmaps,services,serviceaccounts,jobs";
    machine
        .world
        .namespace
        .kubectl(&["get", kinds, "-o", "name"], None)
}

fn status_through_kubectl_is_one_screen() -> Result<()> {
    let machine = Machine::new("krewstatus")?;
    machine.session("create alice --template shell")?.exits(0)?;
    let shown = machine.session("status alice")?.exits(0)?;
    ensure!(shown.stderr.is_empty(), "{shown:?}");
    ensure!(
        shown.stdout.lines().count() <= 40,
        "more than a screen: {}",
        shown.stdout
    );
    for word in [
        "alice",
        "running",
        "shell-alice",
        "kubectl session connect alice",
    ] {
        ensure!(
            shown.stdout.contains(word),
            "no {word:?} in {}",
            shown.stdout
        );
    }
    let json = machine.session("status alice -o json")?.exits(0)?;
    let report: serde_json::Value = serde_json::from_str(&json.stdout)?;
    ensure!(report["kind"] == "SessionReport", "{report}");
    machine
        .session("status alice --wait-for ready --timeout 30s")?
        .exits(0)?;
    let late = machine
        .session("status alice --wait-for stopped --timeout 1s")?
        .exits(1)?;
    ensure!(late.stderr.contains("timed out waiting"), "{late:?}");
    let terminal = Terminal::new(120, 50)?;
    let before = terminal.modes()?;
    let child = terminal.run(&machine.command("status alice -w"))?;
    terminal.shows("running")?;
    machine.session("delete alice -y --wait=false")?.exits(0)?;
    // It stays until there is nothing left to look at.
    terminal.shows("sessions.streaming.platform \"alice\" not found")?;
    let code = ended(child)?;
    ensure!(code == 1, "exit code {code}");
    ensure!(terminal.modes()? == before, "the terminal is not as it was");
    Ok(())
}
