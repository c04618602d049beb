//! The Session resource: one user's interactive workload.

#![allow(
    clippy::duplicated_attributes,
    reason = "each print column has a type, kube's derive wants them side by side"
)]

use std::collections::BTreeMap;

use jiff::Timestamp;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::int_or_string::IntOrString;
use super::object_ref::PrimaryRef;
use super::run_record::SessionUsage;
use super::status::{Condition, DiagnosisRecord, Phase, SessionStatus, StartRecord};
use super::template::DataPolicy;
use crate::labels;
use crate::objects::{Untyped, metadata};

/// Desired state of a session.
///
/// The API sets no defaults. When the session starts, an absent value is taken from the preset, else from the template.
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
        description = "User the session belongs to."
    ),
    printcolumn(
        name = "TEMPLATE",
        type_ = "string",
        json_path = ".status.template",
        description = "SessionTemplate of the last start."
    ),
    printcolumn(
        name = "PHASE",
        type_ = "string",
        json_path = ".status.phase",
        description = "Phase: pending, running, stopped, terminating or failed."
    ),
    printcolumn(
        name = "EXPIRES",
        type_ = "string",
        json_path = ".status.expiresAt",
        description = "Time at which the session expires, UTC."
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
        description = "Node the Pod runs on."
    ),
    printcolumn(
        name = "ENDPOINT",
        type_ = "string",
        json_path = ".status.endpoint",
        priority = 1,
        description = "URL or host:port of the session."
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
    /// User the session belongs to, as the organisation writes it (alice@example.com). Immutable.
    #[schemars(length(min = 1, max = 253))]
    pub user_id: String,
    /// Name of the SessionTemplate to run. Excludes manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub template: Option<String>,
    /// Application to run (gimp, blender, …). Names the template if template is absent, and sets the placeholder APPLICATION.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub application: Option<String>,
    /// Manifest text with ${VAR:-default} placeholders, used instead of a template. Only the command line applies it; a
    /// controller does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 200_000))]
    pub manifest: Option<String>,
    /// If true, a start leaves out objects of kinds that the server does not have. Otherwise it fails before any write.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skip_missing_kinds: Option<bool>,
    /// Primary workload: the one that connect enters. Required if the manifest has several workloads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primary: Option<PrimaryRef>,
    /// Creator of the Secret that holds the secret parameters: the command line if client, else the controller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secrets_from: Option<SecretSource>,
    /// Values of the template's parameters. Values of secret parameters are not allowed here.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, String>,
    /// Name of a preset of the template: a named set of parameter values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub preset: Option<String>,
    /// Resource limits of the primary container. Requests are scaled so that their ratio to the limits stays as in the template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<ResourceLimits>,
    /// Size and StorageClass of the session's PersistentVolumeClaims.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage: Option<StorageSpec>,
    /// Time from start to expiry: integer seconds, or a duration such as 2h or 7d. 0 or never means no expiry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<IntOrString>,
    /// Desired state: running or stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<DesiredState>,
    /// RFC 3339 time of the last request to start the session, written by create and start. A time later than
    /// status.startRequest starts the session again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub start_request: Option<String>,
    /// Policy for the session's data when the session is deleted: keep, snapshot or delete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_policy: Option<DataPolicy>,
}

/// Resource limits of the primary container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResourceLimits {
    /// CPU limit in cores or millicores, such as 2 or 1500m.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<IntOrString>,
    /// Memory limit, such as 4Gi.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<IntOrString>,
    /// Number of GPUs; 0 removes them. Must be a whole number, because extended resources cannot be divided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu: Option<IntOrString>,
}

/// Size and StorageClass of the session's PersistentVolumeClaims.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StorageSpec {
    /// Storage request of the claim, such as 20Gi.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<IntOrString>,
    /// Name of the StorageClass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub class: Option<String>,
}

/// Desired state of a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DesiredState {
    /// The workload exists.
    #[default]
    Running,
    /// The workload is deleted, the data is kept.
    Stopped,
}

/// Creator of the Secret that holds the secret parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SecretSource {
    /// The command line, because the user gave a secret value. A controller waits for the Secret.
    Client,
}

impl SessionSpec {
    /// Returns the name of the session's template: spec.template, else the application. `None` for a manifest session.
    pub fn template_name(&self) -> Option<&str> {
        if self.manifest.is_some() {
            return None;
        }
        self.template.as_deref().or(self.application.as_deref())
    }
}

impl Session {
    /// Returns the name. Every stored Session has one; [`Untyped::NONE`] without one.
    pub fn name(&self) -> &str {
        metadata::name_of(&self.metadata)
    }

