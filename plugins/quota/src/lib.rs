//! `kubectl session quota`: shows, limits and plans what sessions take.
//!
//! ```text
//! Args ─┬─► show ─► ListIntent ─► quotas or sessions and their objects ─► rows ─► table, documents
//! ```

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod args;
mod intent;
