//! Server-side apply of an object that an earlier start created.

use anyhow::Result;
use serde_json::Value;
use tokio::sync::mpsc::UnboundedSender;

use crate::Cluster;
use crate::apply_plan::ApplyOptions;
use session_client::AccessReviews;
use session_engine::plan::{PropagationPolicy, StepResult};
use session_model::api::ObjectRef;
use session_model::failure::{self, Failure, FailureKind};
use session_model::objects::ResourceType;
use session_model::objects::Untyped;
use session_model::objects::access::Access;
use session_model::objects::custom_workload::is_custom_workload;
use session_model::progress::ProgressEvent;
use session_template::merge_string_data;

/// Attempts to write an object that another client changes at the same time, as controllers do when they write a status.
const MAX_CONFLICT_RETRIES: usize = 5;

impl Cluster {
    /// Applies `object` over `found`, identified by its UID. If the server refuses the change of an immutable field, the
    /// object is deleted and created again.
    ///
    /// # Errors
    /// Whatever else the server refuses. The rights to delete and create are checked before anything is deleted. An
    /// object of a kind that is not built in is never deleted.
    pub(super) async fn apply_existing(
        &self,
        object: &Value,
        found: &Value,
        with: &ApplyOptions<'_>,
        tell: &UnboundedSender<ProgressEvent>,
    ) -> Result<StepResult> {
        let name = Untyped(object).name();
        let resource = self.require_resource(object).await?;
        let namespace = with.ownership.namespace.as_str();
        if !self
            .upgrade_fields_with_retry(&resource, namespace, found, with)
            .await?
        {
            // Deleted or replaced in the meantime: the POST finds out which.
            return self.create_or_adopt(object, false, with, tell).await;
        }
        let mut whole = object.clone();
        // The server stores stringData as data. Fields can be owned, and later removed, only under the name they are
        // stored with.
        merge_string_data(&mut whole);
        whole["metadata"]["uid"] = Untyped(found).require_uid()?.into();
        let applied = self
            .apply(&resource, namespace, name, &whole, &with.write)
            .await;
        match applied {
            Ok(applied) => Ok(StepResult::Applied(applied)),
            Err(error) if !is_immutable(&error) => Err(error),
            // Its deletion may take data with it that only its controller knows.
            Err(error) if is_custom_workload(object) => Err(error),
            Err(_) if with.write.dry_run => Ok(StepResult::Applied(found.clone())),
            Err(_) => {
                let target = ObjectRef::from_object(found);
                // Never delete an object that the caller may not create again.
                let needs = [
                    Access::new("delete", &resource, name),
                    Access::new("create", &resource, ""),
                ];
                AccessReviews::new(self).require(namespace, &needs).await?;
                let background = PropagationPolicy::Background;
                self.delete_if_present(&resource, namespace, &target, background, &with.write)
                    .await?;
                let targets = std::slice::from_ref(&target);
                let gone = self.wait_deleted(with.wait_limit, &resource, namespace, targets, tell);
                with.interrupt.race(gone).await?;
                self.create_or_adopt(object, false, with, tell).await
            }
        }
    }

    /// Moves the fields that our field manager owns in `found` from Update to Apply, reading the object again after a
    /// conflict. Returns false if the object no longer exists.
    async fn upgrade_fields_with_retry(
        &self,
        resource: &ResourceType,
        namespace: &str,
        found: &Value,
        with: &ApplyOptions<'_>,
    ) -> Result<bool> {
        let name = Untyped(found).name();
        let mut current = found.clone();
        for _ in 1..MAX_CONFLICT_RETRIES {
            let adopted = self
                .upgrade_managed_fields(resource, namespace, name, &current, &with.write)
                .await;
            match adopted {
                Ok(_) => return Ok(true),
                Err(error) if failure::has_kind(&error, FailureKind::NotFound) => return Ok(false),
                Err(error) if failure::has_kind(&error, FailureKind::Conflict) => {}
                Err(error) => return Err(error),
            }
            let read = self.get(resource, namespace, name).await?;
            let same = |now: &Value| Untyped(now).is_same_object(found);
            match read.filter(same) {
                Some(now) => current = now,
                None => return Ok(false),
            }
        }
        self.upgrade_managed_fields(resource, namespace, name, &current, &with.write)
            .await
            .map(|_| true)
    }
}

/// True if the server refuses a change of an immutable field.
fn is_immutable(error: &anyhow::Error) -> bool {
    let says = |failure: &Failure| {
        // StatefulSets word this refusal differently.
        ["immutable", "updates to statefulset spec"]
            .iter()
            .any(|words| failure.message.contains(words))
    };
    failure::find_failure(error)
        .is_some_and(|failure| failure.kind == FailureKind::Invalid && says(failure))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_refused_change_is_taken_for_immutable() {
        let failed = |kind, message: &str| anyhow::Error::new(Failure::client_side(kind, message));
        let set = "StatefulSet.apps \"w\" is invalid: spec: Forbidden: updates to statefulset spec for fields other than \
            'replicas' are forbidden";
        assert!(is_immutable(&failed(FailureKind::Invalid, set)));
        let selector =
            "Deployment.apps \"w\" is invalid: spec.selector: Invalid value: x: field is immutable";
        assert!(is_immutable(&failed(FailureKind::Invalid, selector)));
        assert!(!is_immutable(&failed(FailureKind::Forbidden, "immutable")));
        let port = "Service \"s\" is invalid: spec.ports[0].port: Invalid value: 0";
        assert!(!is_immutable(&failed(FailureKind::Invalid, port)));
    }
}
