//! References to objects of the cluster.

use std::fmt;

use anyhow::{Context, Result};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::objects::untyped::Untyped;

/// Reference to one object by type, name and UID: enough to GET it, and to DELETE it with a UID precondition, so that a
/// later object of the same name is never deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObjectRef {
    /// API version of the object, such as v1 or apps/v1.
    pub api_version: String,
    /// Kind of the object.
    pub kind: String,
    /// Name of the object.
    pub name: String,
    /// UID of the object; empty until the server has assigned one.
    #[serde(default)]
    pub uid: String,
}

/// Reference to the primary workload, the container that connect enters, and for a kind that is not built in how it is stopped,
/// started and found ready.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PrimaryRef {
    /// Kind of the workload: Pod, StatefulSet, Deployment, ReplicaSet, Job, or any other kind whose controller makes Pods.
    #[schemars(length(max = 63))]
    pub kind: String,
    /// Name of the workload. In a template, placeholders are allowed.
    #[schemars(length(max = 253))]
    pub name: String,
    /// Container to enter. If absent: the one named by the Pod's annotation kubectl.kubernetes.io/default-container, else the
    /// first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub container: Option<String>,
    /// Merge patch that stops a workload of a kind that is not built in. Without it, a stop scales the workload to 0 by its scale
    /// subresource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "merge_patch_schema")]
    pub stop: Option<Value>,
    /// Merge patch that starts the workload again. Required with stop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "merge_patch_schema")]
    pub start: Option<Value>,
    /// When a workload of a kind that is not built in is ready. Without it: when its Pods are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready: Option<ReadyCheck>,
}

/// The fields of [`PrimaryRef`] for a workload of a kind that is not built in, as an annotation has them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WorkloadControl {
    /// Merge patch that stops the workload.
    pub stop: Option<Value>,
    /// Merge patch that starts it again.
    pub start: Option<Value>,
    /// When it is ready.
    pub ready: Option<ReadyCheck>,
}

impl PrimaryRef {
    /// Returns the reference with those fields of `control` that it lacks.
    pub fn or_controlled_by(self, control: WorkloadControl) -> Self {
        Self {
            stop: self.stop.or(control.stop),
            start: self.start.or(control.start),
            ready: self.ready.or(control.ready),
            ..self
        }
    }
}

/// A check of a workload's status: one of condition and path is set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReadyCheck {
    /// Type of a condition in status.conditions that must be True.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub condition: Option<String>,
    /// Path of a field, such as .status.phase, that must have the value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 253))]
    pub json_path: Option<String>,
    /// Value of the field, as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub value: Option<String>,
}

fn merge_patch_schema(_generator: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true })
}

impl ObjectRef {
    /// Reads the reference from an object. A missing API version, kind or name is [`Untyped::NONE`].
    pub fn from_object(object: &Value) -> Self {
        let object = Untyped(object);
        Self::new(
            object.api_version(),
            object.kind(),
            object.name(),
            object.uid(),
        )
    }

    /// Makes a reference. Without a UID it names no object yet, and nothing is written by it.
    pub fn new(api_version: &str, kind: &str, name: &str, uid: Option<&str>) -> Self {
        Self {
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
            name: name.to_owned(),
            uid: uid.map_or_else(String::new, str::to_owned),
        }
    }

    /// Returns the UID; `None` until the server has assigned one.
    pub fn uid(&self) -> Option<&str> {
        Some(self.uid.as_str()).filter(|uid| !uid.is_empty())
    }

    /// Returns the UID of an object that is to be written only if it is still the same.
    ///
    /// # Errors
    /// A reference without UID.
    pub fn require_uid(&self) -> Result<&str> {
        self.uid()
            .with_context(|| format!("{self} has no metadata.uid"))
    }

    /// Returns true if both are the same object, not one that was made later under its name. References without UID never are.
    pub fn is_same_object(&self, other: &Self) -> bool {
        self.uid().is_some_and(|uid| other.uid() == Some(uid))
    }
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.kind, self.name)
    }
}
