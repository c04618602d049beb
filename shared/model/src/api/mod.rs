//! The API group `streaming.platform/v1`: Session and SessionTemplate as Rust types, the CustomResourceDefinitions generated
//! from them, and the ValidatingAdmissionPolicy that restricts who may create and change sessions.
//!
//! ```text
//! session.rs   Session, SessionSpec ─┐
//! status.rs    SessionStatus         ├─► definition.rs: the two CustomResourceDefinitions ─► setup, docs/api/
//! template.rs  SessionTemplate       │
//! parameter.rs Parameter            ─┘
//! admission.rs ValidatingAdmissionPolicy and binding ─► setup, docs/api/
//! ```

mod admission;
mod crd;
mod int_or_string;
mod object_ref;
mod parameter;
mod run_record;
mod session;
mod status;
mod template;

pub use admission::{ADMISSION_POLICY, admission_objects, is_policy_in_force};
pub use crd::custom_resource_definitions;
pub use int_or_string::IntOrString;
pub use object_ref::{ObjectRef, PrimaryRef, ReadyCheck, WorkloadControl};
pub use parameter::{Parameter, ParameterType, Presets, SecretGeneration};
pub use run_record::{EarlierRuns, Run, SessionUsage};
pub use session::{DesiredState, ResourceLimits, SecretSource, Session, SessionSpec, StorageSpec};
pub use status::{Condition, DiagnosisRecord, Phase, SessionStatus, StartRecord, replicas_key};
pub use template::{
    ConnectMethod, DataPolicy, Hook, Hooks, HttpConnect, LabelSelector, LifetimePolicy, OnExpiry,
    SessionTemplate, SessionTemplateSpec, SshConnect,
};

/// API group of Session and SessionTemplate.
pub const API_GROUP: &str = "streaming.platform";
/// API version that is served and stored.
pub const VERSION: &str = "v1";
/// `apiVersion` of Session and SessionTemplate objects.
pub const API_VERSION: &str = "streaming.platform/v1";
