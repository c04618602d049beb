//! Checks of a stop, made before its first write: rights, and what admission policies say of the Session's patch.

use anyhow::Result;

use super::deletion::targets_session;
use super::stop::{StopContext, nothing_done_hint, stopped_state_patch};
use super::stop_options::StopOptions;
use super::verb_forms::VerbForms;
use crate::Cluster;
use crate::controller::Driver;
use crate::observed_session::ObservedSession;
use crate::selected_sessions::SelectedSession;
use session_client::{AccessReviews, WriteOptions};
use session_engine::plan::{Plan, Step};
use session_model::api::Session;
use session_model::objects::access::Access;
use session_model::objects::resource::SESSION;

impl ObservedSession {
    /// Reads a session as [`ObservedSession::read`] does and, at the same time, requests reviews of the `foreseen` rights, whose answers
    /// [`ObservedSession::require_stop_access`] then needs no request for. Asks nothing if a controller carries out the stop with its own rights.
    ///
    /// # Errors
    /// As [`ObservedSession::read`]. A missing right is no error here.
    pub async fn read_with_access_reviews(
        cluster: &Cluster,
        permissions: &AccessReviews,
        chosen: SelectedSession,
        driver: Driver,
        foreseen: impl FnOnce(&Session) -> Vec<Access>,
    ) -> Result<Self> {
        let needs = match driver {
            Driver::Controller => Vec::new(),
            Driver::Client => foreseen(&chosen.session),
        };
        let namespace = chosen.session.namespace().to_owned();
        let looked = Self::read(cluster, chosen, driver);
        futures::join!(looked, permissions.prefetch(&namespace, &needs)).0
    }

    /// Checks before the first write that the caller has the rights of a stop, and `more` rights for what follows it.
    ///
    /// # Errors
    /// The first missing right, in the server's words.
    pub async fn require_stop_access(
        &self,
        options: &StopOptions,
        more: &[Access],
        with: StopContext<'_>,
    ) -> Result<()> {
        // A controller stops the session with its own rights.
        if self.driver.is_controller() || with.write.dry_run {
            return Ok(());
        }
        let mut needs = self.plan_stop(options, with.now).required_permissions();
        needs.push(Access::new("patch", &SESSION, self.name()).on_subresource("status"));
        needs.extend_from_slice(more);
        let permitted = with.permissions.require(self.namespace(), &needs).await;
        permitted.map_err(|error| nothing_done_hint(options.verb, self.name(), error))
    }

    /// Lets the server judge the Session's patch if `plan` does something else before it, as the sync hook does, or the removal of the
    /// workload where an interrupted stop has patched the Session already.
    ///
    /// # Errors
    /// Refusals of the server, with the hint that nothing has been written.
    pub(super) async fn check_state_patch(
        &self,
        cluster: &Cluster,
        plan: &Plan,
        verb: VerbForms,
        write: &WriteOptions,
    ) -> Result<()> {
        let mut before = plan.steps().take_while(|step| !targets_session(step));
        if before.all(|step| matches!(step, Step::WaitDeleted { .. })) {
            return Ok(());
        }
        let checked = cluster.check_session_patch(&self.session, stopped_state_patch(), write);
        let checked = checked.await;
        checked.map_err(|error| nothing_done_hint(verb, self.name(), error))
    }
}
