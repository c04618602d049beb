//! Reads the sessions to extend and their templates.

use anyhow::{Result, anyhow};
use session_shared::Timestamp;
use session_shared::api::Session;
use session_shared::ops::read_schedule::read_stop_start_schedules;
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
        let has_stops = session.expires_at().is_none() && has_stops(cluster, session).await?;
        let (template, expiry) = (template.as_ref(), intent.expiry);
        let extension = plan_extension(session, template, expiry, has_stops, now)?;
        Ok(SessionExtension {
            selected,
            extension,
            driver,
        })
    };
    Ok(sessions.map(plan).await)
}

/// Returns true if a schedule stops the session.
async fn has_stops(cluster: &Cluster, session: &Session) -> Result<bool> {
    let schedules = read_stop_start_schedules(cluster, session).await?;
    let mut actions = schedules.iter().map(|one| one.action.as_deref());
    Ok(actions.any(|action| action == Some("stop")))
}
