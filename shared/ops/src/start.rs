//! Execution of a start: writes the start request, the parameters Secret, the objects and the status, in this order. Every step
//! may be repeated.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::finish_start::Started;
use super::start_plan::StartPlan;
use super::trust;
use crate::Cluster;
use crate::apply_plan::ApplyOptions;
use session_client::interrupt::Interrupt;
use session_client::{WriteOptions, parse_object};
use session_engine::plan::{Plan, PlanOutcome, Step};
use session_engine::reconcile::{TargetState, reconcile, status_patch};
use session_model::api::{ObjectRef, Session};
use session_model::failure::{self, FailureKind, with_hint};
use session_model::names::parameters_secret_name;
use session_model::objects::ownership::has_kind_and_name;
use session_model::objects::resource::SECRET;
use session_model::progress::ProgressSink;

impl StartPlan {
    /// Starts the session, without waiting until it is ready. If a step fails, created objects are kept: the next start continues
    /// from there.
    ///
    /// # Errors
    /// Refusals of the server, or Interrupted, with a hint how to continue.
    pub async fn start(
        &self,
        cluster: &Cluster,
        write: &WriteOptions,
        interrupt: &Interrupt,
        now: Timestamp,
        sink: &mut dyn ProgressSink,
    ) -> Result<Started> {
        let (namespace, name) = (self.observed.namespace(), self.observed.name());
        let begun = self.try_start(cluster, write, interrupt, now, sink).await;
        begun.map_err(|error| {
            if write.dry_run || failure::has_kind(&error, FailureKind::Forbidden) {
                return error;
            }
            with_hint(
                error,
                format!("continue with: kubectl session start {name} -n {namespace}"),
            )
        })
    }

    async fn try_start(
        &self,
        cluster: &Cluster,
        write: &WriteOptions,
        interrupt: &Interrupt,
        now: Timestamp,
        sink: &mut dyn ProgressSink,
    ) -> Result<Started> {
        let object = cluster
            .patch_session(&self.start.ownership, self.session_patch.clone(), write)
            .await?;
        let session: Session = parse_object(object.clone())?;
        if !write.dry_run {
            let uid = self.start.ownership.session_uid.as_str();
            trust::record_trusted(cluster, uid, &self.spec, Some(&self.start.rendering), sink);
        }
        let with = ApplyOptions {
            ownership: &self.start.ownership,
            write: write.clone(),
            interrupt,
            wait_limit: std::time::Duration::MAX,
        };
        if !self.observed.driver.is_controller() || self.has_new_secrets {
            require_success(
                cluster
                    .apply_plan(&self.parameters_secret_plan(), &with, sink)
                    .await,
            )?;
        }
        let mut started = Started {
            session,
            object,
            start: self.start.clone(),
            objects: Vec::new(),
            driver: self.observed.driver,
        };
        if started.driver.is_controller() {
            return Ok(started);
        }
        let (start, live) = (Some(&self.start), &self.observed.live);
        let decision = reconcile(&started.session, TargetState::Running, start, live, now);
        started.objects = require_success(cluster.apply_plan(&decision.plan, &with, sink).await)?;
        if write.dry_run {
            return Ok(started);
        }
        let status =
            status_patch::start_status(&started.session, &self.start, &started.objects, now);
        started.object = cluster
            .patch_status(&self.start.ownership, status, write)
            .await?;
        started.session = parse_object(started.object.clone())?;
        Ok(started)
    }

    /// Returns the step that creates the parameters Secret, or patches it if values are new.
    fn parameters_secret_plan(&self) -> Plan {
        let Some(stored) = &self.stored_secrets else {
            return self.start.parameters_plan();
        };
        let wanted = &self.start.rendering.secrets;
        let new: BTreeMap<&String, &String> = wanted
            .iter()
            .filter(|(name, value)| stored.get(*name) != Some(value))
            .collect();
        let mut plan = Plan::default();
        let secret = parameters_secret_name(self.start.ownership.session.as_str());
        let mut own = self.observed.live.own_data(&self.observed.session);
        let found = own.find(|object| has_kind_and_name(object, "Secret", &secret));
        if let Some(found) = found.filter(|_| !new.is_empty()) {
            plan.push_stage(vec![Step::Patch {
                target: ObjectRef::from_object(found),
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
pub fn require_success(outcome: PlanOutcome) -> Result<Vec<Value>> {
    let objects = outcome.objects();
    match outcome.failed {
        None => Ok(objects),
        Some((_, error)) if failure::find_failure(&error).is_some() => Err(error),
        Some((step, error)) => Err(error).with_context(|| format!("failed to {}", step.describe())),
    }
}
