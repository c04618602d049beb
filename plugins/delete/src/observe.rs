//! What is there of the sessions that are to go.

use anyhow::Result;
use futures::StreamExt;
use session_shared::Timestamp;
use session_shared::client::Permissions;
use session_shared::ops::Cluster;
use session_shared::ops::chosen::AT_ONCE;
use session_shared::ops::deleting::Doomed;

use crate::plan::Intent;

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
/// What the server refuses, a snapshot that cannot be taken; a session that does not exist is a finding, not an error.
pub(crate) async fn observe(
    cluster: &Cluster,
    permissions: &Permissions,
    intent: &Intent,
    now: Timestamp,
) -> Result<Found> {
    let namespace = cluster.namespace();
    let (sessions, controller) = futures::try_join!(
        cluster.chosen(namespace, &intent.which),
        cluster.controller_alive(namespace)
    )?;
    let mut found = Found {
        doomed: Vec::new(),
        missing: Vec::new(),
    };
    let mut present = Vec::new();
    for session in sessions {
        match session {
            Ok(chosen) => present.push(chosen),
            Err(error) => found.missing.push(error),
        }
    }
    if intent.ignore_not_found {
        found.missing.clear();
    }
    let looked = futures::stream::iter(present).map(|chosen| async move {
        let needs = match controller {
            true => Vec::new(),
            false => intent.foreseen(&chosen.session),
        };
        let (live, ()) = futures::join!(
            cluster.live(namespace, &chosen.session),
            permissions.foresee(namespace, &needs)
        );
        let doomed = Doomed::with(chosen, live?, controller)?.under(intent.policy);
        doomed.prepared(cluster, intent.class.as_deref(), now).await
    });
    let looked: Vec<Result<Doomed>> = looked.buffered(AT_ONCE).collect().await;
    found.doomed = looked.into_iter().collect::<Result<_>>()?;
    Ok(found)
}
