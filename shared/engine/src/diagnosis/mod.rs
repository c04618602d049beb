//! From what the cluster says about a session's Pods to what a person needs: what is waited for, whether it can still come
//! up, and if not why. Pure: everything comes in as data.

mod claim;
pub mod classes;
mod container;
mod crash;
mod ended;
mod event;
mod facts;
pub mod growing;
mod holding;
mod image;
mod lasting;
mod missing;
mod pod;
mod probe;
pub mod quota;
mod reference;
mod refusal;
pub mod resizing;
mod scheduling;
mod telling;
mod volume;

pub use claim::CLAIM_NOT_FOUND;
pub use event::EventNote;
pub use facts::{Answer, Ask, Room, refine};
pub use holding::holding;
pub use lasting::unproven;
pub use missing::inspect_missing;
pub use pod::inspect;
pub use refusal::{Refusal, refusal};

use session_model::progress::Stage;

/// What is known of one Pod, or of a workload that has none yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it waits for.
    pub stage: Stage,
    /// The object, `pod/x`.
    pub object: String,
    /// One line about it; may be empty.
    pub detail: String,
    /// What that means.
    pub verdict: Verdict,
    /// What holds it up though it may still come up, or why it ended; `None` where it just takes its time, is ready, or
    /// cannot come up (the verdict has the cause then).
    pub trouble: Option<Cause>,
}

impl Finding {
    /// Why it is not ready, as far as there is a why.
    pub fn cause(&self) -> Option<&Cause> {
        match &self.verdict {
            Verdict::Hopeless(cause) => Some(cause),
            _ => self.trouble.as_ref(),
        }
    }

    /// The same, to be made finer.
    pub fn cause_mut(&mut self) -> Option<&mut Cause> {
        match &mut self.verdict {
            Verdict::Hopeless(cause) => Some(cause),
            _ => self.trouble.as_mut(),
        }
    }
}

/// What a finding means for somebody who waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may still come up.
    Waiting,
    /// It is ready.
    Ready,
    /// It ended by itself.
    Ended {
        /// Exit code of the container that decided it.
        code: i32,
        /// The kubelet's word: Completed, Error, OOMKilled.
        reason: String,
    },
    /// It cannot come up without somebody changing something.
    Hopeless(Cause),
}

/// Why a session does not come up. Made with `..Cause::default()`: it may get more fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cause {
    /// The kubelet's or controller's word: ErrImageNeverPull, CrashLoopBackOff, FailedCreate.
    pub reason: String,
    /// One line that names the object, for people.
    pub message: String,
    /// The raw facts it was read from, a line each, the most telling first: a container's state, an event with its count and
    /// age, the last lines of a log, figures of nodes.
    pub evidence: Vec<String>,
    /// What to do about it; `None` where that is not known.
    pub remedy: Option<String>,
    /// What is worth reading before a person is told: `Cluster::explain` does, and adds it to the evidence.
    pub asks: Vec<Ask>,
}

#[cfg(test)]
mod tests;
