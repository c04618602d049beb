//! Removing a cluster wholly, from whatever state a killed run left it in.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::folder::Folder;
use crate::parts::Part;
use crate::process::{self, Identity};
use crate::settings::Settings;
use crate::{cgroups, idle, network, programs, running};

/// The kubelet links every container's log from here, whatever its own folder is.
const LOG_LINKS: &str = "/var/log/containers";
/// The kubelet makes its socket for device plugins here, whatever its own folder is.
const DEVICE_PLUGINS: &str = "/var/lib/kubelet/device-plugins";
/// ctr's pipes lie below it, whatever containerd's own folder is.
const CTR_PIPES: &str = "/run/containerd/fifo";

/// Ends every process of the cluster, unmounts, and removes bridge, tables, cgroups and folder. Nothing there is no error.
/// The caller holds the change lock.
///
/// # Errors
/// When something is still there afterwards.
pub(crate) fn remove(folder: &Folder) -> Result<()> {
    let settings = Settings::read(folder);
    idle::stop(folder);
    end_parts(folder)?;
    let root = folder.root();
    if crate::prerequisites::is_root() {
        if !network::belongs_to_another(folder) && !cgroups::remove() {
            bail!(
                "containers of the cluster do not end: see /sys/fs/cgroup/*/{}",
                crate::config_files::CGROUP
            );
        }
        end_orphans(folder)?;
        unmount(root)?;
        network::remove(folder, settings.as_ref());
        remove_traces(root);
    }
    match std::fs::remove_dir_all(root) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", root.display()))
        }
        _ => Ok(()),
    }
}

fn end_parts(folder: &Folder) -> Result<()> {
    let running: Vec<Identity> = Part::ALL
        .into_iter()
        .rev()
        .filter_map(|part| running::identity(folder, part))
        .collect();
    // All at once: what they hold is deleted anyway, and the kubelet would spend its time on mourning the API server.
    process::signal(
        "KILL",
        &running
            .iter()
            .map(|identity| identity.pid)
            .collect::<Vec<_>>(),
    );
    for identity in &running {
        if !identity.gone_within(Duration::from_secs(10)) {
            bail!("process {} of the cluster does not die", identity.pid);
        }
    }
    end_orphans(folder)?;
    await_burial(&running);
    Ok(())
}

/// Dead processes stay in the table until their parent, mostly the machine's first process, asks for them. Some take their
/// time; whoever looks right after `down` should not see them, but none of them is worth a failure.
fn await_burial(dead: &[Identity]) {
    for _ in 0..100 {
        if dead
            .iter()
            .all(|identity| !Path::new(&format!("/proc/{}", identity.pid)).exists())
        {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Ends programs of ours that no pid file names: a start killed between starting one and writing its file, and the shims.
fn end_orphans(folder: &Folder) -> Result<()> {
    for _ in 0..50 {
        let found = orphans(folder);
        if found.is_empty() {
            return Ok(());
        }
        process::signal("KILL", &found);
        std::thread::sleep(Duration::from_millis(50));
    }
    bail!("processes of the cluster do not die: {:?}", orphans(folder))
}

fn orphans(folder: &Folder) -> Vec<u32> {
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    let pids = entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let root = format!("{}/", folder.root().display());
    let ours = |pid: &u32| {
        let words = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        is_ours(&String::from_utf8_lossy(&words), &root) && Identity::of(*pid).is_some()
    };
    pids.filter(ours).collect()
}

/// Whether a command line, words parted by NUL, is one of our programs working in this cluster's folder.
/// Both is asked: a reader of a log, or the program of another cluster, must live.
fn is_ours(words: &str, root: &str) -> bool {
    let mut words = words.split('\0');
    let name = words
        .next()
        .and_then(|program| Path::new(program).file_name()?.to_str());
    name.is_some_and(|name| programs::names().any(|ours| ours == name))
        && words.any(|word| word.contains(root))
}

fn unmount(root: &Path) -> Result<()> {
    for attempt in 0..5 {
        let mut points = mounts_below(root);
        if points.is_empty() {
            return Ok(());
        }
        // Inner ones first.
        points.sort_by_key(|point| std::cmp::Reverse(point.as_os_str().len()));
        let mut command = Command::new("umount");
        if attempt > 0 {
            command.arg("--lazy");
            std::thread::sleep(Duration::from_millis(50));
        }
        let _ = command
            .args(&points)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
    }
    bail!("cannot unmount {:?}", mounts_below(root))
}

fn mounts_below(root: &Path) -> Vec<PathBuf> {
    let table = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    points_below(&table, root)
}

/// The folder's name has no blanks, and neither have the names that kubelet and containerd give below it.
fn points_below(table: &str, root: &Path) -> Vec<PathBuf> {
    let points = table
        .lines()
        .filter_map(|line| line.split(' ').nth(1))
        .map(PathBuf::from);
    points.filter(|point| point.starts_with(root)).collect()
}

/// The few places outside the cluster's folder that kubelet and ctr write to. Other programs' files there stay.
fn remove_traces(root: &Path) {
    for link in std::fs::read_dir(LOG_LINKS)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
    {
        if std::fs::read_link(&link).is_ok_and(|target| target.starts_with(root)) {
            let _ = std::fs::remove_file(link);
        }
    }
    let _ = std::fs::remove_dir(LOG_LINKS);
    let _ = std::fs::remove_dir(CTR_PIPES);
    let _ = std::fs::remove_dir("/run/containerd");
    let socket = Path::new(DEVICE_PLUGINS).join("kubelet.sock");
    if std::os::unix::net::UnixStream::connect(&socket).is_err() {
        let plugins = Path::new(DEVICE_PLUGINS);
        for file in [
            socket,
            plugins.join("DEPRECATION"),
            plugins.join("kubelet_internal_checkpoint"),
        ] {
            let _ = std::fs::remove_file(file);
        }
        let _ = std::fs::remove_dir(plugins);
        let _ = plugins.parent().map(std::fs::remove_dir);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_programs_in_our_folder_are_ended() {
        let root = "/var/lib/x/cluster/";
        assert!(is_ours(
            "/cache/etcd\0--data-dir=/var/lib/x/cluster/etcd\0",
            root
        ));
        assert!(is_ours(
            "/c/containerd-shim-runc-v2\0-address\0/var/lib/x/cluster/containerd/containerd.sock\0",
            root
        ));
        assert!(!is_ours(
            "tail\0-f\0/var/lib/x/cluster/logs/etcd.log\0",
            root
        ));
        assert!(!is_ours(
            "/cache/etcd\0--data-dir=/var/lib/x/cluster2/etcd\0",
            root
        ));
        assert!(!is_ours("", root));
    }

    #[test]
    fn mounts_below_the_folder_are_found() {
        let table = "proc /proc proc rw 0 0\ntmpfs /var/lib/x/cluster/kubelet/pods/1/t tmpfs rw 0 0\ntmpfs /var/lib/x/cluster2 tmpfs rw 0 0\n";
        assert_eq!(
            points_below(table, Path::new("/var/lib/x/cluster")),
            [PathBuf::from("/var/lib/x/cluster/kubelet/pods/1/t")]
        );
    }
}
