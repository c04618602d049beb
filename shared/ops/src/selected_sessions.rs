//! The sessions that a command line selects, read from the server.

use anyhow::{Result, anyhow, bail};
use futures::{StreamExt, TryStreamExt};
use serde_json::Value;

use crate::Cluster;
use crate::session_objects::with_setup_hint;
use session_client::{ListOptions, Scope, not_found_error, parse_object};
use session_model::api::Session;
use session_model::failure::with_hint;
use session_model::names::{NamespaceName, SessionName, TemplateName, UserId};
use session_model::objects::resource::SESSION;

/// Number of sessions that one command processes at the same time: sixty sessions end within a minute without loading an
/// API server.
pub const MAX_CONCURRENT_SESSIONS: usize = 16;

/// The sessions a command acts on; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionSelection {
    /// Sessions by name, each once.
    ByName(Vec<SessionName>),
    /// Sessions of the namespace that match a query.
    BySelector(SessionQuery),
    /// Sessions of a roster, each of which must belong to the user that the roster names.
    ByRoster(Vec<RosterSession>),
}

/// Conditions that selected sessions meet, all of them; the default matches every session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionQuery {
    /// Label selector; empty for all sessions.
    pub selector: String,
    /// Template of the sessions.
    pub template: Option<TemplateName>,
    /// Owner of the sessions.
    pub user_id: Option<UserId>,
}

impl SessionQuery {
    /// Returns the flags that make this query, for a command line.
    pub fn to_flags(&self) -> Vec<String> {
        let template = self.template.as_ref().map(TemplateName::as_str);
        let user = self.user_id.as_ref().map(UserId::as_str);
        let selector = Some(self.selector.as_str()).filter(|selector| !selector.is_empty());
        let flags = [
            ("-l", selector),
            ("--template", template),
            ("--user-id", user),
        ];
        let given = flags
            .into_iter()
            .filter_map(|(flag, value)| Some([flag, value?]));
        let words: Vec<String> = given.flatten().map(str::to_owned).collect();
        match words.is_empty() {
            true => vec!["--all".to_owned()],
            false => words,
        }
    }

    /// Reads the flags that [`SessionQuery::to_flags`] has written at the beginning of `words`. `None` if there are none.
    pub fn from_flags(words: &[String]) -> Option<Self> {
        let mut query = Self::default();
        let mut words = words.iter();
        let mut found = false;
        while let Some(flag) = words.next() {
            match flag.as_str() {
                "--all" => return Some(query),
                "-l" => query.selector.clone_from(words.next()?),
                "--template" => query.template = Some(words.next()?.parse().ok()?),
                "--user-id" => query.user_id = Some(words.next()?.parse().ok()?),
                _ => break,
            }
            found = true;
        }
        found.then_some(query)
    }

    /// Returns true if the session meets the conditions that are no labels: template and owner.
    pub fn matches(&self, session: &Session) -> bool {
        let template = self.template.as_ref().map(TemplateName::as_str);
        let user = self.user_id.as_ref().map(UserId::as_str);
        template.is_none_or(|template| session.spec.template_name() == Some(template))
            && user.is_none_or(|user| session.spec.user_id == user)
    }
}

/// A session as a roster names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RosterSession {
    /// Name of the session.
    pub name: SessionName,
    /// User to whom it must belong.
    pub user: UserId,
    /// Namespace, if the roster names one.
    pub namespace: Option<NamespaceName>,
}

impl RosterSession {
    /// Checks that a session found by name is the one that the roster means.
    ///
    /// # Errors
    /// A session of another user.
    fn check_owner(&self, found: SelectedSession) -> Result<SelectedSession> {
        let (name, owner) = (self.name.as_str(), found.session.spec.user_id.as_str());
        if owner != self.user.as_str() {
            bail!("session {name:?} belongs to another user than in the roster: {owner:?}");
        }
        Ok(found)
    }
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
            SessionSelection::BySelector(query) => {
                let select = ListOptions::with_labels(query.selector.clone());
                let scope = Scope::Namespace(namespace);
                let list = with_setup_hint(self.list(&SESSION, scope, &select).await)?;
                let sessions = list.items.into_iter().map(SelectedSession::parse);
                let is_selected = |selected: &Result<SelectedSession>| {
                    let selected = selected.as_ref();
                    selected.map_or(true, |selected| query.matches(&selected.session))
                };
                sessions
                    .filter(is_selected)
                    .map(|selected| selected.map(Ok))
                    .collect()
            }
            SessionSelection::ByRoster(sessions) => {
                let reads = futures::stream::iter(sessions)
                    .map(|session| self.find_roster_session(namespace, session));
                reads.buffered(MAX_CONCURRENT_SESSIONS).try_collect().await
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

    /// Reads a session of a roster. That it is in another namespace, does not exist or belongs to somebody else is the inner error.
    async fn find_roster_session(
        &self,
        namespace: &str,
        session: &RosterSession,
    ) -> Result<Result<SelectedSession>> {
        let name = session.name.as_str();
        match &session.namespace {
            Some(other) if other.as_str() != namespace => {
                let error = anyhow!(
                    "session {name:?} is in namespace {:?}, according to the roster",
                    other.as_str()
                );
                let hint = "run the command once for each namespace: -n NAMESPACE";
                Ok(Err(with_hint(error, hint)))
            }
            _ => {
                let found = self.find_selected_session(namespace, &session.name).await?;
                Ok(found.and_then(|found| session.check_owner(found)))
            }
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_read_as_it_was_written() {
        let query = |selector: &str, template: Option<&str>, user: Option<&str>| SessionQuery {
            selector: selector.to_owned(),
            template: template.map(|name| name.parse().unwrap()),
            user_id: user.map(|id| id.parse().unwrap()),
        };
        for (query, words) in [
            (query("", None, None), "--all"),
            (query("a=b,c!=d", None, None), "-l a=b,c!=d"),
            (
                query("a=b", Some("lab"), Some("alice@example.com")),
                "-l a=b --template lab --user-id alice@example.com",
            ),
        ] {
            let mut flags = query.to_flags();
            assert_eq!(flags.join(" "), words);
            flags.extend(["--yes".to_owned(), "--template".to_owned()]);
            assert_eq!(SessionQuery::from_flags(&flags), Some(query));
        }
        assert_eq!(SessionQuery::from_flags(&["alice".to_owned()]), None);
        assert_eq!(SessionQuery::from_flags(&[]), None);
    }
}
