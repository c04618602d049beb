//! The Pods' bridge and what else of the machine's network the cluster changes, and putting it back.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::folder::Folder;
use crate::prerequisites::find;
use crate::settings::{BRIDGE, NODE_IP, Settings};

const IP_FORWARD: &str = "/proc/sys/net/ipv4/ip_forward";

/// Makes the bridge with the node's address, unless it is there, and lets the kernel forward between Pods.
///
/// # Errors
/// When the kernel or a sandbox refuses, or another cluster's bridge is in the way.
pub(crate) fn create(folder: &Folder) -> Result<()> {
    if let Some(owner) = owner()
        && owner != folder.root().to_string_lossy()
    {
        bail!(
            "the cluster in {owner} has the network: stop it first with SESSION_CLUSTER_DIR={owner} cargo cluster down"
        );
    }
    if !exists() {
        ip(&["link", "add", BRIDGE, "type", "bridge"])?;
    }
    ip(&[
        "link",
        "set",
        "dev",
        BRIDGE,
        "alias",
        &folder.root().to_string_lossy(),
    ])?;
    ip(&["addr", "replace", &format!("{NODE_IP}/16"), "dev", BRIDGE])?;
    ip(&["link", "set", "dev", BRIDGE, "up"])?;
    pair_works()?;
    if ip_forward().as_deref() != Some("1") {
        std::fs::write(IP_FORWARD, "1").with_context(|| format!("cannot write {IP_FORWARD}"))?;
    }
    Ok(())
}

/// Whether a cluster in another folder has the bridge, and with it the cgroup.
pub(crate) fn belongs_to_another(folder: &Folder) -> bool {
    owner().is_some_and(|owner| owner != folder.root().to_string_lossy())
}

/// Whether the kernel forwards packets now: `0` or `1`.
pub(crate) fn ip_forward() -> Option<String> {
    std::fs::read_to_string(IP_FORWARD)
        .ok()
        .map(|text| text.trim().to_owned())
}

/// Why kube-proxy cannot work here; none when it can.
pub(crate) fn no_nftables() -> Option<String> {
    if find("nft").is_none() {
        return Some("nft is not installed".to_owned());
    }
    // A table of its own with what kube-proxy needs: a hook for address translation.
    let script = "add table ip session-probe; add chain ip session-probe c { type nat hook output priority 0; }; delete table ip session-probe";
    run("nft", &[script])
        .err()
        .map(|error| format!("{error:#}"))
}

/// Takes back all of it: bridge, what is plugged into it, nftables' tables, forwarding. Nothing there is no error.
pub(crate) fn remove(folder: &Folder, settings: Option<&Settings>) {
    if belongs_to_another(folder) {
        return;
    }
    let was_ours = exists() || settings.is_some_and(|settings| settings.no_network.is_none());
    for port in ports() {
        let _ = ip(&["link", "delete", "dev", &port]);
    }
    if exists() {
        let _ = ip(&["link", "delete", "dev", BRIDGE]);
    }
    if was_ours && find("nft").is_some() {
        remove_tables();
    }
    if let Some(before) = settings.and_then(|settings| settings.ip_forward_before.as_ref()) {
        let _ = std::fs::write(IP_FORWARD, before);
    }
}

/// kube-proxy's and the port mapper's tables; a machine with a Kubernetes of its own uses kube-proxy's too, so only when we made them.
fn remove_tables() {
    let tables = run("nft", &["list", "tables"]).unwrap_or_default();
    for line in tables.lines() {
        let name = line.split_whitespace().nth(2);
        if matches!(name, Some("kube-proxy" | "cni_hostport")) {
            let _ = run("nft", &["delete", line]);
        }
    }
}

fn exists() -> bool {
    Path::new("/sys/class/net").join(BRIDGE).exists()
}

fn owner() -> Option<String> {
    let alias =
        std::fs::read_to_string(Path::new("/sys/class/net").join(BRIDGE).join("ifalias")).ok()?;
    let alias = alias.trim();
    // The folder of a cluster that is gone owns nothing.
    (!alias.is_empty() && Path::new(alias).join("cluster.json").exists()).then(|| alias.to_owned())
}

fn ports() -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(Path::new("/sys/class/net").join(BRIDGE).join("brif"))
    else {
        return Vec::new();
    };
    entries
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}

/// Sandboxed kernels have bridges but no virtual cables, or neither.
fn pair_works() -> Result<()> {
    ip(&[
        "link",
        "add",
        "ksessprobe0",
        "type",
        "veth",
        "peer",
        "name",
        "ksessprobe1",
    ])?;
    ip(&["link", "delete", "dev", "ksessprobe0"])
}

fn ip(args: &[&str]) -> Result<()> {
    run("ip", args).map(drop)
}

fn run(program: &str, args: &[&str]) -> Result<String> {
    let path = find(program).with_context(|| format!("{program} is not installed"))?;
    let output = Command::new(path)
        .args(args)
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start {program}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!(
            "{program} {}: {}",
            args.join(" "),
            said.trim()
                .lines()
                .next()
                .unwrap_or("failed without a word")
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
