//! A session's life: bringing it up and putting it to rest. What the verbs that change sessions share of it.

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
