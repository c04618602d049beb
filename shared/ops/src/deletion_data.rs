//! What a deletion does with a session's data: pure, for its question, its report and its plan.

use anyhow::{Result, anyhow};
use k8s_openapi::api::core::v1::Pod;
use serde_json::Value;

use super::deleting::Doomed;
use super::ending_session::claim_word;
use session_engine::reconcile::losses;
use session_model::api::DataPolicy;
use session_model::failure::hinted;
use session_model::objects::kept::{is_claim, is_snapshot, was_bound};
use session_model::objects::resource::text;
use session_model::objects::uses::Uses;

impl Doomed {
    fn own_claims(&self) -> impl Iterator<Item = &Value> {
        let own = self.live.own_data(&self.session);
        own.filter(|object| is_claim(object))
    }

    /// Its claims that hold, or held, something.
    pub(super) fn held(&self) -> Vec<&Value> {
        self.own_claims().filter(|claim| was_bound(claim)).collect()
    }

    /// Names of its claims.
    pub fn claims(&self) -> Vec<String> {
        self.own_claims().map(name_of).collect()
    }

    /// Names of the claims that never had a volume: there is nothing of them to save.
    pub fn unused(&self) -> Vec<String> {
        let unused = self.own_claims().filter(|claim| !was_bound(claim));
        unused.map(name_of).collect()
    }

    /// Names of the claims that this deletion destroys, with nothing to bring them back.
    pub fn destroyed_claims(&self) -> Vec<String> {
        match self.policy() {
            DataPolicy::Delete => self.claims(),
            DataPolicy::Keep | DataPolicy::Snapshot => Vec::new(),
        }
    }

    /// Everything that it destroys, an object each: claims, and what ends with its Pods whatever the data policy says.
    pub fn destroyed(&self) -> Vec<String> {
        let claims = self.destroyed_claims();
        let claims = claims.iter().map(|claim| claim_word(claim));
        let losses = losses(&self.session, &self.live);
        let pods = losses.iter().map(ToString::to_string);
        claims.chain(pods).collect()
    }

    /// Names of the claims that this deletion keeps.
    pub fn kept(&self) -> Vec<String> {
        match self.policy() {
            DataPolicy::Keep => self.held().into_iter().map(name_of).collect(),
            DataPolicy::Delete | DataPolicy::Snapshot => Vec::new(),
        }
    }

    /// Names of the claims that go once a snapshot of them is ready.
    pub fn saved(&self) -> Vec<String> {
        match self.policy() {
            DataPolicy::Snapshot => self.held().into_iter().map(name_of).collect(),
            DataPolicy::Keep | DataPolicy::Delete => Vec::new(),
        }
    }

    /// Name of the snapshot that is taken; `None` where none is, or where a controller takes it.
    pub fn snapshot(&self) -> Option<&str> {
        self.saving.as_ref().map(|saving| saving.set.as_str())
    }

    /// Names of the VolumeSnapshots that there are of it already: they stay.
    pub fn snapshots(&self) -> Vec<String> {
        let own = self.live.own_data(&self.session);
        own.filter(|object| is_snapshot(object))
            .map(name_of)
            .collect()
    }

    /// Finds a claim that the deletion takes away and that somebody else's Pod uses: its data would go as soon as that Pod ends.
    ///
    /// # Errors
    /// The claim and the Pod.
    pub(super) fn unused_by_others(&self, pods: &[Value]) -> Result<()> {
        let uid = &self.belonging.session_uid;
        let own: Vec<&str> = self
            .live
            .own_pods(uid)
            .filter_map(|pod: &Pod| pod.metadata.uid.as_deref())
            .collect();
        let others = pods
            .iter()
            .filter(|pod| !own.contains(&text(pod, "/metadata/uid")));
        let uses = Uses::of_running(others);
        let used = self
            .own_claims()
            .find_map(|claim| Some((name_of(claim), uses.user(claim)?)));
        let Some((claim, user)) = used else {
            return Ok(());
        };
        let (name, namespace) = (self.name(), self.namespace());
        let error = anyhow!(
            "cannot delete the data of session {name:?}: PersistentVolumeClaim {claim:?} is used by {user}, which is not part of \
             the session"
        );
        let end = format!("delete what uses it first: kubectl delete {user} -n {namespace}");
        let keep =
            format!("keep the data: kubectl session delete {name} -n {namespace} --keep-data");
        Err(hinted(hinted(error, end), keep))
    }
}

fn name_of(object: &Value) -> String {
    text(object, "/metadata/name").to_owned()
}
