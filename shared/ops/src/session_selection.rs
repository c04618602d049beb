//! The sessions that a command line selects: one model for every verb that takes several sessions.
//!
//! ```text
//! SessionSelection ─► names: GET each ──────────────────────────► SelectedSession or its error, in order
//!                  ├─► query: LIST, SessionQuery, phases ───────┤
//!                  └─► roster: GET each, or one LIST, check ────┘
//! ```

use std::collections::{BTreeMap, HashMap};

use anyhow::{Result, anyhow, bail};
use futures::{StreamExt, TryStreamExt};

use crate::Cluster;
use crate::selected_sessions::{MAX_CONCURRENT_SESSIONS, SelectedSession};
use crate::session_objects::with_setup_hint;
use crate::session_parts::OnFailure;
use session_client::{ListOptions, Scope, not_found_error};
use session_model::api::{Phase, Session};
use session_model::failure::{self, FailureKind, with_hint};
use session_model::names::{NamespaceName, SessionName, TemplateName, UserId};
use session_model::objects::resource::SESSION;
use session_model::objects::table::{Row, Table};

/// Number of sessions of a roster that are read one by one, which needs no right to list.
pub const MOST_GETS: usize = 50;

/// The sessions a command acts on; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionSelection {
    /// Sessions by name, each once.
    ByName(Vec<SessionName>),
    /// Sessions of the namespace that match a query.
    BySelector(SessionQuery),
    /// Sessions of a roster, each of which must belong to the user that the roster names.
    ByRoster(RosterSelection),
}

impl SessionSelection {
    /// Returns the name if the command line names exactly one session.
    pub fn single_name(&self) -> Option<&SessionName> {
        match self {
            SessionSelection::ByName(names) => match names.as_slice() {
                [name] => Some(name),
                _ => None,
            },
            SessionSelection::BySelector(_) | SessionSelection::ByRoster(_) => None,
        }
    }
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
    /// Phases of the sessions, as computed from their Pods; empty for all.
    pub phases: Vec<Phase>,
}

impl SessionQuery {
    /// Returns the flags that make this query, for a command line.
    pub fn to_flags(&self) -> Vec<String> {
        let template = self.template.as_ref().map(|name| name.as_str().to_owned());
        let user = self.user_id.as_ref().map(|user| user.as_str().to_owned());
        let selector = Some(self.selector.clone()).filter(|selector| !selector.is_empty());
        let phases: Vec<&str> = self.phases.iter().map(|phase| phase.as_str()).collect();
        let phases = Some(phases.join(",")).filter(|phases| !phases.is_empty());
        let flags = [
            ("-l", selector),
            ("--template", template),
            ("--user-id", user),
            ("--phase", phases),
        ];
        let given = flags
            .into_iter()
            .filter_map(|(flag, value)| Some([flag.to_owned(), value?]));
        let words: Vec<String> = given.flatten().collect();
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
                "--phase" => {
                    let phase_of =
                        |word| Phase::ALL.into_iter().find(|phase| phase.as_str() == word);
                    query.phases = words
                        .next()?
                        .split(',')
                        .map(phase_of)
                        .collect::<Option<_>>()?;
                }
                _ => break,
            }
            found = true;
        }
        found.then_some(query)
    }

    /// Returns true for a session of the wanted template and owner, whatever its labels and phase.
    pub fn matches(&self, session: &Session) -> bool {
        self.has_owner(Some(&session.spec.user_id))
            && self.has_template(session.spec.template_name())
    }

    /// Returns true if a session of this owner is selected.
    pub fn has_owner(&self, owner: Option<&str>) -> bool {
        let wanted = self.user_id.as_ref().map(UserId::as_str);
        wanted.is_none() || wanted == owner
    }

    /// Returns true if a session of this template is selected.
    pub fn has_template(&self, template: Option<&str>) -> bool {
        let wanted = self.template.as_ref().map(TemplateName::as_str);
        wanted.is_none() || wanted == template
    }

    /// Returns true if a session in this phase is selected.
    pub fn has_phase(&self, phase: Phase) -> bool {
        self.phases.is_empty() || self.phases.contains(&phase)
    }
}

/// The sessions of a roster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RosterSelection {
    /// Name of the roster, for messages.
    pub label: String,
    /// Its sessions, each once.
    pub sessions: Vec<RosterSession>,
}

/// A session as a roster names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RosterSession {
    /// Line of the roster.
    pub line: u64,
    /// Name of the session.
    pub name: SessionName,
    /// User to whom it must belong.
    pub user: UserId,
    /// Namespace, if the roster names one.
    pub namespace: Option<NamespaceName>,
}

impl RosterSelection {
    /// Leaves out the rows of other namespaces than that of the command. Returns a note that names them, if there are any.
    ///
    /// # Errors
    /// No row is left.
    pub fn keep_namespace(&mut self, namespace: &str) -> Result<Option<String>> {
        let mut others: BTreeMap<String, usize> = BTreeMap::new();
        self.sessions.retain(|session| {
            let other = session.namespace.as_ref().map(NamespaceName::as_str);
            let other = other.filter(|other| *other != namespace);
            if let Some(other) = other {
                *others.entry(other.to_owned()).or_default() += 1;
            }
            other.is_none()
        });
        if others.is_empty() {
            return Ok(None);
        }
        let flags: Vec<String> = others.keys().map(|other| format!("-n {other}")).collect();
        let hint = format!("run the command once for each: {}", flags.join(", "));
        if self.sessions.is_empty() {
            let error = anyhow!("{} has no row of namespace {namespace:?}", self.label);
            return Err(with_hint(error, hint));
        }
        let counts = others.iter();
        let counts: Vec<String> = counts
            .map(|(other, count)| format!("{other:?} ({count})"))
            .collect();
        let counts = counts.join(", ");
        Ok(Some(format!(
            "rows of other namespaces left out: {counts}; {hint}"
        )))
    }
}

