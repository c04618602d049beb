//! The data of a session under a deletion, sorted by what happens to it: for the question, the report and the plan. Pure.

use anyhow::{Result, anyhow};
use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

use super::deletion::Deletion;
use super::session_losses::claim_word;
use session_engine::plan::Step;
use session_engine::reconcile::find_losses;
use session_model::api::DataPolicy;
use session_model::failure::with_hint;
use session_model::objects::ObjectRef;
use session_model::objects::Untyped;
use session_model::objects::kept_data::{is_claim, is_snapshot, was_bound};
use session_model::objects::object_references::ObjectReferences;
use session_model::objects::resource::SESSION;

impl Deletion {
    /// Adds hints to an error of the snapshot: the other data policies.
    pub(super) fn with_data_hints(&self, error: anyhow::Error) -> anyhow::Error {
        let (name, namespace) = (self.name(), self.namespace());
        let delete = format!("kubectl session delete {name} -n {namespace}");
        let nothing = format!("nothing has been deleted: session {name:?} is unchanged");
        let keep = format!("keep the data: {delete} --keep-data");
        let destroy = format!("delete the data: {delete} --delete-data -y");
        with_hint(with_hint(with_hint(error, nothing), keep), destroy)
    }

    /// Returns the step that writes an overriding data policy into the Session, for a controller.
    pub(super) fn data_policy_step(&self) -> Option<Step> {
        let policy = self.observed.session.spec.data_policy?;
        if Untyped(&self.observed.object).str_at("/spec/dataPolicy") == Some(policy.as_str()) {
            return None;
        }
        Some(Step::Patch {
            target: ObjectRef::from_object(&self.observed.object),
            resource: SESSION.clone(),
            patch: json!({ "spec": { "dataPolicy": policy } }),
        })
    }

    fn own_claims(&self) -> impl Iterator<Item = &Value> {
        let own = self.observed.live.own_data(&self.observed.session);
        own.filter(|object| is_claim(object))
    }

    /// Returns the claims that are or were bound to a volume.
    pub(super) fn bound_claims(&self) -> Vec<&Value> {
        self.own_claims().filter(|claim| was_bound(claim)).collect()
    }

    /// Returns the names of all claims.
    pub fn claim_names(&self) -> Vec<String> {
        self.own_claims().map(object_name).collect()
    }

    /// Returns the names of the claims that were never bound to a volume: they hold no data.
    pub fn never_bound_claims(&self) -> Vec<String> {
        let unused = self.own_claims().filter(|claim| !was_bound(claim));
        unused.map(object_name).collect()
    }

    /// Returns the names of the claims that are deleted without a snapshot.
    pub fn destroyed_claims(&self) -> Vec<String> {
        match self.data_policy() {
            DataPolicy::Delete => self.claim_names(),
            DataPolicy::Keep | DataPolicy::Snapshot => Vec::new(),
        }
    }

    /// Returns all data that is destroyed, one entry an object: claims by the policy; under every policy those that the garbage
    /// collector deletes with their owners, and data that ends with the Pods.
    pub fn destroyed_data(&self) -> Vec<String> {
        let claims = self.destroyed_claims();
        let saved = self.snapshot_claims();
        let owned = self.observed.live.owned_claims.iter();
        let owned = owned.filter(|one| !claims.contains(&one.name) && !saved.contains(&one.name));
        let owned = owned.map(ToString::to_string);
        let claims = claims.iter().map(|claim| claim_word(claim)).chain(owned);
        let losses = find_losses(&self.observed.session, &self.observed.live);
        let pods = losses.iter().map(ToString::to_string);
        claims.chain(pods).collect()
    }

    /// Returns the names of the claims that are kept.
    pub fn kept_claims(&self) -> Vec<String> {
        let owned = &self.observed.live.owned_claims;
        let stays = |name: &String| owned.iter().all(|one| one.name != *name);
        let bound = || self.bound_claims().into_iter().map(object_name);
        match self.data_policy() {
            DataPolicy::Keep => bound().filter(stays).collect(),
            DataPolicy::Delete | DataPolicy::Snapshot => Vec::new(),
        }
    }

    /// Returns the names of the claims that are deleted once their snapshot is ready.
    pub fn snapshot_claims(&self) -> Vec<String> {
        match self.data_policy() {
            DataPolicy::Snapshot => self.bound_claims().into_iter().map(object_name).collect(),
            DataPolicy::Keep | DataPolicy::Delete => Vec::new(),
        }
    }

    /// Returns the name of the snapshot that is taken; `None` if there is none or a controller takes it.
    pub fn snapshot_name(&self) -> Option<&str> {
        self.snapshot_plan
            .as_ref()
            .map(|saving| saving.name.as_str())
    }

    /// Returns the names of the session's existing VolumeSnapshots, which are kept.
    pub fn existing_snapshot_names(&self) -> Vec<String> {
        let own = self.observed.live.own_data(&self.observed.session);
        own.filter(|object| is_snapshot(object))
            .map(object_name)
            .collect()
    }

    /// Checks that no Pod of others uses the session's claims: a deleted claim would be removed as soon as that Pod ends.
    ///
    /// # Errors
    /// The first claim that is in use, and the Pod.
    pub(super) fn check_claims_unused(&self, pods: &[Value]) -> Result<()> {
        let own: Vec<&str> = self
            .observed
            .own_pods()
            .filter_map(|pod: &Pod| pod.metadata.uid.as_deref())
            .collect();
        let others = pods
            .iter()
            .filter(|pod| Untyped(pod).uid().is_none_or(|uid| !own.contains(&uid)));
        let uses = ObjectReferences::from_running_pods(others);
        let used = self
            .own_claims()
            .find_map(|claim| Some((object_name(claim), uses.find_user(claim)?)));
        let Some((claim, user)) = used else {
            return Ok(());
        };
        let (name, namespace) = (self.name(), self.namespace());
        let error = anyhow!(
            "cannot delete the data of session {name:?}: PersistentVolumeClaim {claim:?} is used by {user}, which is not part of \
             the session"
        );
        let end =
            format!("delete the user of the claim first: kubectl delete {user} -n {namespace}");
        let keep =
            format!("keep the data: kubectl session delete {name} -n {namespace} --keep-data");
        Err(with_hint(with_hint(error, end), keep))
    }
}

fn object_name(object: &Value) -> String {
    Untyped(object).name().to_owned()
}
