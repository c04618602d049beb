//! Workloads whose state is not known, because the objects that would tell it cannot be read.

use crate::observed_session::{ObservedSession, Part};
use session_engine::reconcile::{WorkloadState, assess_workload};

impl ObservedSession {
    /// Returns the state of the workload by the objects that have been read. A workload is lost only where these prove it: that no Pod is
    /// seen proves nothing where the objects that lead to it could not be read.
    pub(crate) fn assess_readable_workload(&self) -> WorkloadState {
        let unread = [Part::Pods, Part::Owners].map(|part| self.unreadable(part));
        match assess_workload(&self.session, &self.live) {
            WorkloadState::Lost if unread.iter().any(Option::is_some) => WorkloadState::NoWorkload,
            state => state,
        }
    }

    /// Returns why the state of the workload is not known: its Pods cannot be read, or none was found and the objects between them and
    /// the Session cannot be read. The phase in the Session's status is then the best that is known.
    pub fn unread_workload(&self) -> Option<&str> {
        let is_unseen = matches!(self.state, WorkloadState::Lost | WorkloadState::NoWorkload);
        let owners = || self.unreadable(Part::Owners).filter(|_| is_unseen);
        self.unreadable(Part::Pods).or_else(owners)
    }
}
