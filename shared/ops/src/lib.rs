//! Operations on the sessions of a cluster: observe them, carry out a plan, start, stop, delete, snapshot, wait. Nothing here prints:
//! progress goes to a [`Sink`](session_model::progress::Sink), everything else is returned.

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
pub use controller::{CONTROLLER_LEASE, CONTROLLER_NAMESPACE};
pub use growing::Grown;
pub use present::Present;
pub use resizing::{NodeLoad, Resized};
