//! Live objects of one session: its Pods, their owners and its data, with the rules that tell which are the session's own.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Pod;
use serde_json::Value;

use super::custom_workload::CustomWorkload;
use super::owned_claim::OwnedClaim;
use crate::diagnosis::EventNote;
use session_model::api::{PrimaryRef, Session, replicas_key};
use session_model::labels;
use session_model::objects::Untyped;
use session_model::objects::ownership::has_kind_and_name;
use session_model::objects::pods::{is_end_phase, pod_metadata_paths, replica_count};
use session_model::objects::resource::POD;
use session_model::objects::rest_method::{RestMethod, is_at_rest, is_finished_job};
use session_model::objects::{ObjectRef, ResourceType, metadata};

/// Objects in the cluster that carry one session's label, as they were read.
///
/// Anybody can write labels, so objects of other owners may be among them. Only objects whose chain of owners ends at the Session's
/// UID count as its own, and after [`LiveObjects::attribute`] only those that the session created.
#[derive(Clone, Debug, Default)]
pub struct LiveObjects {
    /// Pods.
    pub pods: Vec<Pod>,
    /// Pods and workloads that claim to be the session's and are not: reported, never entered, counted or deleted.
    pub impostors: Vec<Impostor>,
    /// Possible owners of Pods: StatefulSets, Deployments, ReplicaSets, Jobs, …
    pub owners: Vec<Value>,
    /// The primary workload, if its kind is not built in. It is one of the owners, too.
    pub custom: Option<CustomWorkload>,
    /// Events of these objects, possibly of others too. Empty unless a wait or a report has read them.
    pub events: Vec<EventNote>,
    /// PersistentVolumeClaims and the parameters Secret; VolumeSnapshots where a deletion needs them.
    pub data: Vec<Value>,
    /// Claims that the garbage collector deletes with an object of the session. They may be among `data`, too.
    pub owned_claims: Vec<OwnedClaim>,
    /// UIDs of claims of which this deletion has taken a snapshot that is ready. The data policy `snapshot` deletes these, and no
    /// other claim that holds data.
    pub snapshotted_claims: Vec<String>,
    /// True if the caller has no permission to list VolumeSnapshots. There may be some, so the parameters Secret must be kept.
    pub snapshots_unlistable: bool,
    /// Objects found by the names of this start's and the last start's objects: Services, Secrets, … Objects of other owners may be
    /// among them. Only a start reads them.
    pub by_name: Vec<NamedObject>,
}

/// An object that was read by name, with its type.
#[derive(Clone, Debug)]
pub struct NamedObject {
    /// Resource type.
    pub resource: ResourceType,
    /// The object.
    pub object: Value,
}

/// A Pod or workload whose ownerReferences claim that it is the session's, although it is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Impostor {
    /// Kind of the object.
    pub kind: String,
    /// Name of the object.
    pub name: String,
    /// UID of the object.
    pub uid: Option<String>,
    /// Why it is not the session's.
    pub(super) why: String,
}

impl Impostor {
    /// Returns a note for the user.
    pub fn note(&self) -> String {
        format!(
            "{} {:?} is ignored: {}",
            self.kind.to_lowercase(),
            self.name,
            self.why
        )
    }
}

impl LiveObjects {
    /// Returns the session's own Pods: those whose chain of owners ends at the Session's UID.
    pub fn own_pods<'a>(&'a self, session_uid: Option<&'a str>) -> impl Iterator<Item = &'a Pod> {
        let owners = self.own_owner_uids(session_uid);
        self.pods.iter().filter(move |pod| {
            let mut uids = metadata::owner_uids(&pod.metadata);
            uids.any(|uid| Some(uid) == session_uid || owners.contains(&uid))
        })
    }

