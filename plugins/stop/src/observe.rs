//! Reads the sessions to stop and their objects.

use anyhow::Result;
use session_shared::api::Session;
use session_shared::client::AccessReviews;
use session_shared::ops::Cluster;
use session_shared::ops::ObservedSession;
use session_shared::session_batch::SessionBatch;

use crate::intent::Intent;

/// The sessions as read from the cluster.
pub(crate) type Observed = SessionBatch<ObservedSession>;

/// Reads the sessions and their objects.
///
/// # Errors
/// Refusals of the server. A session that does not exist or is being deleted does not fail the call: its error is an item of the
/// result.
pub(crate) async fn read_sessions(
    cluster: &Cluster,
    permissions: &AccessReviews,
    intent: &Intent,
) -> Result<Observed> {
    let (sessions, driver) = SessionBatch::select(cluster, &intent.selection).await?;
    let observed = sessions.map(async |session| {
        let accesses = |session: &Session| intent.needed_accesses(session);
        ObservedSession::read_with_access_reviews(cluster, permissions, session, driver, accesses)
            .await
    });
    Ok(observed.await)
}
