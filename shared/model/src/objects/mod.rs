//! Kubernetes objects as plain data: what they are called, whose they are, what is put on them, when they are ready.

pub mod access;
pub mod belonging;
pub mod conditions;
pub mod endpoint;
pub mod ephemeral;
pub mod instance;
pub mod kept;
pub mod order;
pub mod overrides;
pub mod pod_security;
pub mod pods;
pub mod primary;
pub mod privilege;
pub mod propagation;
pub mod provenance;
pub mod qos;
pub mod resource;
pub mod schedule;
pub mod snapshot;
pub mod storage_limit;
pub mod table;
pub mod uses;

pub use belonging::is_data;
pub use resource::{ObjectRef, ResourceType};
