//! The sessions that a command line selects, read from the server.

use anyhow::{Result, bail};
use futures::{StreamExt, TryStreamExt};
use serde_json::Value;

use crate::Cluster;
use crate::session_objects::with_setup_hint;
use session_client::{ListOptions, Scope, not_found_error, parse_object};
use session_model::api::Session;
use session_model::names::SessionName;
use session_model::objects::resource::SESSION;

/// Number of sessions that one command processes at the same time: sixty sessions end within a minute without loading an
/// API server.
pub const MAX_CONCURRENT_SESSIONS: usize = 16;

/// The sessions a command acts on; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionSelection {
    /// Sessions by name, each once.
    ByName(Vec<SessionName>),
    /// Sessions of the namespace that match a label selector; the empty selector matches all.
    BySelector(String),
}

/// A Session as it is stored on the server.
#[derive(Clone, Debug)]
pub struct SelectedSession {
    /// The typed Session, without unknown fields.
    pub session: Session,
    /// The Session as JSON, with every field.
    pub object: Value,
}

impl Cluster {
    /// Reads the sessions that `which` selects, in its order. A session that was named and does not exist is an error at
    /// its position; the others are still returned.
    ///
    /// # Errors
    /// Whatever the server refuses.
    pub async fn get_selected_sessions(
        &self,
        namespace: &str,
        which: &SessionSelection,
    ) -> Result<Vec<Result<SelectedSession>>> {
        match which {
            SessionSelection::BySelector(selector) => {
                let select = ListOptions::with_labels(selector.clone());
                let scope = Scope::Namespace(namespace);
                let list = with_setup_hint(self.list(&SESSION, scope, &select).await)?;
                list.items
                    .into_iter()
                    .map(|item| SelectedSession::parse(item).map(Ok))
                    .collect()
            }
            SessionSelection::ByName(names) => {
                let reads = futures::stream::iter(names)
                    .map(|name| self.find_selected_session(namespace, name));
                reads.buffered(MAX_CONCURRENT_SESSIONS).try_collect().await
            }
        }
    }

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
    async fn find_selected_session(
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
