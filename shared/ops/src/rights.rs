//! Access checks of a stop, made before its first write.

use anyhow::Result;

use super::manner::Manner;
use super::stopping::{Present, STOP, Stopping, untouched};
use crate::Cluster;
use crate::chosen::Chosen;
use crate::controller::Driver;
use session_client::Permissions;
use session_model::api::Session;
use session_model::objects::access::Access;
use session_model::objects::resource::{SESSION, text};

impl Present {
    /// Reads a session as [`Present::of`] does and, at the same time, requests reviews of the `foreseen` rights, whose answers
    /// [`Present::require_stop`] then needs no request for. Asks nothing if a controller carries out the stop with its own rights.
    ///
    /// # Errors
    /// As [`Present::of`]. A missing right is no error here.
    pub async fn with_rights(
        cluster: &Cluster,
        permissions: &Permissions,
        chosen: Chosen,
        driver: Driver,
        foreseen: impl FnOnce(&Session) -> Vec<Access>,
    ) -> Result<Self> {
        let needs = match driver {
            Driver::Controller => Vec::new(),
            Driver::Client => foreseen(&chosen.session),
        };
        let namespace = text(&chosen.object, "/metadata/namespace").to_owned();
        let looked = Self::of(cluster, chosen, driver);
        futures::join!(looked, permissions.foresee(&namespace, &needs)).0
    }

    /// Checks before the first write that the caller has the rights of a stop, and `more` rights for what follows it.
    ///
    /// # Errors
    /// The first missing right, in the server's words.
    pub async fn require_stop(
        &self,
        manner: &Manner,
        more: &[Access],
        with: Stopping<'_>,
    ) -> Result<()> {
        // A controller stops the session with its own rights.
        if self.driver.is_controller() || with.write.dry_run {
            return Ok(());
        }
        let mut needs = self.plan(manner, with.now).accesses();
        needs.push(Access::to("patch", &SESSION, self.name()).part("status"));
        needs.extend_from_slice(more);
        let permitted = with.permissions.require(self.namespace(), &needs).await;
        permitted.map_err(|error| untouched(STOP, self.name(), error))
    }
}
