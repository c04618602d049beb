//! A session's life: bringing it up and putting it to rest. What create, stop, start, resize and connect share of it.

pub mod beginning;
pub mod checks;
pub mod consent;
pub mod restarting;
pub mod settling;
pub mod starting;
pub mod stopping;
pub mod template;
mod trust;
