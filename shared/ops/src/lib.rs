//! The operations that change sessions on a cluster: start, stop, restart, delete, snapshot, restore, copy. Verbs call them after
//! their own validation. Nothing here prints: progress goes to a [`Sink`](session_model::progress::ProgressSink), everything else is
//! returned.
//!
//! ```text
//!            ObservedSession ◄── Session and its objects, read from the cluster
//!                  │
//!      ┌───────────┼───────────────┬───────────────────┬──────────────────┐
//! StopOptions  StartOptions    dataPolicy        SnapshotOptions      snapshots
//!      │           │               │                   │                  │
//!      ▼           ▼               ▼                   ▼                  ▼
//!    stop      StartPlan        Deletion          SnapshotPlan    ClaimRestorePlan, ClonePlan
//!      │           │               │                   │                  │
//!      │     start ▼               │ (takes a          ▼                  ▼
//!      │        Started            │  SnapshotPlan   VolumeSnapshots   claims, CloneOutcome
//!      │           │               │  first)
//!      ▼           ▼ wait_ready    ▼
//!   Session     endpoint        (deleted)
//! ```
//!
//! Every operation is validated before its first write: a plan type (`StartPlan`, `Deletion`, `SnapshotPlan`,
//! `ClaimRestorePlan`, `ClonePlan`) exists only if all mistakes of the user and all missing rights have been found. The steps come
//! from [`session_engine::reconcile`] and are sent by [`apply_plan`]. Every step may be repeated: an interrupted operation is
//! finished by running it again.
//!
//! Beside the operations: `Confirmation` asks before data is destroyed, `trust` decides whether stored text may be run,
//! `preflight` checks quotas and classes before a start, `hours_check` the owner's budget of running hours, `QuiesceHooks` run around a snapshot, and `container_archive` copies files out
//! of a container and into it.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod admission_policy;
mod adopt;
mod apply_existing;
pub mod apply_plan;
mod checked_list;
mod choose_container;
mod claim_mapping;
pub mod claim_restore;
pub mod clone_plan;
mod cluster;
pub mod container_archive;
mod controller;
mod create_or_adopt;
mod custom_workload;
pub mod deletion;
mod deletion_data;
mod explain_cause;
pub mod finish_start;
pub mod fit_facts;
pub mod follow_logs;
pub mod hours_check;
mod incomplete_copy;
pub mod missing_kinds;
pub mod missing_right;
mod name_conflict;
pub mod namespace_demand;
pub mod node_demands;
mod objects_by_name;
pub mod observed_session;
mod patch_session;
pub mod planned_object;
pub mod preflight;
pub mod quiesce_hooks;
pub mod quota_use;
pub mod read_schedule;
pub mod restart;
pub mod room;
pub mod room_nodes;
pub mod room_wait;
mod run_hook;
pub mod run_records;
pub mod selected_sessions;
pub mod session_events;
pub mod session_losses;
pub mod session_objects;
pub mod session_parts;
pub mod session_phases;
pub mod session_record;
pub mod session_selection;
mod snapshot_classes;
mod snapshot_name;
pub mod snapshot_plan;
mod snapshot_source;
pub mod start;
pub mod start_plan;
pub mod stop;
mod stop_access;
pub mod stop_options;
mod stored_secrets;
pub mod template_lookup;
pub mod trust;
mod unread_workload;
pub mod verb_forms;
mod wait_claim_bound;
mod wait_counted;
mod wait_deleted;
pub mod wait_error;
mod wait_expanded;
mod wait_phase;
pub mod wait_ready;
mod wait_resized;
pub mod wait_snapshots;

#[cfg(test)]
mod tests;

pub use choose_container::ContainerTarget;
pub use cluster::Cluster;
pub use controller::{CONTROLLER_LEASE, CONTROLLER_NAMESPACE, Driver};
pub use custom_workload::{
    check_stoppable, custom_primary, makes_custom_objects, may_be_of_custom, pod_selector,
};
pub use observed_session::ObservedSession;
pub use patch_session::SessionRef;
pub use wait_expanded::ExpansionOutcome;
pub use wait_resized::{NodeLoad, ResizeWait};