    /// Returns the Pods that the Session owns directly, which no controller would create again.
    pub fn directly_owned_pods<'a>(
        &'a self,
        session_uid: Option<&'a str>,
    ) -> impl Iterator<Item = &'a Pod> {
        let mut pods = self.pods.iter();
        std::iter::from_fn(move || pods.find(|pod| is_owned_directly(pod, session_uid)))
    }

    /// Returns an object by kind and name, with its type. Skips Pods and Jobs that have ended, and Pods that are being deleted.
    pub fn find_object(&self, kind: &str, name: &str) -> Option<(ResourceType, Value)> {
        if kind == "Pod" {
            let named = |pod: &&Pod| pod.metadata.name.as_deref() == Some(name);
            let stays =
                |pod: &&Pod| pod.metadata.deletion_timestamp.is_none() && !is_terminated(pod);
            let pod = self.pods.iter().filter(stays).find(named)?;
            return Some((POD.clone(), serde_json::to_value(pod).ok()?));
        }
        if let Some(found) = self
            .by_name
            .iter()
            .find(|f| has_kind_and_name(&f.object, kind, name) && !is_finished_job(&f.object))
        {
            return Some((found.resource.clone(), found.object.clone()));
        }
        let custom = self.custom.as_ref();
        if let Some(custom) = custom.filter(|one| has_kind_and_name(&one.object, kind, name)) {
            return Some((custom.resource.clone(), custom.object.clone()));
        }
        let mut known = self.owners.iter().chain(&self.data);
        let object = known
            .find(|object| has_kind_and_name(object, kind, name) && !is_finished_job(object))?;
        let resource = ResourceType::find_known(Untyped(object).api_version(), kind)?;
        Some((resource.clone(), object.clone()))
    }

    /// Returns the object between the Session and its Pods with that UID.
    pub fn owner(&self, uid: &str) -> Option<&Value> {
        self.owners
            .iter()
            .find(|object| Untyped(object).has_uid(uid))
    }

    /// Returns true for an object that makes Pods: one of a built-in kind with a Pod template, or the custom primary workload.
    pub(super) fn makes_pods(&self, object: &ObjectRef) -> bool {
        !pod_metadata_paths(&object.kind).is_empty() || self.custom_of(object).is_some()
    }

    /// Returns true for a workload that wants no Pods; `primary` is the session's.
    pub(super) fn is_at_rest(&self, workload: &Value, primary: Option<&PrimaryRef>) -> bool {
        match self.custom_of(&ObjectRef::from_object(workload)) {
            Some(custom) => custom.is_at_rest(primary),
            None => is_at_rest(workload),
        }
    }

    /// Returns the custom primary workload if `object` is it.
    pub(super) fn custom_of(&self, object: &ObjectRef) -> Option<&CustomWorkload> {
        self.custom.as_ref().filter(|custom| custom.is(object))
    }

    /// Returns the replica counts of the session's workloads, by Kind/name. Omits those scaled to 0.
    pub fn replica_counts(&self, session_uid: Option<&str>) -> BTreeMap<String, i32> {
        let owned = self
            .owners
            .iter()
            .filter(|object| Untyped(object).is_owned_by(session_uid));
        let scaled = owned.filter(|object| {
            RestMethod::of_kind(Untyped(object).kind()) == Some(RestMethod::Replicas)
        });
        let key = |object: &Value| replicas_key(Untyped(object).kind(), Untyped(object).name());
        let count = |object: &Value| Some((key(object), replica_count(object)?));
        let custom = self.custom.iter();
        let custom = custom.filter_map(|custom| Some((key(&custom.object), custom.replicas?)));
        let counts = scaled.filter_map(count).chain(custom);
        counts.filter(|(_, count)| *count > 0).collect()
    }

    /// Returns the UIDs of all objects between the Session and its Pods.
    fn own_owner_uids(&self, session_uid: Option<&str>) -> Vec<&str> {
        let mut own: Vec<&str> = Vec::new();
        // Chains may have any length: a round that finds nothing new ends the search.
        loop {
            let before = own.len();
            for object in &self.owners {
                let Some(uid) = Untyped(object).uid() else {
                    continue;
                };
                let is_own = owner_uids(object)
                    .any(|owner| Some(owner) == session_uid || own.contains(&owner));
                if is_own && !own.contains(&uid) {
                    own.push(uid);
                }
            }
            if own.len() == before {
                return own;
            }
        }
    }

    /// Returns the session's workloads: the objects with Pods that it owns directly, and the Pods that it owns directly.
    pub fn workloads(&self, session_uid: Option<&str>) -> Vec<ObjectRef> {
        let owned = self
            .owners
            .iter()
            .filter(|object| Untyped(object).is_owned_by(session_uid));
        let mut found: Vec<ObjectRef> = owned
            .map(ObjectRef::from_object)
            .filter(|object| self.makes_pods(object))
            .collect();
        found.extend(
            self.pods
                .iter()
                .filter(|pod| is_owned_directly(pod, session_uid))
                .map(pod_ref),
        );
        found
    }

    /// Returns the workload of one of the session's Pods: the object in its chain of owners that the Session owns directly; for a
    /// Pod without a controller, the Pod itself. `None` for a Pod that is not the session's.
    pub fn workload_of(&self, pod: &Pod, session_uid: Option<&str>) -> Option<ObjectRef> {
        if is_owned_directly(pod, session_uid) {
            return Some(pod_ref(pod));
        }
        let mut uids: Vec<&str> = metadata::owner_uids(&pod.metadata).collect();
        // A chain has no more links than there are owners.
        for _ in 0..=self.owners.len() {
            let above = self
                .owners
                .iter()
                .filter(|o| Untyped(o).uid().is_some_and(|uid| uids.contains(&uid)));
            let above: Vec<&Value> = above.collect();
            if let Some(top) = above
                .iter()
                .find(|object| Untyped(object).is_owned_by(session_uid))
            {
                return Some(ObjectRef::from_object(top));
            }
            uids = above.into_iter().flat_map(owner_uids).collect();
        }
        None
    }

    /// Returns the session's own data. Data has no ownerReference: an object with the session's label and the same raw user id is
    /// its own, because no other Session of that name can exist in the namespace.
    pub fn own_data<'a>(&'a self, session: &'a Session) -> impl Iterator<Item = &'a Value> {
        self.data
            .iter()
            .filter(move |object| is_data_of(object, session))
    }
}

