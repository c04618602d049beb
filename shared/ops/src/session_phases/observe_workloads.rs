//! Reads of the Pods and workloads of many sessions of a namespace: one LIST of each kind for all of them.

use std::collections::{HashMap, HashSet};

use anyhow::Result;
use futures::future::try_join_all;
use futures::{StreamExt, TryStreamExt};
use serde_json::Value;

use crate::Cluster;
use crate::custom_workload::{custom_primary, may_be_of_custom};
use crate::observed_session::{ObservedSession, Part};
use crate::selected_sessions::MAX_CONCURRENT_SESSIONS;
use crate::session_objects::{owner_kinds, session_selector};
use crate::session_parts::MAX_OWNER_CHAIN;
use session_client::{ListOptions, Scope, parse_object};
use session_engine::capacity::session_pods::SessionIndex;
use session_engine::reconcile::{CustomWorkload, LiveObjects};
use session_model::api::Session;
use session_model::failure::{self, FailureKind};
use session_model::labels;
use session_model::objects::resource::{CUSTOM_RESOURCE_DEFINITION, POD};
use session_model::objects::{ResourceType, Untyped};

/// The kinds of a session's workloads: sessions of one shape are read by the same requests.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct WorkloadShape {
    /// apiVersion and kind of the primary workload, if its kind is not built in.
    custom: Option<(String, String)>,
    /// Kinds of possible owners of its Pods.
    owner_kinds: Vec<&'static str>,
}

impl WorkloadShape {
    pub(super) fn of(session: &Session) -> Self {
        let custom = custom_primary(session);
        let kinds = owner_kinds(session).into_iter();
        Self {
            custom: custom.map(|custom| (custom.api_version.clone(), custom.kind.clone())),
            owner_kinds: kinds.map(|resource| resource.kind.as_ref()).collect(),
        }
    }
}

impl Cluster {
    /// Reads Pods and owners of sessions of a namespace that have the same [`WorkloadShape`].
    ///
    /// # Errors
    /// Whatever the server refuses.
    pub(super) async fn observe_workloads(
        &self,
        namespace: &str,
        sessions: Vec<ObservedSession>,
    ) -> Result<Vec<ObservedSession>> {
        let mut live = match sessions.as_slice() {
            [first, _, ..] if custom_primary(&first.session).is_some() => {
                match self.list_custom(namespace, &sessions).await {
                    // A role may allow to get the workload, and not to list its kind.
                    Err(error) if failure::has_kind(&error, FailureKind::Forbidden) => {
                        return self.load_each(sessions).await;
                    }
                    live => live?,
                }
            }
            [first] if custom_primary(&first.session).is_some() => {
                return self.load_each(sessions).await;
            }
            sessions => self.list_built_in(namespace, sessions).await?,
        };
        let sessions = sessions.into_iter().map(|observed| {
            let live = live.remove(observed.name()).unwrap_or_default();
            let live = live.attribute(&observed.session);
            observed.with_objects(live, &[Part::Pods, Part::Owners])
        });
        Ok(sessions.collect())
    }

    async fn load_each(&self, sessions: Vec<ObservedSession>) -> Result<Vec<ObservedSession>> {
        let loads = futures::stream::iter(sessions).map(|mut observed| async move {
            observed.load(self, &[Part::Pods, Part::Owners]).await?;
            Ok(observed)
        });
        loads.buffered(MAX_CONCURRENT_SESSIONS).try_collect().await
    }

    /// Lists the objects of sessions whose Pods have their label; returns them by session.
    async fn list_built_in(
        &self,
        namespace: &str,
        sessions: &[ObservedSession],
    ) -> Result<HashMap<String, LiveObjects>> {
        let select = select_labelled(sessions);
        let (pods, owners) = futures::try_join!(
            self.list(&POD, Scope::Namespace(namespace), &select),
            self.list_owners(namespace, sessions, &select),
        )?;
        let mut live: HashMap<String, LiveObjects> = HashMap::new();
        let session_of = |object: &Value| Untyped(object).label(labels::SESSION).map(str::to_owned);
        for pod in pods.items {
            if let Some(name) = session_of(&pod) {
                live.entry(name).or_default().pods.push(parse_object(pod)?);
            }
        }
        for owner in owners {
            if let Some(name) = session_of(&owner) {
                live.entry(name).or_default().owners.push(owner);
            }
        }
        Ok(live)
    }

