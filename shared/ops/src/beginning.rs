//! Execution of a start: writes the start request, the parameters Secret, the objects and the status, in this order. Every step
//! may be repeated.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::settling::Made;
use super::starting::Ahead;
use super::trust;
use crate::Cluster;
use crate::execute::Carrying;
use session_client::Write;
use session_client::interrupt::Interrupt;
use session_client::typed;
use session_engine::plan::{Outcome, Plan, Step};
use session_engine::reconcile::{Wanted, reconcile, record};
use session_model::api::{ObjectRef, Session};
use session_model::failure::{self, Kind, hinted};
use session_model::names::parameters_secret;
use session_model::objects::belonging::is_named;
use session_model::objects::resource::{SECRET, SESSION};
use session_model::progress::Sink;

impl Ahead {
    /// Starts the session, without waiting until it is ready. If a step fails, created objects are kept: the next start continues
    /// from there.
    ///
    /// # Errors
    /// Refusals of the server, or Interrupted, with a hint how to continue.
    pub async fn begin(
        &self,
        cluster: &Cluster,
        write: &Write,
        interrupt: &Interrupt,
        now: Timestamp,
        sink: &mut dyn Sink,
    ) -> Result<Made> {
        let (namespace, name) = (self.present.namespace(), self.present.name());
        let begun = self.try_begin(cluster, write, interrupt, now, sink).await;
        begun.map_err(|error| {
            if write.dry_run || failure::is(&error, Kind::Forbidden) {
                return error;
            }
            hinted(
                error,
                format!("continue with: kubectl session start {name} -n {namespace}"),
            )
        })
    }

    async fn try_begin(
        &self,
        cluster: &Cluster,
        write: &Write,
        interrupt: &Interrupt,
        now: Timestamp,
        sink: &mut dyn Sink,
    ) -> Result<Made> {
        let (namespace, name) = (self.present.namespace(), self.present.name());
        let object = cluster
            .merge_patch(&SESSION, namespace, name, None, &self.wish, write)
            .await?;
        let session: Session = typed(object.clone())?;
        if !write.dry_run {
            let uid = self.start.belonging.session_uid.as_str();
            trust::remember(cluster, uid, &self.spec, Some(&self.start.rendering), sink);
        }
        let with = Carrying {
            belonging: &self.start.belonging,
            write: write.clone(),
            interrupt,
            limit: std::time::Duration::MAX,
        };
        if !self.present.driver.is_controller() || self.gave_secrets {
            finished(cluster.carry_out(&self.secrets(), &with, sink).await)?;
        }
        let mut made = Made {
            session,
            object,
            start: self.start.clone(),
            objects: Vec::new(),
            driver: self.present.driver,
        };
        if made.driver.is_controller() {
            return Ok(made);
        }
        let (start, live) = (Some(&self.start), &self.present.live);
        let decision = reconcile(&made.session, Wanted::Running, start, live, &[], now);
        made.objects = finished(cluster.carry_out(&decision.plan, &with, sink).await)?;
        if write.dry_run {
            return Ok(made);
        }
        let mut status = record::started(&made.session, &self.start, &made.objects, now);
        status["metadata"] = json!({ "uid": self.start.belonging.session_uid });
        let part = Some("status");
        made.object = cluster
            .merge_patch(&SESSION, namespace, name, part, &status, write)
            .await?;
        made.session = typed(made.object.clone())?;
        Ok(made)
    }

    /// Returns the step that creates the parameters Secret, or patches it if values are new.
    fn secrets(&self) -> Plan {
        let Some(stored) = &self.stored else {
            return self.start.parameters_plan();
        };
        let wanted = &self.start.rendering.secrets;
        let new: BTreeMap<&String, &String> = wanted
            .iter()
            .filter(|(name, value)| stored.get(*name) != Some(value))
            .collect();
        let mut plan = Plan::default();
        let secret = parameters_secret(self.start.belonging.session.as_str());
        let mut own = self.present.live.own_data(&self.present.session);
        let found = own.find(|object| is_named(object, "Secret", &secret));
        if let Some(found) = found.filter(|_| !new.is_empty()) {
            plan.stage(vec![Step::Patch {
                target: ObjectRef::of(found),
                resource: SECRET.clone(),
                patch: json!({ "stringData": new }),
            }]);
        }
        plan
    }
}

/// Returns the objects of a successful outcome.
///
/// # Errors
/// The step that failed, and its cause.
pub fn finished(outcome: Outcome) -> Result<Vec<Value>> {
    let objects = outcome.objects();
    match outcome.failed {
        None => Ok(objects),
        Some((_, error)) if failure::of(&error).is_some() => Err(error),
        Some((step, error)) => Err(error).with_context(|| format!("failed to {}", step.describe())),
    }
}
