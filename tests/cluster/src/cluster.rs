//! The handle that tests hold.

use std::fs::File;
use std::ops::Deref;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::audit::{self, AuditEvent};
use crate::folder::Folder;
use crate::images::Image;
use crate::kubectl::{self, KubectlOutput};
use crate::locks::{self, Hold};
use crate::namespace::Namespace;
use crate::part_handle::PartHandle;
use crate::parts::Part;
use crate::say::say;
use crate::settings::Settings;
use crate::{containers, idle, kwok, lifecycle, users, volumes};

/// A cluster that is up. Cheap to clone; cloning does not extend a [`Lease`].
#[derive(Clone, Debug)]
pub struct Cluster {
    pub(crate) folder: Folder,
    pub(crate) settings: Settings,
}

/// The right to use the cluster until it is dropped. Take one per test, not one per program:
/// a test that needs the cluster to itself waits until all shared leases are gone, and new shared ones wait behind it.
/// A thread that holds one must not ask for another.
#[derive(Debug)]
pub struct Lease {
    cluster: Cluster,
    alone: bool,
    _lock: File,
}

impl Cluster {
    /// The cluster, shared with other tests. Brings it up if need be: about 10 s, and some minutes once for the build.
    ///
    /// # Errors
    /// When it cannot be brought up.
    pub fn shared() -> Result<Lease> {
        Self::lease(Hold::Shared)
    }

    /// The cluster for this test alone, which may stop, kill and restart parts. Waits until nobody else uses it.
    /// When the lease is dropped, parts that do not run are started again.
    ///
    /// # Errors
    /// When it cannot be brought up.
    pub fn exclusive() -> Result<Lease> {
        Self::lease(Hold::Alone)
    }

    fn lease(hold: Hold) -> Result<Lease> {
        let folder = Folder::of_this_user()?;
        let lock = locks::lease(&folder, hold)?;
        let settings = lifecycle::ensure_up(&folder)?;
        Ok(Lease {
            cluster: Self { folder, settings },
            alone: hold == Hold::Alone,
            _lock: lock,
        })
    }

    /// The cluster if it is up; starts nothing and holds no lease.
    ///
    /// # Errors
    /// When no place for a cluster can be named.
    pub fn running() -> Result<Option<Self>> {
        let folder = Folder::of_this_user()?;
        let settings = Settings::read(&folder).filter(|settings| settings.complete);
        let settings =
            settings.filter(|_| crate::running::identity(&folder, Part::ApiServer).is_some());
        Ok(settings.map(|settings| Self { folder, settings }))
    }

    /// Ends and removes the cluster, whoever uses it. Nothing there is no error.
    ///
    /// # Errors
    /// When something of it cannot be removed.
    pub fn down() -> Result<()> {
        lifecycle::down(&Folder::of_this_user()?)
    }

    /// Whether real containers run; else the reason why kwok plays the node. Without a kubelet there is no exec, no logs, no port-forward.
    ///
    /// # Errors
    /// The reason.
    pub fn has_kubelet(&self) -> Result<(), String> {
        self.settings.no_containers.clone().map_or(Ok(()), Err)
    }

    /// Whether Services lead to Pods; else the reason why kube-proxy does not run.
    ///
    /// # Errors
    /// The reason.
    pub fn has_services(&self) -> Result<(), String> {
        self.has_kubelet()?;
        self.settings.no_proxy.clone().map_or(Ok(()), Err)
    }

    /// The kubectl program of the cluster's version.
    #[must_use]
    pub fn kubectl_path(&self) -> PathBuf {
        self.settings.program("kubectl")
    }

    /// The folder with kubectl and the other programs.
    #[must_use]
    pub fn programs(&self) -> &Path {
        self.settings.programs()
    }

    /// The kubeconfig of a member of `system:masters`.
    #[must_use]
    pub fn admin_kubeconfig(&self) -> PathBuf {
        self.folder.admin_kubeconfig()
    }

    /// The API server's address on this machine, `https://127.0.0.1:PORT`.
    #[must_use]
    pub fn server(&self) -> String {
        self.settings.server()
    }

    /// Runs kubectl as the admin to its end, with text for its standard input.
    ///
    /// # Errors
    /// When it cannot be started. A call that fails is no error: see [`KubectlOutput::code`].
    pub fn kubectl(&self, args: &[&str], stdin: Option<&str>) -> Result<KubectlOutput> {
        kubectl::run(&self.folder, &self.settings, args, stdin)
    }

    /// Runs kubectl as the admin and gives its standard output.
    ///
    /// # Errors
    /// When it fails, with what it said.
    pub fn kubectl_ok(&self, args: &[&str], stdin: Option<&str>) -> Result<String> {
        kubectl::must(&self.folder, &self.settings, args, stdin)
    }

    /// kubectl as the admin, not started yet: for port-forward and what else runs beside a test.
    #[must_use]
    pub fn kubectl_command(&self, args: &[&str]) -> std::process::Command {
        kubectl::command(&self.folder, &self.settings, args)
    }

    /// Creates objects or brings them to what is given (`kubectl apply -f -`), YAML or JSON.
    ///
    /// # Errors
    /// When the API server refuses.
    pub fn apply(&self, manifest: &str) -> Result<()> {
        self.kubectl_ok(&["apply", "-f", "-"], Some(manifest))
            .map(drop)
    }

