//! Places that wait for input, and signals while they do.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use rustix::fs::OFlags;
use rustix::process::Signal;
use session_support::terminal::{Terminal, ended};

use super::scene::{PATIENCE, Scene, send, until_it_waits};
use crate::attack::{Attack, attack};

/// A command line for every place that reads a file which the user names; `PIPE` is the file.
const FILES: [&str; 23] = [
    "create carol -f PIPE",
    "create carol --template bare --set-file IMAGE=PIPE",
    "create carol --template bare --env-file PIPE",
    "start bob --restart -y --set-file IMAGE=PIPE",
    "start bob --restart -y --env-file PIPE",
    "template lint -f PIPE",
    "template apply -f PIPE",
    "template render -f PIPE",
    "template render bare --set-file IMAGE=PIPE",
    "template render bare --env-file PIPE",
    "template params -f PIPE",
    "snapshot restore bob --from PIPE -y",
    "list -o jsonpath-file=PIPE",
    "list -o custom-columns-file=PIPE",
    "stop bob -y -o jsonpath-file=PIPE",
    "stop bob -y --kubeconfig PIPE",
    "stop bob -y --certificate-authority PIPE --server https://127.0.0.1:1",
    "stop bob -y --client-certificate PIPE --client-key @/notes --server https://127.0.0.1:1",
    "stop bob -y --client-certificate @/notes --client-key PIPE --server https://127.0.0.1:1",
    "stop bob -y --kubeconfig @/certificate-authority",
    "stop bob -y --kubeconfig @/token-file",
    "stop bob -y --kubeconfig @/plugin",
    "delete bob --kubeconfig PIPE -y",
];
/// A command line for every place that reads standard input.
const INPUTS: [&str; 10] = [
    "create carol -f -",
    "create carol --template bare --set-file IMAGE=-",
    "create carol --template bare --env-file -",
    "start bob --restart -y --set-file IMAGE=-",
    "start bob --restart -y --env-file -",
    "template lint -f -",
    "template apply -f -",
    "template render -f -",
    "template params -f -",
    "snapshot restore bob --from - -y",
];
/// How many places are tried at a time.
const AT_ONCE: usize = 4;

pub(crate) fn attacks() -> Vec<Attack> {
    vec![
        attack!(
            ctrl_c_ends_every_read_of_a_file_without_a_writer,
            "A FIFO that nobody writes to, in the place of every file that can be named, and Ctrl-C",
            "exit code 130 at once, no write",
        ),
        attack!(
            sigterm_ends_every_read_of_a_file_that_never_ends,
            "A FIFO whose writer never comes to an end, in the same places, and SIGTERM",
            "exit code 143 at once, no write",
        ),
        attack!(
            ctrl_c_ends_every_read_of_a_terminal,
            "Ctrl-C where every verb reads its standard input from a terminal",
            "exit code 130 at once, no write, the terminal as it was",
        ),
        attack!(
            ctrl_c_ends_a_wait_for_a_server_or_a_plugin,
            "Ctrl-C while a server, a proxy or a credential plugin does not answer",
            "exit code 130 at once",
        ),
        attack!(
            a_signal_at_any_moment_of_the_start_ends_it,
            "SIGTERM sent 0 to 30 ms after the program has begun",
            "exit code 143, or the end it would have come to",
        ),
        attack!(
            what_is_ignored_stays_ignored,
            "`nohup`: SIGHUP where the caller ignores it",
            "the command goes on",
        ),
        attack!(
            a_reader_who_does_not_read_cannot_hold_it,
            "SIGTERM while a pipe that nobody reads is full",
            "exit code 143 at once",
        ),
    ]
}

/// Runs `work` for each line, some at a time; the first error.
fn each(lines: &[&'static str], work: impl Fn(&'static str) -> Result<()> + Sync) -> Result<()> {
    let lines = Mutex::new(lines.iter());
    let next = || lines.lock().ok()?.next().copied();
    std::thread::scope(|scope| {
        let worker = || -> Result<()> {
            while let Some(line) = next() {
                work(line).with_context(|| line.to_owned())?;
            }
            Ok(())
        };
        let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(worker)).collect();
        let ended = workers.into_iter().map(|worker| match worker.join() {
            Ok(result) => result,
            Err(_) => bail!("it panicked"),
        });
        ended.collect()
    })
}

