//! Checks before the first write of a start: ResourceQuotas, StorageClasses, IngressClasses and the namespace's Pod Security level,
//! which would leave the session pending or half created.

use anyhow::Result;
use futures::future::try_join_all;
use serde_json::Value;

use crate::Cluster;
use crate::start_plan::StartPlan;
use session_client::{ListOptions, Scope, WriteOptions};
use session_engine::diagnosis::{Cause, missing_class, pod_security, quota};
use session_engine::reconcile::{claim_expansions, may_use_existing};
use session_model::failure::{self, FailureKind, with_hint};
use session_model::labels::MANAGER;
use session_model::objects::ResourceType;
use session_model::objects::Untyped;
use session_model::objects::ownership::has_kind_and_name;
use session_model::objects::resource::{
    INGRESS_CLASS, NAMESPACE, PERSISTENT_VOLUME_CLAIM, RESOURCE_QUOTA, STORAGE_CLASS,
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
    /// Objects that are used as they are, in place of those that the session would create.
    pub existing: Vec<Value>,
    /// Namespace, if its Pod Security level decides about the Pods.
    pub pod_security: Option<Value>,
}

/// Checks the `objects` that session `name` is about to create against quotas, classes and the Pod Security level of the namespace.
/// Facts that are `None` are not checked.
///
/// # Errors
/// The first object that the server would refuse or that would stay pending.
pub fn check_preflight(name: &str, objects: &[Value], checked: &PreflightFacts) -> Result<()> {
    let none = Vec::new();
    let is_new = |object: &&Value| {
        let (kind, name) = (Untyped(object).kind(), Untyped(object).name());
        let mut existing = checked.existing.iter();
        !existing.any(|found| has_kind_and_name(found, kind, name))
    };
    let objects: Vec<Value> = objects.iter().filter(is_new).cloned().collect();
    let objects = objects.as_slice();
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
        .or_else(|| quota::find_quota_shortfall(objects, checked.quotas.as_ref()?))
        .or_else(|| {
            pod_security::find_pod_security_refusal(objects, checked.pod_security.as_ref()?)
        });
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

/// Lists quotas and classes that `objects` in `namespace` depend on, one request a kind, and reads the namespace if privileged Pods
/// depend on it and the objects that may exist already (by their author, or as `kind/name` in `use_existing`), all at the same
/// time. If the caller may not read a kind, the check is skipped with a note.
///
/// # Errors
/// Other refusals of the server.
pub async fn read_preflight_facts(
    cluster: &Cluster,
    namespace: &str,
    objects: &[Value],
    use_existing: &[String],
    sink: &mut dyn ProgressSink,
) -> Result<PreflightFacts> {
    let (storage, ingress) = (
        missing_class::named_storage_classes(objects),
        missing_class::named_ingress_classes(objects),
    );
    let privileged = pod_security::needs_privileged_namespace(objects);
    let (quotas, storage, ingress, existing, level) = futures::try_join!(
        list_if_needed(cluster, &RESOURCE_QUOTA, Scope::Namespace(namespace), true),
        list_if_needed(cluster, &STORAGE_CLASS, Scope::Cluster, !storage.is_empty()),
        list_if_needed(cluster, &INGRESS_CLASS, Scope::Cluster, !ingress.is_empty()),
        read_existing(cluster, namespace, objects, use_existing),
        read_namespace(cluster, namespace, privileged),
    )?;
    for (found, kind, right) in [
        (&quotas, "quotas", "list them"),
        (&storage, "StorageClasses", "list them"),
        (&ingress, "IngressClasses", "list them"),
        (&level, "Pod Security", "get the namespace"),
    ] {
        if matches!(found, CheckedList::Forbidden) {
            sink.tell(ProgressEvent::Note(format!(
                "{kind} not checked: no permission to {right}"
            )));
        }
    }
    Ok(PreflightFacts {
        quotas: quotas.items(),
        storage_classes: storage.items(),
        ingress_classes: ingress.items(),
        existing,
        pod_security: level.items().and_then(|found| found.into_iter().next()),
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

/// Reads the objects that exist already and may be used as they are.
async fn read_existing(
    cluster: &Cluster,
    namespace: &str,
    objects: &[Value],
    use_existing: &[String],
) -> Result<Vec<Value>> {
    let allowed = objects
        .iter()
        .filter(|object| may_use_existing(object, use_existing));
    let reads = allowed.filter_map(|object| {
        let object = Untyped(object);
        let resource = ResourceType::find_known(object.api_version(), object.kind())?;
        Some(async move {
            let found = cluster.get(resource, namespace, object.name()).await;
            // The answer of a GET for one object need not have its kind.
            let typed = |mut found: Value| {
                found["kind"] = object.kind().into();
                found
            };
            match found {
                Ok(found) => Ok(found.map(typed)),
                Err(error) if failure::has_kind(&error, FailureKind::Forbidden) => Ok(None),
                Err(error) => Err(error),
            }
        })
    });
    let found = try_join_all(reads).await?;
    Ok(found.into_iter().flatten().collect())
}

/// Reads the namespace whose Pod Security level the Pods need to know. One that does not exist yet has no level.
async fn read_namespace(cluster: &Cluster, namespace: &str, needed: bool) -> Result<CheckedList> {
    if !needed {
        return Ok(CheckedList::NotNeeded);
    }
    match cluster.get_metadata(&NAMESPACE, namespace, namespace).await {
        Ok(found) => Ok(CheckedList::Items(found.into_iter().collect())),
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
            let existing = &self.start.use_existing;
            let checked = read_preflight_facts(cluster, namespace, &new, existing, sink).await?;
            check_preflight(name, &new, &checked)?;
        }
        let rehearsal = WriteOptions {
            dry_run: true,
            ..WriteOptions::by(MANAGER)
        };
        let growths = claim_expansions(&self.observed.session, &self.start, live);
        let asks = growths.into_iter().map(|(claim, mut patch)| {
            patch["metadata"]["uid"] = claim.uid.as_str().into();
            let (rehearsal, claims) = (&rehearsal, &PERSISTENT_VOLUME_CLAIM);
            async move {
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
