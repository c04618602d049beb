//! The rooms every `kubectl session` verb is built from.
//!
//! From inner to outer: names, labels, failure, quantity, duration, state, api, template, progress, objects, diagnosis,
//! plan, reconcile, flags, cluster, report, verb, lifecycle. A room uses only rooms before it; `tests/house.rs` holds everybody to it.

pub mod api;
pub mod cluster;
pub mod diagnosis;
pub mod duration;
pub mod failure;
pub mod flags;
pub mod labels;
pub mod lifecycle;
pub mod names;
pub mod objects;
pub mod plan;
pub mod progress;
pub mod quantity;
pub mod reconcile;
pub mod report;
pub mod state;
pub mod template;
pub mod verb;

pub use jiff::Timestamp;
pub use k8s_openapi::api::core::v1::Pod;
