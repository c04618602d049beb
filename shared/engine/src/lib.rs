//! What is to be done with a session, and why a session is as it is. Pure: no clock, no file, no cluster.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

pub mod capacity;
pub mod diagnosis;
pub mod plan;
pub mod reconcile;
pub mod scheduled_run;
