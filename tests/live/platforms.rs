//! The platforms whose templates are built in, from `create` to `delete`: each from its template, and from its own files.

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use session_cluster::{EXPANDABLE_CLASS, SNAPSHOT_CLASS};

use crate::lifecycle::{leaves_no_trace, traces};
use crate::world::{World, run};
use crate::{Live, kubelet};

mod files;
mod pages;
mod streamed;

pub(crate) fn tests() -> Vec<Live> {
    vec![
        kubelet(
            "platforms_sindri_from_its_template",
            sindri_from_its_template,
        ),
        kubelet("platforms_sindri_from_its_file", sindri_from_its_file),
    ]
    .into_iter()
    .chain(streamed::tests())
    .chain(files::tests())
    .chain(pages::tests())
    .collect()
}

/// A session of a platform, and what its life is checked by.
pub(crate) struct Life<'a> {
    pub(crate) world: &'a World,
    /// Name of the session.
    pub(crate) name: &'a str,
    /// Words of `create` after the name.
    pub(crate) create: &'a [&'a str],
    /// Pod that is entered.
    pub(crate) pod: &'a str,
    /// File on a claim of that Pod; `None` if the session has no claim.
    pub(crate) file: Option<&'a str>,
    /// Connects by each method.
    pub(crate) connect: &'a dyn Fn() -> Result<()>,
}

impl Life<'_> {
    /// Lives it: create, connect, stop, start, snapshot, restore, delete.
    pub(crate) fn run(&self) -> Result<()> {
        let before = traces(self.world)?;
        let words = [&["create", self.name][..], self.create].concat();
        self.session(&words)?;
        ensure!(self.phase()? == "running", "{}", self.phase()?);
        (self.connect)().context("after create")?;
        self.write("first")?;
        let stop = ["stop", self.name, "-y"];
        self.session(&stop)?;
        ensure!(self.phase()? == "stopped", "{}", self.phase()?);
        self.session(&["start", self.name])?;
        ensure!(self.read()? == "first\n", "after start: {}", self.read()?);
        (self.connect)().context("after start")?;
        if self.file.is_some() {
            self.snapshot_and_restore()?;
            (self.connect)().context("after restore")?;
        }
        self.session(&["delete", self.name, "--delete-data", "-y"])?;
        leaves_no_trace(self.world, &before)
    }

    fn snapshot_and_restore(&self) -> Result<()> {
        let class = ["--class", SNAPSHOT_CLASS];
        let take = ["snapshot", "create", self.name, "-o", "name"];
        let taken = self.session(&[&take[..], &class].concat())?;
        let snapshot = taken
            .trim()
            .rsplit('/')
            .next()
            .unwrap_or_default()
            .to_owned();
        self.write("second")?;
        self.session(&["stop", self.name, "-y"])?;
        let restore = [
            "snapshot",
            "restore",
            &snapshot,
            "--in-place",
            "--class",
            SNAPSHOT_CLASS,
        ];
        self.session(&restore)?;
        self.session(&["start", self.name])?;
        ensure!(self.read()? == "first\n", "after restore: {}", self.read()?);
        self.session(&["snapshot", "delete", &snapshot, "-y"])?;
        Ok(())
    }

    /// Runs a command of the suite, which must succeed; its standard output.
    fn session(&self, words: &[&str]) -> Result<String> {
        Ok(self.world.session(words)?.exits(0)?.stdout)
    }

    fn phase(&self) -> Result<String> {
        self.session(&["list", self.name, "-o", "jsonpath={.status.phase}"])
    }

    fn write(&self, text: &str) -> Result<()> {
        let Some(file) = self.file else { return Ok(()) };
        let script = format!("echo {text} > {file}; sync");
        self.world.inside(self.pod, &script).map(drop)
    }

    fn read(&self) -> Result<String> {
        match self.file {
            Some(file) => self.world.inside(self.pod, &format!("cat {file}")),
            None => Ok("first\n".to_owned()),
        }
    }
}

/// Checks that a command runs by the method `method`.
pub(crate) fn runs(world: &World, name: &str, method: &str) -> Result<()> {
    let words = ["connect", name, "--method", method, "--", "echo", "here"];
    let said = world.session(&words)?.exits(0)?;
    ensure!(said.stdout == "here\n", "{said:?}");
    Ok(())
}

