//! Detection of forged Pods: reads those sessions whose Pods look suspicious, and drops Pods that are not their own.

use serde_json::Value;
use session_shared::Pod;
use session_shared::objects::table::Table;
use session_shared::ops::Cluster;
use session_shared::session_batch::run_concurrently;

use crate::join::{SessionKey, SessionPods};

/// Returns the sessions of a Table with the phases recorded in their status.
pub(crate) fn recorded_phases(table: &Table) -> impl Iterator<Item = (&Value, &str)> {
    let phase = table.column_index("Phase");
    table.rows.iter().map(move |row| {
        let cell = phase.and_then(|at| row.cells.get(at)?.as_str());
        (&row.object, cell.unwrap_or_default())
    })
}

/// Reads each of `sessions` whose Pods may be forged, and drops Pods that are not its own from `pods`. For a session that cannot be
/// read, all Pods that claim to be its own count.
pub(crate) async fn drop_forged_pods<'a>(
    cluster: &Cluster,
    pods: &mut SessionPods,
    sessions: impl Iterator<Item = (&'a Value, &'a str)>,
) {
    let identities = sessions.map(|(session, phase)| (SessionKey::from_session(session), phase));
    let doubtful: Vec<SessionKey<'_>> = identities
        .filter(|(session, phase)| pods.may_be_forged(session, phase))
        .map(|(session, _)| session)
        .collect();
    let reads = doubtful.into_iter().map(|session| async move {
        let observed = cluster
            .observe_session(session.namespace, session.name)
            .await
            .ok()?;
        let uid = |pod: &Pod| pod.metadata.uid.clone();
        let own: Vec<String> = observed.own_pods().filter_map(uid).collect();
        Some((session, own))
    });
    for (session, own) in run_concurrently(reads).await.into_iter().flatten() {
        pods.drop_forged(&session, &own);
    }
}
