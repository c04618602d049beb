//! How a session is stopped, as the flags of every verb that stops one say it.

use std::time::Duration;

/// How a session is stopped.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    /// Goes on without the sync hook.
    pub skip_sync: bool,
    /// Whether to wait until its Pods are gone.
    pub wait: bool,
    /// How long.
    pub limit: Duration,
}

/// So long a session may take to end when nothing is said: a sync hook may take five minutes, a Pod's grace period some more.
const USUAL: Duration = Duration::from_secs(600);

impl Manner {
    /// Without a `limit`, the usual one.
    pub fn new(wait: bool, limit: Option<Duration>, skip_sync: bool) -> Self {
        Self {
            skip_sync,
            wait,
            limit: limit.unwrap_or(USUAL),
        }
    }

    /// Of a stop that a start comes after: that waits for it, whatever was asked.
    pub fn before_start(limit: Option<Duration>, skip_sync: bool) -> Self {
        Self::new(true, limit, skip_sync)
    }
}