/// A FIFO of its own for a line, and the program that reads it.
fn reading(scene: &Scene, line: &str) -> Result<(tempfile::TempDir, Command)> {
    let folder = tempfile::tempdir()?;
    let pipe = folder.path().join("pipe");
    let made = Command::new("mkfifo").arg(&pipe).status()?;
    ensure!(made.success(), "mkfifo: {made}");
    let pipe = pipe.display().to_string();
    for (name, cluster, user) in [
        (
            "certificate-authority",
            format!("certificate-authority: {pipe}"),
            "{}".to_owned(),
        ),
        (
            "token-file",
            "insecure-skip-tls-verify: true".to_owned(),
            format!("{{tokenFile: {pipe}}}"),
        ),
        (
            "plugin",
            "insecure-skip-tls-verify: true".to_owned(),
            format!(
                "{{exec: {{apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never, command: /bin/cat, args: [{pipe}]}}}}"
            ),
        ),
    ] {
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: x\nclusters:\n- {{name: x, cluster: {{server: \"https://127.0.0.1:1\", {cluster}}}}}\n\
             users:\n- {{name: x, user: {user}}}\ncontexts:\n- {{name: x, context: {{cluster: x, user: x}}}}\n"
        );
        fs::write(folder.path().join(name), text)?;
    }
    let own = folder.path().display().to_string();
    let line = line.replace("PIPE", &pipe);
    let line = match line.contains("--kubeconfig @") {
        true => line.replace('@', &own),
        false => line,
    };
    let mut command = scene.command(&line);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    Ok((folder, command))
}

fn ctrl_c_ends_every_read_of_a_file_without_a_writer() -> Result<()> {
    let scene = Scene::new()?;
    each(&FILES, |line| {
        let (_folder, mut command) = reading(&scene, line)?;
        let mut child = command.spawn()?;
        until_it_waits(&mut child)?;
        send(&mut child, Signal::INT)?;
        let code = ended(child)?;
        ensure!(code == 130, "exit code {code}");
        scene.is_untouched(line)
    })
}

fn sigterm_ends_every_read_of_a_file_that_never_ends() -> Result<()> {
    let scene = Scene::new()?;
    each(&FILES, |line| {
        let (folder, mut command) = reading(&scene, line)?;
        let mut child = command.spawn()?;
        let mut writer = writer(&folder.path().join("pipe"))?;
        writer.write_all(b"# \n")?;
        until_it_waits(&mut child)?;
        send(&mut child, Signal::TERM)?;
        let code = ended(child)?;
        // A file that is only opened, or read twice, is refused before it has an end.
        let refused = line.contains("--client-") || line.contains("--from");
        ensure!(code == 143 || (refused && code == 1), "exit code {code}");
        drop(writer);
        scene.is_untouched(line)
    })
}

/// The writing end of a FIFO, once somebody reads it.
fn writer(pipe: &Path) -> Result<File> {
    let until = Instant::now() + PATIENCE;
    let flags = i32::try_from(OFlags::NONBLOCK.bits())?;
    loop {
        let opened = OpenOptions::new()
            .write(true)
            .custom_flags(flags)
            .open(pipe);
        match opened {
            Err(error) if error.kind() != ErrorKind::NotFound && Instant::now() < until => {
                std::thread::sleep(std::time::Duration::from_millis(2));
            }
            opened => return opened.context("nobody reads the FIFO"),
        }
    }
}

fn ctrl_c_ends_every_read_of_a_terminal() -> Result<()> {
    let scene = Scene::new()?;
    each(&INPUTS, |line| {
        let mut terminal = Terminal::new(100, 40)?;
        let before = terminal.modes()?;
        let mut child = terminal.run(&scene.command(line))?;
        until_it_waits(&mut child)?;
        terminal.types("kind: Pod\n\x03")?;
        let code = ended(child)?;
        ensure!(code == 130, "exit code {code}");
        terminal.shows("^C\r\n")?;
        ensure!(terminal.modes()? == before);
        scene.is_untouched(line)
    })
}

fn ctrl_c_ends_a_wait_for_a_server_or_a_plugin() -> Result<()> {
    let scene = Scene::new()?;
    let silent = TcpListener::bind("127.0.0.1:0")?;
    let address = silent.local_addr()?;
    let config = |name: &str, server: &str, more: &str, user: &str| -> Result<String> {
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: x\nclusters:\n- {{name: x, cluster: {{server: \"{server}\"{more}}}}}\n\
             users:\n- {{name: x, user: {user}}}\ncontexts:\n- {{name: x, context: {{cluster: x, user: x}}}}\n"
        );
        fs::write(scene.path(name), text)?;
        Ok(format!("stop bob -y --kubeconfig @/{name}"))
    };
    let plugin = "{exec: {apiVersion: client.authentication.k8s.io/v1, interactiveMode: IfAvailable, command: sleep, args: [\"600\"]}}";
    let lines = [
        config("silent", &format!("http://{address}"), "", "{}")?,
        config("silent-tls", &format!("https://{address}"), "", "{}")?,
        config(
            "proxy",
            "http://api.example.com",
            &format!(", proxy-url: \"http://{address}\""),
            "{}",
        )?,
        config(
            "socks",
            "https://api.example.com",
            &format!(", proxy-url: \"socks5://{address}\""),
            "{}",
        )?,
        config("plugin", &format!("https://{address}"), "", plugin)?,
    ];
    for line in &lines {
        let mut terminal = Terminal::new(100, 40)?;
        let mut child = terminal.run(&scene.command(line))?;
        until_it_waits(&mut child)?;
        terminal.types("\x03")?;
        let code = ended(child).with_context(|| line.clone())?;
        ensure!(code == 130, "{line}: exit code {code}");
    }
    scene.is_untouched("stop bob -y")
}

fn a_signal_at_any_moment_of_the_start_ends_it() -> Result<()> {
    let scene = Scene::new()?;
    for moment in 0..30 {
        let mut child = scene
            .command("list -o name")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        std::thread::sleep(std::time::Duration::from_millis(moment));
        send(&mut child, Signal::TERM)?;
        let code = ended(child)?;
        ensure!(
            code == 143 || code == 0,
            "after {moment} ms: exit code {code}"
        );
    }
    Ok(())
}

fn what_is_ignored_stays_ignored() -> Result<()> {
    let scene = Scene::new()?;
    let mut child = scene
        .shell("trap '' HUP; exec session list -w")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    until_it_waits(&mut child)?;
    send(&mut child, Signal::HUP)?;
    until_it_waits(&mut child)?;
    ensure!(child.try_wait()?.is_none(), "SIGHUP ended it");
    send(&mut child, Signal::TERM)?;
    let code = ended(child)?;
    ensure!(code == 143, "exit code {code}");
    Ok(())
}

fn a_reader_who_does_not_read_cannot_hold_it() -> Result<()> {
    let scene = Scene::new()?;
    let bob = scene
        .api
        .object("sessions.streaming.platform", "default", "bob");
    let bob = bob.context("bob's session")?;
    for number in 0..500 {
        let mut other = bob.clone();
        other["metadata"]["name"] = format!("other-{number}").into();
        other["metadata"]["uid"] = format!("uid-{number}").into();
        scene.api.put(other);
    }
    let mut child = scene
        .command("list -o yaml")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let unread = child.stdout.take();
    until_it_waits(&mut child)?;
    ensure!(child.try_wait()?.is_none(), "a pipe took all of it");
    send(&mut child, Signal::TERM)?;
    let code = ended(child)?;
    drop(unread);
    ensure!(code == 143, "exit code {code}");
    Ok(())
}