impl RosterSession {
    /// Checks that a session found by name belongs to the user of the roster.
    ///
    /// # Errors
    /// A session of another user.
    pub fn check_owner(&self, owner: &str) -> Result<()> {
        if owner != self.user.as_str() {
            let name = self.name.as_str();
            bail!("session {name:?} belongs to another user than in the roster: {owner:?}");
        }
        Ok(())
    }
}

impl Cluster {
    /// Reads the sessions of a selection, in its order. A session that was named and does not exist is an error at its position, and
    /// so is one of a roster that is another user's; the others are still returned. Rows of other namespaces must have been left out.
    ///
    /// # Errors
    /// Whatever the server refuses.
    pub async fn get_selected_sessions(
        &self,
        namespace: &str,
        selection: &SessionSelection,
    ) -> Result<Vec<Result<SelectedSession>>> {
        match selection {
            SessionSelection::BySelector(query) => {
                let found = self.query_sessions(namespace, query).await?;
                Ok(found.into_iter().map(Ok).collect())
            }
            SessionSelection::ByRoster(RosterSelection { sessions, .. })
                if sessions.len() > MOST_GETS =>
            {
                match self.list_roster_sessions(namespace, sessions).await {
                    // The right to get sessions is enough, however long that takes.
                    Err(error) if failure::has_kind(&error, FailureKind::Forbidden) => {
                        self.get_roster_sessions(namespace, sessions).await
                    }
                    found => found,
                }
            }
            SessionSelection::ByRoster(RosterSelection { sessions, .. }) => {
                self.get_roster_sessions(namespace, sessions).await
            }
            SessionSelection::ByName(names) => {
                let reads = futures::stream::iter(names)
                    .map(|name| self.find_selected_session(namespace, name));
                reads.buffered(MAX_CONCURRENT_SESSIONS).try_collect().await
            }
        }
    }

    async fn query_sessions(
        &self,
        namespace: &str,
        query: &SessionQuery,
    ) -> Result<Vec<SelectedSession>> {
        let select = ListOptions::with_labels(query.selector.clone());
        let scope = Scope::Namespace(namespace);
        let list = with_setup_hint(self.list(&SESSION, scope, &select).await)?;
        let found = list.items.into_iter().map(SelectedSession::parse);
        let mut found = found.collect::<Result<Vec<_>>>()?;
        found.retain(|selected| query.matches(&selected.session));
        if query.phases.is_empty() {
            return Ok(found);
        }
        // The same verdict as in `list`; a phase that cannot be computed is never guessed.
        let pods = self.read_session_pods(scope, &[], select.limit).await?;
        let row = |selected: &SelectedSession| Row {
            object: selected.object.clone(),
            ..Row::default()
        };
        let rows: Vec<Row> = found.iter().map(row).collect();
        let (rows, columns) = (rows.iter().collect::<Vec<_>>(), Table::default());
        let verdicts = self.judge_sessions(&rows, &columns, &pods, OnFailure::Fail);
        let judged = found.into_iter().zip(verdicts.await?);
        let judged = judged.filter(|(_, verdict)| query.has_phase(verdict.standing.phase));
        Ok(judged.map(|(selected, _)| selected).collect())
    }

    async fn get_roster_sessions(
        &self,
        namespace: &str,
        sessions: &[RosterSession],
    ) -> Result<Vec<Result<SelectedSession>>> {
        let reads = futures::stream::iter(sessions)
            .map(|session| self.find_roster_session(namespace, session));
        reads.buffered(MAX_CONCURRENT_SESSIONS).try_collect().await
    }

    /// Reads the sessions of a long roster by one LIST.
    async fn list_roster_sessions(
        &self,
        namespace: &str,
        sessions: &[RosterSession],
    ) -> Result<Vec<Result<SelectedSession>>> {
        let all = ListOptions::default();
        let list = self.list(&SESSION, Scope::Namespace(namespace), &all);
        let list = with_setup_hint(list.await)?;
        let found = list.items.into_iter().map(SelectedSession::parse);
        let found = found.map(|found| found.map(|found| (found.session.name().to_owned(), found)));
        let found: HashMap<String, SelectedSession> = found.collect::<Result<_>>()?;
        let find = |session: &RosterSession| {
            let name = session.name.as_str();
            let found = found.get(name).cloned();
            let found = found.ok_or_else(|| not_found_error(&SESSION, name))?;
            session.check_owner(&found.session.spec.user_id)?;
            Ok(found)
        };
        Ok(sessions.iter().map(find).collect())
    }

    /// Reads a session of a roster. That it does not exist or belongs to somebody else is the inner error.
    async fn find_roster_session(
        &self,
        namespace: &str,
        session: &RosterSession,
    ) -> Result<Result<SelectedSession>> {
        let found = self.find_selected_session(namespace, &session.name).await?;
        Ok(found.and_then(|found| {
            session.check_owner(&found.session.spec.user_id)?;
            Ok(found)
        }))
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
            phases: vec![],
        };
        let mut resting = query("", None, None);
        resting.phases = vec![Phase::Stopped, Phase::Failed];
        for (query, words) in [
            (query("", None, None), "--all"),
            (query("a=b,c!=d", None, None), "-l a=b,c!=d"),
            (resting, "--phase stopped,failed"),
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
