//! Session: one user's interactive workload.

#![allow(
    clippy::duplicated_attributes,
    reason = "each print column has a type, kube's derive wants them side by side"
)]

use std::collections::BTreeMap;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::int_or_string::IntOrString;
use super::status::SessionStatus;
use super::template::DataPolicy;

/// What is wanted of one session.
///
/// No field has a default in the API: a value that is absent is looked up in the preset, then in the template, when the
/// session starts.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "streaming.platform",
    version = "v1",
    kind = "Session",
    plural = "sessions",
    singular = "session",
    shortname = "sess",
    namespaced,
    status = "SessionStatus",
    doc = "One user's interactive workload: a shell, an editor, a lab VM, a streamed desktop, a preview environment.",
    printcolumn(
        name = "USER",
        type_ = "string",
        json_path = ".spec.userId",
        description = "Owner, as the organisation writes it."
    ),
    printcolumn(
        name = "TEMPLATE",
        type_ = "string",
        json_path = ".status.template",
        description = "SessionTemplate the last start was made from."
    ),
    printcolumn(
        name = "PHASE",
        type_ = "string",
        json_path = ".status.phase",
        description = "pending, running, stopped, terminating or failed."
    ),
    printcolumn(
        name = "EXPIRES",
        type_ = "string",
        json_path = ".status.expiresAt",
        description = "When this start's lifetime ends, UTC."
    ),
    printcolumn(
        name = "POD",
        type_ = "string",
        json_path = ".status.podName",
        priority = 1,
        description = "Pod of the primary workload."
    ),
    printcolumn(
        name = "NODE",
        type_ = "string",
        json_path = ".status.nodeName",
        priority = 1,
        description = "Node that Pod runs on."
    ),
    printcolumn(
        name = "ENDPOINT",
        type_ = "string",
        json_path = ".status.endpoint",
        priority = 1,
        description = "Where the session answers."
    ),
    printcolumn(
        name = "AGE",
        type_ = "date",
        json_path = ".metadata.creationTimestamp",
        description = "Time since the session was created."
    )
)]
#[serde(rename_all = "camelCase")]
pub struct SessionSpec {
    /// Owner as the organisation writes it (alice@example.com). Cannot be changed.
    #[schemars(length(min = 1, max = 253))]
    pub user_id: String,
    /// Name of the SessionTemplate to run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub template: Option<String>,
    /// Application (gimp, blender, …): names the template when that is absent, and is given to it as APPLICATION.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub application: Option<String>,
    /// Manifest text with ${VAR:-default} placeholders, instead of a template. Only the command line carries it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 200_000))]
    pub manifest: Option<String>,
    /// Which workload is entered, for a manifest with several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primary: Option<PrimaryRef>,
    /// Who makes the Secret of secret parameters; a controller unless it says client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secrets_from: Option<SecretsFrom>,
    /// Values of the template's parameters, never secret ones.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, String>,
    /// A preset of the template: a named set of parameter values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub preset: Option<String>,
    /// Limits of the primary container; its requests keep the template's ratio.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
    /// Size and class of the session's data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage: Option<Storage>,
    /// Lifetime of a start: integer seconds, or a duration such as 2h or 7d; 0 or never for no expiry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<IntOrString>,
    /// What is wanted: running, or stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<State>,
    /// RFC 3339 time written by create and start: newer than status.startRequest asks for a new start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub start_request: Option<String>,
    /// What happens to the session's data when the session is deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_policy: Option<DataPolicy>,
}

/// Which workload is the primary one, and which of its containers is entered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PrimaryRef {
    /// Kind: Pod, StatefulSet or Deployment.
    #[schemars(length(max = 63))]
    pub kind: String,
    /// Name; placeholders are allowed in a template.
    #[schemars(length(max = 253))]
    pub name: String,
    /// Container to enter; by default the one the Pod's annotation kubectl.kubernetes.io/default-container names, else the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub container: Option<String>,
}

/// Limits of the primary container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Resources {
    /// CPU limit: cores or millicores (2, 1500m).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<IntOrString>,
    /// Memory limit (4Gi).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<IntOrString>,
    /// Whole number of GPUs; 0 is none. Fractions are refused: extended resources cannot be divided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu: Option<IntOrString>,
}

/// Size and class of the session's claims.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Storage {
    /// Size of the claim (20Gi).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<IntOrString>,
    /// StorageClass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub class: Option<String>,
}

/// What is wanted of a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Its workload exists.
    #[default]
    Running,
    /// Its workload is gone, its data stays.
    Stopped,
}

/// Who makes the Secret of secret parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SecretsFrom {
    /// The command line, because the user gave a value: a controller waits for it.
    Client,
}

impl SessionSpec {
    /// The template this session runs: spec.template, else the application's name, `None` for a manifest session.
    pub fn template_name(&self) -> Option<&str> {
        if self.manifest.is_some() {
            return None;
        }
        self.template.as_deref().or(self.application.as_deref())
    }
}
