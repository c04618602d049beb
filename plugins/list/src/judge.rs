//! Judges sessions: by their rows and those of their Pods, and by reading those that these leave in doubt.

use std::collections::BTreeMap;

use anyhow::Result;
use session_shared::client::not_found_error;
use session_shared::failure::{self, FailureKind};
use session_shared::objects::Untyped;
use session_shared::objects::resource::SESSION;
use session_shared::objects::table::{Row, Table};
use session_shared::ops::observed_session::{ObservedSession, Part};
use session_shared::ops::selected_sessions::SelectedSession;
use session_shared::ops::{Cluster, Driver};
use session_shared::session_batch::run_concurrently;

use crate::pods::{SessionPods, namespaced_name};
use crate::verdict::{Reading, Verdict};

/// Returns the verdict on each of `rows`, in their order. A session in doubt costs two requests, one more for each kind of workload
/// that it has, and one for the events of its namespace.
///
/// # Errors
/// A server that cannot be reached. What may not be read is not an error: the recorded phase is then all that is known.
pub(crate) async fn judge_sessions(
    cluster: &Cluster,
    rows: &[&Row],
    columns: &Table,
    pods: &SessionPods,
) -> Result<Vec<Verdict>> {
    let certain = rows.iter().map(|row| Verdict::certain(row, columns, pods));
    let mut verdicts: Vec<Option<Verdict>> = certain.collect();
    let doubted = (0..rows.len()).filter(|at| verdicts[*at].is_none());
    let reads = doubted.map(|at| async move { (at, read_session(cluster, rows[at]).await) });
    let mut by_namespace: BTreeMap<String, (Vec<usize>, Vec<ObservedSession>)> = BTreeMap::new();
    for (at, reading) in run_concurrently(reads).await {
        match reading? {
            Reading::Found(observed) => {
                let group = by_namespace.entry(observed.namespace().to_owned());
                let group = group.or_default();
                group.0.push(at);
                group.1.push(*observed);
            }
            other => {
                verdicts[at] = Some(Verdict::from_reading(&other, rows[at], columns, pods));
            }
        }
    }
    let reads = by_namespace
        .into_iter()
        .map(|(namespace, (at, mut sessions))| async move {
            cluster.add_events(&namespace, &mut sessions).await?;
            anyhow::Ok((at, sessions))
        });
    for group in run_concurrently(reads).await {
        let (positions, sessions) = group?;
        for (at, observed) in positions.into_iter().zip(sessions) {
            let reading = Reading::Found(Box::new(observed));
            verdicts[at] = Some(Verdict::from_reading(&reading, rows[at], columns, pods));
        }
    }
    Ok(verdicts.into_iter().flatten().collect())
}

/// Reads a session with the Pods and workloads that its phase is decided by.
async fn read_session(cluster: &Cluster, row: &Row) -> Result<Reading> {
    match try_read_session(cluster, row).await {
        Ok(observed) => Ok(Reading::Found(Box::new(observed))),
        Err(error) if failure::has_kind(&error, FailureKind::NotFound) => Ok(Reading::Gone),
        Err(error) if failure::has_kind(&error, FailureKind::Forbidden) => Ok(Reading::Unreadable),
        Err(error) if failure::find_failure(&error).is_some() => Err(error),
        Err(_) => Ok(Reading::Unreadable),
    }
}

async fn try_read_session(cluster: &Cluster, row: &Row) -> Result<ObservedSession> {
    let (namespace, name) = namespaced_name(&row.object);
    let object = match row.object.get("spec") {
        Some(_) => row.object.clone(),
        None => {
            let found = cluster.get(&SESSION, &namespace, &name).await?;
            let found = found.filter(|object| Untyped(object).is_same_object(&row.object));
            found.ok_or_else(|| not_found_error(&SESSION, &name))?
        }
    };
    let mut observed = ObservedSession::new(SelectedSession::parse(object)?, Driver::Client)?;
    observed.load(cluster, &[Part::Pods, Part::Owners]).await?;
    Ok(observed)
}
