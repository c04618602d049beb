//! Attribution of Pods and workloads: which of those that claim to be a session's are its own.
//!
//! Anybody with permission to create Pods can write an ownerReference with any UID. An object's own UID cannot be forged, because
//! the server assigns it, so every chain begins at the UIDs that the last start recorded in `status.applied`. From there on, every
//! link must be one that Kubernetes' own controllers accept: a controller reference, and labels that match the owner's selector.
//! A Pod that has both belongs to the controller, whoever created it: the controller adopts it, or deletes it as surplus.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::Value;

use super::live_objects::{Impostor, LiveObjects};
use super::target_state::is_start_requested;
use session_model::api::Session;
use session_model::labels;
use session_model::objects::custom_workload::is_custom_api;
use session_model::objects::metadata::{name_of, uid_of};
use session_model::objects::{ObjectRef, Untyped};
use session_model::progress::{ProgressEvent, ProgressSink};

/// Result of judging one object.
enum Attribution {
    Own,
    /// Does not claim to be the session's.
    Unrelated,
    Impostor(String),
}

impl LiveObjects {
    /// Moves Pods and workloads that falsely claim to be the session's to [`LiveObjects::impostors`]. Every reader of a session's Pods
    /// calls this first.
    pub fn attribute(mut self, session: &Session) -> Self {
        let uid = session.uid();
        let made = allowed_uids(session);
        let (mut own, mut left) = (Vec::new(), std::mem::take(&mut self.owners));
        // Chains may have any length: a round that finds nothing new ends the search.
        loop {
            let (found, rest) = left.into_iter().partition(|object| {
                let verdict = attribute_object(&object_metadata(object), uid, made.as_ref(), &own);
                matches!(verdict, Attribution::Own)
            });
            left = rest;
            let found: Vec<Value> = found;
            if found.is_empty() {
                break;
            }
            own.extend(found);
        }
        for object in left {
            let metadata = object_metadata(&object);
            match attribute_object(&metadata, uid, made.as_ref(), &own) {
                Attribution::Impostor(why) => {
                    let kind = Untyped(&object).kind();
                    self.add_impostor(kind, &metadata, why);
                }
                Attribution::Own | Attribution::Unrelated => self.owners.push(object),
            }
        }
        let pods = std::mem::take(&mut self.pods);
        for pod in pods {
            match attribute_object(&pod.metadata, uid, made.as_ref(), &own) {
                Attribution::Impostor(why) => self.add_impostor("Pod", &pod.metadata, why),
                Attribution::Own | Attribution::Unrelated => self.pods.push(pod),
            }
        }
        self.owners.splice(0..0, own);
        self.mark_primary_pods(session);
        self
    }

    /// Marks the Pods of a primary workload whose kind is not built in as those that `connect` enters. Its controller makes them from
    /// a template that only it knows, so the mark is not in the cluster.
    fn mark_primary_pods(&mut self, session: &Session) {
        let Some(custom) = &self.custom else {
            return;
        };
        let primary = custom.reference();
        let is_primary =
            |pod: &Pod| self.workload_of(pod, session.uid()).as_ref() == Some(&primary);
        let marked: Vec<bool> = self.pods.iter().map(is_primary).collect();
        for (pod, marked) in self.pods.iter_mut().zip(marked) {
            if marked {
                let labels = pod.metadata.labels.get_or_insert_default();
                labels.insert(labels::PRIMARY.to_owned(), "true".to_owned());
            }
        }
    }

    /// Adds the strangers of an earlier read of the same session, each once, except those that count as its own by now.
    pub fn beside_strangers(mut self, before: &LiveObjects) -> Self {
        for stranger in &before.impostors {
            let pods = self.pods.iter().map(|pod| uid_of(&pod.metadata));
            let owners = self.owners.iter().map(|owner| Untyped(owner).uid());
            let strangers = self.impostors.iter().map(|known| known.uid.as_deref());
            let mut known = pods.chain(owners).chain(strangers).flatten();
            let is_known = match stranger.uid.as_deref() {
                Some(uid) => known.any(|known| known == uid),
                None => self.impostors.contains(stranger),
            };
            if !is_known {
                self.impostors.push(stranger.clone());
            }
        }
        self
    }

