//! Checks before the first write of a start: ResourceQuotas, StorageClasses, IngressClasses and the namespace's Pod Security level,
//! which would leave the session pending or half created, and hosts that an Ingress of others already serves.

use anyhow::Result;
use futures::future::try_join_all;
use serde_json::Value;

use crate::Cluster;
use crate::custom_workload::check_stoppable;
use crate::hours_check::check_hours;
use crate::start_plan::StartPlan;
use session_client::{ListOptions, Scope, WriteOptions};
use session_engine::diagnosis::{Cause, ingress_conflict, missing_class, pod_security, quota};
use session_engine::reconcile::{claim_expansions, may_use_existing};
use session_model::failure::{self, FailureKind, with_hint};
use session_model::labels::MANAGER;
use session_model::objects::ResourceType;
use session_model::objects::Untyped;
use session_model::objects::ownership::{Ownership, has_kind_and_name};
use session_model::objects::resource::{
    INGRESS, INGRESS_CLASS, NAMESPACE, PERSISTENT_VOLUME_CLAIM, RESOURCE_QUOTA, STORAGE_CLASS,
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
    /// Ingresses of all namespaces, or of the session's where the caller may list no others.
    pub ingresses: Option<Vec<Value>>,
    /// Objects that are used as they are, in place of those that the session would create.
    pub existing: Vec<Value>,
    /// Namespace, if its Pod Security level decides about the Pods.
    pub pod_security: Option<Value>,
}

/// Objects that a start is about to write, as far as they are checked.
#[derive(Debug)]
pub struct PreflightObjects<'a> {
    /// The session; its UID is empty before it is created.
    pub ownership: &'a Ownership,
    /// Objects that do not exist yet.
    pub new: &'a [Value],
    /// Ingresses that do not exist yet or get other rules.
    pub ingresses: &'a [Value],
    /// Objects that may be used as they are if they exist, as `kind/name`.
    pub use_existing: &'a [String],
}

/// Checks `objects` against quotas, classes, other Ingresses and the Pod Security level of the namespace. Facts that are `None` are not
/// checked.
///
/// # Errors
/// The first object that the server would refuse, that would stay pending, or that would compete for a host.
pub fn check_preflight(objects: &PreflightObjects<'_>, checked: &PreflightFacts) -> Result<()> {
    let PreflightObjects {
        ownership,
        new: objects,
        ingresses,
        ..
    } = *objects;
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
        .or_else(|| {
            ingress_conflict::find_ingress_conflict(
                ingresses,
                ownership.namespace.as_str(),
                ownership.session_uid.as_deref(),
                checked.ingresses.as_ref()?,
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
            let name = ownership.session.as_str();
            let error = anyhow::anyhow!("cannot start session {name:?}: {message}");
            Err(match remedy {
                Some(remedy) => with_hint(error, remedy),
                None => error,
            })
        }
    }
}

/// Lists quotas, classes and Ingresses that `objects` depend on, one request a kind, and reads the namespace if privileged Pods
/// depend on it and the objects that may exist already, all at the same time. If the caller may not read a kind, the check is skipped
/// with a note.
///
/// # Errors
/// Other refusals of the server.
pub async fn read_preflight_facts(
    cluster: &Cluster,
    objects: &PreflightObjects<'_>,
    sink: &mut dyn ProgressSink,
) -> Result<PreflightFacts> {
    let (storage, ingress) = (
        missing_class::named_storage_classes(objects.new),
        missing_class::named_ingress_classes(objects.new),
    );
    let name = objects.ownership.namespace.as_str();
    let namespace = Scope::Namespace(name);
    let privileged = pod_security::needs_privileged_namespace(objects.new);
    let (quotas, storage, ingress, ingresses, existing, level) = futures::try_join!(
        // Also for a start that makes nothing new: quotas hold the budgets of running hours.
        list_if_needed(cluster, &RESOURCE_QUOTA, namespace, true),
        list_if_needed(cluster, &STORAGE_CLASS, Scope::Cluster, !storage.is_empty()),
        list_if_needed(cluster, &INGRESS_CLASS, Scope::Cluster, !ingress.is_empty()),
        list_other_ingresses(cluster, namespace, objects.ingresses),
        read_existing(cluster, name, objects.new, objects.use_existing),
        read_namespace(cluster, name, privileged),
    )?;
    for (found, kind, right) in [
        (&quotas, "quotas", "list them"),
        (&storage, "StorageClasses", "list them"),
        (&ingress, "IngressClasses", "list them"),
        (&ingresses, "hosts of other Ingresses", "list them"),
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
        ingresses: ingresses.items(),
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

/// Lists the Ingresses of all namespaces, or else of `namespace`, if one of `ingresses` claims a host.
async fn list_other_ingresses(
    cluster: &Cluster,
    namespace: Scope<'_>,
    ingresses: &[Value],
) -> Result<CheckedList> {
    let concerned = ingresses.iter().any(ingress_conflict::claims_host);
    match list_if_needed(cluster, &INGRESS, Scope::All, concerned).await? {
        CheckedList::Forbidden => list_if_needed(cluster, &INGRESS, namespace, true).await,
        found => Ok(found),
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
    /// Checks quotas and classes of new objects, the owner's running hours, hosts of new and changed Ingresses, and the expansion of claims by a server dry
    /// run.
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
        let has_new_rules = |object: &&Value| {
            let (kind, name) = (Untyped(object).kind(), Untyped(object).name());
            let live = live.find_object(kind, name);
            kind == "Ingress"
                && live.is_none_or(|(_, live)| live["spec"]["rules"] != object["spec"]["rules"])
        };
        let ingresses: Vec<Value> = objects.iter().filter(has_new_rules).cloned().collect();
        let namespace = self.observed.namespace();
        let name = self.observed.name();
        check_stoppable(cluster, name, &self.start.rendering.primary, objects).await?;
        let objects = PreflightObjects {
            ownership: &self.start.ownership,
            new: &new,
            ingresses: &ingresses,
            use_existing: &self.start.use_existing,
        };
        let checked = read_preflight_facts(cluster, &objects, sink).await?;
        check_preflight(&objects, &checked)?;
        let (owner, quotas) = (&self.start.ownership, checked.quotas.as_deref());
        check_hours(cluster, owner, quotas, self.requested_at, sink).await?;
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
        let ownership = session_support::session_fixture::ownership();
        let objects = PreflightObjects {
            ownership: &ownership,
            new: std::slice::from_ref(&claim),
            ingresses: &[],
            use_existing: &[],
        };
        let judged = |checked: PreflightFacts| {
            check_preflight(&objects, &checked).map_err(|e| e.to_string())
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
