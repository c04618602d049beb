//! Wait for VolumeSnapshots to be taken or ready, telling a failing driver from a slow one.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result};
use futures::StreamExt;
use serde_json::Value;
use tokio::time::Instant;

use crate::Cluster;
use crate::session_objects::session_part;
use session_client::interrupt::Interrupt;
use session_client::interrupt::interrupted_error;
use session_client::{Scope, WatchChange, not_found_error};
use session_model::failure::{Failure, FailureKind};
use session_model::labels;
use session_model::objects::Untyped;
use session_model::objects::resource::VOLUME_SNAPSHOT;
use session_model::objects::volume_snapshot::{SnapshotState, VolumeSnapshot};
use session_model::progress::{ProgressEvent, ProgressSink, WaitStage};

/// Time that a driver may report errors before it counts as failed: some errors are transient.
const DRIVER_ERROR_GRACE: Duration = Duration::from_secs(20);

/// The state to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SnapshotMilestone {
    /// The snapshot's point in time is fixed.
    Taken,
    /// Volumes can be restored from the snapshot.
    Ready,
}

impl SnapshotMilestone {
    fn is_reached(self, snapshot: &Value) -> bool {
        match self {
            SnapshotMilestone::Taken => VolumeSnapshot::of(snapshot).is_cut(),
            SnapshotMilestone::Ready => SnapshotState::of(snapshot) == SnapshotState::Ready,
        }
    }
}

/// A CSI driver's failure that is considered permanent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotDriverError {
    /// Name of the VolumeSnapshot.
    pub snapshot: String,
    /// The driver's message.
    pub message: String,
}

impl std::fmt::Display for SnapshotDriverError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "cannot take snapshot {:?}: the CSI driver failed: {}",
            self.snapshot, self.message
        )
    }
}

impl std::error::Error for SnapshotDriverError {}

impl Cluster {
    /// Waits by one watch until all of `snapshots`, of one session, have reached a state; returns them in that state and in their
    /// order.
    ///
    /// # Errors
    /// [`SnapshotDriverError`] if a driver keeps failing; TimedOut with the state of each; NotFound if one is deleted;
    /// Interrupted; whatever the server refuses.
    pub async fn wait_snapshots(
        &self,
        snapshots: &[Value],
        milestone: SnapshotMilestone,
        limit: Duration,
        interrupt: &Interrupt,
        sink: &mut dyn ProgressSink,
    ) -> Result<Vec<Value>> {
        let Some(first) = snapshots.first() else {
            return Ok(Vec::new());
        };
        let name = Untyped(first).name();
        let session = Untyped(first).label(labels::SESSION);
        let session = session.with_context(|| format!("snapshot {name:?} names no session"))?;
        let scope = Scope::Namespace(Untyped(first).home_namespace());
        let mut waiting = SnapshotWait::of(snapshots, milestone)?;
        let mut changes = self.watch_part(&VOLUME_SNAPSHOT, scope, session_part(session), None);
        let mut deadline = std::pin::pin!(tokio::time::sleep(limit));
        loop {
            waiting.report(sink);
            if waiting.is_over() {
                sink.tell(ProgressEvent::Done);
                return waiting.in_order_of(snapshots);
            }
            if let Some(failed) = waiting.failed_driver() {
                return Err(failed.into());
            }
            let patience = waiting.time_to_failure();
            tokio::select! {
                biased;
                () = interrupt.wait() => return Err(interrupted_error()),
                () = &mut deadline => return Err(waiting.timeout_error()),
                () = tokio::time::sleep(patience.unwrap_or_default()), if patience.is_some() => {}
                Some(change) = changes.next() => waiting.apply_change(change?)?,
            }
        }
    }
}

struct SnapshotWait {
    milestone: SnapshotMilestone,
    /// By UID, so that a new object of the same name is not taken for the old one.
    snapshots: BTreeMap<String, Value>,
    /// Time since which each snapshot reports an error.
    failing: BTreeMap<String, Instant>,
}

