//! Whether a controller looks after a namespace.

use anyhow::Result;

use crate::Cluster;
/// Name of the Lease a controller holds.
pub const CONTROLLER_LEASE: &str = "session-controller";
/// Namespace of the Lease of a controller for all namespaces.
pub const CONTROLLER_NAMESPACE: &str = "session-system";

impl Cluster {
    /// True if a controller looks after `namespace`: one for all namespaces, or one for this alone. What we may not see does
    /// not count. By the server's clock, not ours.
    ///
    /// # Errors
    /// A Failure.
    pub async fn controller_alive(&self, namespace: &str) -> Result<bool> {
        if namespace == CONTROLLER_NAMESPACE {
            return self.is_lease_held(namespace, CONTROLLER_LEASE).await;
        }
        let (all, one) = futures::future::join(
            self.is_lease_held(CONTROLLER_NAMESPACE, CONTROLLER_LEASE),
            self.is_lease_held(namespace, CONTROLLER_LEASE),
        )
        .await;
        // One that is alive is enough, whatever happened to the other question.
        match (all, one) {
            (Ok(true), _) | (_, Ok(true)) => Ok(true),
            (all, one) => Ok(all? || one?),
        }
    }
}
