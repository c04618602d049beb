//! The Lease of a controller.

use anyhow::Result;

use crate::Cluster;
/// Name of the Lease that a controller holds.
pub const CONTROLLER_LEASE: &str = "session-controller";
/// Namespace of the Lease that a controller for all namespaces holds.
pub const CONTROLLER_NAMESPACE: &str = "session-system";

impl Cluster {
    /// Returns true if a controller is running for `namespace`: one for all namespaces, or one for this namespace alone.
    /// A Lease is valid until its renewTime plus duration, by the server's clock. A Lease that the caller may not read
    /// counts as absent.
    ///
    /// # Errors
    /// Any other Failure.
    pub async fn controller_alive(&self, namespace: &str) -> Result<bool> {
        if namespace == CONTROLLER_NAMESPACE {
            return self.is_lease_held(namespace, CONTROLLER_LEASE).await;
        }
        let (all, one) = futures::future::join(
            self.is_lease_held(CONTROLLER_NAMESPACE, CONTROLLER_LEASE),
            self.is_lease_held(namespace, CONTROLLER_LEASE),
        )
        .await;
        // One valid Lease is enough, even if the other read failed.
        match (all, one) {
            (Ok(true), _) | (_, Ok(true)) => Ok(true),
            (all, one) => Ok(all? || one?),
        }
    }
}
