//! The suite as krew installs it, typed as users type it, on the real cluster.

use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use session_krew::install::{DETACHED, Krew};
use session_krew::platform::Platform;
use session_krew::release::{Release, Rules};

use crate::world::{Output, World, run};
use crate::{Live, kubelet};

pub(crate) fn tests() -> Vec<Live> {
    vec![kubelet(
        "krew_what_krew_installs_runs_through_kubectl",
        what_krew_installs_runs_through_kubectl,
    )]
}

fn what_krew_installs_runs_through_kubectl() -> Result<()> {
    let world = World::installed("krew")?;
    let folder = tempfile::tempdir()?;
    let host = Platform::host()?;
    let release = Release::in_folder(folder.path().join("release"))?;
    release.pack(host, World::binary())?;
    release.write_papers(None)?;
    release.check(Rules::AnyProgram)?;
    let krew = Krew::at(folder.path().join("root"), host.os, host.arch);
    let manifest = std::fs::read_to_string(release.manifest())?;
    krew.install(&manifest, DETACHED, &release.archive(host))?;
    let namespace = world.namespace.name();
    let kubectl = |words: &str| -> Result<Output> {
        let mut kubectl = Command::new(world.cluster.kubectl_path());
        kubectl.args(words.split(' ')).args(["-n", namespace]);
        kubectl
            .env_clear()
            .env("PATH", krew.bin())
            .env("HOME", folder.path());
        kubectl
            .env("KUBECONFIG", world.cluster.admin_kubeconfig())
            .stdin(Stdio::null());
        run(&mut kubectl).context("through kubectl")
    };
    let created = kubectl("session create alice --template shell")?.exits(0)?;
    ensure!(
        created.stdout == "session.streaming.platform/alice created\n",
        "{created:?}"
    );
    let listed = kubectl("session list alice --no-headers")?.exits(0)?;
    ensure!(
        listed.stdout.split_whitespace().nth(3) == Some("running"),
        "{listed:?}"
    );
    let deleted = kubectl("session delete alice")?.exits(0)?;
    let line = format!("session.streaming.platform \"alice\" deleted from {namespace} namespace\n");
    ensure!(deleted.stdout == line, "{deleted:?}");
    Ok(())
}
