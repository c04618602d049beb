//! What is there of a session now, for verbs that enter it or look into it: in as few requests as it takes.

use anyhow::Result;
use futures::future::try_join_all;
use k8s_openapi::api::core::v1::Pod;
use serde_json::Value;

use crate::Cluster;
use crate::live::owner_kinds;
use session_client::Place;
use session_client::Selection;
use session_client::missing;
use session_client::typed;
use session_engine::reconcile::Live;
use session_model::api::Session;
use session_model::labels;
use session_model::objects::ResourceType;
use session_model::objects::resource::{POD, SESSION, text};

/// A session and its Pods.
#[derive(Clone, Debug)]
pub struct Present {
    /// The session.
    pub session: Session,
    /// The same with every field.
    pub object: Value,
    /// Pods that carry its label and what controls them. Data was not asked for.
    pub live: Live,
    /// Where a watch of the Pods may go on.
    pub pods_version: String,
}

impl Present {
    /// The session's own Pods: an owner chain leads from them to its UID.
    pub fn pods(&self) -> impl Iterator<Item = &Pod> {
        self.live.own_pods(self.uid())
    }

    /// The session's UID.
    pub fn uid(&self) -> &str {
        self.session.metadata.uid.as_deref().unwrap_or_default()
    }
}

impl Cluster {
    /// The session, and at the same time its Pods: two requests for a Pod that the session owns itself; a Pod of a StatefulSet
    /// costs one more, that of a Deployment two.
    ///
    /// # Errors
    /// NotFound, in the server's words, when there is no such session; what the server refuses.
    pub async fn present(&self, namespace: &str, name: &str) -> Result<Present> {
        let select = Selection::labelled(format!("{}={name}", labels::SESSION));
        let (object, pods) = futures::join!(
            self.get(&SESSION, namespace, name),
            self.list(&POD, Place::Namespace(namespace), &select),
        );
        let Some(object) = object? else {
            return Err(missing(&SESSION, name));
        };
        let pods = pods?;
        let (pods, pods_version) = (pods.items, pods.resource_version);
        let session: Session = typed(object.clone())?;
        let owners = self.owners_of(namespace, &pods, &[], &session).await?;
        let pods = pods.into_iter().map(typed).collect::<Result<_>>()?;
        let live = Live {
            pods,
            owners,
            ..Live::default()
        };
        Ok(Present {
            live: live.attributed(&session),
            session,
            object,
            pods_version,
        })
    }

    /// Everything between `objects` and the Session, level by level, that is not among `known`. An owner that is gone ends its
    /// chain.
    pub(super) async fn owners_of(
        &self,
        namespace: &str,
        objects: &[Value],
        known: &[Value],
        session: &Session,
    ) -> Result<Vec<Value>> {
        let kinds = owner_kinds(session);
        let mut found: Vec<Value> = known.to_vec();
        let mut level: Vec<Value> = objects.to_vec();
        // Pod → ReplicaSet → Deployment → Session is the longest chain there is.
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

/// Controllers of `objects` that are not known, each once. Other kinds than the session can have made end a chain: nobody's
/// reference has us ask for what the caller may not see.
fn unknown_owners(
    objects: &[Value],
    known: &[Value],
    kinds: &[&'static ResourceType],
) -> Vec<(&'static ResourceType, String)> {
    let mut uids: Vec<&str> = known
        .iter()
        .map(|object| text(object, "/metadata/uid"))
        .collect();
    let mut wanted = Vec::new();
    for object in objects {
        let owners = object
            .pointer("/metadata/ownerReferences")
            .and_then(Value::as_array);
        for owner in owners.into_iter().flatten() {
            if owner["controller"] != true || uids.contains(&text(owner, "/uid")) {
                continue;
            }
            uids.push(text(owner, "/uid"));
            let kind = ResourceType::of_kind(text(owner, "/apiVersion"), text(owner, "/kind"));
            if let Some(kind) = kind.filter(|kind| kinds.contains(kind)) {
                wanted.push((kind, text(owner, "/name").to_owned()));
            }
        }
    }
    wanted
}
