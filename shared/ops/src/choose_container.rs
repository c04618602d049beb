//! Choice of the Pod and container of a session that a command, a port or a copy of files enters.

use anyhow::{Result, bail};
use k8s_openapi::api::core::v1::Pod;

use crate::ObservedSession;
use session_engine::reconcile::{default_container, is_primary_pod};
use session_model::objects::conditions::is_ready;
use session_model::objects::metadata::name_of;
use session_model::objects::pod_containers::container_names;

impl ObservedSession {
    /// Chooses a primary Pod if possible: one that is not being deleted before one that is, a ready one before the others.
    /// Another Pod is chosen only if just that one has the wanted container. `None` for a session without Pods.
    ///
    /// # Errors
    /// An unknown container, with the existing ones.
    pub fn choose_container(&self, wanted: Option<&str>) -> Result<Option<(&Pod, String)>> {
        let own: Vec<&Pod> = self.own_pods().collect();
        let mut pods = self.live.prefer_recorded(&self.session, own);
        let is_ending = |pod: &Pod| pod.metadata.deletion_timestamp.is_some();
        pods.sort_by_key(|pod| (!is_primary_pod(pod), is_ending(pod), !is_ready(pod)));
        let Some(first) = pods.first() else {
            return Ok(None);
        };
        let Some(wanted) = wanted else {
            return Ok(Some((first, default_container(&self.session, first))));
        };
        let has = |pod: &&&Pod| container_names(pod).any(|name| name == wanted);
        if let Some(pod) = pods.iter().find(has) {
            return Ok(Some((pod, wanted.to_owned())));
        }
        let name = name_of(&first.metadata);
        let there: Vec<&str> = container_names(first).collect();
        bail!(
            "container {wanted:?} not found in pod {name:?}: choose one of {}",
            there.join(", ")
        )
    }
}
