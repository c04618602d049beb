//! Phases of many sessions, by their Pods and workloads, in a number of requests that does not grow with the sessions: what `list`
//! shows, and what `--phase` selects by.
//!
//! ```text
//! Tables of Pods and workloads ─► SessionPods ─┐
//! rows or objects of Sessions ─────────────────┴► judge_sessions ─► Verdict
//!                                                   │ where these leave doubt
//!                                                   └► observe_workloads: one LIST of each kind ─► ObservedSession ─► Verdict
//! ```

mod judge;
mod last_write;
mod observe_workloads;
mod pod_rows;
mod read_pods;
mod verdict;

pub use pod_rows::{NamespacedName, SessionPods, namespaced_name};
pub use read_pods::{concat_pages, primary_pods};
pub use verdict::Verdict;
