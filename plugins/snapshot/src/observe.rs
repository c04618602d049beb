//! Reads the session that a snapshot is taken of or was taken of.

use anyhow::{Result, anyhow};
use session_shared::encode::shell;
use session_shared::failure::{Failure, FailureKind, has_kind, with_hint};
use session_shared::names::SessionName;
use session_shared::ops::ObservedSession;
use session_shared::ops::selected_sessions::SelectedSession;
use session_shared::ops::{Cluster, Driver};

use crate::snapshot_set::{self, SnapshotSet};

/// Reads a session from the server.
pub(crate) async fn get_session(cluster: &Cluster, name: &SessionName) -> Result<SelectedSession> {
    cluster
        .get_selected_session(cluster.namespace(), name)
        .await
}

/// Reads a session and its objects. The data is the same with and without a controller, so no Lease is read.
pub(crate) async fn observe_session(
    cluster: &Cluster,
    name: &SessionName,
) -> Result<ObservedSession> {
    ObservedSession::read(cluster, get_session(cluster, name).await?, Driver::Client).await
}

/// Returns the existing session the snapshot was taken of.
///
/// # Errors
/// `NotFound` if the session has been deleted; a session of another user; VolumeSnapshots of other data.
pub(crate) async fn get_source_session(
    cluster: &Cluster,
    set: &SnapshotSet,
) -> Result<ObservedSession> {
    let name = set.session.parse()?;
    let namespace = cluster.namespace();
    let found = observe_session(cluster, &name).await;
    let found = match found {
        Err(error) if has_kind(&error, FailureKind::NotFound) => {
            let message = format!(
                "cannot restore snapshot {:?}: session {:?} does not exist",
                set.name, set.session
            );
            let (set, error) = (
                shell::quote_word(&set.name),
                Failure::client_side(FailureKind::NotFound, message),
            );
            let into = format!(
                "restore it into a new session: kubectl session snapshot restore {set} --into {name} -n {namespace}"
            );
            return Err(with_hint(error, into));
        }
        other => other?,
    };
    let whose = set.ownership()?.user_id;
    let owner = &found.ownership()?.user_id;
    if whose != *owner {
        return Err(anyhow!(
            "cannot restore snapshot {:?}: snapshot belongs to user {:?}, session {:?} to user {:?}",
            set.name,
            whose.as_str(),
            set.session,
            owner.as_str()
        ));
    }
    snapshot_set::verify_provenance(cluster, set, &found.live.data).await?;
    Ok(found)
}
