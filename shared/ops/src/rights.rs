//! Whether the caller may do all that ends a session, found before its first write.

use anyhow::Result;

use super::manner::Manner;
use super::stopping::{Present, STOP, Stopping, untouched};
use crate::Cluster;
use crate::chosen::Chosen;
use session_client::Permissions;
use session_model::api::Session;
use session_model::objects::access::Access;
use session_model::objects::resource::{SESSION, text};

impl Present {
    /// As [`Present::of`], and asks beside it about the rights that are `foreseen` for its end; a controller has rights of its own.
    ///
    /// # Errors
    /// As [`Present::of`]: what is forbidden is found later, by [`Present::require_stop`].
    pub async fn with_rights(
        cluster: &Cluster,
        permissions: &Permissions,
        chosen: Chosen,
        controller: bool,
        foreseen: impl FnOnce(&Session) -> Vec<Access>,
    ) -> Result<Self> {
        let needs = match controller {
            true => Vec::new(),
            false => foreseen(&chosen.session),
        };
        let namespace = text(&chosen.object, "/metadata/namespace").to_owned();
        let looked = Self::of(cluster, chosen, controller);
        futures::join!(looked, permissions.foresee(&namespace, &needs)).0
    }

    /// Finds whether the caller may do all that a stop does, and `more` after it, before anything is written.
    ///
    /// # Errors
    /// The first right that is missing, in the server's words.
    pub async fn require_stop(
        &self,
        manner: &Manner,
        more: &[Access],
        with: Stopping<'_>,
    ) -> Result<()> {
        // A controller does the work with rights of its own.
        if self.controller || with.write.dry_run {
            return Ok(());
        }
        let mut needs = self.plan(manner, with.now).accesses();
        needs.push(Access::to("patch", &SESSION, self.name()).part("status"));
        needs.extend_from_slice(more);
        let permitted = with.permissions.require(self.namespace(), &needs).await;
        permitted.map_err(|error| untouched(STOP, self.name(), error))
    }
}
