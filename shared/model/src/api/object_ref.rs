//! References to objects of the cluster.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

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

/// Reference to the primary workload and the container that connect enters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PrimaryRef {
    /// Kind of the workload: Pod, StatefulSet or Deployment.
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
}

impl ObjectRef {
    /// Reads the reference from an object as the server returned it. Missing fields become empty strings.
    pub fn from_object(object: &Value) -> Self {
        let text = |pointer: &str| {
            object
                .pointer(pointer)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        Self {
            api_version: text("/apiVersion"),
            kind: text("/kind"),
            name: text("/metadata/name"),
            uid: text("/metadata/uid"),
        }
    }
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.kind, self.name)
    }
}
