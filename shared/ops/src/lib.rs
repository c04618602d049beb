//! The operations that change sessions on a cluster: start, stop, restart, delete, snapshot, restore, copy. Verbs call them after
//! their own validation. Nothing here prints: progress goes to a [`Sink`](session_model::progress::Sink), everything else is
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
//! from [`session_engine::reconcile`] and are sent by [`execute`]. Every step may be repeated: an interrupted operation is
//! finished by running it again.
//!
//! Beside the operations: `Confirmation` asks before data is destroyed, `trust` decides whether stored text may be run,
//! `preflight` checks quotas and classes before a start, `QuiesceHooks` run around a snapshot.

mod adoption;
mod apply;
pub mod beginning;
pub mod checks;
pub mod chosen;
mod claims;
mod cluster;
mod controller;
pub mod copying;
mod counterparts;
pub mod deleting;
mod deletion_data;
pub mod ending_session;
pub mod execute;
mod facts;
pub mod follow;
mod gone;
mod growing;
mod guard;
mod hook;
pub mod live;
pub mod manner;
pub mod missing_right;
mod patch_session;
pub mod pausing;
mod present;
pub mod remembering;
mod resizing;
pub mod restarting;
pub mod restoring;
mod rights;
pub mod settling;
mod snapshot_class;
mod snapshot_name;
mod snapshot_source;
pub mod snapshots;
pub mod snapshotting;
pub mod starting;
pub mod stopping;
pub mod template;
pub mod trust;
mod unfinished;
pub mod wait;
mod wait_phase;
mod whose;

#[cfg(test)]
mod tests;

pub use cluster::Cluster;
pub use controller::{CONTROLLER_LEASE, CONTROLLER_NAMESPACE, Driver};
pub use growing::ExpansionOutcome;
pub use patch_session::SessionRef;
pub use present::ObservedSession;
pub use resizing::{NodeLoad, ResizeWait};
