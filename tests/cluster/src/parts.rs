//! The parts of a cluster: how each is started and how one sees that it works.

use std::time::Duration;

use crate::arguments;
use crate::config_files::CONTAINERD_SOCKET;
use crate::csi;
use crate::folder::Folder;
use crate::process::Launch;
use crate::settings::Settings;

/// A program of the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// The database.
    Etcd,
    /// The API server, with the audit log.
    ApiServer,
    /// Deployments, StatefulSets, Jobs, garbage collection, namespaces, quotas.
    ControllerManager,
    /// Gives Pods their node.
    Scheduler,
    /// Runs containers.
    Containerd,
    /// Runs Pods; absent where containers cannot run.
    Kubelet,
    /// The CSI driver whose volumes are folders; absent, as all that follow but kwok, where containers cannot run.
    /// When it ends, provisioner, snapshotter and resizer end by themselves.
    CsiDriver,
    /// Has the driver make and delete the volumes of claims.
    CsiProvisioner,
    /// Has the driver cut and delete snapshots.
    CsiSnapshotter,
    /// Has the driver grow volumes.
    CsiResizer,
    /// Binds VolumeSnapshots to their contents.
    SnapshotController,
    /// Makes Services reachable; absent where containers or nftables cannot be had.
    Proxy,
    /// Nodes and Pods without containers; started by need.
    Kwok,
}

/// How one sees that a part works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Readiness {
    /// `GET PATH` on loopback, plain HTTP, answers 200.
    Http(u16, &'static str),
    /// `GET PATH` on loopback as the admin, HTTPS, answers 200.
    Https(u16, &'static str),
    /// Something accepts connections on the socket, a path below the cluster's folder.
    Socket(&'static str),
}

impl Part {
    /// All parts in the order they are started; they are stopped the other way round.
    pub const ALL: [Self; 13] = [
        Self::Etcd,
        Self::ApiServer,
        Self::ControllerManager,
        Self::Scheduler,
        Self::Containerd,
        Self::Kubelet,
        Self::CsiDriver,
        Self::CsiProvisioner,
        Self::CsiSnapshotter,
        Self::CsiResizer,
        Self::SnapshotController,
        Self::Proxy,
        Self::Kwok,
    ];

    /// Those that claims and snapshots need, and Pods without claims do not.
    pub const STORAGE: [Self; 5] = [
        Self::CsiDriver,
        Self::CsiProvisioner,
        Self::CsiSnapshotter,
        Self::CsiResizer,
        Self::SnapshotController,
    ];

    /// The program's name, which also names its log and its pid file.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::ApiServer => "kube-apiserver",
            Self::ControllerManager => "kube-controller-manager",
            Self::Scheduler => "kube-scheduler",
            Self::Containerd => "containerd",
            Self::Kubelet => "kubelet",
            Self::CsiDriver => "csi-driver",
            Self::CsiProvisioner => "csi-provisioner",
            Self::CsiSnapshotter => "csi-snapshotter",
            Self::CsiResizer => "csi-resizer",
            Self::SnapshotController => "snapshot-controller",
            Self::Proxy => "kube-proxy",
            Self::Kwok => "kwok",
        }
    }

    /// The part called `name`, with or without `kube-`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|part| part.name() == name || part.name().strip_prefix("kube-") == Some(name))
    }

    /// How long it may take to work; a loaded machine with two cores is slow.
    pub(crate) fn patience(self) -> Duration {
        Duration::from_secs(if self == Self::ApiServer { 90 } else { 60 })
    }

    pub(crate) fn readiness(self, settings: &Settings) -> Readiness {
        let ports = &settings.ports;
        match self {
            Self::Etcd => Readiness::Http(ports.etcd_health, "/health"),
            Self::ApiServer => Readiness::Https(ports.apiserver, "/readyz"),
            Self::ControllerManager => Readiness::Https(ports.controller_manager, "/healthz"),
            Self::Scheduler => Readiness::Https(ports.scheduler, "/healthz"),
            Self::Containerd => Readiness::Socket(CONTAINERD_SOCKET),
            Self::Kubelet => Readiness::Http(ports.kubelet_health, "/healthz"),
            Self::CsiDriver => Readiness::Socket(csi::SOCKET),
            Self::CsiProvisioner => Readiness::Http(ports.csi_provisioner, "/metrics"),
            Self::CsiSnapshotter => Readiness::Http(ports.csi_snapshotter, "/metrics"),
            Self::CsiResizer => Readiness::Http(ports.csi_resizer, "/metrics"),
            Self::SnapshotController => Readiness::Http(ports.snapshot_controller, "/metrics"),
            Self::Proxy => Readiness::Http(ports.proxy_health, "/livez"),
            Self::Kwok => Readiness::Http(ports.kwok, "/healthz"),
        }
    }

    /// What to run for this part.
    pub(crate) fn launch(self, folder: &Folder, settings: &Settings) -> Launch {
        let args = match self {
            Self::Etcd => arguments::etcd(folder, settings),
            Self::ApiServer => arguments::apiserver(folder, settings),
            Self::ControllerManager => arguments::controller_manager(folder, settings),
            Self::Scheduler => arguments::scheduler(folder, settings),
            Self::Containerd => vec!["--config".to_owned(), folder.text("config/containerd.toml")],
            Self::Kubelet => arguments::kubelet(folder),
            Self::CsiDriver => csi::driver(folder),
            Self::CsiProvisioner => csi::provisioner(folder, settings),
            Self::CsiSnapshotter => csi::snapshotter(folder, settings),
            Self::CsiResizer => csi::resizer(folder, settings),
            Self::SnapshotController => csi::snapshot_controller(folder, settings),
            Self::Proxy => arguments::proxy(folder, settings),
            Self::Kwok => arguments::kwok(folder, settings),
        };
        Launch {
            program: settings.program(self.name()),
            args,
            log: folder.path(&format!("logs/{}.log", self.name())),
            env: vec![("HOME".to_owned(), folder.text("home"))],
            path: settings.programs().to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_found_by_name() {
        for part in Part::ALL {
            assert_eq!(Part::named(part.name()), Some(part));
        }
        assert_eq!(Part::named("apiserver"), Some(Part::ApiServer));
        assert_eq!(Part::named("kube-etcd"), None);
    }

    #[test]
    fn a_launch_names_program_and_log() {
        let folder = Folder::at("/var/lib/x/cluster".into()).unwrap();
        let launch = Part::Etcd.launch(&folder, &crate::settings::example());
        assert_eq!(launch.program, std::path::PathBuf::from("/programs/etcd"));
        assert_eq!(
            launch.log,
            std::path::PathBuf::from("/var/lib/x/cluster/logs/etcd.log")
        );
        assert!(
            launch
                .args
                .contains(&"--data-dir=/var/lib/x/cluster/etcd".to_owned())
        );
    }
}
