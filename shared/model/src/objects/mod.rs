//! Kubernetes objects as plain data: types and names, ownership, and what specs and statuses mean. Pure: nothing here sends a
//! request.
//!
//! | question | modules |
//! |---|---|
//! | type, name, conditions of an object | `resource`, `untyped`, `metadata`, `conditions`, `table` |
//! | labels and owner references, and whether data really belongs to a session | `ownership`, `kept_data`, `provenance` |
//! | Pods inside workloads, which workload is entered, how one rests | `pods`, `primary_workload`, `rest_method`, `container_run`, `endpoint` |
//! | sizes | `overrides`, `qos`, `storage_limit` |
//! | data that ends with a Pod, snapshots, schedules | `ephemeral_volumes`, `volume_snapshot`, `cron_schedule`, `cron_expression` |
//! | rights and privileges | `access`, `privileges`, `pod_security` |
//! | order of creation, references between objects | `creation_order`, `object_references` |

pub mod access;
pub mod conditions;
pub mod container_run;
pub mod creation_order;
pub mod cron_expression;
pub mod cron_schedule;
pub mod custom_workload;
pub mod endpoint;
pub mod ephemeral_volumes;
pub mod json_merge;
pub mod kept_data;
pub mod metadata;
pub mod object_references;
pub mod overrides;
pub mod ownership;
pub mod pod_containers;
pub mod pod_ports;
pub mod pod_security;
pub mod pods;
pub mod primary_workload;
pub mod privileges;
pub mod propagation;
pub mod provenance;
pub mod qos;
pub mod resource;
pub mod rest_method;
pub mod storage_limit;
pub mod table;
pub mod untyped;
pub mod volume_snapshot;

pub use ownership::is_data;
pub use resource::{ObjectRef, ResourceType};
pub use untyped::{Owner, Untyped};
