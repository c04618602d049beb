//! Events of sessions' objects. They have no labels to select by, and a namespace with the sessions of a whole class has many.

use anyhow::Result;
use futures::future::try_join_all;
use serde_json::Value;

use crate::Cluster;
use crate::custom_workload::custom_primary;
use crate::observed_session::{ObservedSession, Part};
use crate::session_objects::owner_kinds;
use session_client::{ListOptions, Scope};
use session_engine::diagnosis::EventNote;
use session_engine::reconcile::WorkloadState;
use session_model::failure::{self, FailureKind};
use session_model::objects::Untyped;
use session_model::objects::kept_data::is_claim;
use session_model::objects::metadata::uid_of;
use session_model::objects::resource::EVENT;

/// Maximum number of objects whose events are read one by one. For more, one list of the namespace's events costs less.
const MAX_SINGLE_EVENT_LISTS: usize = 3;
/// Number of a namespace's events up to which all of them are read at once, about 200 kB.
const READ_AT_ONCE: u32 = 200;

impl Cluster {
    /// Adds the events of sessions of one namespace to those of them that events may tell more about: those whose workload is there
    /// and not ready. Without permission to read events, causes are only less specific.
    ///
    /// # Errors
    /// Whatever else the server refuses.
    pub async fn add_events(
        &self,
        namespace: &str,
        sessions: &mut [ObservedSession],
    ) -> Result<()> {
        let mut unready: Vec<&mut ObservedSession> =
            sessions.iter_mut().filter(|one| is_unready(one)).collect();
        if unready.is_empty() {
            return Ok(());
        }
        let uids: Vec<String> = unready.iter().flat_map(|one| object_uids(one)).collect();
        let has_unknown_objects = unready.iter().any(|one| has_unknown_objects(one));
        let events = self.list_session_events(namespace, &uids, has_unknown_objects);
        let notes = match events.await {
            Ok(events) => event_notes(&events),
            Err(error) if failure::has_kind(&error, FailureKind::Forbidden) => return Ok(()),
            Err(error) => return Err(error),
        };
        for session in &mut unready {
            session.set_events(notes.clone());
        }
        Ok(())
    }

    /// Reads the events of a session's objects, and maybe of others.
    ///
    /// # Errors
    /// Whatever the server refuses.
    pub async fn list_events_of(&self, observed: &ObservedSession) -> Result<Vec<Value>> {
        let (uids, has_unknown_objects) = (object_uids(observed), has_unknown_objects(observed));
        self.list_session_events(observed.namespace(), &uids, has_unknown_objects)
            .await
    }

    /// Reads the events of the objects with these UIDs, and maybe of others. All events of the namespace are read in one request if
    /// they fit into one page; else those of few objects by UID, one request each. `has_unknown_objects` is true if the events of
    /// objects whose UIDs are not known count, too: those of Pods' controllers and claims.
    async fn list_session_events(
        &self,
        namespace: &str,
        uids: &[String],
        has_unknown_objects: bool,
    ) -> Result<Vec<Value>> {
        let scope = Scope::Namespace(namespace);
        let selections: Vec<ListOptions> = if uids.len() <= MAX_SINGLE_EVENT_LISTS
            && !has_unknown_objects
        {
            let page = ListOptions {
                limit: READ_AT_ONCE,
                ..ListOptions::default()
            };
            if let Some(all) = self.list_if_one_page(&EVENT, scope, &page).await? {
                return Ok(all.items);
            }
            let of = |uid: &String| ListOptions::with_fields(format!("involvedObject.uid={uid}"));
            uids.iter().map(of).collect()
        } else {
            vec![ListOptions::default()]
        };
        let reads = selections
            .iter()
            .map(|select| self.list(&EVENT, scope, select));
        let lists = try_join_all(reads).await?;
        Ok(lists.into_iter().flat_map(|list| list.items).collect())
    }
}

fn is_unready(observed: &ObservedSession) -> bool {
    !matches!(
        observed.state,
        WorkloadState::Ready { .. } | WorkloadState::NoWorkload | WorkloadState::Lost
    )
}

/// Returns the UIDs of the session, its Pods, and its claims if they have been read.
fn object_uids(observed: &ObservedSession) -> Vec<String> {
    let pods = observed.live.pods.iter();
    let pods = pods.filter_map(|pod| uid_of(&pod.metadata).map(str::to_owned));
    let claims = observed.live.data.iter().filter(|object| is_claim(object));
    let claims = claims.filter_map(|claim| Untyped(claim).uid().map(str::to_owned));
    let own = observed.uid().map(str::to_owned).into_iter();
    own.chain(pods).chain(claims).collect()
}

/// Returns true if events of objects count that have not been read: claims, and Pods to come.
fn has_unknown_objects(observed: &ObservedSession) -> bool {
    let pods = observed.live.pods.iter();
    let specs = pods.filter_map(|pod| pod.spec.as_ref());
    let mut volumes = specs.flat_map(|spec| spec.volumes.iter().flatten());
    let has_unknown_claims = !observed.has_read(Part::Claims)
        && custom_primary(&observed.session).is_some()
        || volumes.any(|volume| volume.persistent_volume_claim.is_some());
    !owner_kinds(&observed.session).is_empty() || has_unknown_claims
}

/// Returns events in the form of the diagnosis, oldest first.
pub fn event_notes(events: &[Value]) -> Vec<EventNote> {
    let mut notes: Vec<EventNote> = events.iter().filter_map(EventNote::from_value).collect();
    notes.sort_by(|one, other| one.time.cmp(&other.time));
    notes
}
