//! Reads of the session that a snapshot is taken of.

use anyhow::{Result, anyhow};
use futures::join;
use serde_json::Value;

use crate::Cluster;
use crate::controller::Driver;
use crate::observed_session::{ObservedSession, Part};
use crate::selected_sessions::SelectedSession;
use crate::session_objects::session_selector;
use session_client::Scope;
use session_engine::reconcile::LiveObjects;
use session_model::api::Session;
use session_model::failure::with_hint;
use session_model::names::SessionName;
use session_model::objects::Untyped;
use session_model::objects::kept_data::{is_bound, is_claim};
use session_model::objects::resource::PERSISTENT_VOLUME_CLAIM;

/// Returns true if the session's last start has a quiesce or resume hook.
pub fn has_snapshot_hooks(session: &Session) -> bool {
    let applied = session.applied();
    let hooks = applied.and_then(|applied| applied.hooks.as_ref());
    hooks.is_some_and(|hooks| hooks.quiesce.is_some() || hooks.resume.is_some())
}

/// Reads the session's claims and, if a hook is going to run, its workload, so that no other right is needed without hooks. The
/// Session and the claims are read at the same time.
///
/// # Errors
/// Refusals of the server; a session that is being deleted.
pub async fn read_snapshot_source(
    cluster: &Cluster,
    name: &SessionName,
    chosen: impl Future<Output = Result<SelectedSession>>,
    skip_hooks: bool,
) -> Result<ObservedSession> {
    let scope = Scope::Namespace(cluster.namespace());
    let select = session_selector(name.as_str());
    let claims = cluster.list(&PERSISTENT_VOLUME_CLAIM, scope, &select);
    let (chosen, claims) = join!(chosen, claims);
    let chosen = chosen?;
    chosen.ensure_not_deleting()?;
    let live = LiveObjects {
        data: claims?.items,
        ..LiveObjects::default()
    };
    let runs_hooks = has_snapshot_hooks(&chosen.session) && !skip_hooks;
    let observed = ObservedSession::new(chosen, Driver::Client)?;
    let mut observed = observed.with_objects(live, &[Part::Claims]);
    if runs_hooks {
        observed.load(cluster, &[Part::Pods, Part::Owners]).await?;
    }
    Ok(observed)
}

/// Returns the session's own claims, by name.
///
/// # Errors
/// A session without claims; a claim without a volume.
pub(super) fn find_bound_claims(observed: &ObservedSession) -> Result<Vec<&Value>> {
    let (session, namespace) = (observed.name(), observed.namespace());
    let data = observed.live.own_data(&observed.session);
    let mut claims: Vec<&Value> = data.filter(|object| is_claim(object)).collect();
    claims.sort_by_key(|claim| Untyped(claim).name());
    if claims.is_empty() {
        let error = anyhow!("cannot take a snapshot of session {session:?}: session has no claims");
        let save = format!(
            "save the files of its container instead: kubectl session snapshot create {session} -n {namespace} --to FILE.tar.gz"
        );
        return Err(with_hint(error, save));
    }
    if let Some(claim) = claims.iter().find(|claim| !is_bound(claim)) {
        let error = anyhow!(
            "cannot take a snapshot of claim {:?}: not bound to a volume",
            Untyped(claim).name()
        );
        let look = format!("inspect the session: kubectl session status {session} -n {namespace}");
        return Err(with_hint(error, look));
    }
    Ok(claims)
}
