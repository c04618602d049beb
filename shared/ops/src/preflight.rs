//! Checks before the first write of a start: ResourceQuotas, StorageClasses and IngressClasses, whose lack would leave the session
//! pending or half created.

use anyhow::Result;
use futures::future::try_join_all;
use serde_json::Value;

use crate::Cluster;
use crate::start_plan::StartPlan;
use session_client::{ListOptions, Scope, WriteOptions};
use session_engine::diagnosis::{Cause, missing_class, quota};
use session_engine::reconcile::claim_expansions;
use session_model::failure::{self, FailureKind, with_hint};
use session_model::labels::MANAGER;
use session_model::objects::ResourceType;
use session_model::objects::Untyped;
use session_model::objects::resource::{
    INGRESS_CLASS, PERSISTENT_VOLUME_CLAIM, RESOURCE_QUOTA, STORAGE_CLASS,
};
use session_model::progress::{ProgressEvent, ProgressSink};

/// Objects that the checks need; `None` for a list that the caller may not read or that is not needed.
#[derive(Debug, Default)]
pub struct PreflightFacts {
    /// ResourceQuotas of the namespace.
    pub quotas: Option<Vec<Value>>,
    /// StorageClasses.
    pub storage_classes: Option<Vec<Value>>,
    /// IngressClasses.
    pub ingress_classes: Option<Vec<Value>>,
}

/// Checks the `objects` that session `name` is about to create against quotas and classes. Lists that are `None` are not checked.
///
/// # Errors
/// The first object that the server would refuse or that would stay pending.
pub fn check_preflight(name: &str, objects: &[Value], checked: &PreflightFacts) -> Result<()> {
    let none = Vec::new();
    let storage = checked.storage_classes.as_ref().unwrap_or(&none);
    let ingress = checked.ingress_classes.as_ref().unwrap_or(&none);
    let found = checked
        .storage_classes
        .as_ref()
        .and_then(|_| {
            missing_class::find_missing_class(
                "StorageClass",
                &missing_class::named_storage_classes(objects),
                storage,
            )
        })
        .or_else(|| {
            checked.ingress_classes.as_ref()?;
            missing_class::find_missing_class(
                "IngressClass",
                &missing_class::named_ingress_classes(objects),
                ingress,
            )
        })
        .or_else(|| quota::find_quota_shortfall(objects, checked.quotas.as_ref()?));
    match found {
        None => Ok(()),
        Some(Cause {
            message, remedy, ..
        }) => {
            let error = anyhow::anyhow!("cannot start session {name:?}: {message}");
            Err(match remedy {
                Some(remedy) => with_hint(error, remedy),
                None => error,
            })
        }
    }
}

/// Lists quotas and classes that `objects` in `namespace` depend on, one request a kind, at the same time. If the caller may not
/// list a kind, the check is skipped with a note.
///
/// # Errors
/// Other refusals of the server.
pub async fn read_preflight_facts(
    cluster: &Cluster,
    namespace: &str,
    objects: &[Value],
    sink: &mut dyn ProgressSink,
) -> Result<PreflightFacts> {
    let (storage, ingress) = (
        missing_class::named_storage_classes(objects),
        missing_class::named_ingress_classes(objects),
    );
    let (quotas, storage, ingress) = futures::try_join!(
        list_if_needed(cluster, &RESOURCE_QUOTA, Scope::Namespace(namespace), true),
        list_if_needed(cluster, &STORAGE_CLASS, Scope::Cluster, !storage.is_empty()),
        list_if_needed(cluster, &INGRESS_CLASS, Scope::Cluster, !ingress.is_empty()),
    )?;
    for (found, kind) in [
        (&quotas, "quotas"),
        (&storage, "StorageClasses"),
        (&ingress, "IngressClasses"),
    ] {
        if matches!(found, CheckedList::Forbidden) {
            sink.tell(ProgressEvent::Note(format!(
                "{kind} not checked: no permission to list them"
            )));
        }
    }
    Ok(PreflightFacts {
        quotas: quotas.items(),
        storage_classes: storage.items(),
        ingress_classes: ingress.items(),
    })
}

enum CheckedList {
    Items(Vec<Value>),
    Forbidden,
    NotNeeded,
}

impl CheckedList {
    fn items(self) -> Option<Vec<Value>> {
        match self {
            CheckedList::Items(items) => Some(items),
            _ => None,
        }
    }
}

async fn list_if_needed(
    cluster: &Cluster,
    kind: &ResourceType,
    scope: Scope<'_>,
    concerned: bool,
) -> Result<CheckedList> {
    if !concerned {
        return Ok(CheckedList::NotNeeded);
    }
    // The server checks again at the write: a cached list is good enough.
    let at_hand = ListOptions {
        from_cache: true,
        ..ListOptions::default()
    };
    match cluster.list(kind, scope, &at_hand).await {
        Ok(list) => Ok(CheckedList::Items(list.items)),
        Err(error) if failure::has_kind(&error, FailureKind::Forbidden) => {
            Ok(CheckedList::Forbidden)
        }
        Err(error) => Err(error),
    }
}

impl StartPlan {
    /// Checks quotas and classes of new objects, and the expansion of claims by a server dry run.
    pub(super) async fn check_preflight(
        &self,
        cluster: &Cluster,
        sink: &mut dyn ProgressSink,
    ) -> Result<()> {
        let live = &self.observed.live;
        let missing = |object: &&Value| {
            let (kind, name) = (Untyped(object).kind(), Untyped(object).name());
            live.find_object(kind, name).is_none()
        };
        let objects = &self.start.rendering.objects;
        let new: Vec<Value> = objects.iter().filter(missing).cloned().collect();
        let (name, namespace) = (self.observed.name(), self.observed.namespace());
        if !new.is_empty() {
            let checked = read_preflight_facts(cluster, namespace, &new, sink).await?;
            check_preflight(name, &new, &checked)?;
        }
        let rehearsal = WriteOptions {
            dry_run: true,
            ..WriteOptions::by(MANAGER)
        };
        let growths = claim_expansions(&self.observed.session, &self.start, live);
        let asks = growths.into_iter().map(|(claim, mut patch)| {
            let (rehearsal, claims) = (&rehearsal, &PERSISTENT_VOLUME_CLAIM);
            async move {
                patch["metadata"]["uid"] = claim.require_uid()?.into();
                cluster
                    .merge_patch(claims, namespace, &claim.name, None, &patch, rehearsal)
                    .await
            }
        });
        try_join_all(asks).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_could_not_be_looked_up_is_not_judged() {
        let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "c"},
            "spec": {"storageClassName": "fast", "resources": {"requests": {"storage": "1Gi"}}}});
        let judged = |checked: PreflightFacts| {
            check_preflight("a", std::slice::from_ref(&claim), &checked).map_err(|e| e.to_string())
        };
        assert_eq!(judged(PreflightFacts::default()), Ok(()));
        let no_class = PreflightFacts {
            storage_classes: Some(Vec::new()),
            ..PreflightFacts::default()
        };
        let error = judged(no_class).unwrap_err();
        assert!(
            error.starts_with("cannot start session \"a\": StorageClass \"fast\""),
            "{error}"
        );
        let quota = json!({"metadata": {"name": "q"}, "spec": {}, "status": {"hard": {"requests.storage": "0"}}});
        let no_room = PreflightFacts {
            quotas: Some(vec![quota]),
            ..PreflightFacts::default()
        };
        assert!(
            judged(no_room)
                .unwrap_err()
                .contains("quota \"q\" is exceeded")
        );
    }
}