    /// Returns the Namespace. Every stored Session has one; [`Untyped::NONE`] without one.
    pub fn namespace(&self) -> &str {
        let namespace = self.metadata.namespace.as_deref();
        let namespace = namespace.filter(|namespace| !namespace.is_empty());
        namespace.unwrap_or(Untyped::NONE)
    }

    /// Returns the UID that the server gave the Session; `None` if the server has not stored it: before its creation, or if it
    /// has been rebuilt from a snapshot's record. Nothing is owned by such a Session.
    pub fn uid(&self) -> Option<&str> {
        metadata::uid_of(&self.metadata)
    }

    /// Returns the owner: the user ID as the organisation writes it, spec.userId.
    pub fn owner(&self) -> &str {
        &self.spec.user_id
    }

    /// Returns the record of the last start, status.applied; `None` before the first start.
    pub fn applied(&self) -> Option<&StartRecord> {
        self.status.as_ref()?.applied.as_ref()
    }

    /// Returns the primary workload of the last start; `None` before the first start.
    pub fn primary(&self) -> Option<&PrimaryRef> {
        self.applied()?.primary.as_ref()
    }

    /// Returns the record of the session's runs; `None` before the first start.
    pub fn usage(&self) -> Option<&SessionUsage> {
        self.status.as_ref()?.usage.as_ref()
    }

    /// Returns the cause in the status, as last written; `None` without one.
    pub fn diagnosis(&self) -> Option<&DiagnosisRecord> {
        self.status.as_ref()?.diagnosis.as_ref()
    }

    /// Returns the phase in the status, as last written; `None` before the first start.
    pub fn phase(&self) -> Option<Phase> {
        self.status.as_ref()?.phase
    }

    /// Returns the RFC 3339 time of the last start, as the status records it.
    pub fn start_time(&self) -> Option<&str> {
        self.status.as_ref()?.start_time.as_deref()
    }

    /// Returns the RFC 3339 time at which the session expires, as the status records it; `None` if it does not expire.
    pub fn expires_at(&self) -> Option<&str> {
        self.status.as_ref()?.expires_at.as_deref()
    }

    /// Returns the time to which `extend` has moved the expiry; `None` if it never did. A scheduled stop waits for it.
    pub fn extended_until(&self) -> Option<Timestamp> {
        let annotations = self.metadata.annotations.as_ref()?;
        annotations.get(labels::EXTENDED_UNTIL)?.parse().ok()
    }

    /// Returns the conditions in the status.
    pub fn conditions(&self) -> &[Condition] {
        self.status
            .as_ref()
            .map_or(&[], |status| status.conditions.as_slice())
    }

    /// Returns the condition of that type in the status.
    pub fn condition(&self, r#type: &str) -> Option<&Condition> {
        let mut conditions = self.conditions().iter();
        conditions.find(|condition| condition.r#type == r#type)
    }

    /// Returns true if the Session has a deletionTimestamp.
    pub fn is_being_deleted(&self) -> bool {
        self.metadata.deletion_timestamp.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn session(object: serde_json::Value) -> Session {
        serde_json::from_value(object).unwrap()
    }

    #[test]
    fn the_accessors_read_metadata_spec_and_status() {
        let one = session(json!({
            "metadata": { "name": "a", "namespace": "ns", "uid": "u", "deletionTimestamp": "2026-01-01T00:00:00Z" },
            "spec": { "userId": "alice" },
            "status": { "phase": "running", "applied": { "objects": [] }, "startTime": "s", "expiresAt": "e", "conditions": [
                { "type": "Ready", "status": "True", "reason": "R", "message": "", "lastTransitionTime": "t" }] },
        }));
        let identity = [one.name(), one.namespace(), one.owner()];
        assert_eq!((identity, one.uid()), (["a", "ns", "alice"], Some("u")));
        assert_eq!(one.phase(), Some(Phase::Running));
        assert_eq!(one.applied(), Some(&StartRecord::default()));
        assert_eq!((one.start_time(), one.expires_at()), (Some("s"), Some("e")));
        assert_eq!(one.condition("Ready").unwrap().reason, "R");
        assert_eq!(one.condition("Synced"), None);
        assert!(one.is_being_deleted());
    }

    #[test]
    fn a_session_that_was_never_stored_has_no_uid_and_no_status() {
        let one = session(json!({ "metadata": { "name": "a" }, "spec": { "userId": "alice" } }));
        assert_eq!((one.uid(), one.namespace()), (None, "<none>"));
        assert_eq!((one.phase(), one.applied()), (None, None));
        assert!(one.conditions().is_empty() && !one.is_being_deleted());
    }
}