    /// Lists the objects of sessions whose primary workloads are of one kind that is not built in, with all Pods of the namespace;
    /// returns them by the session at which their chain of owners ends.
    async fn list_custom(
        &self,
        namespace: &str,
        sessions: &[ObservedSession],
    ) -> Result<HashMap<String, LiveObjects>> {
        let (select, all) = (select_labelled(sessions), ListOptions::default());
        let (customs, pods, mut owners) = futures::try_join!(
            self.list_custom_workloads(namespace, sessions),
            self.list(&POD, Scope::Namespace(namespace), &all),
            self.list_owners(namespace, sessions, &select),
        )?;
        owners.extend(customs.values().map(|custom| custom.object.clone()));
        let names: HashSet<&str> = sessions.iter().map(ObservedSession::name).collect();
        let mut pods = pods.items;
        pods.retain(|pod| {
            let label = Untyped(pod).label(labels::SESSION);
            let may_be_ours = label.is_none_or(|label| names.contains(label));
            may_be_ours && Untyped(pod).owners().any(|owner| owner.controller)
        });
        let kinds = sessions.first().map(|first| owner_kinds(&first.session));
        let kinds = kinds.unwrap_or_default();
        let above = self.get_owners_of_kinds(namespace, &pods, &owners, &kinds, true);
        owners.extend(above.await?);
        let mut live = group_by_chain(sessions, &pods, &owners)?;
        for (name, custom) in customs {
            live.entry(name).or_default().custom = Some(custom);
        }
        Ok(live)
    }

    /// Lists the objects of built-in kinds that may stand between sessions of one shape and their Pods.
    async fn list_owners(
        &self,
        namespace: &str,
        sessions: &[ObservedSession],
        select: &ListOptions,
    ) -> Result<Vec<Value>> {
        let kinds = sessions.first().map(|first| owner_kinds(&first.session));
        let scope = Scope::Namespace(namespace);
        let lists = kinds.unwrap_or_default().into_iter();
        let lists = try_join_all(lists.map(|kind| self.list(kind, scope, select))).await?;
        Ok(lists.into_iter().flat_map(|list| list.items).collect())
    }

    /// Lists the primary workloads of sessions, of one kind that is not built in; returns them by session.
    async fn list_custom_workloads(
        &self,
        namespace: &str,
        sessions: &[ObservedSession],
    ) -> Result<HashMap<String, CustomWorkload>> {
        let primary = sessions
            .first()
            .and_then(|first| custom_primary(&first.session));
        let Some(primary) = primary else {
            return Ok(HashMap::new());
        };
        let found = self
            .discover_scalable(&primary.api_version, &primary.kind)
            .await?;
        let Some((resource, has_scale)) = found else {
            return Ok(HashMap::new());
        };
        let (scope, all) = (Scope::Namespace(namespace), ListOptions::default());
        let list = self.list(&resource, scope, &all).await?;
        let by_name: HashMap<&str, &Value> = list
            .items
            .iter()
            .map(|object| (Untyped(object).name(), object))
            .collect();
        let path = match has_scale {
            true => self.find_replicas_path(&resource).await?,
            false => None,
        };
        let own = sessions.iter().filter_map(|observed| {
            let primary = custom_primary(&observed.session)?;
            let object = *by_name.get(primary.name.as_str())?;
            let is_own = Untyped(object).is_owned_by(observed.uid());
            is_own.then_some((observed, object))
        });
        let (resource, path) = (&resource, path.as_deref());
        let reads = futures::stream::iter(own).map(|(observed, object)| async move {
            let replicas = match path {
                Some(path) => replicas_at(object, path),
                None if has_scale => {
                    let name = Untyped(object).name();
                    self.get_replicas(resource, namespace, name).await?
                }
                None => None,
            };
            let custom = CustomWorkload {
                resource: resource.clone(),
                object: object.clone(),
                replicas,
            };
            anyhow::Ok((observed.name().to_owned(), custom))
        });
        reads.buffered(MAX_CONCURRENT_SESSIONS).try_collect().await
    }

