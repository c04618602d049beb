//! `setup storage`: StorageClasses and the VolumeSnapshotClass of a platform.

use anyhow::Result;
use clap::Args as Group;
use serde_json::json;
use session_shared::failure::{self, FailureKind, usage_error};
use session_shared::flags::connection::ConnectionFlags;
use session_shared::names::check_dns_subdomain;
use session_shared::objects::resource::{CSI_DRIVER, STORAGE_CLASS, VOLUME_SNAPSHOT_CLASS};
use session_shared::ops::planned_object::PlannedObject;
use session_shared::report::console::Console;

use super::flags::{PartFlags, PartIntent};
use super::platform::Platform;
use super::site::{Part, PartKind, Requirement, Site};

pub(crate) const LONG_ABOUT: &str = "Create the storage classes of a platform

Apply the StorageClasses and the VolumeSnapshotClass of the platform of a template:

- gimp, blender, inkscape, gimp-cloud: ssd-user-storage (gp3 volumes of Amazon EBS for the users' home directories), \
nvme-temp-storage (local volumes) and ebs-snapshots, which retains the snapshot when its object is deleted

They are of the whole cluster; --namespace does not matter. With another --driver, the parameters of Amazon EBS are left out. The \
snapshot API must be installed.";

pub(crate) const EXAMPLES: &str = "  # Create the classes of GIMP's users
  kubectl session setup storage --for gimp

  # Print the classes for another CSI driver
  kubectl session setup storage --for gimp --driver pd.csi.storage.gke.io --dry-run=client -o yaml

  # Delete the classes; volumes and snapshots are kept
  kubectl session setup storage --for gimp --remove";

/// CSI driver of Amazon EBS. The provisioner kubernetes.io/aws-ebs of the documents is gone from Kubernetes, and never had gp3.
const EBS_DRIVER: &str = "ebs.csi.aws.com";

/// Flags of `setup storage`, unchecked.
#[derive(Group, Clone, Debug, Default)]
pub struct SetupStorageArgs {
    #[command(flatten)]
    pub part: PartFlags,

    /// CSI driver of volumes and snapshots
    #[arg(long, value_name = "NAME", default_value = EBS_DRIVER)]
    pub driver: String,
}

/// The classes of a platform.
#[derive(Debug)]
struct Storage {
    driver: String,
}

/// Validates the flags.
///
/// # Errors
/// Usage errors: another template, an illegal name of a driver.
pub(crate) fn parse_part(
    args: SetupStorageArgs,
    connection: &ConnectionFlags,
    console: &mut Console,
) -> Result<(Box<dyn Part>, PartIntent)> {
    let SetupStorageArgs { part, driver } = args;
    let (_, intent) = part.parse("storage", &[Platform::Gimp], connection, console)?;
    check_dns_subdomain(&driver)
        .map_err(|reason| usage_error(format!("invalid value of --driver {driver:?}: {reason}")))?;
    Ok((Box::new(Storage { driver }), intent))
}

impl Part for Storage {
    fn name(&self) -> &'static str {
        "storage"
    }

    fn kinds(&self) -> &'static [PartKind] {
        static KINDS: [PartKind; 2] = [
            PartKind::built_in(&STORAGE_CLASS),
            PartKind::of_provider(
                &VOLUME_SNAPSHOT_CLASS,
                &[],
                "the snapshot API (external-snapshotter)",
            ),
        ];
        &KINDS
    }

    fn objects(&self, site: &Site) -> Vec<PlannedObject> {
        let mut home = json!({
            "provisioner": self.driver,
            "allowVolumeExpansion": true,
            "reclaimPolicy": "Delete",
            "volumeBindingMode": "WaitForFirstConsumer",
        });
        if self.driver == EBS_DRIVER {
            home["parameters"] = json!({
                "type": "gp3",
                "iops": "3000",
                "throughput": "125",
                "csi.storage.k8s.io/fstype": "ext4",
            });
        }
        let temporary = json!({
            "provisioner": "kubernetes.io/no-provisioner",
            "allowVolumeExpansion": false,
            "reclaimPolicy": "Delete",
            "volumeBindingMode": "WaitForFirstConsumer",
        });
        let snapshots = json!({"driver": self.driver, "deletionPolicy": "Retain"});
        vec![
            site.object(&STORAGE_CLASS, "ssd-user-storage", home),
            site.object(&STORAGE_CLASS, "nvme-temp-storage", temporary),
            site.object(&VOLUME_SNAPSHOT_CLASS, "ebs-snapshots", snapshots),
        ]
    }

    fn requirements(&self, _site: &Site) -> Vec<Requirement> {
        vec![Requirement {
            resource: CSI_DRIVER.clone(),
            name: Some(self.driver.clone()),
            effect: "claims and snapshots of the classes wait until the driver is installed",
        }]
    }

    /// A StorageClass keeps its driver and parameters for life.
    fn refusal_hint(&self, error: &anyhow::Error, site: &Site) -> Option<String> {
        let template = site.template.as_deref()?;
        failure::has_kind(error, FailureKind::Invalid).then(|| {
            format!(
                "to replace the classes, remove them first; volumes are kept: \
                 kubectl session setup storage --for {template} --remove"
            )
        })
    }
}
