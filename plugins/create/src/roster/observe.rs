//! State of the cluster that all rows of a roster share: read once for each namespace and template, not for each row.

use std::collections::{BTreeSet, HashMap};

use anyhow::Result;
use serde_json::Value;
use session_shared::api::{DesiredState, Session, SessionTemplate};
use session_shared::client::{ListOptions, Scope};
use session_shared::failure::{self, FailureKind};
use session_shared::names::{NamespaceName, TemplateName};
use session_shared::objects::resource::{NAMESPACE, RESOURCE_QUOTA};
use session_shared::ops::session_selection::{SessionQuery, SessionSelection};
use session_shared::ops::{Cluster, Driver, template_lookup};
use session_shared::progress::{ProgressEvent, ProgressSink};
use session_shared::reconcile::is_start_requested;
use session_shared::session_batch::run_concurrently;

use crate::kept_claims::KeptClaims;

/// What the rows of a roster need from the cluster.
#[derive(Debug)]
pub(super) struct RosterFacts {
    /// Templates by name; `None` for one that does not exist.
    pub(super) templates: HashMap<TemplateName, Option<SessionTemplate>>,
    pub(super) namespaces: HashMap<NamespaceName, NamespaceFacts>,
}

/// State of one namespace.
#[derive(Debug)]
pub(super) struct NamespaceFacts {
    /// False if the namespace does not exist; true also if the caller may not read it.
    pub(super) exists: bool,
    pub(super) driver: Driver,
    /// Sessions by name.
    pub(super) sessions: HashMap<String, ExistingSession>,
    /// Claims that were kept from earlier sessions, by the session's name.
    pub(super) claims: HashMap<String, KeptClaims>,
    /// ResourceQuotas; `None` if the caller may not list them.
    pub(super) quotas: Option<Vec<Value>>,
}

/// A session that was there before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ExistingSession {
    pub(super) user: String,
    pub(super) is_being_deleted: bool,
    /// True if its start was requested and never recorded: a command was killed after it had created the Session.
    pub(super) is_incomplete: bool,
}

impl ExistingSession {
    pub(super) fn of(session: &Session, driver: Driver) -> Self {
        let is_stopped = session.spec.state == Some(DesiredState::Stopped);
        Self {
            user: session.spec.user_id.clone(),
            is_being_deleted: session.is_being_deleted(),
            is_incomplete: !driver.is_controller() && !is_stopped && is_start_requested(session),
        }
    }
}

/// Names of what the rows of a roster have in common.
#[derive(Debug, Default)]
pub(super) struct NamedObjects {
    pub(super) templates: BTreeSet<TemplateName>,
    pub(super) namespaces: BTreeSet<NamespaceName>,
}

/// Reads the templates and namespaces that the rows name, all at the same time.
///
/// # Errors
/// Refusals of the server, except missing rights to check what the server checks again.
pub(super) async fn read_facts(
    cluster: &Cluster,
    named: NamedObjects,
    forced: Option<Driver>,
    sink: &mut dyn ProgressSink,
) -> Result<RosterFacts> {
    let NamedObjects {
        templates,
        namespaces,
    } = named;
    let templates = templates.into_iter().map(|name| async move {
        let found = template_lookup::find_template(cluster, name.as_str()).await?;
        anyhow::Ok((name, found))
    });
    let namespaces = namespaces.into_iter().map(|name| async move {
        let (facts, notes) = read_namespace(cluster, &name, forced).await?;
        anyhow::Ok((name, facts, notes))
    });
    let (templates, namespaces) =
        futures::future::join(run_concurrently(templates), run_concurrently(namespaces)).await;
    let mut facts = RosterFacts {
        templates: templates.into_iter().collect::<Result<_>>()?,
        namespaces: HashMap::new(),
    };
    for read in namespaces {
        let (name, namespace, notes) = read?;
        for note in notes {
            sink.tell(ProgressEvent::Note(format!(
                "namespace {:?}: {note}",
                name.as_str()
            )));
        }
        facts.namespaces.insert(name, namespace);
    }
    Ok(facts)
}

/// Reads a namespace. Returns a note for each part that the caller may not read.
async fn read_namespace(
    cluster: &Cluster,
    name: &NamespaceName,
    forced: Option<Driver>,
) -> Result<(NamespaceFacts, Vec<String>)> {
    let text = name.as_str();
    let (all, cached) = (
        SessionSelection::BySelector(SessionQuery::default()),
        ListOptions {
            from_cache: true,
            ..ListOptions::default()
        },
    );
    let (found, driver, sessions, claims, quotas) = futures::future::join5(
        cluster.get_metadata(&NAMESPACE, text, text),
        cluster.choose_driver(text, forced),
        cluster.get_selected_sessions(text, &all),
        KeptClaims::list_by_session(cluster, text),
        cluster.list(&RESOURCE_QUOTA, Scope::Namespace(text), &cached),
    )
    .await;
    let driver = driver?;
    let mut notes = Vec::new();
    let found = permitted(
        found,
        "namespace not checked: no permission to get it",
        &mut notes,
    )?;
    let sessions = permitted(
        sessions,
        "existing sessions not checked: no permission to list them",
        &mut notes,
    )?;
    let claims = permitted(
        claims,
        "kept claims not checked: no permission to list them",
        &mut notes,
    )?;
    let quotas = permitted(
        quotas,
        "quotas not checked: no permission to list them",
        &mut notes,
    )?;
    let sessions = sessions.into_iter().flatten().flatten().map(|selected| {
        let session = &selected.session;
        (
            session.name().to_owned(),
            ExistingSession::of(session, driver),
        )
    });
    let facts = NamespaceFacts {
        exists: found.is_none_or(|found| found.is_some()),
        driver,
        sessions: sessions.collect(),
        claims: claims.unwrap_or_default(),
        quotas: quotas.map(|list| list.items),
    };
    Ok((facts, notes))
}

/// Returns what was read; `None` and a note if the caller has no right to it.
fn permitted<T>(read: Result<T>, note: &str, notes: &mut Vec<String>) -> Result<Option<T>> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(error) if failure::has_kind(&error, FailureKind::Forbidden) => {
            notes.push(note.to_owned());
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
