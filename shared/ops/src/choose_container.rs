//! Choice of the Pod and container of a session that a command, a port or a copy of files enters.

use anyhow::{Result, bail};
use k8s_openapi::api::core::v1::Pod;

use crate::ObservedSession;
use session_engine::reconcile::{WorkloadName, default_container, find_workload, is_primary_pod};
use session_model::objects::conditions::is_ready;
use session_model::objects::metadata::name_of;
use session_model::objects::pod_containers::container_names;

/// Workload and container to enter, as flags or a connection method name them; the primary ones by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContainerTarget {
    /// Workload or Pod.
    pub workload: Option<WorkloadName>,
    /// Container.
    pub container: Option<String>,
}

impl ObservedSession {
    /// Chooses a Pod of the wanted workload; without one, a primary Pod if possible. One that is not being deleted comes before one
    /// that is, a ready one before the others. Without a workload, another Pod is chosen only if just that one has the wanted
    /// container. `None` for a session without Pods.
    ///
    /// # Errors
    /// An unknown workload or container, with the existing ones; a workload without Pods.
    pub fn choose_container(&self, wanted: &ContainerTarget) -> Result<Option<(&Pod, String)>> {
        let workload = wanted.workload.as_ref();
        let workload = workload.map(|name| find_workload(&self.session, &self.live, name));
        let workload = workload.transpose()?;
        let is_wanted = |pod: &&Pod| {
            let workload = workload.as_ref();
            workload.is_none_or(|named| named.is_own_pod(&self.live, pod, self.uid()))
        };
        let own: Vec<&Pod> = self.own_pods().filter(is_wanted).collect();
        let mut pods = self.live.prefer_recorded(&self.session, own);
        let is_ending = |pod: &Pod| pod.metadata.deletion_timestamp.is_some();
        pods.sort_by_key(|pod| (!is_primary_pod(pod), is_ending(pod), !is_ready(pod)));
        let Some(first) = pods.first() else {
            return match workload {
                Some(named) => bail!(
                    "{} of session {:?} has no Pod",
                    named.to_text(),
                    self.name()
                ),
                None => Ok(None),
            };
        };
        let Some(container) = wanted.container.as_deref() else {
            return Ok(Some((first, default_container(&self.session, first))));
        };
        let has = |pod: &&&Pod| container_names(pod).any(|name| name == container);
        if let Some(pod) = pods.iter().find(has) {
            return Ok(Some((pod, container.to_owned())));
        }
        let name = name_of(&first.metadata);
        let there: Vec<&str> = container_names(first).collect();
        bail!(
            "container {container:?} not found in pod {name:?}: choose one of {}",
            there.join(", ")
        )
    }
}
