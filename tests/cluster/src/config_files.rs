//! The configuration files of the parts, as text.

use anyhow::Result;

use crate::folder::Folder;
use crate::prerequisites;
use crate::settings::{NODE_IP, POD_RANGE, Settings};

/// containerd's socket path below the cluster's folder.
pub(crate) const CONTAINERD_SOCKET: &str = "containerd/containerd.sock";

/// The cgroup all containers run in: ours alone, so that what a killed run left can be found and ended.
pub(crate) const CGROUP: &str = "kubectl-session";

/// containerd refuses a longer folder for its shims' sockets.
const LONGEST_SOCKET_FOLDER: usize = 42;

/// Writes them all below `config/` and `cni/`.
///
/// # Errors
/// When one cannot be written.
pub(crate) fn write(folder: &Folder, settings: &Settings) -> Result<()> {
    folder.write("config/audit.yaml", AUDIT)?;
    folder.write("config/containerd.toml", containerd(folder, settings))?;
    folder.write("config/kubelet.yaml", kubelet(folder, settings))?;
    folder.write("cni/10-session.conflist", cni(folder))?;
    if !std::path::Path::new("/etc/resolv.conf").exists() {
        folder.write("config/resolv.conf", "")?;
    }
    Ok(())
}

/// One line per finished request of a user or program under test; the parts' own requests are hundreds a minute.
const AUDIT: &str = r#"apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived, ResponseStarted]
rules:
- level: None
  users: ["system:apiserver", "system:kube-controller-manager", "system:kube-scheduler", "system:kube-proxy", "system:session-cluster:kwok", "system:session-cluster:csi"]
- level: None
  userGroups: ["system:nodes", "system:serviceaccounts:kube-system"]
- level: None
  nonResourceURLs: ["/readyz*", "/healthz*", "/livez*"]
- level: Metadata
"#;

fn containerd(folder: &Folder, settings: &Settings) -> String {
    let runc = prerequisites::find("runc").unwrap_or_default();
    let sockets = folder.text("s");
    let sockets = if sockets.len() <= LONGEST_SOCKET_FOLDER {
        format!("[plugins.'io.containerd.shim.v1.manager']\nsocket_dir = \"{sockets}\"\n")
    } else {
        String::new()
    };
    format!(
        r#"version = 3
root = "{root}"
state = "{state}"
disabled_plugins = ["io.containerd.nri.v1.nri", "io.containerd.internal.v1.opt"]

[grpc]
address = "{socket}"

{sockets}
[plugins.'io.containerd.cri.v1.images']
snapshotter = "{snapshotter}"
[plugins.'io.containerd.cri.v1.images'.pinned_images]
sandbox = "localhost/pause:1"

[plugins.'io.containerd.cri.v1.runtime']
# Without CAP_SYS_RESOURCE (sandboxes, nested containers) lowering the score fails, and with it every Pod.
restrict_oom_score_adj = true
netns_mounts_under_state_dir = true
[plugins.'io.containerd.cri.v1.runtime'.cni]
bin_dirs = ["{programs}"]
conf_dir = "{cni}"
[plugins.'io.containerd.cri.v1.runtime'.containerd]
default_runtime_name = "runc"
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
snapshotter = "{snapshotter}"
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
BinaryName = "{runc}"
Root = "{runc_root}"
SystemdCgroup = false
"#,
        root = folder.text("containerd/root"),
        state = folder.text("containerd/state"),
        socket = folder.text(CONTAINERD_SOCKET),
        snapshotter = settings.snapshotter,
        programs = settings.programs().display(),
        cni = folder.text("cni"),
        runc = runc.display(),
        runc_root = folder.text("containerd/runc"),
    )
}

