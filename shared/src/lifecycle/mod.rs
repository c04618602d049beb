//! The operations that change sessions on a cluster: start, stop, restart, delete, snapshot, restore, copy. Verbs call them after
//! their own validation.
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
//! from [`crate::reconcile`] and are sent by [`crate::cluster`]. Every step may be repeated: an interrupted operation is
//! finished by running it again.
//!
//! Beside the operations: `Confirmation` asks before data is destroyed, `trust` decides whether stored text may be run,
//! `preflight` checks quotas and classes before a start, `QuiesceHooks` run around a snapshot.

pub mod beginning;
pub mod checks;
pub mod consent;
pub mod copying;
mod counterparts;
pub mod deleting;
mod deletion_data;
pub mod manner;
pub mod pausing;
pub mod remembering;
pub mod restarting;
pub mod restoring;
mod rights;
pub mod settling;
mod snapshot_class;
mod snapshot_name;
mod snapshot_source;
pub mod snapshotting;
pub mod starting;
pub mod stopping;
pub mod template;
pub mod trust;
mod unfinished;
