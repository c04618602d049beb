//! Taking a session away: its data is synchronised, its workload goes, its data goes or stays by the data policy.

use anyhow::{Result, anyhow};
use jiff::Timestamp;

use super::stopping::{Manner, Stopping};
use crate::api::{DataPolicy, Session};
use crate::cluster::Cluster;
use crate::cluster::execute::Carrying;
use crate::failure::hinted;
use crate::objects::belonging::Belonging;
use crate::objects::resource::text;
use crate::plan::{Outcome, Plan, Step};
use crate::progress::Sink;
use crate::reconcile::{Live, Wanted, data_policy, reconcile};

/// One session that is to be deleted, and all that is there of it.
#[derive(Clone, Debug)]
pub struct Doomed {
    /// The Session, with the data policy that holds for this deletion.
    pub session: Session,
    /// What is there of it.
    pub live: Live,
    /// Whose everything is.
    pub belonging: Belonging,
    /// Whether a controller does the work.
    pub controller: bool,
}

impl Doomed {
    /// A session, with everything that is there of it.
    ///
    /// # Errors
    /// When its name, Namespace or owner is not legal.
    pub fn with(session: Session, live: Live, controller: bool) -> Result<Self> {
        let belonging = Belonging::of(&session)?;
        Ok(Self {
            session,
            live,
            belonging,
            controller,
        })
    }

    /// Looks at everything that is there of a session.
    ///
    /// # Errors
    /// What the server refuses.
    pub async fn of(cluster: &Cluster, session: Session, controller: bool) -> Result<Self> {
        let namespace = session.metadata.namespace.clone().unwrap_or_default();
        let live = cluster.live(&namespace, &session).await?;
        Self::with(session, live, controller)
    }

    /// Name of the session.
    pub fn name(&self) -> &str {
        self.session.metadata.name.as_deref().unwrap_or_default()
    }

    /// Its Namespace.
    pub fn namespace(&self) -> &str {
        self.belonging.namespace.as_str()
    }

    /// Names of its claims.
    pub fn claims(&self) -> Vec<String> {
        let claims = self
            .live
            .own_data(&self.session)
            .filter(|object| text(object, "/kind") == "PersistentVolumeClaim");
        claims
            .map(|claim| text(claim, "/metadata/name").to_owned())
            .collect()
    }

    /// Names of the claims that this deletion destroys.
    pub fn destroyed(&self) -> Vec<String> {
        if data_policy(&self.session) == DataPolicy::Delete {
            self.claims()
        } else {
            Vec::new()
        }
    }

    /// Names of the claims that this deletion keeps.
    pub fn kept(&self) -> Vec<String> {
        if data_policy(&self.session) == DataPolicy::Delete {
            Vec::new()
        } else {
            self.claims()
        }
    }

    /// True if a snapshot would have to be taken.
    pub fn needs_snapshot(&self) -> bool {
        data_policy(&self.session) == DataPolicy::Snapshot && !self.claims().is_empty()
    }

    /// Refuses what cannot be done yet, before anything is.
    ///
    /// # Errors
    /// When the data policy asks for a snapshot.
    pub fn check(&self) -> Result<()> {
        if !self.needs_snapshot() {
            return Ok(());
        }
        let (name, namespace) = (self.name(), self.namespace());
        let error = anyhow!(
            "session {name:?} has the data policy \"snapshot\", and snapshots cannot be taken yet"
        );
        let patch = r#"{"spec":{"dataPolicy":"keep"}}"#;
        Err(hinted(
            error,
            format!(
                "keep its data: kubectl patch session {name} -n {namespace} --type merge -p '{patch}', then delete it"
            ),
        ))
    }

    /// Everything that is to be done, in order.
    pub fn plan(&self, manner: &Manner, now: Timestamp) -> Plan {
        let wanted = Wanted::Gone {
            skip_sync: manner.skip_sync,
        };
        let mut plan = reconcile(&self.session, wanted, None, &self.live, &[], now).plan;
        if self.controller {
            // Its finalizer syncs, and sees to workload and data: what is left to do here is the DELETE itself.
            plan.stages
                .retain(|stage| stage.iter().any(is_about_session));
        }
        if !manner.wait {
            plan.stages.retain(|stage| {
                !stage
                    .iter()
                    .all(|step| matches!(step, Step::AwaitGone { .. }))
            });
        }
        plan
    }

    /// Deletes it. Never fails as a whole: what was done and what was not is the outcome.
    pub async fn delete(
        &self,
        cluster: &Cluster,
        manner: &Manner,
        with: Stopping<'_>,
        sink: &mut dyn Sink,
    ) -> Outcome {
        let carrying = Carrying {
            belonging: &self.belonging,
            write: with.write.clone(),
            interrupt: with.interrupt,
            limit: manner.limit,
        };
        cluster
            .carry_out(&self.plan(manner, with.now), &carrying, sink)
            .await
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
#[path = "deleting_tests.rs"]
mod tests;