/// Returns true for data of a session. Data kept from an earlier session of another template is neither adopted by this session
/// nor its own: deleting this session must not delete it.
pub fn is_data_of(object: &Value, session: &Session) -> bool {
    let written = Untyped(object).annotation(labels::SESSION_UID);
    let own = session.uid().is_some_and(|uid| written == Some(uid));
    Untyped(object).label(labels::SESSION) == Some(session.name())
        && Untyped(object).annotation(labels::USER_ID) == Some(session.owner())
        && (own || !is_from_another_template(object, session))
}

/// Returns true where both name a template and the names differ. A Session that was never started has none in its status.
fn is_from_another_template(object: &Value, session: &Session) -> bool {
    let started = session
        .status
        .as_ref()
        .and_then(|status| status.template.as_deref());
    let ours = started.or_else(|| session.spec.template_name());
    match Untyped(object).annotation(labels::TEMPLATE) {
        Some(theirs) => ours.is_some_and(|ours| ours != theirs),
        None => false,
    }
}

fn owner_uids(object: &Value) -> impl Iterator<Item = &str> {
    Untyped(object).owners().map(|owner| owner.uid)
}

fn is_owned_directly(pod: &Pod, session_uid: Option<&str>) -> bool {
    metadata::owner_uids(&pod.metadata).any(|uid| Some(uid) == session_uid)
}

/// Returns true for a Pod in phase Succeeded or Failed, which will not run again.
pub(super) fn is_terminated(pod: &Pod) -> bool {
    let phase = pod
        .status
        .as_ref()
        .and_then(|status| status.phase.as_deref());
    is_end_phase(phase)
}

/// Returns a reference to a Pod.
pub(super) fn pod_ref(pod: &Pod) -> ObjectRef {
    let (name, uid) = (
        metadata::name_of(&pod.metadata),
        metadata::uid_of(&pod.metadata),
    );
    ObjectRef::new("v1", "Pod", name, uid)
}

/// Returns true for Pods of the primary workload, which `connect` enters.
pub fn is_primary_pod(pod: &Pod) -> bool {
    pod.metadata
        .labels
        .as_ref()
        .is_some_and(|labels| labels.contains_key(labels::PRIMARY))
}
