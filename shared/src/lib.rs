//! The crates that every `kubectl session` verb is built from, under one name.
//!
//! [`names`], [`labels`], [`api`] and [`objects`] are plain data (`session-model`); [`template`] makes objects of a template;
//! [`capacity`], [`plan`], [`reconcile`], [`scheduled_run`] and [`diagnosis`] decide (`session-engine`); [`client`] talks to an API server; [`ops`] carries out what
//! is decided for sessions; [`flags`], [`report`], [`roster`], [`prompt`], [`schedules`], [`session_batch`], [`paced_run`] and [`verb`] talk to the user (`session-cli`).

pub use session_cli::{
    bulk_progress, flags, paced_run, prompt, report, roster, schedules, session_batch, verb,
};
pub use session_client as client;
pub use session_engine::{capacity, diagnosis, plan, reconcile, scheduled_run};
pub use session_model::{
    api, duration, encode, executable, failure, foreign_error, go_duration, labels, local_state,
    names, objects, progress, quantity, unicode,
};
pub use session_ops as ops;
pub use session_template as template;

pub use jiff::Timestamp;
pub use k8s_openapi;
pub use k8s_openapi::api::core::v1::Pod;
