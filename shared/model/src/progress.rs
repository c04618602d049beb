//! What waiting code says while it waits: plain data, shown by `report/`, ignored where nobody looks.

/// What a session waits for, in the order in which a Pod goes through it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Requests are on their way.
    Applying,
    /// No node has been chosen yet.
    Scheduling,
    /// A claim is not bound yet.
    Binding,
    /// An image is on its way.
    Pulling,
    /// Init containers run.
    Initializing,
    /// Containers are being started.
    Starting,
    /// Containers run, their probes have not succeeded yet.
    Probing,
    /// Data is being synchronised by a hook.
    Syncing,
    /// A snapshot is being taken.
    Snapshotting,
    /// Files go out of a container, or into it.
    Copying,
    /// Something is being taken away.
    Terminating,
    /// Definitions are being taken in by the server.
    Establishing,
}

impl Stage {
    /// The stage as a word for people.
    pub fn word(self) -> &'static str {
        match self {
            Stage::Applying => "applying",
            Stage::Scheduling => "scheduling",
            Stage::Binding => "binding",
            Stage::Pulling => "pulling",
            Stage::Initializing => "initializing",
            Stage::Starting => "starting",
            Stage::Probing => "probing",
            Stage::Syncing => "syncing",
            Stage::Snapshotting => "snapshotting",
            Stage::Copying => "copying",
            Stage::Terminating => "terminating",
            Stage::Establishing => "establishing",
        }
    }
}

/// One thing to know while waiting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// What is waited for now: a stage, the object (`pod/x`) and what is known of it (may be empty).
    Waiting {
        /// The stage.
        stage: Stage,
        /// The object as `kind/name`.
        object: String,
        /// What is known, one line; may be empty.
        detail: String,
    },
    /// Something worth keeping on the screen: a check that was skipped, a warning.
    Note(String),
    /// Nothing is waited for any more.
    Done,
}

/// Takes what waiting code says.
pub trait Sink {
    /// Takes one event. Must not block and cannot fail: progress is never a reason to stop.
    fn tell(&mut self, event: Event);
}

/// A sink that shows nothing.
#[derive(Debug, Default)]
pub struct Silent;

impl Sink for Silent {
    fn tell(&mut self, _event: Event) {}
}
