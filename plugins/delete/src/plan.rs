//! From what is there to what goes. Pure.

use session_shared::Timestamp;
use session_shared::api::{DataPolicy, Session};
use session_shared::objects::belonging::Belonging;
use session_shared::objects::resource::text;
use session_shared::plan::{Plan, Step};
use session_shared::reconcile::{Live, Wanted, reconcile};

use crate::intent::Intent;

/// One session that is to be deleted, and all that is there of it.
#[derive(Clone, Debug)]
pub(crate) struct Doomed {
    /// The Session, with the data policy that holds for this deletion.
    pub(crate) session: Session,
    /// What is there of it.
    pub(crate) live: Live,
    /// Whose everything is.
    pub(crate) belonging: Belonging,
    /// Whether a controller does the work.
    pub(crate) controller: bool,
}

impl Doomed {
    /// Name of the session.
    pub(crate) fn name(&self) -> &str {
        self.session.metadata.name.as_deref().unwrap_or_default()
    }

    fn policy(&self) -> DataPolicy {
        let at_start = self
            .session
            .status
            .as_ref()
            .and_then(|status| status.data_policy);
        self.session
            .spec
            .data_policy
            .or(at_start)
            .unwrap_or_default()
    }

    /// Names of its claims.
    pub(crate) fn claims(&self) -> Vec<String> {
        let claims = self
            .live
            .own_data(&self.session)
            .filter(|object| text(object, "/kind") == "PersistentVolumeClaim");
        claims
            .map(|claim| text(claim, "/metadata/name").to_owned())
            .collect()
    }

    /// Names of the claims that this deletion destroys.
    pub(crate) fn destroyed(&self) -> Vec<String> {
        if self.policy() == DataPolicy::Delete {
            self.claims()
        } else {
            Vec::new()
        }
    }

    /// Names of the claims that this deletion keeps.
    pub(crate) fn kept(&self) -> Vec<String> {
        if self.policy() == DataPolicy::Delete {
            Vec::new()
        } else {
            self.claims()
        }
    }

    /// True if a snapshot would have to be taken.
    pub(crate) fn needs_snapshot(&self) -> bool {
        self.policy() == DataPolicy::Snapshot && !self.claims().is_empty()
    }

    /// Everything that is to be done, in order.
    pub(crate) fn plan(&self, intent: &Intent, now: Timestamp) -> Plan {
        let wanted = Wanted::Gone {
            skip_sync: intent.skip_sync,
        };
        let mut plan = reconcile(&self.session, wanted, None, &self.live, &[], now).plan;
        if self.controller {
            // Its finalizer syncs, and sees to workload and data: what is left to do here is the DELETE itself.
            plan.stages
                .retain(|stage| stage.iter().any(is_about_session));
        }
        if !intent.wait {
            plan.stages.retain(|stage| {
                !stage
                    .iter()
                    .all(|step| matches!(step, Step::AwaitGone { .. }))
            });
        }
        plan
    }
}

fn is_about_session(step: &Step) -> bool {
    match step {
        Step::Delete { target, .. } | Step::Patch { target, .. } => target.kind == "Session",
        Step::AwaitGone { resource, .. } => resource.kind == "Session",
        _ => false,
    }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
