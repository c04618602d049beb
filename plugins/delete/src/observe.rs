//! Reads the sessions to delete and their objects.

use anyhow::Result;
use futures::StreamExt;
use session_shared::Timestamp;
use session_shared::client::AccessReviews;
use session_shared::ops::deletion::Deletion;
use session_shared::ops::observed_session::Part;
use session_shared::ops::selected_sessions::MAX_CONCURRENT_SESSIONS;
use session_shared::ops::{Cluster, Driver, ObservedSession};

use crate::plan::Intent;

/// The sessions as read from the cluster.
pub(crate) struct Observed {
    /// Prepared deletions, one a session.
    pub(crate) deletions: Vec<Deletion>,
    /// Errors of named sessions that do not exist; empty with `--ignore-not-found`.
    pub(crate) errors: Vec<anyhow::Error>,
}

/// Reads the sessions and their objects, and prepares the deletion of each.
///
/// # Errors
/// Refusals of the server, a snapshot that cannot be taken. A session that does not exist does not fail the call: its error is
/// collected in the result.
pub(crate) async fn prepare_deletions(
    cluster: &Cluster,
    permissions: &AccessReviews,
    intent: &Intent,
    now: Timestamp,
) -> Result<Observed> {
    let namespace = cluster.namespace();
    let (sessions, driver) = futures::try_join!(
        cluster.get_selected_sessions(namespace, &intent.selection),
        cluster.choose_driver(namespace, None)
    )?;
    let mut found = Observed {
        deletions: Vec::new(),
        errors: Vec::new(),
    };
    let mut present = Vec::new();
    for session in sessions {
        match session {
            Ok(chosen) => present.push(chosen),
            Err(error) => found.errors.push(error),
        }
    }
    if intent.ignore_not_found {
        found.errors.clear();
    }
    let looked = futures::stream::iter(present).map(|chosen| async move {
        let needs = match driver {
            Driver::Controller => Vec::new(),
            Driver::Client => intent.needed_accesses(&chosen.session),
        };
        let mut observed = ObservedSession::new(chosen, driver)?;
        let (read, ()) = futures::join!(
            observed.load(cluster, &Part::WORKLOAD_AND_DATA),
            permissions.prefetch(namespace, &needs)
        );
        read?;
        let deletion = Deletion::new(observed).with_data_policy(intent.data_policy);
        deletion
            .prepare(cluster, intent.snapshot_class.as_deref(), now)
            .await
    });
    let looked: Vec<Result<Deletion>> = looked.buffered(MAX_CONCURRENT_SESSIONS).collect().await;
    found.deletions = looked.into_iter().collect::<Result<_>>()?;
    Ok(found)
}
