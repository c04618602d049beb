//! The state of a follower of logs: its Pods, the logs of their containers, and the events not yet returned.

use std::collections::VecDeque;

use anyhow::Result;
use futures::stream::BoxStream;
use k8s_openapi::api::core::v1::Pod;
use serde_json::Value;
use tokio::sync::watch::Sender;

use super::container_follower::ContainerLogEvent;
use crate::Cluster;
use session_client::{Backoff, LogOptions, WatchChange};
use session_engine::reconcile::LiveObjects;
use session_model::api::Session;
use session_model::objects::ObjectRef;
use session_model::objects::container_run::ContainerRun;

/// Selects the containers of a Pod whose logs are followed; none for a Pod to skip. The second argument is the Pod's
/// workload.
pub type ContainerSelector = Box<dyn Fn(&Pod, &ObjectRef) -> Result<Vec<String>> + Send>;

/// An event of the logs that are followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogEvent {
    /// A container's log is followed from now on.
    Started {
        /// Number of the log in later events, from 0.
        source: usize,
        /// Name of the Pod.
        pod: String,
        /// Name of the container.
        container: String,
    },
    /// Bytes of a log that were not returned before; they may end anywhere in a line.
    Bytes {
        /// Number of the log.
        source: usize,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// A log has ended.
    Ended {
        /// Number of the log.
        source: usize,
    },
    /// A message for the user.
    Note(String),
}

/// A follower of all selected logs of a session.
pub struct LogFollower {
    pub(super) cluster: Cluster,
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) session_uid: String,
    /// The Session as last seen; its status determines which Pods belong to it.
    pub(super) session: Session,
    pub(super) options: LogOptions,
    pub(super) choose: ContainerSelector,
    pub(super) live: LiveObjects,
    /// Pods that do not belong to the Session as last seen; the Session's status may name them a moment later.
    pub(super) foreign_pods: Vec<Value>,
    pub(super) pods_seen: Vec<FollowedPod>,
    /// UIDs of Pods that were being deleted while another one was there when following began. They are not followed.
    pub(super) skipped_pods: Vec<String>,
    pub(super) sources: Vec<LogSource>,
    /// Index of the log that is polled first, so that no log starves the others.
    pub(super) next_polled: usize,
    pub(super) queue: VecDeque<LogEvent>,
    pub(super) pods: BoxStream<'static, Result<WatchChange>>,
    pub(super) sessions: BoxStream<'static, Result<WatchChange>>,
    /// True if the session is being deleted or stopped: no further Pod will be created.
    pub(super) is_ending: bool,
    /// False while the initial Pods are added: these are not announced as new.
    pub(super) is_initialized: bool,
    /// Pauses between two complete reads.
    pub(super) backoff: Backoff,
}

/// A Pod with selected containers.
#[derive(Debug)]
pub(super) struct FollowedPod {
    pub(super) uid: String,
    pub(super) name: String,
    /// Kind of the Pod's workload.
    pub(super) kind: String,
    /// The Pod exists and is not being deleted.
    pub(super) is_alive: bool,
    pub(super) has_failed: bool,
    /// The Pod is gone, or was replaced.
    pub(super) is_gone: bool,
    /// Another Pod has replaced it, which the user was told.
    pub(super) is_replaced: bool,
    /// The Pod is gone or going, and no other Pod has replaced it yet.
    pub(super) awaits_replacement: bool,
    /// The Pod was created later and has not replaced another one yet.
    pub(super) is_unmatched: bool,
    /// Reason of the Pod's end, for the user; printed after its last line.
    pub(super) end: Option<String>,
}

/// The log of one container.
pub(super) struct LogSource {
    /// UID of the Pod.
    pub(super) pod: String,
    pub(super) container: String,
    pub(super) state: Sender<ContainerRun>,
    /// `None` after the end of the log.
    pub(super) stream: Option<BoxStream<'static, Result<ContainerLogEvent>>>,
}
