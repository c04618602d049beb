//! The library behind every `kubectl session` verb.
//!
//! Modules from inner to outer; a module uses only modules listed before it, which `tests/house.rs` checks:
//!
//! ```text
//! values     unicode, names, encode, labels, failure, programs, quantity, duration, state
//! resources  api (Session, SessionTemplate), template (manifest + values → objects), progress, objects
//! decisions  diagnosis (why a session is not ready), plan (steps as data), reconcile (observed state → plan)
//! effects    flags (command line), cluster (Kubernetes client), report (output), verb (main function of every verb), lifecycle
//! ```

pub mod api;
pub mod cluster;
pub mod diagnosis;
pub mod duration;
pub mod encode;
pub mod failure;
pub mod flags;
pub mod labels;
pub mod lifecycle;
pub mod names;
pub mod objects;
pub mod plan;
pub mod programs;
pub mod progress;
pub mod quantity;
pub mod reconcile;
pub mod report;
pub mod state;
pub mod template;
pub mod unicode;
pub mod verb;

pub use jiff::Timestamp;
pub use k8s_openapi::api::core::v1::Pod;
