//! Reads of the session that a snapshot is taken of.

use anyhow::Result;
use futures::join;

use super::stopping::Present;
use crate::Cluster;
use crate::chosen::Chosen;
use crate::controller::Driver;
use session_client::Place;
use session_client::Selection;
use session_engine::reconcile::Live;
use session_model::api::Session;
use session_model::labels;
use session_model::names::SessionName;
use session_model::objects::resource::PERSISTENT_VOLUME_CLAIM;

/// Returns true if the session's last start has a quiesce or resume hook.
pub fn has_hooks(session: &Session) -> bool {
    let applied = session
        .status
        .as_ref()
        .and_then(|status| status.applied.as_ref());
    let hooks = applied.and_then(|applied| applied.hooks.as_ref());
    hooks.is_some_and(|hooks| hooks.quiesce.is_some() || hooks.resume.is_some())
}

/// Reads the session's claims and, if a hook is going to run, its workload, so that no other right is needed without hooks. The
/// Session and the claims are read at the same time.
///
/// # Errors
/// Refusals of the server; a session that is being deleted.
pub async fn look_at(
    cluster: &Cluster,
    name: &SessionName,
    chosen: impl Future<Output = Result<Chosen>>,
    skip_hooks: bool,
) -> Result<Present> {
    let place = Place::Namespace(cluster.namespace());
    let select = Selection::labelled(format!("{}={name}", labels::SESSION));
    let claims = cluster.list(&PERSISTENT_VOLUME_CLAIM, place, &select);
    let (chosen, claims) = join!(chosen, claims);
    let chosen = chosen?;
    chosen.stays()?;
    let mut live = Live::default();
    if has_hooks(&chosen.session) && !skip_hooks {
        live = cluster
            .workload(cluster.namespace(), &chosen.session)
            .await?;
    }
    live.data = claims?.items;
    Present::with(chosen, live, Driver::Client)
}
