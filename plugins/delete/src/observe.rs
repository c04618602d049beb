//! What is there of the sessions that are to go.

use anyhow::Result;
use futures::StreamExt;
use session_shared::api::{DataPolicy, Session};
use session_shared::cluster::live::{installed, missing, typed};
use session_shared::cluster::{Cluster, Place, Selection};
use session_shared::objects::belonging::Belonging;
use session_shared::objects::resource::SESSION;

use crate::intent::{Intent, Which};
use crate::plan::Doomed;

/// Sessions that are looked at, and deleted, at the same time: a class of sixty ends within a minute, and no API server minds.
pub(crate) const AT_ONCE: usize = 16;

/// What was found.
pub(crate) struct Found {
    /// What is to go.
    pub(crate) doomed: Vec<Doomed>,
    /// What was named and is not there.
    pub(crate) missing: Vec<anyhow::Error>,
}

/// Reads the sessions and all that is there of them.
///
/// # Errors
/// What the server refuses; a session that does not exist is a finding, not an error.
pub(crate) async fn observe(cluster: &Cluster, intent: &Intent) -> Result<Found> {
    let namespace = cluster.namespace();
    let (sessions, controller) = futures::try_join!(
        sessions(cluster, namespace, &intent.which),
        cluster.controller_alive(namespace)
    )?;
    let mut found = Found {
        doomed: Vec::new(),
        missing: Vec::new(),
    };
    let mut present = Vec::new();
    for session in sessions {
        match session {
            Ok(session) => present.push(session),
            Err(error) => found.missing.push(error),
        }
    }
    if intent.ignore_not_found {
        found.missing.clear();
    }
    let looked = futures::stream::iter(present).map(|mut session| async move {
        if intent.delete_data {
            session.spec.data_policy = Some(DataPolicy::Delete);
        }
        let live = cluster.live(namespace, &session).await?;
        let belonging = Belonging::of(&session)?;
        anyhow::Ok(Doomed {
            session,
            live,
            belonging,
            controller,
        })
    });
    let looked: Vec<Result<Doomed>> = looked.buffered(AT_ONCE).collect().await;
    found.doomed = looked.into_iter().collect::<Result<_>>()?;
    Ok(found)
}

async fn sessions(
    cluster: &Cluster,
    namespace: &str,
    which: &Which,
) -> Result<Vec<Result<Session>>> {
    match which {
        Which::Selected(selector) => {
            let select = Selection {
                labels: selector.clone(),
                ..Selection::default()
            };
            let list = installed(
                cluster
                    .list(&SESSION, Place::Namespace(namespace), &select)
                    .await,
            )?;
            list.items
                .into_iter()
                .map(|item| typed(item).map(Ok))
                .collect()
        }
        Which::Named(names) => {
            let reads = futures::stream::iter(names).map(|name| async move {
                match installed(cluster.get(&SESSION, namespace, name.as_str()).await)? {
                    Some(found) => typed::<Session>(found).map(Ok),
                    None => Ok(Err(missing(&SESSION, name.as_str()))),
                }
            });
            let found: Vec<Result<Result<Session>>> = reads.buffered(AT_ONCE).collect().await;
            found.into_iter().collect()
        }
    }
}
