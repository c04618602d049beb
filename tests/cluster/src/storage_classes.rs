//! StorageClasses and VolumeSnapshotClasses of one test, with parameters that make our CSI driver slow or failing.
//! Each test has its own, so that none disturbs another.

use std::time::Duration;

use anyhow::Result;
use serde_json::{Map, Value, json};

use crate::cluster::Cluster;
use crate::csi::DRIVER;
use crate::namespace::unique;
use crate::say::say;

/// What a class can disturb.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StorageOperation {
    /// Making a volume; of a StorageClass, as the next four.
    Create,
    /// Deleting a volume.
    Delete,
    /// Mounting a volume for a Pod.
    Publish,
    /// Growing a volume, the controller's half.
    Expand,
    /// Growing a volume, the node's half.
    NodeExpand,
    /// Cutting a snapshot; of a VolumeSnapshotClass, as the next.
    Snapshot,
    /// Deleting a snapshot.
    DeleteSnapshot,
}

impl StorageOperation {
    /// The class's parameter that disturbs it.
    fn parameter(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Delete => "delete",
            Self::Publish => "publish",
            Self::Expand => "expand",
            Self::NodeExpand => "nodeExpand",
            Self::Snapshot => "snapshot",
            Self::DeleteSnapshot => "deleteSnapshot",
        }
    }
}

/// How an operation is disturbed, counted for each volume or snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disturbance<'a> {
    /// It always fails, with a gRPC code (`RESOURCE_EXHAUSTED`) and a message.
    Fail(&'a str, &'a str),
    /// It fails so many times, then works.
    FailTimes(u32, &'a str, &'a str),
    /// It works so long after it was first asked for. A snapshot is cut at once, but ready only then.
    Delay(Duration),
    /// It is never answered. A snapshot is cut, but never ready.
    Hang,
}

impl Disturbance<'_> {
    /// The parameter's value; the grammar is that of go/csi/driver/faults.go.
    fn value(self) -> String {
        match self {
            Self::Fail(code, message) => format!("fail {code} {message}").trim().to_owned(),
            Self::FailTimes(times, code, message) => {
                format!("fail {times} {code} {message}").trim().to_owned()
            }
            Self::Delay(time) => format!("delay {}ms", time.as_millis()),
            Self::Hang => "hang".to_owned(),
        }
    }
}

/// What a test's own class is like. Without more: not expandable, volumes made at once and deleted with their claim.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Class {
    expandable: bool,
    waits: bool,
    retains: bool,
    is_default: bool,
    parameters: Map<String, Value>,
}

impl Class {
    /// Volumes can grow. Not for snapshots.
    #[must_use]
    pub fn expandable(mut self) -> Self {
        self.expandable = true;
        self
    }

    /// Volumes are made when a Pod wants them. Not for snapshots.
    #[must_use]
    pub fn wait_for_first_consumer(mut self) -> Self {
        self.waits = true;
        self
    }

    /// Volumes outlive their claims, or snapshot contents their snapshots.
    #[must_use]
    pub fn retain(mut self) -> Self {
        self.retains = true;
        self
    }

    /// Marked as the cluster's default. Only with [`Cluster::exclusive`]: other tests rely on there being none.
    #[must_use]
    pub fn default_class(mut self) -> Self {
        self.is_default = true;
        self
    }

    /// Disturbs an operation.
    #[must_use]
    pub fn on(mut self, operation: StorageOperation, how: Disturbance<'_>) -> Self {
        self.parameters
            .insert(operation.parameter().to_owned(), how.value().into());
        self
    }

    fn policy(&self) -> &'static str {
        if self.retains { "Retain" } else { "Delete" }
    }

    fn storage(&self, name: &str) -> Value {
        json!({
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": self.metadata(name, "storageclass.kubernetes.io/is-default-class"),
            "provisioner": DRIVER,
            "reclaimPolicy": self.policy(),
            "allowVolumeExpansion": self.expandable,
            "volumeBindingMode": if self.waits { "WaitForFirstConsumer" } else { "Immediate" },
            "parameters": self.parameters,
        })
    }

    fn snapshot(&self, name: &str) -> Value {
        json!({
            "apiVersion": "snapshot.storage.k8s.io/v1",
            "kind": "VolumeSnapshotClass",
            "metadata": self.metadata(name, "snapshot.storage.kubernetes.io/is-default-class"),
            "driver": DRIVER,
            "deletionPolicy": self.policy(),
            "parameters": self.parameters,
        })
    }

    fn metadata(&self, name: &str, default_annotation: &str) -> Value {
        if self.is_default {
            json!({ "name": name, "annotations": { default_annotation: "true" } })
        } else {
            json!({ "name": name })
        }
    }
}

/// A class that is deleted when the handle is dropped. Volumes and snapshots live on, and obey its parameters all the same.
#[derive(Debug)]
pub struct StorageClass {
    cluster: Cluster,
    kind: &'static str,
    name: String,
}

impl StorageClass {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for StorageClass {
    fn drop(&mut self) {
        let args = ["delete", self.kind, &self.name, "--ignore-not-found"];
        if let Err(error) = self.cluster.kubectl_ok(&args, None) {
            say(&format!("{} {} stays: {error:#}", self.kind, self.name));
        }
    }
}

impl Cluster {
    /// A StorageClass of the CSI driver for one test, with a name that begins with `prefix`. Waits until the storage works.
    ///
    /// # Errors
    /// When there is no CSI driver here, or the API server refuses.
    pub fn storage_class(&self, prefix: &str, class: &Class) -> Result<StorageClass> {
        let name = unique(prefix);
        self.make_class("storageclass", &name, &class.storage(&name))
    }

    /// A VolumeSnapshotClass of the CSI driver for one test, with a name that begins with `prefix`. Waits until the storage works.
    ///
    /// # Errors
    /// When there is no CSI driver here, or the API server refuses.
    pub fn snapshot_class(&self, prefix: &str, class: &Class) -> Result<StorageClass> {
        let name = unique(prefix);
        self.make_class("volumesnapshotclass", &name, &class.snapshot(&name))
    }

    fn make_class(&self, kind: &'static str, name: &str, object: &Value) -> Result<StorageClass> {
        self.wait_for_storage()?;
        self.apply(&object.to_string())?;
        Ok(StorageClass {
            cluster: self.clone(),
            kind,
            name: name.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disturbances_are_parameters() {
        let class = Class::default()
            .on(
                StorageOperation::Create,
                Disturbance::FailTimes(2, "RESOURCE_EXHAUSTED", "the pool is full"),
            )
            .on(
                StorageOperation::NodeExpand,
                Disturbance::Delay(Duration::from_secs(3)),
            )
            .on(StorageOperation::Publish, Disturbance::Fail("INTERNAL", ""));
        let object = class.storage("a");
        assert_eq!(
            object["parameters"],
            json!({
                "create": "fail 2 RESOURCE_EXHAUSTED the pool is full",
                "nodeExpand": "delay 3000ms",
                "publish": "fail INTERNAL",
            })
        );
        assert_eq!(object["allowVolumeExpansion"], false);
        assert!(object["metadata"]["annotations"].is_null());
    }

    #[test]
    fn a_default_class_says_so_in_its_own_way() {
        let class = Class::default().default_class().retain();
        let name = "snapshot.storage.kubernetes.io/is-default-class";
        let object = class.snapshot("a");
        assert_eq!(object["metadata"]["annotations"][name], "true");
        assert_eq!(object["deletionPolicy"], "Retain");
    }
}
