//! A session as a command reads it by name from the server.

use anyhow::{Result, bail};
use serde_json::Value;

use crate::Cluster;
use crate::session_objects::with_setup_hint;
use session_client::{not_found_error, parse_object};
use session_model::api::Session;
use session_model::names::SessionName;
use session_model::objects::resource::SESSION;

/// Number of sessions that one command processes at the same time: sixty sessions end within a minute without loading an
/// API server.
pub const MAX_CONCURRENT_SESSIONS: usize = 16;

/// A Session as it is stored on the server.
#[derive(Clone, Debug)]
pub struct SelectedSession {
    /// The typed Session, without unknown fields.
    pub session: Session,
    /// The Session as JSON, with every field.
    pub object: Value,
}

impl Cluster {
    /// Reads a session by name.
    ///
    /// # Errors
    /// A session that does not exist; whatever the server refuses.
    pub async fn get_selected_session(
        &self,
        namespace: &str,
        name: &SessionName,
    ) -> Result<SelectedSession> {
        self.find_selected_session(namespace, name).await?
    }

    /// Reads a session by name; that it does not exist is the inner error.
    pub(crate) async fn find_selected_session(
        &self,
        namespace: &str,
        name: &SessionName,
    ) -> Result<Result<SelectedSession>> {
        match with_setup_hint(self.get(&SESSION, namespace, name.as_str()).await)? {
            Some(object) => SelectedSession::parse(object).map(Ok),
            None => Ok(Err(not_found_error(&SESSION, name.as_str()))),
        }
    }
}

impl SelectedSession {
    /// Parses a Session that the server returned.
    ///
    /// # Errors
    /// A field of another type than the API defines.
    pub fn parse(object: Value) -> Result<Self> {
        let session = parse_object(object.clone())?;
        Ok(Self { session, object })
    }

    /// Checks that the session is not being deleted.
    ///
    /// # Errors
    /// A session with a deletionTimestamp.
    pub fn ensure_not_deleting(&self) -> Result<()> {
        if self.session.is_being_deleted() {
            let name = self.session.name();
            bail!("session {name:?} is being deleted");
        }
        Ok(())
    }
}
