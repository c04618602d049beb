//! Progress events that code emits while it waits. Plain data: `report` prints them, tests and scripts ignore them.

use std::cell::RefCell;

/// A stage of waiting, in the order in which a starting Pod passes them; the last eight are not stages of a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum WaitStage {
    /// Objects are being created or changed.
    Applying,
    /// The Pod has no node yet.
    Scheduling,
    /// A PersistentVolumeClaim is not bound yet.
    Binding,
    /// An image is being pulled.
    Pulling,
    /// Init containers are running.
    Initializing,
    /// Containers are being started.
    Starting,
    /// Containers are running, but their probes have not succeeded yet.
    Probing,
    /// The sync hook is running.
    Syncing,
    /// A snapshot is being taken.
    Snapshotting,
    /// Files are being copied out of a container or into it.
    Copying,
    /// Objects are being deleted.
    Terminating,
    /// The server is establishing CustomResourceDefinitions.
    Establishing,
    /// The server is counting what a ResourceQuota limits.
    Counting,
    /// Rows of a roster are being checked.
    Checking,
    /// A quota or the nodes have no room for the session yet.
    AwaitingRoom,
}

impl WaitStage {
    /// Returns the stage as a word for progress lines.
    pub fn as_str(self) -> &'static str {
        match self {
            WaitStage::Applying => "applying",
            WaitStage::Scheduling => "scheduling",
            WaitStage::Binding => "binding",
            WaitStage::Pulling => "pulling",
            WaitStage::Initializing => "initializing",
            WaitStage::Starting => "starting",
            WaitStage::Probing => "probing",
            WaitStage::Syncing => "syncing",
            WaitStage::Snapshotting => "snapshotting",
            WaitStage::Copying => "copying",
            WaitStage::Terminating => "terminating",
            WaitStage::Establishing => "establishing",
            WaitStage::Counting => "counting",
            WaitStage::Checking => "checking",
            WaitStage::AwaitingRoom => "waiting for",
        }
    }
}

/// A progress event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProgressEvent {
    /// The object that is waited for now, and its state.
    Waiting {
        /// Stage of the wait.
        stage: WaitStage,
        /// Object that is waited for, as `kind/name`.
        object: String,
        /// State of the object, one line; may be empty.
        detail: String,
    },
    /// A message that stays on the screen, such as a warning or a skipped check.
    Note(String),
    /// The wait is over.
    Done,
}

/// A receiver of progress events.
pub trait ProgressSink {
    /// Receives an event. Must not block and cannot fail, so that output never interrupts the work.
    fn tell(&mut self, event: ProgressEvent);
}

/// A sink that several waits tell at the same time.
pub struct SharedSink<'a>(RefCell<&'a mut dyn ProgressSink>);

impl<'a> SharedSink<'a> {
    /// Shares a sink.
    pub fn new(sink: &'a mut dyn ProgressSink) -> Self {
        Self(RefCell::new(sink))
    }
}

impl ProgressSink for &SharedSink<'_> {
    fn tell(&mut self, event: ProgressEvent) {
        self.0.borrow_mut().tell(event);
    }
}

/// A sink that discards all events.
#[derive(Debug, Default)]
pub struct DiscardingSink;

impl ProgressSink for DiscardingSink {
    fn tell(&mut self, _event: ProgressEvent) {}
}
