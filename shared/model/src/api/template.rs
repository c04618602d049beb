//! SessionTemplate: what a session can run.

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
use super::parameter::Parameter;
use super::session::PrimaryRef;
use crate::names::SshUser;

/// What a session can run: parameters, and a manifest that uses them.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "streaming.platform",
    version = "v1",
    kind = "SessionTemplate",
    plural = "sessiontemplates",
    singular = "sessiontemplate",
    doc = "What a session can run: parameters, and a manifest that uses them.",
    printcolumn(
        name = "DESCRIPTION",
        type_ = "string",
        json_path = ".spec.description",
        description = "What it runs."
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
    /// One line for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub description: Option<String>,
    /// The values the manifest asks for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<Parameter>,
    /// Named sets of parameter values.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub presets: BTreeMap<String, BTreeMap<String, String>>,
    /// The workload that connect enters; needed when the manifest has several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primary: Option<PrimaryRef>,
    /// How the session is entered; the first is the default.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub connect: Vec<ConnectMethod>,
    /// Commands that run in the workload around stop, delete and snapshots.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hooks: Option<Hooks>,
    /// How long a start may live.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifetime: Option<Lifetime>,
    /// What happens to data when the session is deleted; keep when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_policy: Option<DataPolicy>,
    /// Namespaces in which a controller may use this template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace_selector: Option<LabelSelector>,
    /// YAML documents with ${NAME} and ${NAME:-default} placeholders. SESSION_ID, USER_ID, NAMESPACE and APPLICATION are always set.
    #[schemars(length(max = 200_000))]
    pub manifest: String,
}

/// One way to enter a session: exactly one of exec, http and ssh.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConnectMethod {
    /// Name of the method.
    #[schemars(length(min = 1, max = 63))]
    pub name: String,
    /// Command run in a terminal.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exec: Vec<String>,
    /// A web page or API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpMethod>,
    /// An SSH server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssh: Option<SshMethod>,
    /// Container, when it is not the primary one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
}

impl ConnectMethod {
    /// Checks what other programs are told of the method.
    ///
    /// # Errors
    /// A user that ssh could take for something else.
    pub fn check(&self) -> anyhow::Result<()> {
        let user = self.ssh.as_ref().and_then(|ssh| ssh.user.as_deref());
        let user = user.map(str::parse::<SshUser>).transpose();
        user.map(drop)
            .with_context(|| format!("in connect method {:?}", self.name))
    }
}

/// A web page or API in the session.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HttpMethod {
    /// Port of the Pod, by number or by name.
    pub port: Option<IntOrString>,
    /// Path, / when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

/// An SSH server in the session.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SshMethod {
    /// Port of the Pod, by number or by name.
    pub port: Option<IntOrString>,
    /// User to log in as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
}

/// Commands that run in the primary workload.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Hooks {
    /// Before stop and delete: brings the user's data to where it stays. Its failure stops them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sync: Option<Hook>,
    /// Before a snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quiesce: Option<Hook>,
    /// After a snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume: Option<Hook>,
}

/// One command in a container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Hook {
    /// The command and its arguments; no shell is put around it.
    pub command: Vec<String>,
    /// How long it may take, a duration; 5m when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<IntOrString>,
    /// Container, when it is not the primary one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
}

/// How long a start may live.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Lifetime {
    /// When the session does not say: integer seconds or a duration; 0 or never for no expiry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<IntOrString>,
    /// The most a session may ask for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum: Option<IntOrString>,
    /// What happens then; stop when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_expiry: Option<OnExpiry>,
}

/// What happens when a session's lifetime is over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnExpiry {
    /// The workload goes, data and Session stay.
    #[default]
    Stop,
    /// The session is deleted, its data goes by the data policy.
    Delete,
}

/// What happens to data when the session is deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DataPolicy {
    /// It stays, for a later session of the same name and user.
    #[default]
    Keep,
    /// A VolumeSnapshot is taken, then it goes.
    Snapshot,
    /// It goes.
    Delete,
}

impl DataPolicy {
    /// The policy as the API writes it.
    pub fn word(self) -> &'static str {
        match self {
            DataPolicy::Keep => "keep",
            DataPolicy::Snapshot => "snapshot",
            DataPolicy::Delete => "delete",
        }
    }
}

/// Kubernetes' label selector.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LabelSelector {
    /// Labels that must have just these values.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub match_labels: BTreeMap<String, String>,
    /// Further conditions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub match_expressions: Vec<LabelRequirement>,
}

/// One condition of a label selector.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LabelRequirement {
    /// The label.
    pub key: String,
    /// In, NotIn, Exists or DoesNotExist.
    pub operator: String,
    /// The values, for In and NotIn.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
}
