//! Reads the sessions to extend and their templates.

use anyhow::{Result, anyhow};
use session_shared::Timestamp;
use session_shared::ops::selected_sessions::SelectedSession;
use session_shared::ops::{Cluster, Driver, template_lookup};
use session_shared::session_batch::SessionBatch;

use crate::intent::Intent;
use crate::plan::{Extension, plan_extension};

/// One session and its extension.
pub(crate) struct SessionExtension {
    pub(crate) selected: SelectedSession,
    /// New lifetime; `None` if the session expires at the wanted time already.
    pub(crate) extension: Option<Extension>,
    /// The process that writes the session's status.
    pub(crate) driver: Driver,
}

/// The sessions with their extensions.
pub(crate) type Observed = SessionBatch<SessionExtension>;

/// Reads the sessions and their templates, and computes the extension of each.
///
/// # Errors
/// Refusals of the server. An error of one session does not fail the call: it is an item of the result.
pub(crate) async fn plan_extensions(
    cluster: &Cluster,
    intent: &Intent,
    now: Timestamp,
) -> Result<Observed> {
    let (sessions, driver) = SessionBatch::select(cluster, &intent.selection).await?;
    let plan = async |selected: SelectedSession| {
        selected.ensure_not_deleting()?;
        let session = &selected.session;
        let template = match session.spec.template_name() {
            Some(template) => {
                let found = template_lookup::find_template(cluster, template).await?;
                let missing = || {
                    let name = session.name();
                    anyhow!(
                        "cannot extend session {name:?}: template {template:?}, which limits the lifetime, does not exist"
                    )
                };
                Some(found.ok_or_else(missing)?)
            }
            None => None,
        };
        let extension = plan_extension(session, template.as_ref(), intent.expiry, now)?;
        Ok(SessionExtension {
            selected,
            extension,
            driver,
        })
    };
    Ok(sessions.map(plan).await)
}
