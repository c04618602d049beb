//! Creation of an object of a start, and what becomes of one that has its name already.

use std::time::Duration;

use anyhow::{Result, anyhow};
use serde_json::Value;
use tokio::sync::mpsc::UnboundedSender;

use crate::Cluster;
use crate::apply_plan::ApplyOptions;
use crate::name_conflict::{
    NameConflict, UNATTRIBUTED_REASON, classify_conflict, foreign_object_error,
    other_template_error, unproven_data_error,
};
use session_engine::diagnosis::parse_refusal;
use session_engine::plan::StepResult;
use session_model::api::ObjectRef;
use session_model::failure::{self, FailureKind, with_hint};
use session_model::labels;
use session_model::objects::kept_data::{is_claim, was_bound};
use session_model::objects::ownership::is_parameters_secret;
use session_model::objects::{ResourceType, Untyped};
use session_model::progress::ProgressEvent;

/// Longest wait for a name that an object under deletion still occupies: finalizers and a Pod's grace period take a
/// moment.
const NAME_FREE_TIMEOUT: Duration = Duration::from_secs(60);

impl Cluster {
    /// Returns the type of an object.
    ///
    /// # Errors
    /// A kind that the server does not serve.
    pub(super) async fn require_resource(&self, object: &Value) -> Result<ResourceType> {
        let (api_version, kind) = (Untyped(object).api_version(), Untyped(object).kind());
        let found = self.discover_resource(api_version, kind).await?;
        found.ok_or_else(|| {
            with_hint(
                anyhow!("no matches for kind {kind:?} in version {api_version:?}"),
                "install the CRD that defines this kind, or remove the object from the manifest",
            )
        })
    }

    /// Creates an object. If the name is taken, or the response was lost, the existing object is read: this run's own is
    /// a success, data of this session is adopted, and any other is an error, never changed.
    pub(super) async fn create_or_adopt(
        &self,
        object: &Value,
        existing: bool,
        with: &ApplyOptions<'_>,
        tell: &UnboundedSender<ProgressEvent>,
    ) -> Result<StepResult> {
        let resource = self.require_resource(object).await?;
        let namespace = with.ownership.namespace.as_str();
        let error = match self.create(&resource, namespace, object, &with.write).await {
            Ok(created) => return Ok(StepResult::Created(created)),
            Err(error) => error,
        };
        let taken = failure::has_kind(&error, FailureKind::AlreadyExists);
        if !taken && !failure::has_kind(&error, FailureKind::Unreachable) {
            return Err(with_remedy_hint(error, namespace));
        }
        let name = Untyped(object).name();
        let Ok(Some(found)) = self.get(&resource, namespace, name).await else {
            return Err(error);
        };
        if Untyped(&found).annotation(labels::RUN) == Untyped(object).annotation(labels::RUN) {
            return Ok(StepResult::Created(found));
        }
        self.settle_conflict(&resource, object, found, existing, with, tell)
            .await
    }

    /// Decides what becomes of an object of that name: it is the session's, is adopted or used, makes room, or is an error.
    async fn settle_conflict(
        &self,
        resource: &ResourceType,
        object: &Value,
        found: Value,
        existing: bool,
        with: &ApplyOptions<'_>,
        tell: &UnboundedSender<ProgressEvent>,
    ) -> Result<StepResult> {
        let whose = classify_conflict(&found, object, with.ownership);
        if Untyped(&found).is_terminating() && !matches!(whose, NameConflict::Foreign) {
            if with.write.dry_run {
                return Ok(StepResult::Created(object.clone()));
            }
            self.wait_name_free(resource, &found, with, tell).await?;
            return Box::pin(self.create_or_adopt(object, existing, with, tell)).await;
        }
        let namespace = with.ownership.namespace.as_str();
        let is_secret = is_parameters_secret(object);
        match whose {
            NameConflict::OwnedBySession => Ok(StepResult::Adopted(found)),
            NameConflict::Kept if is_claim(&found) && !was_bound(&found) => {
                self.replace_unbound_claim(resource, &found, object, with, tell)
                    .await
            }
            NameConflict::Kept
                if is_secret && !existing && !self.is_proven_by_data(&found, namespace).await? =>
            {
                let why = "no kept claim or snapshot proves that the session created it";
                Err(unproven_data_error(resource, &found, why))
            }
            NameConflict::Unattributed if !existing => {
                Err(unproven_data_error(resource, &found, UNATTRIBUTED_REASON))
            }
            NameConflict::Kept | NameConflict::Unattributed => {
                self.adopt(resource, &found, object, with).await
            }
            NameConflict::KeptByOtherTemplate(_) if existing && is_claim(&found) => {
                Ok(StepResult::UsedExisting(found))
            }
            NameConflict::KeptByOtherTemplate(template) => {
                Err(other_template_error(resource, &found, &template))
            }
            NameConflict::Foreign if existing && !is_secret => Ok(StepResult::UsedExisting(found)),
            NameConflict::Foreign => Err(foreign_object_error(resource, &found, with.ownership)),
        }
    }

    /// Waits until an object under deletion is gone and its name is free. Such an object is never adopted: data written
    /// to a claim under deletion is lost when its Pod stops.
    pub(super) async fn wait_name_free(
        &self,
        resource: &ResourceType,
        found: &Value,
        with: &ApplyOptions<'_>,
        tell: &UnboundedSender<ProgressEvent>,
    ) -> Result<()> {
        let (limit, target) = (
            with.wait_limit.min(NAME_FREE_TIMEOUT),
            ObjectRef::from_object(found),
        );
        let (namespace, targets) = (
            with.ownership.namespace.as_str(),
            std::slice::from_ref(&target),
        );
        let gone = self.wait_deleted(limit, resource, namespace, targets, tell);
        with.interrupt.race(gone).await
    }
}

/// Adds the hint for a refusal with a known remedy.
fn with_remedy_hint(error: anyhow::Error, namespace: &str) -> anyhow::Error {
    let found = failure::find_failure(&error);
    match found.and_then(|failure| parse_refusal(&failure.message, namespace)) {
        Some(refusal) => with_hint(error, refusal.remedy),
        None => error,
    }
}
