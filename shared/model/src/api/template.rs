//! The SessionTemplate resource: a parameterized manifest from which sessions are created.

#![allow(
    clippy::duplicated_attributes,
    reason = "each print column has a type, kube's derive wants them side by side"
)]

use std::collections::BTreeMap;

use anyhow::Context;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::int_or_string::IntOrString;
use super::object_ref::PrimaryRef;
use super::parameter::Parameter;
use crate::names::SshUser;

/// Content of a session template: parameters, and a manifest with placeholders for them.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "streaming.platform",
    version = "v1",
    kind = "SessionTemplate",
    plural = "sessiontemplates",
    singular = "sessiontemplate",
    doc = "A template for sessions: parameters, and a manifest with placeholders for them.",
    printcolumn(
        name = "DESCRIPTION",
        type_ = "string",
        json_path = ".spec.description",
        description = "Description of the template."
    ),
    printcolumn(
        name = "AGE",
        type_ = "date",
        json_path = ".metadata.creationTimestamp",
        description = "Time since the template was created."
    )
)]
#[serde(rename_all = "camelCase")]
pub struct SessionTemplateSpec {
    /// Description for users, one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub description: Option<String>,
    /// Parameters of the manifest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<Parameter>,
    /// Named sets of parameter values, for spec.preset of a Session.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub presets: BTreeMap<String, BTreeMap<String, String>>,
    /// Primary workload: the one that connect enters. Required if the manifest has several workloads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primary: Option<PrimaryRef>,
    /// Methods to connect to a session; the first is the default.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub connect: Vec<ConnectMethod>,
    /// Commands that run in the session's containers around stop, delete and snapshots.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hooks: Option<Hooks>,
    /// Default and maximum time from start to expiry, and the action on expiry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifetime: Option<LifetimePolicy>,
    /// Policy for a session's data when the session is deleted: keep, snapshot or delete; keep if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_policy: Option<DataPolicy>,
    /// Selects the namespaces in which a controller may use this template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace_selector: Option<LabelSelector>,
    /// YAML documents with ${NAME} and ${NAME:-default} placeholders. SESSION_ID, USER_ID, NAMESPACE and APPLICATION are always set.
    #[schemars(length(max = 200_000))]
    pub manifest: String,
}

/// A method to connect to a session. Exactly one of exec, http and ssh must be set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConnectMethod {
    /// Name of the method, used with connect.
    #[schemars(length(min = 1, max = 63))]
    pub name: String,
    /// Command that is executed in a terminal.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exec: Vec<String>,
    /// HTTP server to forward to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpConnect>,
    /// SSH server to log in to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssh: Option<SshConnect>,
    /// Workload to use, as NAME or KIND/NAME; the primary workload if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub workload: Option<String>,
    /// Container to use; the default container of the workload if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// True if the command of exec and what it started are ended when connect is ended by a signal; false if absent. It needs sh in
    /// the container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kill_on_exit: Option<bool>,
    /// "true" or "false", usually a placeholder; if "false", sessions do not have the method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<String>,
}

impl ConnectMethod {
    /// Checks the values that are passed to other programs.
    ///
    /// # Errors
    /// If the SSH user is not a plain user name, so that ssh could read it as an option or another setting; if `enabled` is not a
    /// boolean.
    pub fn validate(&self) -> anyhow::Result<()> {
        if let Some(enabled) = &self.enabled
            && !["true", "false"].contains(&enabled.as_str())
        {
            anyhow::bail!(
                "in connection method {:?}: enabled must be true or false, but is {enabled:?}",
                self.name
            );
        }
        let user = self.ssh.as_ref().and_then(|ssh| ssh.user.as_deref());
        let user = user.map(str::parse::<SshUser>).transpose();
        user.map(drop)
            .with_context(|| format!("in connection method {:?}", self.name))
    }
}

/// An HTTP server in the session.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HttpConnect {
    /// Port of the Pod, as a number or a name.
    pub port: Option<IntOrString>,
    /// Path of the page; / if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

/// An SSH server in the session.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SshConnect {
    /// Port of the Pod, as a number or a name.
    pub port: Option<IntOrString>,
    /// User to log in as; the default of ssh if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
}

/// Commands that run in the session's containers around stop, delete and snapshots.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Hooks {
    /// Runs before stop and delete, to save the user's data. If it fails, the session is not stopped or deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sync: Option<Hook>,
    /// Runs before a snapshot, to bring the data into a consistent state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quiesce: Option<Hook>,
    /// Runs after a snapshot, to undo quiesce.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume: Option<Hook>,
}

/// A command that runs in a container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Hook {
    /// Command and arguments. The command is not run in a shell.
    pub command: Vec<String>,
    /// Time limit of the command, a duration; 5m if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<IntOrString>,
    /// Workload to use, as NAME or KIND/NAME; the primary workload if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub workload: Option<String>,
    /// Container to use; the default container of the workload if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
}

/// Time from start to expiry, and the action on expiry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LifetimePolicy {
    /// Default time from start to expiry: integer seconds, or a duration such as 2h or 7d. 0 or never means no expiry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<IntOrString>,
    /// Longest time from start to expiry that a session may set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum: Option<IntOrString>,
    /// Action on expiry: stop or delete; stop if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_expiry: Option<OnExpiry>,
}

/// Action when a session expires.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnExpiry {
    /// Stop the session: the workload is deleted, the data and the Session are kept.
    #[default]
    Stop,
    /// Delete the session; the data policy decides about its data.
    Delete,
}

/// Policy for a session's data when the session is deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DataPolicy {
    /// Keep the data for a later session of the same name and user.
    #[default]
    Keep,
    /// Take a VolumeSnapshot, then delete the data.
    Snapshot,
    /// Delete the data.
    Delete,
}

impl DataPolicy {
    /// Returns the policy as the API writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            DataPolicy::Keep => "keep",
            DataPolicy::Snapshot => "snapshot",
            DataPolicy::Delete => "delete",
        }
    }
}

/// A label selector, with the same fields as metav1.LabelSelector.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LabelSelector {
    /// Labels that must have exactly these values.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub match_labels: BTreeMap<String, String>,
    /// Further requirements; all must hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub match_expressions: Vec<LabelRequirement>,
}

/// A requirement of a label selector.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LabelRequirement {
    /// Label key.
    pub key: String,
    /// Operator: In, NotIn, Exists or DoesNotExist.
    pub operator: String,
    /// Values for In and NotIn.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
}