    /// The kubeconfig of a user with a certificate of the cluster's CA; `system:authenticated` and `groups` (at most two). No rights yet.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn user_kubeconfig(&self, name: &str, groups: &[&str]) -> Result<PathBuf> {
        users::kubeconfig(self, name, groups)
    }

    /// Gives a user a ClusterRole (`view`, `edit`, `admin`, …) in one namespace; the API server decides by it from here on.
    ///
    /// # Errors
    /// When the API server refuses.
    pub fn bind_role(&self, namespace: &str, user: &str, cluster_role: &str) -> Result<()> {
        users::bind(self, Some(namespace), user, cluster_role)
    }

    /// Gives a user a ClusterRole everywhere; the API server decides by it from here on.
    ///
    /// # Errors
    /// When the API server refuses.
    pub fn bind_cluster_role(&self, user: &str, cluster_role: &str) -> Result<()> {
        users::bind(self, None, user, cluster_role)
    }

    /// Waits until the API server decides by every Role and binding that was written or deleted so far.
    ///
    /// # Errors
    /// When it does not.
    pub fn await_rights(&self) -> Result<()> {
        users::await_rights(self)
    }

    /// Waits until the ClusterRoles `edit` and `admin` contain what is aggregated into them for an API group, and the API server
    /// decides by it.
    ///
    /// # Errors
    /// When they do not.
    pub fn await_aggregation(&self, api_group: &str) -> Result<()> {
        users::await_aggregation(self, api_group)
    }

    /// A new namespace `PREFIX-…` with its default ServiceAccount, deleted when the handle is dropped.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn namespace(&self, prefix: &str) -> Result<Namespace> {
        Namespace::create(self, prefix)
    }

    /// The finished requests to objects in a namespace, oldest first.
    ///
    /// # Errors
    /// When the audit log cannot be read.
    pub fn audit(&self, namespace: &str) -> Result<Vec<AuditEvent>> {
        self.audit_where(|event| event.namespace == namespace)
    }

    /// The finished requests of clients whose `User-Agent` contains a text, cluster-wide ones too.
    ///
    /// # Errors
    /// When the audit log cannot be read.
    pub fn audit_by_agent(&self, part_of_agent: &str) -> Result<Vec<AuditEvent>> {
        self.audit_where(|event| event.user_agent.contains(part_of_agent))
    }

    /// The finished requests that `keep` wants. A request that goes on (watch, exec, port-forward) comes when it ends.
    ///
    /// # Errors
    /// When the audit log cannot be read.
    pub fn audit_where(&self, keep: impl Fn(&AuditEvent) -> bool) -> Result<Vec<AuditEvent>> {
        audit::read(&self.audit_log(), keep)
    }

    /// One part. Stopping it is for the holder of [`Cluster::exclusive`].
    #[must_use]
    pub fn part(&self, part: Part) -> PartHandle<'_> {
        PartHandle::new(self, part)
    }

    /// Makes sure of at least `count` Ready nodes without a machine, `kwok-0` on. Where a kubelet runs, they carry the
    /// taint `kwok.x-k8s.io/node=fake:NoSchedule` and the label `type=kwok`.
    ///
    /// # Errors
    /// When they do not become Ready.
    pub fn kwok_nodes(&self, count: usize) -> Result<()> {
        kwok::nodes(&self.folder, &self.settings, count)
    }

    /// Gives an image to the node. Pods use it with `imagePullPolicy: IfNotPresent` or `Never`.
    ///
    /// # Errors
    /// When containers do not run here or containerd refuses it.
    pub fn import_image(&self, image: &Image) -> Result<()> {
        self.can_import()?;
        containers::import(&self.folder, &self.settings, image)
    }

    /// Gives the node an image that lies in an OCI archive, as `cargo image` writes it.
    ///
    /// # Errors
    /// As [`Cluster::import_image`].
    pub fn import_archive(&self, archive: &Path) -> Result<()> {
        self.can_import()?;
        containers::import_archive(&self.folder, &self.settings, archive)
            .with_context(|| format!("cannot import {}", archive.display()))
    }

    fn can_import(&self) -> Result<()> {
        if let Err(reason) = self.has_kubelet() {
            bail!("no image can be imported, as containers do not run here: {reason}");
        }
        Ok(())
    }

    /// A PersistentVolume of a folder on this machine, with its StorageClass `class` (no provisioner, bound when a Pod wants it).
    ///
    /// # Errors
    /// When the API server refuses.
    pub fn host_path_volume(&self, name: &str, size: &str, class: &str) -> Result<()> {
        volumes::host_path(self, name, size, class)
    }

    /// Where a part's log is.
    #[must_use]
    pub fn log(&self, part: Part) -> PathBuf {
        part.launch(&self.folder, &self.settings).log
    }

    /// Where the audit log is: a line of JSON per finished request.
    #[must_use]
    pub fn audit_log(&self) -> PathBuf {
        self.folder.path("audit.log")
    }

    /// Notes that the cluster is used: it is stopped after 20 minutes without a note and without a lease.
    pub fn touch(&self) {
        idle::touch(&self.folder);
    }
}

impl Deref for Lease {
    type Target = Cluster;

    fn deref(&self) -> &Cluster {
        &self.cluster
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // Gone: somebody said `down` meanwhile, and meant it.
        if !self.cluster.folder.root().exists() {
            return;
        }
        if self.alone {
            let repaired = locks::change(&self.cluster.folder)
                .context("no lock")
                .and_then(|_change| {
                    lifecycle::repair(&self.cluster.folder, &self.cluster.settings)
                });
            if let Err(error) = repaired {
                say(&format!(
                    "a part that a test stopped does not start again: {error:#}"
                ));
            }
        }
        idle::touch(&self.cluster.folder);
    }
}