    /// Returns where objects of a kind have the count that their scale subresource tells, as a JSON pointer. `None` where the caller
    /// may not read the definition of the kind: then only the subresource of each object tells.
    async fn find_replicas_path(&self, resource: &ResourceType) -> Result<Option<String>> {
        let name = resource.qualified();
        let definition = match self.get(&CUSTOM_RESOURCE_DEFINITION, "", &name).await {
            Err(error) if failure::has_kind(&error, FailureKind::Forbidden) => None,
            definition => definition?,
        };
        let Some(definition) = definition else {
            return Ok(None);
        };
        let mut versions = Untyped(&definition).items_at("/spec/versions");
        let version = versions.find(|one| one.str_at("/name") == Some(resource.version.as_ref()));
        let path = version.and_then(|one| one.str_at("/subresources/scale/specReplicasPath"));
        Ok(path.map(|path| path.replace('.', "/")))
    }
}

/// Returns the number at a JSON pointer of an object.
fn replicas_at(object: &Value, path: &str) -> Option<i32> {
    i32::try_from(object.pointer(path)?.as_i64()?).ok()
}

/// Groups Pods and owners by the session at which their chains of owners end.
fn group_by_chain(
    sessions: &[ObservedSession],
    pods: &[Value],
    owners: &[Value],
) -> Result<HashMap<String, LiveObjects>> {
    let by_name: HashMap<&str, &Session> = sessions
        .iter()
        .map(|observed| (observed.name(), &observed.session))
        .collect();
    let objects: Vec<Value> = sessions.iter().map(|one| one.object.clone()).collect();
    let with_uid = |owner| Some((Untyped(owner).uid()?, owner));
    let chains = OwnerChains {
        sessions: SessionIndex::of(&objects),
        owners: owners.iter().filter_map(with_uid).collect(),
    };
    let mut live: HashMap<String, LiveObjects> = HashMap::new();
    for pod in pods {
        if let Some(name) = chains.session_of(pod)
            && by_name
                .get(name)
                .is_some_and(|session| may_be_of_custom(pod, session))
        {
            let pods = &mut live.entry(name.to_owned()).or_default().pods;
            pods.push(parse_object(pod.clone())?);
        }
    }
    for owner in owners {
        if let Some(name) = chains.session_of(owner) {
            let owners = &mut live.entry(name.to_owned()).or_default().owners;
            owners.push(owner.clone());
        }
    }
    Ok(live)
}

/// Returns the options that list the objects with the label of one of these sessions.
fn select_labelled(sessions: &[ObservedSession]) -> ListOptions {
    match sessions {
        [only] => session_selector(only.name()),
        sessions => {
            let names: Vec<&str> = sessions.iter().map(ObservedSession::name).collect();
            ListOptions::with_labels(labels::session_selector(&names))
        }
    }
}

/// The owners of objects, to find the session at which the chain of an object ends.
struct OwnerChains<'o> {
    sessions: SessionIndex<'o>,
    /// Owners by UID.
    owners: HashMap<&'o str, &'o Value>,
}

impl<'o> OwnerChains<'o> {
    /// Returns the name of the session that an object or one of the owners above it belongs to.
    fn session_of(&self, object: &'o Value) -> Option<&'o str> {
        let above = |object: &&'o Value| {
            let mut owners = Untyped(object).owners();
            owners.find_map(|owner| self.owners.get(owner.uid).copied())
        };
        std::iter::successors(Some(object), above)
            .take(MAX_OWNER_CHAIN + 1)
            .find_map(|object| self.sessions.session_of(object))
            .map(|session| Untyped(session).name())
    }
}
