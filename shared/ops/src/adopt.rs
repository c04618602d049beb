//! Adoption: reuse of data that an earlier session of the same name, owner and template left behind. Only data whose
//! labels and annotations prove the relation is adopted; see [`NameConflict`] for the classification.
//!
//! [`NameConflict`]: super::name_conflict::NameConflict

use anyhow::Result;
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedSender;

use crate::Cluster;
use crate::apply_plan::ApplyOptions;
use crate::name_conflict::NameConflict;
use crate::name_conflict::classify_conflict;
use crate::name_conflict::foreign_claim_error;
use crate::name_conflict::other_template_error;
use crate::session_objects::session_selector;
use session_client::{DeleteOptions, Scope};
use session_engine::plan::StepResult;
use session_engine::reconcile::is_secret_proven;
use session_model::failure::{self, FailureKind};
use session_model::labels;
use session_model::objects::ResourceType;
use session_model::objects::Untyped;
use session_model::objects::kept_data::{
    immutable_difference, is_claim, kept_claim_error, was_bound,
};
use session_model::objects::provenance::find_provenance_problem;
use session_model::objects::resource::{PERSISTENT_VOLUME_CLAIM, VOLUME_SNAPSHOT};
use session_model::progress::ProgressEvent;

impl Cluster {
    /// Replaces a claim that was never bound by the wanted one, which may name another StorageClass. A claim that has
    /// been bound in the meantime is kept and adopted.
    pub(super) async fn replace_unbound_claim(
        &self,
        resource: &ResourceType,
        found: &Value,
        wanted: &Value,
        with: &ApplyOptions<'_>,
        tell: &UnboundedSender<ProgressEvent>,
    ) -> Result<StepResult> {
        if with.write.dry_run {
            return Ok(StepResult::Created(wanted.clone()));
        }
        self.delete_unbound_claim(resource, found, with, tell)
            .await?;
        Box::pin(self.create_or_adopt(wanted, false, with, tell)).await
    }

    /// Deletes a claim that was never bound and waits until it is gone. A claim that has changed since `found` was read
    /// stays.
    async fn delete_unbound_claim(
        &self,
        resource: &ResourceType,
        found: &Value,
        with: &ApplyOptions<'_>,
        tell: &UnboundedSender<ProgressEvent>,
    ) -> Result<()> {
        let options = DeleteOptions {
            uid: Some(Untyped(found).require_uid()?.to_owned()),
            resource_version: Some(Untyped(found).require_resource_version()?.to_owned()),
            ..DeleteOptions::default()
        };
        let (namespace, name) = (with.ownership.namespace.as_str(), Untyped(found).name());
        match self.delete(resource, namespace, name, &options).await {
            Ok(_) => self.wait_name_free(resource, found, with, tell).await,
            Err(error) if failure::has_kind(&error, FailureKind::Conflict) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// True if a kept claim or a bound snapshot proves that the parameters Secret belongs to the same session.
    ///
    /// # Errors
    /// Refusals of the server other than Forbidden: objects that may not be listed prove nothing.
    pub(super) async fn is_proven_by_data(&self, secret: &Value, namespace: &str) -> Result<bool> {
        let Some(session) = Untyped(secret).label(labels::SESSION) else {
            return Ok(false);
        };
        let select = session_selector(session);
        let scope = Scope::Namespace(namespace);
        let list = async |kind| match self.list(kind, scope, &select).await {
            Err(error)
                if failure::has_kind(&error, FailureKind::Forbidden)
                    || failure::has_kind(&error, FailureKind::ResourceTypeNotFound) =>
            {
                Ok(Vec::new())
            }
            other => other.map(|list| list.items),
        };
        let (claims, snapshots) =
            futures::try_join!(list(&PERSISTENT_VOLUME_CLAIM), list(&VOLUME_SNAPSHOT))?;
        let genuine = snapshots
            .iter()
            .filter(|one| find_provenance_problem(one, &claims).is_none());
        let genuine: Vec<_> = genuine.collect();
        Ok(is_secret_proven(secret, &claims, &genuine))
    }

    /// Adopts a claim that a StatefulSet will find by name. A claim that does not exist is created by the StatefulSet
    /// itself.
    ///
    /// # Errors
    /// A claim of another session or template, and whatever the server refuses.
    pub(super) async fn adopt_claim_by_name(
        &self,
        claim: &Value,
        with: &ApplyOptions<'_>,
        tell: &UnboundedSender<ProgressEvent>,
    ) -> Result<StepResult> {
        let (kind, name) = (&PERSISTENT_VOLUME_CLAIM, Untyped(claim).name());
        let namespace = with.ownership.namespace.as_str();
        let Some(found) = self.get(kind, namespace, name).await? else {
            return Ok(StepResult::ClaimAdopted);
        };
        let whose = classify_conflict(&found, claim, with.ownership);
        if Untyped(&found).is_terminating() && !matches!(whose, NameConflict::Foreign) {
            if !with.write.dry_run {
                self.wait_name_free(kind, &found, with, tell).await?;
            }
            return Ok(StepResult::ClaimAdopted);
        }
        match whose {
            NameConflict::Kept if !was_bound(&found) => {
                if !with.write.dry_run {
                    self.delete_unbound_claim(kind, &found, with, tell).await?;
                }
                Ok(StepResult::ClaimAdopted)
            }
            NameConflict::OwnedBySession | NameConflict::Kept => {
                let taken = self.adopt(kind, &found, claim, with).await;
                taken.map(|_| StepResult::ClaimAdopted)
            }
            NameConflict::KeptByOtherTemplate(template) => {
                Err(other_template_error(kind, &found, &template))
            }
            NameConflict::Unattributed | NameConflict::Foreign => {
                Err(foreign_claim_error(name, with.ownership))
            }
        }
    }

    /// Adopts kept data: sets the annotation with the Session's UID, removes the kept-since mark, and raises a claim's
    /// request to the wanted size if that is larger. A claim never shrinks.
    ///
    /// # Errors
    /// A claim that differs from the wanted one in an immutable field, and whatever the server refuses.
    pub(super) async fn adopt(
        &self,
        resource: &ResourceType,
        found: &Value,
        wanted: &Value,
        with: &ApplyOptions<'_>,
    ) -> Result<StepResult> {
        if is_claim(found)
            && let Some((field, has, wants)) = immutable_difference(found, wanted)
        {
            let field = format!("spec.{field}");
            let (has, wants) = (has.to_string(), wants.to_string());
            return Err(kept_claim_error(found, &field, &has, &wants));
        }
        let mut patch = json!({ "metadata": {
            "uid": Untyped(found).require_uid()?,
            "annotations": { labels::SESSION_UID: with.ownership.session_uid, labels::KEPT_SINCE: null },
        } });
        let size = "/spec/resources/requests/storage";
        let parse = |object: &Value| {
            Untyped(object)
                .str_at(size)?
                .parse::<session_model::quantity::Quantity>()
                .ok()
        };
        if let (Some(has), Some(wants)) = (parse(found), parse(wanted))
            && wants > has
        {
            patch["spec"] =
                json!({ "resources": { "requests": { "storage": wants.to_string() } } });
        }
        let namespace = with.ownership.namespace.as_str();
        let name = Untyped(found).name();
        let taken = self
            .merge_patch(resource, namespace, name, None, &patch, &with.write)
            .await?;
        Ok(StepResult::Adopted(taken))
    }
}
