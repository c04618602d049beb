//! ssh into a session, through the program as its ProxyCommand.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tempfile::TempDir;

use crate::world::{Output, World, run};
use crate::{Live, kubelet};

pub(crate) fn tests() -> Vec<Live> {
    vec![
        kubelet(
            "ssh_pins_the_key_of_each_session",
            pins_the_key_of_each_session,
        ),
        kubelet("ssh_names_ports_without_a_banner", ports_without_a_banner),
    ]
}

const MANIFEST: &str = "apiVersion: v1
kind: Pod
metadata: {name: \"ssh-${SESSION_ID}\"}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - name: main
    image: localhost/dropbear:1
    imagePullPolicy: Never
    env:
    - {name: AUTHORIZED_KEYS, value: \"${KEY}\"}
    readinessProbe: {tcpSocket: {port: 22}, periodSeconds: 1}
";

/// A user with a key and a home of his own.
struct User<'a> {
    world: &'a World,
    folder: TempDir,
    /// Our own state, in a place whose name needs every kind of quoting.
    state: TempDir,
}

impl<'a> User<'a> {
    fn new(world: &'a World) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let state = tempfile::Builder::new().prefix("it's 100% ").tempdir()?;
        let user = Self {
            world,
            folder,
            state,
        };
        let key = user.key();
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-f"])
            .arg(&key)
            .status()
            .context("ssh-keygen is missing: apt-get install openssh-client")?;
        ensure!(made.success());
        Ok(user)
    }

    fn key(&self) -> PathBuf {
        self.folder.path().join("key")
    }

    fn known_hosts(&self) -> PathBuf {
        self.state.path().join("kubectl-session/known_hosts")
    }

    fn public(&self) -> Result<String> {
        Ok(std::fs::read_to_string(self.folder.path().join("key.pub"))?)
    }

    /// A session of that name whose server lets this user in.
    fn creates(&self, template: &str) -> Result<()> {
        let key = format!("KEY={}", self.public()?.trim());
        let args = ["create", "lab", "--template", template, "--set", &key];
        self.world.session(&args)?.exits(0).map(drop)
    }

    fn connect(&self, words: &[&str]) -> Result<Output> {
        let key = self.key();
        let key = key.to_str().context("a path is text")?;
        let ours = [
            "connect",
            "lab",
            "--ssh",
            "--",
            "-F",
            "none",
            "-o",
            "BatchMode=yes",
            "-i",
            key,
        ];
        let mut command = self.world.command(&[&ours, words].concat());
        command.env("XDG_STATE_HOME", self.state.path());
        run(&mut command)
    }

    /// ssh itself, with the printed block.
    fn ssh(&self, config: &Path, words: &[&str]) -> Result<Output> {
        let mut command = Command::new("ssh");
        command.arg("-F").arg(config);
        command.args(["-o", "BatchMode=yes", "-i"]).arg(self.key());
        command.arg("lab").args(words);
        run(&mut command)
    }
}

fn template(world: &World) -> Result<String> {
    let name = format!("ssh-{}", world.namespace.name());
    let template = json!({"apiVersion": "streaming.platform/v1", "kind": "SessionTemplate", "metadata": {"name": name},
        "spec": {"connect": [{"name": "ssh", "ssh": {"port": 22, "user": "lab"}}], "manifest": MANIFEST,
            "parameters": [{"name": "KEY", "type": "string"}]}});
    world
        .namespace
        .kubectl(&["create", "-f", "-"], Some(&template.to_string()))?;
    Ok(name)
}

fn pins_the_key_of_each_session() -> Result<()> {
    let world = World::installed("ssh")?;
    let template = template(&world)?;
    let done = pinned(&world, &template);
    world
        .namespace
        .kubectl(&["delete", "sessiontemplate", &template], None)?;
    done
}

fn pinned(world: &World, template: &str) -> Result<()> {
    let user = User::new(world)?;
    user.creates(template)?;
    let first = user.connect(&["echo $USER; exit 5"])?.exits(5)?;
    ensure!(first.stdout == "lab\n", "{first:?}");
    let known = std::fs::read_to_string(user.known_hosts())?;
    ensure!(
        known.starts_with("session-") && known.lines().count() == 1,
        "{known}"
    );
    user.connect(&["true"])?.exits(0)?;
    ensure!(
        std::fs::read_to_string(user.known_hosts())? == known,
        "pinned once"
    );
    ensure!(!first.stderr.contains("interrupted"), "{first:?}");
    let block = config(&user)?;

    // After a restart it is another host, too: its server may have made itself another key.
    world
        .session(&["start", "lab", "--restart", "-y"])?
        .exits(0)?;
    user.connect(&["true"])?.exits(0)?;
    let said = user.ssh(&block, &["true"])?.exits(0)?;
    ensure!(
        said.stderr.contains("session \"lab\" was restarted at "),
        "{said:?}"
    );
    let said = user.ssh(&block, &["true"])?.exits(0)?;
    ensure!(!said.stderr.contains("restarted"), "told once: {said:?}");
    let known = std::fs::read_to_string(user.known_hosts())?;
    let known = known.lines().last().unwrap_or_default();

    // Another key under the same name is an attack.
    let alias = known.split(' ').next().unwrap_or_default();
    let key: Vec<String> = user.public()?.split(' ').map(str::to_owned).collect();
    std::fs::write(
        user.known_hosts(),
        format!("{alias} {} {}\n", key[0], key[1]),
    )?;
    let refused = user.connect(&["true"])?.exits(255)?;
    ensure!(
        refused.stderr.contains("verification failed"),
        "{refused:?}"
    );

    // Another session of the same name is another host.
    world.session(&["delete", "lab", "-y"])?.exits(0)?;
    user.creates(template)?;
    user.connect(&["true"])?.exits(0)?;
    Ok(())
}

/// Writes the printed Host block to a file, and connects with it.
fn config(user: &User) -> Result<PathBuf> {
    let mut command = user.world.command(&["connect", "lab", "--ssh-config"]);
    command.env("XDG_STATE_HOME", user.state.path());
    let block = run(&mut command)?.exits(0)?;
    let file = user.folder.path().join("config");
    std::fs::write(&file, &block.stdout)?;
    let said = user.ssh(&file, &["cat; exit 3"])?.exits(3)?;
    ensure!(said.stdout.is_empty(), "{said:?}");
    Ok(file)
}

/// Ports that are open and no SSH server: 22 stays silent, 23 ends the connection, 24 is a web server.
fn ports_without_a_banner() -> Result<()> {
    let world = World::installed("banner")?;
    let servers = "nc -ll -p 22 -e sleep 600 & nc -ll -p 23 -e true & httpd -f -p 24";
    let ready = "netstat -ltn | grep -c ':2[234] ' | grep -x 3";
    let manifest = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "NAME-${SESSION_ID}"},
        "spec": {"terminationGracePeriodSeconds": 0, "containers": [{
            "name": "main", "image": "localhost/busybox:1", "imagePullPolicy": "Never",
            "command": ["sh", "-c", servers],
            "readinessProbe": {"exec": {"command": ["sh", "-c", ready]}, "periodSeconds": 1}}]}});
    let methods = [("silent", 22), ("short", 23), ("web", 24)];
    let methods =
        methods.map(|(name, port)| json!({"name": name, "ssh": {"port": port, "user": "lab"}}));
    let template = json!({"apiVersion": "streaming.platform/v1", "kind": "SessionTemplate", "metadata": {"name": "NAME"},
        "spec": {"connect": methods, "manifest": manifest.to_string()}});
    let name = format!("banner-{}", world.namespace.name());
    world.template(&name, &template.to_string())?;
    world
        .session(&["create", "lab", "--template", &name])?
        .exits(0)?;
    for (method, text) in [
        (
            "silent",
            "is open, but no SSH server has answered for 10s\n",
        ),
        (
            "short",
            "is open, but closed the connection without an SSH banner\n",
        ),
        ("web", "answers without an SSH banner: \"HTTP/1.1 400"),
    ] {
        let words = [
            "connect",
            "lab",
            "--ssh",
            "--method",
            method,
            "--",
            "-F",
            "none",
            "-o",
            "BatchMode=yes",
            "-o",
            "ConnectTimeout=15",
            "true",
        ];
        let failed = world.session(&words)?.exits(255)?;
        let port = format!("of pod \"{name}-lab\" {text}");
        ensure!(failed.stderr.contains(&port), "{method}: {failed:?}");
    }
    world.session(&["template", "delete", &name])?.exits(0)?;
    Ok(())
}
