//! The decision between a controller and this process as driver of a session, and the Lease that it depends on.

use anyhow::Result;

use crate::Cluster;

/// Name of the Lease that a controller holds.
pub const CONTROLLER_LEASE: &str = "session-controller";
/// Namespace of the Lease that a controller for all namespaces holds.
pub const CONTROLLER_NAMESPACE: &str = "session-system";

/// The process that carries out what a Session asks for: makes, stops and deletes its objects and writes its status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Driver {
    /// This process, with the caller's rights.
    Client,
    /// A controller in the cluster, with its own rights: this process only writes the Session and waits.
    Controller,
}

impl Driver {
    /// Returns true for [`Driver::Controller`].
    pub fn is_controller(self) -> bool {
        self == Self::Controller
    }
}

impl Cluster {
    /// Returns the driver of the sessions in `namespace`: the `forced` one if given, which sends no request; else a controller
    /// if one is alive, and this process if none is.
    ///
    /// # Errors
    /// A Lease that cannot be read for another reason than a missing right.
    pub async fn choose_driver(&self, namespace: &str, forced: Option<Driver>) -> Result<Driver> {
        match forced {
            Some(driver) => Ok(driver),
            None if self.is_controller_alive(namespace).await? => Ok(Driver::Controller),
            None => Ok(Driver::Client),
        }
    }

    /// Returns true if a controller is running for `namespace`: one for all namespaces, or one for this namespace alone.
    /// A Lease is valid until its renewTime plus duration, by the server's clock. A Lease that the caller may not read
    /// counts as absent.
    ///
    /// # Errors
    /// Any other Failure.
    pub(crate) async fn is_controller_alive(&self, namespace: &str) -> Result<bool> {
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
