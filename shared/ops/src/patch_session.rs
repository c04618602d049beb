//! Merge patches of a Session and its status. Each carries the Session's UID, so that a Session of the same name that has been
//! created since is never changed.

use anyhow::{Result, bail};
use serde_json::Value;

use crate::Cluster;
use session_client::WriteOptions;
use session_model::api::Session;
use session_model::objects::ownership::Ownership;
use session_model::objects::resource::SESSION;

/// Identity of a stored Session.
#[derive(Clone, Copy, Debug)]
pub struct SessionRef<'a> {
    namespace: &'a str,
    name: &'a str,
    uid: Option<&'a str>,
}

impl<'a> From<&'a Session> for SessionRef<'a> {
    fn from(session: &'a Session) -> Self {
        Self {
            namespace: session.namespace(),
            name: session.name(),
            uid: session.uid(),
        }
    }
}

impl<'a> From<&'a Ownership> for SessionRef<'a> {
    fn from(ownership: &'a Ownership) -> Self {
        Self {
            namespace: ownership.namespace.as_str(),
            name: ownership.session.as_str(),
            uid: ownership.session_uid.as_deref(),
        }
    }
}

impl Cluster {
    /// Sends a merge patch of a Session and returns the Session as stored. Sets the patch's metadata.uid.
    ///
    /// # Errors
    /// A Session without UID, before any request; otherwise as [`session_client::Cluster::merge_patch`]: Conflict if the
    /// Session has been deleted and created again.
    pub async fn patch_session<'a>(
        &self,
        session: impl Into<SessionRef<'a>>,
        patch: Value,
        write: &WriteOptions,
    ) -> Result<Value> {
        self.patch_part(session.into(), None, patch, write).await
    }

    /// Lets the server judge a merge patch of a Session before something else is written. Access reviews do not know admission
    /// policies, whose refusal would come only after those writes. Sends nothing if `write` is a dry run itself.
    ///
    /// # Errors
    /// As [`Cluster::patch_session`].
    pub async fn check_session_patch<'a>(
        &self,
        session: impl Into<SessionRef<'a>>,
        patch: Value,
        write: &WriteOptions,
    ) -> Result<()> {
        if write.dry_run {
            return Ok(());
        }
        let rehearsal = write.as_dry_run();
        self.patch_session(session, patch, &rehearsal)
            .await
            .map(drop)
    }

    /// Sends a merge patch of a Session's status and returns the Session as stored. Sets the patch's metadata.uid, which the
    /// server ignores here: a Session that has been created again is noticed by the answer's UID.
    ///
    /// # Errors
    /// As [`Cluster::patch_session`].
    pub async fn patch_status<'a>(
        &self,
        session: impl Into<SessionRef<'a>>,
        patch: Value,
        write: &WriteOptions,
    ) -> Result<Value> {
        let part = Some("status");
        self.patch_part(session.into(), part, patch, write).await
    }

    async fn patch_part(
        &self,
        session: SessionRef<'_>,
        part: Option<&str>,
        mut patch: Value,
        write: &WriteOptions,
    ) -> Result<Value> {
        let SessionRef {
            namespace,
            name,
            uid,
        } = session;
        let Some(uid) = uid else {
            bail!("cannot patch session {name:?}: metadata.uid is missing");
        };
        patch["metadata"]["uid"] = uid.into();
        self.merge_patch(&SESSION, namespace, name, part, &patch, write)
            .await
    }
}
