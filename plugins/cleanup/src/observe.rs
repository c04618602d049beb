//! What is there, in as many requests as there are kinds, however many sessions there are.

use std::collections::HashMap;

use anyhow::Result;
use futures::future::try_join_all;
use serde_json::Value;
use session_shared::cluster::chosen::Chosen;
use session_shared::cluster::live::{installed, typed};
use session_shared::cluster::{Cluster, Place, Selection};
use session_shared::labels;
use session_shared::objects::ResourceType;
use session_shared::objects::resource::{
    DAEMON_SET, DEPLOYMENT, JOB, PERSISTENT_VOLUME_CLAIM, POD, REPLICA_SET, SESSION, STATEFUL_SET,
    text,
};
use session_shared::reconcile::Live;

use crate::intent::Intent;

/// What Pods can be owned by.
const OWNERS: [&ResourceType; 5] = [&STATEFUL_SET, &DEPLOYMENT, &REPLICA_SET, &DAEMON_SET, &JOB];

/// A session, and what carries its label.
#[derive(Debug)]
pub(crate) struct Looked {
    pub(crate) chosen: Chosen,
    pub(crate) live: Live,
}

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Observed {
    pub(crate) sessions: Vec<Looked>,
}

/// Reads everything that a plan is made from. The sessions are read after everything else: whatever is found of a session that
/// is not among them was found when that one was gone, and none that is being made can be missing.
///
/// # Errors
/// What the server refuses.
pub(crate) async fn observe(cluster: &Cluster, intent: &Intent) -> Result<Observed> {
    let place = if intent.all_namespaces {
        Place::All
    } else {
        Place::Namespace(cluster.namespace())
    };
    let ours = Selection::labelled(labels::SESSION);
    let list = |kind| cluster.list(kind, place, &ours);
    let (pods, claims, owners) = futures::try_join!(
        list(&POD),
        list(&PERSISTENT_VOLUME_CLAIM),
        try_join_all(OWNERS.map(list)),
    )?;
    let sessions = installed(cluster.list(&SESSION, place, &Selection::default()).await)?;
    let mut lives: HashMap<(String, String), Live> = HashMap::new();
    for pod in pods.items {
        let live = lives.entry(session_of(&pod)).or_default();
        live.pods.push(typed(pod)?);
    }
    for owner in owners.into_iter().flat_map(|list| list.items) {
        lives
            .entry(session_of(&owner))
            .or_default()
            .owners
            .push(owner);
    }
    for claim in claims.items {
        lives
            .entry(session_of(&claim))
            .or_default()
            .data
            .push(claim);
    }
    let sessions = sessions.items.into_iter().map(|session| {
        let key = (
            text(&session, "/metadata/namespace").to_owned(),
            text(&session, "/metadata/name").to_owned(),
        );
        Ok(Looked {
            chosen: Chosen::of(session)?,
            live: lives.remove(&key).unwrap_or_default(),
        })
    });
    Ok(Observed {
        sessions: sessions.collect::<Result<_>>()?,
    })
}

/// Namespace and name of the session whose label an object carries.
fn session_of(object: &Value) -> (String, String) {
    let labels = object.pointer("/metadata/labels");
    let name = labels.and_then(|labels| labels.get(labels::SESSION)?.as_str());
    (
        text(object, "/metadata/namespace").to_owned(),
        name.unwrap_or_default().to_owned(),
    )
}