impl SnapshotWait {
    fn of(snapshots: &[Value], milestone: SnapshotMilestone) -> Result<Self> {
        let by_uid = |snapshot: &Value| -> Result<(String, Value)> {
            let uid = Untyped(snapshot).require_uid()?.to_owned();
            Ok((uid, snapshot.clone()))
        };
        Ok(Self {
            milestone,
            snapshots: snapshots.iter().map(by_uid).collect::<Result<_>>()?,
            failing: BTreeMap::new(),
        })
    }

    /// Returns the snapshots in the order of `given`, as a UID's order is chance and the first line of an output is read by scripts.
    fn in_order_of(mut self, given: &[Value]) -> Result<Vec<Value>> {
        let mut reached = |snapshot: &Value| {
            let uid = Untyped(snapshot).require_uid()?;
            Ok(self.snapshots.remove(uid))
        };
        given
            .iter()
            .filter_map(|snapshot| reached(snapshot).transpose())
            .collect()
    }

    fn unreached(&self) -> impl Iterator<Item = &Value> {
        let all = self.snapshots.values();
        all.filter(|snapshot| !self.milestone.is_reached(snapshot))
    }

    fn is_over(&self) -> bool {
        self.unreached().next().is_none()
    }

    fn apply_change(&mut self, change: WatchChange) -> Result<()> {
        let (object, gone) = match change {
            WatchChange::Added(object) | WatchChange::Modified(object) => (object, false),
            WatchChange::Deleted(object) => (object, true),
            WatchChange::Bookmark(_) | WatchChange::Restarted => return Ok(()),
        };
        let uid = Untyped(&object).uid().map(str::to_owned);
        let Some(uid) = uid.filter(|uid| self.snapshots.contains_key(uid)) else {
            return Ok(());
        };
        if gone {
            return Err(not_found_error(&VOLUME_SNAPSHOT, Untyped(&object).name()));
        }
        match SnapshotState::of(&object) {
            SnapshotState::Failed(_) => {
                self.failing.entry(uid.clone()).or_insert_with(Instant::now);
            }
            _ => drop(self.failing.remove(&uid)),
        }
        self.snapshots.insert(uid, object);
        Ok(())
    }

    /// Returns the time until the first failing snapshot counts as failed.
    fn time_to_failure(&self) -> Option<Duration> {
        let since = self.failing.values().min()?;
        Some(DRIVER_ERROR_GRACE.saturating_sub(since.elapsed()))
    }

    fn failed_driver(&self) -> Option<SnapshotDriverError> {
        let mut failing = self.failing.iter();
        let (uid, _) = failing.find(|(_, since)| since.elapsed() >= DRIVER_ERROR_GRACE)?;
        let snapshot = self.snapshots.get(uid)?;
        Some(SnapshotDriverError {
            snapshot: Untyped(snapshot).name().to_owned(),
            message: VolumeSnapshot::of(snapshot).error()?.to_owned(),
        })
    }

    /// Returns the error for a time-out: the driver's error if it reports one.
    fn timeout_error(&self) -> anyhow::Error {
        let mut waits = Vec::new();
        for snapshot in self.unreached() {
            let name = Untyped(snapshot).name();
            match SnapshotState::of(snapshot) {
                SnapshotState::Failed(message) => {
                    let (snapshot, message) = (name.to_owned(), message.clone());
                    return SnapshotDriverError { snapshot, message }.into();
                }
                state => waits.push(format!("{name:?}: {}", state.describe())),
            }
        }
        let message = format!("timed out waiting for snapshot {}", waits.join(", "));
        Failure::client_side(FailureKind::TimedOut, message).into()
    }

    fn report(&self, sink: &mut dyn ProgressSink) {
        if let Some(snapshot) = self.unreached().next() {
            sink.tell(ProgressEvent::Waiting {
                stage: WaitStage::Snapshotting,
                object: format!("volumesnapshot/{}", Untyped(snapshot).name()),
                detail: SnapshotState::of(snapshot).describe(),
            });
        }
    }
}
