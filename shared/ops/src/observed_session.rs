//! A session and its Pods, read in as few requests as possible, for verbs that connect to a session or inspect it.

use anyhow::Result;
use futures::future::try_join_all;
use k8s_openapi::api::core::v1::Pod;
use serde_json::Value;

use crate::Cluster;
use crate::finish_start::ReadySession;
use crate::session_objects::{owner_kinds, session_selector, with_setup_hint};
use session_client::{ObjectList, Scope, not_found_error, parse_object};
use session_engine::reconcile::LiveObjects;
use session_model::api::Session;
use session_model::objects::ResourceType;
use session_model::objects::pods::pod_metadata_paths;
use session_model::objects::resource::{POD, SESSION, string_at};

/// A Session with its Pods and their owners, without data.
#[derive(Clone, Debug)]
pub struct ObservedSession {
    /// The typed Session, without unknown fields.
    pub session: Session,
    /// The Session as JSON, with every field.
    pub object: Value,
    /// Pods with the session's label and their owners. Claims and Secrets are not read.
    pub live: LiveObjects,
    /// The resourceVersion from which a watch of the Pods continues; empty for Pods that come from a watch.
    pub pods_resource_version: String,
}

impl ObservedSession {
    /// Returns the session's own Pods: those whose owner chain ends at its UID.
    pub fn own_pods(&self) -> impl Iterator<Item = &Pod> {
        self.live.own_pods(self.uid())
    }

    /// Returns the session's UID.
    pub fn uid(&self) -> &str {
        self.session.uid()
    }
}

impl Cluster {
    /// Reads a Session and, at the same time, its Pods: two requests for a Pod that the Session owns directly, one more
    /// for a Pod of a StatefulSet, two more for a Pod of a Deployment.
    ///
    /// # Errors
    /// NotFound, in the server's words, if there is no such session; whatever the server refuses.
    pub async fn observe_session(&self, namespace: &str, name: &str) -> Result<ObservedSession> {
        let select = session_selector(name);
        let (object, pods) = futures::join!(
            self.get(&SESSION, namespace, name),
            self.list(&POD, Scope::Namespace(namespace), &select),
        );
        let Some(object) = with_setup_hint(object)? else {
            return Err(not_found_error(&SESSION, name));
        };
        let session = parse_object(object.clone())?;
        self.observed_with_pods(namespace, session, object, pods?)
            .await
    }

    /// Returns a session that has become ready. Lists its Pods only if the wait may have missed one: if a controller made
    /// them, or if more than one object of the start makes Pods.
    ///
    /// # Errors
    /// Whatever the server refuses.
    pub async fn observe_ready_session(
        &self,
        namespace: &str,
        ready: ReadySession,
    ) -> Result<ObservedSession> {
        let ReadySession { object, live, .. } = ready;
        let session: Session = parse_object(object.clone())?;
        if let Some(live) = live.filter(|_| pod_makers(&session) == 1) {
            return Ok(ObservedSession {
                live,
                session,
                object,
                pods_resource_version: String::new(),
            });
        }
        let select = session_selector(session.name());
        let pods = self.list(&POD, Scope::Namespace(namespace), &select);
        let pods = pods.await?;
        self.observed_with_pods(namespace, session, object, pods)
            .await
    }

    async fn observed_with_pods(
        &self,
        namespace: &str,
        session: Session,
        object: Value,
        pods: ObjectList,
    ) -> Result<ObservedSession> {
        let (pods, pods_version) = (pods.items, pods.resource_version);
        let owners = self.get_owners(namespace, &pods, &[], &session).await?;
        let pods = pods.into_iter().map(parse_object).collect::<Result<_>>()?;
        let live = LiveObjects {
            pods,
            owners,
            ..LiveObjects::default()
        };
        Ok(ObservedSession {
            live: live.attribute(&session),
            session,
            object,
            pods_resource_version: pods_version,
        })
    }

    /// Reads the owners between `objects` and the Session, level by level, that are not in `known`. An owner that does
    /// not exist ends its chain.
    pub(super) async fn get_owners(
        &self,
        namespace: &str,
        objects: &[Value],
        known: &[Value],
        session: &Session,
    ) -> Result<Vec<Value>> {
        let kinds = owner_kinds(session);
        let mut found: Vec<Value> = known.to_vec();
        let mut level: Vec<Value> = objects.to_vec();
        // Pod → ReplicaSet → Deployment → Session is the longest possible chain.
        for _ in 0..2 {
            let wanted = unknown_owners(&level, &found, &kinds);
            let reads = wanted
                .iter()
                .map(|(kind, name)| self.get(kind, namespace, name));
            level = try_join_all(reads).await?.into_iter().flatten().collect();
            found.extend(level.iter().cloned());
        }
        Ok(found.split_off(known.len()))
    }
}

/// Returns the number of objects of the last start that are Pods or make Pods.
fn pod_makers(session: &Session) -> usize {
    let applied = session.applied().into_iter();
    let objects = applied.flat_map(|applied| &applied.objects);
    objects
        .filter(|object| !pod_metadata_paths(&object.kind).is_empty())
        .count()
}

/// Returns the controllers of `objects` that are not in `known`, each once. Kinds that a session cannot create end a
/// chain, so that a forged ownerReference never causes reads that the caller is not allowed to make.
fn unknown_owners(
    objects: &[Value],
    known: &[Value],
    kinds: &[&'static ResourceType],
) -> Vec<(&'static ResourceType, String)> {
    let mut uids: Vec<&str> = known
        .iter()
        .map(|object| string_at(object, "/metadata/uid"))
        .collect();
    let mut wanted = Vec::new();
    for object in objects {
        let owners = object
            .pointer("/metadata/ownerReferences")
            .and_then(Value::as_array);
        for owner in owners.into_iter().flatten() {
            if owner["controller"] != true || uids.contains(&string_at(owner, "/uid")) {
                continue;
            }
            uids.push(string_at(owner, "/uid"));
            let kind = ResourceType::find_known(
                string_at(owner, "/apiVersion"),
                string_at(owner, "/kind"),
            );
            if let Some(kind) = kind.filter(|kind| kinds.contains(kind)) {
                wanted.push((kind, string_at(owner, "/name").to_owned()));
            }
        }
    }
    wanted
}