    fn add_impostor(&mut self, kind: &str, metadata: &ObjectMeta, why: String) {
        let stranger = Impostor {
            kind: kind.to_owned(),
            name: name_of(metadata).to_owned(),
            uid: uid_of(metadata).map(str::to_owned),
            why,
        };
        if !self.impostors.contains(&stranger) {
            self.impostors.push(stranger);
        }
    }

    /// Reports the ignored objects as notes.
    pub fn report_impostors(&self, sink: &mut dyn ProgressSink) {
        let told = self.impostors.iter().map(Impostor::note);
        told.for_each(|told| sink.tell(ProgressEvent::Note(told)));
    }

    /// Returns only those of `pods` whose owner the last start recorded, if there are any; else all of them. The objects of an
    /// unfinished start are not recorded yet, and count only where no recorded Pod is left.
    pub fn prefer_recorded<'a>(&self, session: &Session, pods: Vec<&'a Pod>) -> Vec<&'a Pod> {
        let Some(uids) = applied_uids(session) else {
            return pods;
        };
        let uid = session.uid();
        let is_recorded = |pod: &&Pod| {
            let workload = self.workload_of(pod, uid);
            workload.is_some_and(|workload| workload.uid().is_some_and(|uid| uids.contains(uid)))
        };
        let (recorded, others): (Vec<&Pod>, Vec<&Pod>) = pods.into_iter().partition(is_recorded);
        match recorded.is_empty() {
            true => others,
            false => recorded,
        }
    }
}

/// Returns the UIDs of the objects that the last start recorded; `None` where there are none.
fn applied_uids(session: &Session) -> Option<BTreeSet<&str>> {
    let applied = session.applied()?;
    let uids: BTreeSet<&str> = applied.objects.iter().filter_map(ObjectRef::uid).collect();
    (!uids.is_empty()).then_some(uids)
}

/// Returns the UIDs of which an object directly owned by the Session must have one. `None` where the record is not complete: an
/// interrupted start may have created objects that no status names, and only their ownerReference says whose they are.
fn allowed_uids(session: &Session) -> Option<BTreeSet<&str>> {
    // A clone that was never started: nothing can be its own.
    if session.applied().is_none()
        && session.phase().is_some()
        && session.spec.start_request.is_none()
    {
        return Some(BTreeSet::new());
    }
    applied_uids(session).filter(|_| !is_start_requested(session))
}

fn attribute_object(
    object: &ObjectMeta,
    session_uid: Option<&str>,
    made: Option<&BTreeSet<&str>>,
    own: &[Value],
) -> Attribution {
    let references = object.owner_references.iter().flatten();
    let is_made = |made: &BTreeSet<&str>| uid_of(object).is_some_and(|uid| made.contains(uid));
    let mut claims = Attribution::Unrelated;
    for reference in references {
        if session_uid.is_some_and(|uid| reference.uid == uid) {
            if made.is_none_or(is_made) {
                return Attribution::Own;
            }
            claims = Attribution::Impostor(
                "its ownerReferences name the session, but the session did not create it"
                    .to_owned(),
            );
        }
        let parent = own
            .iter()
            .find(|owner| Untyped(owner).has_uid(&reference.uid));
        let Some(parent) = parent else { continue };
        if reference.controller == Some(true) && is_selected_by(object, parent) {
            return Attribution::Own;
        }
        claims = Attribution::Impostor(format!(
            "its ownerReferences name {}/{}, which does not control it",
            Untyped(parent).kind().to_lowercase(),
            Untyped(parent).name()
        ));
    }
    claims
}

/// Returns true if the selector of `parent` matches the object. A controller releases objects that do not match.
fn is_selected_by(object: &ObjectMeta, parent: &Value) -> bool {
    // A custom kind may mean anything by a selector.
    if is_custom_api(Untyped(parent).api_version()) {
        return true;
    }
    let selector = parent.pointer("/spec/selector/matchLabels");
    let mut wanted = selector.and_then(Value::as_object).into_iter().flatten();
    let labels = object.labels.as_ref();
    wanted.all(|(key, value)| {
        let has = labels.and_then(|labels| labels.get(key));
        has.is_some_and(|has| value == has.as_str())
    })
}

fn object_metadata(object: &Value) -> ObjectMeta {
    let metadata = object.get("metadata").cloned().unwrap_or_default();
    // Metadata that does not parse counts as empty, and so as unrelated.
    serde_json::from_value(metadata).unwrap_or_default()
}

#[cfg(test)]
#[path = "attribution_tests.rs"]
mod tests;
