//! Names, labels, quantities, the Session API and Kubernetes objects as plain data.
//!
//! From inner to outer: unicode, names, encode, labels, failure, programs, quantity, duration, state, api, progress, objects.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

pub mod api;
pub mod duration;
pub mod encode;
pub mod executable;
pub mod failure;
pub mod foreign_error;
pub mod go_duration;
pub mod labels;
pub mod local_state;
pub mod names;
pub mod objects;
pub mod progress;
pub mod quantity;
pub mod unicode;