/// Checks that a port of the session answers HTTP.
pub(crate) fn answers(world: &World, name: &str, port: &str) -> Result<()> {
    let mut command = world.command(&["connect", name, "--stdio", port]);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut input = child.stdin.take().context("it has an input")?;
    input.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
    drop(input);
    let mut answer = String::new();
    let mut output = child.stdout.take().context("it has an output")?;
    output.read_to_string(&mut answer)?;
    child.wait()?;
    ensure!(answer.contains(" 200 OK"), "{answer}");
    Ok(())
}

/// An SSH key that lets its owner into a session.
pub(crate) struct SshKey(tempfile::TempDir);

impl SshKey {
    pub(crate) fn new() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-f"])
            .arg(folder.path().join("key"))
            .status()
            .context("ssh-keygen is missing: apt-get install openssh-client")?;
        ensure!(made.success());
        Ok(Self(folder))
    }

    pub(crate) fn public(&self) -> Result<String> {
        let text = std::fs::read_to_string(self.0.path().join("key.pub"))?;
        Ok(text.trim().to_owned())
    }

    /// Checks that ssh enters the session as `user`.
    pub(crate) fn enters(&self, world: &World, name: &str, user: &str) -> Result<()> {
        let key = self.0.path().join("key");
        let key = key.to_str().context("a path is text")?;
        let ssh = ["-F", "none", "-o", "BatchMode=yes", "-i", key, "echo $USER"];
        let words = [&["connect", name, "--ssh", "--"][..], &ssh].concat();
        let said = run(&mut world.command(&words))?.exits(0)?;
        ensure!(said.stdout == format!("{user}\n"), "{said:?}");
        Ok(())
    }
}

/// Values for a small machine without registries.
const SMALL: [&str; 10] = [
    "--set",
    "IMAGE=localhost/sindri:1",
    "--set",
    "CPU_REQUEST=50m",
    "--set",
    "MEMORY_REQUEST=32Mi",
    "--set",
    "STORAGE=64Mi",
    "--storage-class",
    EXPANDABLE_CLASS,
];

/// A world whose nodes and classes are those that the document's sindri.yaml names.
fn sindri_world(prefix: &str) -> Result<World> {
    let world = World::installed(prefix)?;
    world.cluster.wait_for_storage()?;
    let label = [
        "label",
        "nodes",
        "--all",
        "--overwrite",
        "workload-type=development",
    ];
    world.namespace.kubectl(&label, None)?;
    let class = r#"{"apiVersion": "networking.k8s.io/v1", "kind": "IngressClass", "metadata": {"name": "nginx"},
        "spec": {"controller": "k8s.io/ingress-nginx"}}"#;
    world
        .namespace
        .kubectl(&["apply", "-f", "-"], Some(class))?;
    Ok(world)
}

fn lives_as_sindri(world: &World, name: &str, create: &[&str]) -> Result<()> {
    let key = SshKey::new()?;
    let pod = format!("{name}-0");
    let connect = || {
        runs(world, name, "shell")?;
        let keys = "/home/developer/.ssh/authorized_keys";
        world.inside(&pod, &format!("echo '{}' > {keys}", key.public()?))?;
        key.enters(world, name, "developer")
    };
    let life = Life {
        world,
        name,
        create,
        pod: &pod,
        file: Some("/workspace/file"),
        connect: &connect,
    };
    life.run()
}

fn sindri_from_its_template() -> Result<()> {
    let world = sindri_world("sindri")?;
    let create = [&["--template", "sindri"][..], &SMALL].concat();
    lives_as_sindri(&world, "dev", &create)
}

fn sindri_from_its_file() -> Result<()> {
    let world = sindri_world("sindri-file")?;
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/examples");
    let file = examples.join("sindri.yaml");
    let file = file.to_str().context("a path is text")?;
    // The namespace of the command line goes first.
    let create = [&["-f", file][..], &SMALL].concat();
    lives_as_sindri(&world, "sindri-k8s", &create)
}