fn kubelet(folder: &Folder, settings: &Settings) -> String {
    let resolv = if std::path::Path::new("/etc/resolv.conf").exists() {
        "/etc/resolv.conf".to_owned()
    } else {
        folder.text("config/resolv.conf")
    };
    format!(
        r#"apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
# Not loopback: the API server passes nothing on to it but exec, logs and port-forward (no /stats/summary).
address: {NODE_IP}
port: {port}
healthzPort: {health}
readOnlyPort: 0
tlsCertFile: {pki}/local.crt
tlsPrivateKeyFile: {pki}/local.key
authentication:
  anonymous: {{enabled: false}}
  webhook: {{enabled: true}}
  x509: {{clientCAFile: {pki}/ca.crt}}
authorization: {{mode: Webhook}}
containerRuntimeEndpoint: unix://{socket}
cgroupDriver: cgroupfs
cgroupRoot: /{CGROUP}
failCgroupV1: false
failSwapOn: false
localStorageCapacityIsolation: {counts_disk}
podLogsDir: {logs}
volumePluginDir: {plugins}
resolvConf: {resolv}
# Nothing answers there: a Pod without any would get a warning event each, and tests read events.
clusterDNS: [10.96.0.10]
clusterDomain: cluster.local
serializeImagePulls: false
# What a claim's files take is told in /stats/summary; a minute is too long for a test.
volumeStatsAggPeriod: 10s
# A Pod that nothing happens to is looked at so often, and half as long again: until then its volumes do not grow.
syncFrequency: 10s
# Local images cannot be pulled again, and a developer's full disk is no reason to evict.
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
evictionHard: {{memory.available: "0%", nodefs.available: "0%", nodefs.inodesFree: "0%", imagefs.available: "0%", imagefs.inodesFree: "0%"}}
maxPods: 500
"#,
        port = settings.ports.kubelet,
        health = settings.ports.kubelet_health,
        pki = folder.text("pki"),
        socket = folder.text(CONTAINERD_SOCKET),
        logs = folder.text("pod-logs"),
        plugins = folder.text("kubelet/volume-plugins"),
        counts_disk = counts_disk(
            &std::fs::read_to_string("/proc/self/mounts").unwrap_or_default(),
            folder.root()
        ),
    )
}

/// Whether the kubelet knows how to measure the file system of the cluster's folder. Only then it tells what Pods and claims
/// take (/stats/summary); told to measure another, it does not start.
fn counts_disk(mounts: &str, root: &std::path::Path) -> bool {
    let lines = mounts
        .lines()
        .map(|line| line.split(' ').collect::<Vec<_>>());
    let below = lines.filter(|words| words.len() > 2 && root.starts_with(words[1]));
    let nearest = below.max_by_key(|words| words[1].len());
    nearest.is_some_and(|words| matches!(words[2], "ext2" | "ext3" | "ext4" | "xfs" | "overlay"))
}

fn cni(folder: &Folder) -> String {
    let mut plugins = vec![serde_json::json!({
        "type": "bridge",
        "bridge": crate::settings::BRIDGE,
        "isGateway": true,
        "hairpinMode": true,
        "ipam": {
            "type": "host-local",
            "dataDir": folder.text("cni/addresses"),
            "ranges": [[{ "subnet": POD_RANGE, "gateway": crate::settings::NODE_IP }]],
            "routes": [{ "dst": "0.0.0.0/0" }],
        },
    })];
    if prerequisites::find("nft").is_some() {
        plugins.push(serde_json::json!({ "type": "portmap", "backend": "nftables", "capabilities": { "portMappings": true } }));
    }
    format!(
        "{:#}\n",
        serde_json::json!({ "cniVersion": "1.0.0", "name": "session", "plugins": plugins })
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> Folder {
        Folder::at("/var/lib/x/cluster".into()).unwrap()
    }

    #[test]
    fn everything_lies_in_the_cluster_folder() {
        let text = containerd(&folder(), &crate::settings::example());
        assert!(
            text.contains("root = \"/var/lib/x/cluster/containerd/root\"")
                && text.contains("socket_dir = \"/var/lib/x/cluster/s\"")
        );
        let text = kubelet(&folder(), &crate::settings::example());
        assert!(
            text.contains("podLogsDir: /var/lib/x/cluster/pod-logs")
                && text.contains("cgroupRoot: /kubectl-session")
        );
    }

    #[test]
    fn the_disk_is_measured_where_the_kubelet_can() {
        let mounts = "/dev/a / ext4 rw 0 0\npool /var/lib zfs rw 0 0\n";
        assert!(counts_disk(mounts, std::path::Path::new("/home/x")));
        assert!(!counts_disk(mounts, std::path::Path::new("/var/lib/x")));
        assert!(!counts_disk("", std::path::Path::new("/home/x")));
    }

    #[test]
    fn a_long_folder_leaves_the_sockets_where_containerd_puts_them() {
        let folder = Folder::at(format!("/var/{}", "x".repeat(50)).into()).unwrap();
        assert!(!containerd(&folder, &crate::settings::example()).contains("socket_dir"));
    }

    #[test]
    fn the_network_hands_out_addresses_from_our_own_folder() {
        let value: serde_json::Value = serde_json::from_str(&cni(&folder())).unwrap();
        assert_eq!(
            value["plugins"][0]["ipam"]["dataDir"],
            "/var/lib/x/cluster/cni/addresses"
        );
    }
}
