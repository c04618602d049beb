//! Questions to the user, and what is said around a start: the texts that several verbs share.

pub mod confirmation;
pub mod started;
pub mod trust;
