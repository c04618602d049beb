//! Reads the sessions to delete and their objects.

use anyhow::Result;
use futures::StreamExt;
use session_shared::Timestamp;
use session_shared::client::Permissions;
use session_shared::ops::Cluster;
use session_shared::ops::Driver;
use session_shared::ops::chosen::AT_ONCE;
use session_shared::ops::deleting::Doomed;

use crate::plan::Intent;

/// The sessions as read from the cluster.
pub(crate) struct Found {
    /// Prepared deletions, one a session.
    pub(crate) doomed: Vec<Doomed>,
    /// Errors of named sessions that do not exist; empty with `--ignore-not-found`.
    pub(crate) missing: Vec<anyhow::Error>,
}

/// Reads the sessions and their objects, and prepares the deletion of each.
///
/// # Errors
/// Refusals of the server, a snapshot that cannot be taken. A session that does not exist does not fail the call: its error is
/// collected in the result.
pub(crate) async fn observe(
    cluster: &Cluster,
    permissions: &Permissions,
    intent: &Intent,
    now: Timestamp,
) -> Result<Found> {
    let namespace = cluster.namespace();
    let (sessions, driver) = futures::try_join!(
        cluster.chosen(namespace, &intent.which),
        cluster.choose_driver(namespace, None)
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
        let needs = match driver {
            Driver::Controller => Vec::new(),
            Driver::Client => intent.foreseen(&chosen.session),
        };
        let (live, ()) = futures::join!(
            cluster.live(namespace, &chosen.session),
            permissions.foresee(namespace, &needs)
        );
        let doomed = Doomed::with(chosen, live?, driver)?.under(intent.policy);
        doomed.prepared(cluster, intent.class.as_deref(), now).await
    });
    let looked: Vec<Result<Doomed>> = looked.buffered(AT_ONCE).collect().await;
    found.doomed = looked.into_iter().collect::<Result<_>>()?;
    Ok(found)
}
