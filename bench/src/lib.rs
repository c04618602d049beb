//! Measurements, each a program: `start`, `list`, `status`, `create`, `connect`, `forward`, `diagnosis`, `restart`,
//! `snapshot`, `requests`, `cleanup`, `size` and `template`.
//!
//! Times are never judged alone. Rivals run by turns in one run, so that whatever slows this machine down slows both,
//! and what is judged is the ratio of their medians, or the median of their differences.

pub mod figure;
pub mod forwarding;
pub mod process;
pub mod program;
pub mod raw;
pub mod requests;
pub mod sessions;
pub mod user;
