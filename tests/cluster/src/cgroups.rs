//! The cgroup all containers of the cluster run in, in whichever version the machine has, or both.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::config_files::CGROUP;
use crate::process;

const MOUNT: &str = "/sys/fs/cgroup";

/// Makes the cgroup. The kubelet wants it to exist.
///
/// # Errors
/// When there are no cgroups or they cannot be written.
pub(crate) fn create() -> Result<()> {
    let roots = roots();
    if roots.is_empty() {
        bail!("no cgroups at {MOUNT}");
    }
    for root in roots {
        if root.join("cgroup.controllers").exists() {
            enable_controllers(&root);
        }
        let own = root.join(CGROUP);
        if !own.is_dir() {
            std::fs::create_dir(&own)
                .with_context(|| format!("cannot make the cgroup {}", own.display()))?;
        }
        // Version 1 starts a cpuset empty, and no process may enter an empty one.
        for file in ["cpuset.cpus", "cpuset.mems"] {
            if let Ok(value) = std::fs::read_to_string(root.join(file)) {
                let _ = std::fs::write(own.join(file), value.trim());
            }
        }
    }
    Ok(())
}

/// Ends every process in the cgroup and removes it. True when nothing is left.
pub(crate) fn remove() -> bool {
    let all: Vec<PathBuf> = roots()
        .iter()
        .map(|root| root.join(CGROUP))
        .filter(|own| own.is_dir())
        .collect();
    for _ in 0..100 {
        let pids: Vec<u32> = all.iter().flat_map(|own| pids(own)).collect();
        process::signal("KILL", &pids);
        if all.iter().all(|own| remove_tree(own)) {
            return true;
        }
        std::thread::sleep(Duration::from_millis(30));
    }
    false
}

/// The hierarchies of version 1, each a folder below the mount, or the one of version 2; a hybrid machine has both.
fn roots() -> Vec<PathBuf> {
    let mount = Path::new(MOUNT);
    if mount.join("cgroup.procs").exists() {
        return vec![mount.to_owned()];
    }
    let Ok(entries) = std::fs::read_dir(mount) else {
        return Vec::new();
    };
    let mut roots: Vec<PathBuf> = Vec::new();
    for path in entries.flatten().map(|entry| entry.path()) {
        // `cpu` is often a link to `cpu,cpuacct`.
        if path.join("cgroup.procs").exists() && !path.is_symlink() {
            roots.push(path);
        }
    }
    roots
}

fn enable_controllers(root: &Path) {
    let known = std::fs::read_to_string(root.join("cgroup.controllers")).unwrap_or_default();
    for controller in known.split_whitespace() {
        // One write each: a refused one must not take the others with it.
        let _ = std::fs::write(
            root.join("cgroup.subtree_control"),
            format!("+{controller}"),
        );
    }
}

fn pids(cgroup: &Path) -> Vec<u32> {
    let own = std::fs::read_to_string(cgroup.join("cgroup.procs")).unwrap_or_default();
    let mut pids: Vec<u32> = own
        .lines()
        .filter_map(|line| line.parse().ok())
        .filter(|pid| *pid > 1)
        .collect();
    pids.extend(children(cgroup).iter().flat_map(|child| self::pids(child)));
    pids
}

fn remove_tree(cgroup: &Path) -> bool {
    children(cgroup).iter().for_each(|child| {
        remove_tree(child);
    });
    std::fs::remove_dir(cgroup).is_ok() || !cgroup.exists()
}

fn children(cgroup: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(cgroup) else {
        return Vec::new();
    };
    entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .collect()
}
