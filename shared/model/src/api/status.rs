//! Status of a Session: its phase, conditions, and the objects its last start created.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::object_ref::{ObjectRef, PrimaryRef};
use super::run_record::SessionUsage;
use super::template::{ConnectMethod, DataPolicy, Hooks, OnExpiry};

/// Observed state of a session. podName, nodeName and endpoint are informational: no command acts on them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionStatus {
    /// Phase of the session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    /// Pod of the primary workload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_name: Option<String>,
    /// Node the Pod runs on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_name: Option<String>,
    /// RFC 3339 time at which the last start created the workload. Replacing a lost Pod does not change it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_time: Option<String>,
    /// URL or host:port of the session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// RFC 3339 time at which the session expires; absent if it does not expire.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    /// SessionTemplate of the last start; absent for a manifest session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// Data policy in effect since the last start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_policy: Option<DataPolicy>,
    /// Value of spec.startRequest that led to the last start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_request: Option<String>,
    /// metadata.generation of the Session that this status describes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Record of the last start: the objects it created and how to treat them. Later commands use this record instead of the
    /// template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied: Option<StartRecord>,
    /// Why the last start did not bring the session up, as far as it is known; absent once the session has been ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diagnosis: Option<DiagnosisRecord>,
    /// Record of the session's runs, for reports of what it has used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<SessionUsage>,
    /// Conditions of the session: Ready, Synced, Expired, TemplateChanged, …
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
}

/// Phase of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// The workload is starting.
    Pending,
    /// The primary workload is ready.
    Running,
    /// The workload is deleted, or its Pod succeeded (exit code 0).
    Stopped,
    /// The session is being deleted.
    Terminating,
    /// The workload cannot start, or ended with an error.
    Failed,
}

impl Phase {
    /// All phases, in the order of a session's life.
    pub const ALL: [Phase; 5] = [
        Phase::Pending,
        Phase::Running,
        Phase::Stopped,
        Phase::Terminating,
        Phase::Failed,
    ];

    /// Returns the phase as the API writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Phase::Pending => "pending",
            Phase::Running => "running",
            Phase::Stopped => "stopped",
            Phase::Terminating => "terminating",
            Phase::Failed => "failed",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Returns the key of a workload's count in [`StartRecord::replicas`].
pub fn replicas_key(kind: &str, name: &str) -> String {
    format!("{kind}/{name}")
}

impl StartRecord {
    /// Returns the recorded replica count of a workload; `None` for one without a count.
    pub fn replicas_of(&self, kind: &str, name: &str) -> Option<i32> {
        self.replicas.get(&replicas_key(kind, name)).copied()
    }
}

/// Record of one start: the objects it created and how to treat them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StartRecord {
    /// UID of the SessionTemplate that was rendered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(rename = "templateUID")]
    pub template_uid: Option<String>,
    /// metadata.generation of the SessionTemplate that was rendered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template_generation: Option<i64>,
    /// Primary workload: the one that connect enters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primary: Option<PrimaryRef>,
    /// Methods to connect to the session; the first is the default.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub connect: Vec<ConnectMethod>,
    /// Commands that run in the primary workload around stop, delete and snapshots.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hooks: Option<Hooks>,
    /// Action when the session expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_expiry: Option<OnExpiry>,
    /// Replica count of each workload that stop scales to 0, by Kind/name. The next start restores it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub replicas: BTreeMap<String, i32>,
    /// Objects of the session, each with its UID.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub objects: Vec<ObjectRef>,
}

/// Cause of a session that is not ready, for users who may read neither its Pods nor events. Has no lines of logs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DiagnosisRecord {
    /// RFC 3339 time at which the cause was found.
    pub time: String,
    /// Machine-readable reason, in Kubernetes' words where it has some.
    pub reason: String,
    /// One line that names the object and the problem.
    pub message: String,
    /// Facts behind the message, one line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<String>,
    /// What to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// A condition, with the same fields as metav1.Condition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// Type of the condition: Ready, Synced, Expired, TemplateChanged, …
    pub r#type: String,
    /// Status of the condition: True, False or Unknown.
    pub status: String,
    /// Machine-readable reason in CamelCase.
    pub reason: String,
    /// Human-readable message.
    pub message: String,
    /// RFC 3339 time at which status last changed.
    pub last_transition_time: String,
    /// metadata.generation of the Session that this condition describes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
}
