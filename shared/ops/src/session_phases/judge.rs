//! Judges sessions: by their rows and those of their Pods, and by reading those that these leave in doubt.

use std::collections::{BTreeMap, HashMap};

use anyhow::{Error, Result};
use futures::future::{join_all, try_join_all};
use futures::{StreamExt, TryStreamExt};
use serde_json::Value;

use super::observe_workloads::WorkloadShape;
use super::pod_rows::SessionPods;
use super::verdict::{Reading, Verdict};
use crate::Cluster;
use crate::controller::Driver;
use crate::observed_session::ObservedSession;
use crate::selected_sessions::{MAX_CONCURRENT_SESSIONS, SelectedSession};
use crate::session_parts::OnFailure;
use session_client::{ListOptions, Scope};
use session_model::failure::{self, FailureKind};
use session_model::names::SessionName;
use session_model::objects::Untyped;
use session_model::objects::resource::SESSION;
use session_model::objects::table::{Row, Table};

impl Cluster {
    /// Returns the verdict on each of `rows`, in their order. Sessions in doubt cost, in each namespace, one LIST of Pods and of each
    /// kind of their workloads, one of events, and one of Sessions where the rows are not whole objects: a GET each if they are few.
    ///
    /// # Errors
    /// A server that cannot be reached. What may not be read is an error only if `on_failure` says so; else the recorded phase is all
    /// that is known.
    pub async fn judge_sessions(
        &self,
        rows: &[&Row],
        columns: &Table,
        pods: &SessionPods,
        on_failure: OnFailure,
    ) -> Result<Vec<Verdict>> {
        let certain = rows.iter().map(|row| Verdict::certain(row, columns, pods));
        let mut verdicts: Vec<Option<Verdict>> = certain.collect();
        let mut doubted: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for at in (0..rows.len()).filter(|at| verdicts[*at].is_none()) {
            let namespace = Untyped(&rows[at].object).home_namespace();
            doubted.entry(namespace).or_default().push(at);
        }
        let reads = futures::stream::iter(doubted).map(|(namespace, positions)| async move {
            let objects: Vec<&Value> = positions.iter().map(|at| &rows[*at].object).collect();
            let readings = self.read_doubted(namespace, &objects, on_failure).await?;
            anyhow::Ok((positions, readings))
        });
        let mut reads = reads.buffered(MAX_CONCURRENT_SESSIONS);
        while let Some((positions, readings)) = reads.try_next().await? {
            for (at, reading) in positions.into_iter().zip(readings) {
                verdicts[at] = Some(Verdict::from_reading(&reading, rows[at], columns, pods));
            }
        }
        Ok(verdicts.into_iter().flatten().collect())
    }

    /// Reads sessions of a namespace with the Pods and workloads that their phases are decided by, and with their events.
    async fn read_doubted(
        &self,
        namespace: &str,
        objects: &[&Value],
        on_failure: OnFailure,
    ) -> Result<Vec<Reading>> {
        let mut readings = Vec::new();
        let mut shapes: BTreeMap<WorkloadShape, (Vec<usize>, Vec<ObservedSession>)> =
            BTreeMap::new();
        let whole = self.read_whole(namespace, objects, on_failure).await?;
        for (at, reading) in whole.into_iter().enumerate() {
            readings.push(match reading {
                Reading::Found(observed) => {
                    let shape = WorkloadShape::of(&observed.session);
                    let group = shapes.entry(shape).or_default();
                    group.0.push(at);
                    group.1.push(*observed);
                    // Until its workloads are read.
                    Reading::Unreadable
                }
                other => other,
            });
        }
        let reads = shapes
            .into_values()
            .map(|(positions, sessions)| async move {
                (positions, self.observe_workloads(namespace, sessions).await)
            });
        let (mut found_at, mut found) = (Vec::new(), Vec::new());
        for (positions, sessions) in join_all(reads).await {
            match sessions {
                Ok(sessions) => {
                    found_at.extend(positions);
                    found.extend(sessions);
                }
                Err(error) if is_tolerated(&error, on_failure) => {}
                Err(error) => return Err(error),
            }
        }
        self.add_events(namespace, &mut found).await?;
        for (at, observed) in found_at.into_iter().zip(found) {
            readings[at] = Reading::Found(Box::new(observed));
        }
        Ok(readings)
    }

    /// Reads the Sessions of a namespace of which `objects` are only the metadata.
    async fn read_whole(
        &self,
        namespace: &str,
        objects: &[&Value],
        on_failure: OnFailure,
    ) -> Result<Vec<Reading>> {
        let is_whole = |object: &Value| object.get("spec").is_some();
        let partial = objects.iter().filter(|object| !is_whole(object)).count();
        let listed = match partial > MAX_CONCURRENT_SESSIONS {
            true => {
                let (scope, all) = (Scope::Namespace(namespace), ListOptions::default());
                self.list(&SESSION, scope, &all).await?.items
            }
            false => Vec::new(),
        };
        let listed: HashMap<&str, &Value> = listed
            .iter()
            .map(|object| (Untyped(object).name(), object))
            .collect();
        let reads = objects.iter().map(async |object| {
            let name = Untyped(object).name();
            let found = match is_whole(object) {
                true => return Ok(Reading::of_object((*object).clone())),
                false if partial > MAX_CONCURRENT_SESSIONS => {
                    listed.get(name).map(|found| (*found).clone())
                }
                false => match self.get(&SESSION, namespace, name).await {
                    Err(error) if is_tolerated(&error, on_failure) => {
                        return Ok(Reading::Unreadable);
                    }
                    found => found?,
                },
            };
            let found = found.filter(|found| Untyped(found).is_same_object(object));
            anyhow::Ok(found.map_or(Reading::Gone, Reading::of_object))
        });
        try_join_all(reads).await
    }
}

impl Reading {
    /// Returns the session of an object, of which nothing else has been read yet.
    fn of_object(object: Value) -> Self {
        match SelectedSession::parse(object) {
            // No other name is a label by which objects can be selected.
            Ok(selected) if selected.session.name().parse::<SessionName>().is_ok() => {
                let observed = ObservedSession::unchecked(selected, Driver::Client);
                Self::Found(Box::new(observed))
            }
            _ => Self::Unreadable,
        }
    }
}

/// Returns true for an error that leaves a session unreadable, and others as they are.
fn is_tolerated(error: &Error, on_failure: OnFailure) -> bool {
    on_failure == OnFailure::KeepReason
        && (failure::has_kind(error, FailureKind::Forbidden)
            || failure::find_failure(error).is_none())
}
