//! Reads the sessions to delete and their objects.

use anyhow::Result;
use session_shared::Timestamp;
use session_shared::client::AccessReviews;
use session_shared::ops::deletion::Deletion;
use session_shared::ops::observed_session::Part;
use session_shared::ops::selected_sessions::SelectedSession;
use session_shared::ops::{Cluster, Driver, ObservedSession};
use session_shared::session_batch::SessionBatch;

use crate::intent::Intent;

/// The prepared deletions, one a session.
pub(crate) type Observed = SessionBatch<Deletion>;

/// Reads the sessions and their objects, and prepares the deletion of each.
///
/// # Errors
/// Refusals of the server, a snapshot that cannot be taken. A session that does not exist does not fail the call: its error is an
/// item of the result, unless `--ignore-not-found` is given.
pub(crate) async fn prepare_deletions(
    cluster: &Cluster,
    permissions: &AccessReviews,
    intent: &Intent,
    now: Timestamp,
) -> Result<Observed> {
    let (sessions, driver) = match intent.ignore_not_found {
        true => SessionBatch::select_existing(cluster, &intent.selection).await?,
        false => SessionBatch::select(cluster, &intent.selection).await?,
    };
    let namespace = cluster.namespace();
    let prepare = async |selected: SelectedSession| {
        let accesses = match driver {
            Driver::Controller => Vec::new(),
            Driver::Client => intent.needed_accesses(&selected.session),
        };
        let mut observed = ObservedSession::new(selected, driver)?;
        let (read, ()) = futures::join!(
            observed.load(cluster, &Part::WORKLOAD_AND_DATA),
            permissions.prefetch(namespace, &accesses)
        );
        read?;
        let deletion = Deletion::new(observed).with_data_policy(intent.data_policy);
        deletion
            .prepare(cluster, intent.snapshot_class.as_deref(), now)
            .await
    };
    sessions.try_map(prepare).await
}
