//! containerd from the outside: importing images, and finding out whether a container really runs on this machine.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::config_files::{CGROUP, CONTAINERD_SOCKET};
use crate::folder::Folder;
use crate::images::Image;
use crate::process::search_path;
use crate::settings::Settings;

/// A container that does nothing takes a third of a second; a machine that takes this long hangs.
const LONGEST_TRIAL: Duration = Duration::from_secs(30);

/// How to stack layers: the kernel's overlay, or plain copies where mounting one fails.
pub(crate) fn snapshotter(folder: &Folder) -> &'static str {
    if overlay_works(&folder.path("overlay-probe")) {
        "overlayfs"
    } else {
        "native"
    }
}

/// Gives an image to containerd, where the kubelet finds it.
///
/// # Errors
/// When containerd is not running or refuses it.
pub(crate) fn import(folder: &Folder, settings: &Settings, image: &Image) -> Result<()> {
    let name = image
        .names()
        .first()
        .context("an image without a name cannot be imported")?;
    let plain: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    let path = folder.path(
        &format!("images/{plain}-{:?}.tar", std::thread::current().id()).replace(['(', ')'], ""),
    );
    std::fs::write(&path, image.archive()?)
        .with_context(|| format!("cannot write {}", path.display()))?;
    let imported = import_archive(folder, settings, &path);
    let _ = std::fs::remove_file(&path);
    imported.with_context(|| format!("cannot import the image {name}"))
}

/// As [`import`], of an archive in OCI layout.
///
/// # Errors
/// As [`import`].
pub(crate) fn import_archive(folder: &Folder, settings: &Settings, archive: &Path) -> Result<()> {
    let snapshotter = format!("--snapshotter={}", settings.snapshotter);
    let archive = archive.to_string_lossy();
    ctr(
        folder,
        settings,
        &["images", "import", &snapshotter, &archive],
    )
}

/// Runs a container that ends at once.
///
/// # Errors
/// When it does not start, does not end, or ends badly: this machine cannot run containers, for the reason given.
pub(crate) fn try_one(folder: &Folder, settings: &Settings) -> Result<()> {
    let cgroup = format!("--cgroup=/{CGROUP}/trial");
    let runc = crate::prerequisites::find("runc").context("runc is not installed")?;
    let runc = format!("--runc-binary={}", runc.display());
    let runc_root = format!("--runc-root={}", folder.text("containerd/runc"));
    let snapshotter = format!("--snapshotter={}", settings.snapshotter);
    let args = [
        "run",
        "--rm",
        &snapshotter,
        &runc,
        &runc_root,
        &cgroup,
        "localhost/busybox:1",
        "session-trial",
        "/bin/true",
    ];
    ctr(folder, settings, &args)
}

fn ctr(folder: &Folder, settings: &Settings, args: &[&str]) -> Result<()> {
    let mut command = Command::new(settings.program("ctr"));
    command
        .arg("--address")
        .arg(folder.path(CONTAINERD_SOCKET))
        .args(["--namespace", "k8s.io"])
        .args(args);
    command
        .env("PATH", search_path(settings.programs()))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut child = command.spawn().context("cannot start ctr")?;
    let begin = Instant::now();
    while child.try_wait().context("cannot wait for ctr")?.is_none() {
        if begin.elapsed() > LONGEST_TRIAL {
            let _ = child.kill();
            let _ = child.wait();
            bail!("ctr {} hangs", args[0]);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let output = child
        .wait_with_output()
        .context("cannot read what ctr said")?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        bail!(
            "{}",
            said.trim()
                .lines()
                .last()
                .unwrap_or("ctr failed without a word")
        );
    }
    Ok(())
}

fn overlay_works(place: &Path) -> bool {
    let folders = ["lower", "upper", "work", "merged"].map(|name| place.join(name));
    if folders
        .iter()
        .any(|folder| std::fs::create_dir_all(folder).is_err())
    {
        return false;
    }
    let options = format!(
        "lowerdir={},upperdir={},workdir={}",
        folders[0].display(),
        folders[1].display(),
        folders[2].display()
    );
    let mut mount = Command::new("mount");
    mount
        .args(["-t", "overlay", "overlay", "-o", &options])
        .arg(&folders[3])
        .stdin(Stdio::null())
        .stderr(Stdio::null());
    let works = mount.status().is_ok_and(|status| status.success());
    if works {
        let _ = Command::new("umount").arg(&folders[3]).status();
    }
    let _ = std::fs::remove_dir_all(place);
    works
}
