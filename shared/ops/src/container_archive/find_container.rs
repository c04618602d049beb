//! The container whose files are copied.

use anyhow::{Result, anyhow};
use k8s_openapi::api::core::v1::Pod;

use crate::ObservedSession;
use session_client::ContainerRef;
use session_engine::reconcile::{container_names, default_container, is_primary_pod};
use session_model::failure::with_hint;
use session_model::objects::conditions::is_ready;

/// Returns the wanted container of a session, or its primary one.
///
/// # Errors
/// A session that is not running; a container that no Pod of the session has.
pub fn find_container(observed: &ObservedSession, wanted: Option<&str>) -> Result<ContainerRef> {
    let (session, namespace) = (observed.name(), observed.namespace());
    let own = observed.live.own_pods(&observed.ownership.session_uid);
    let mut pods = observed
        .live
        .prefer_recorded(&observed.session, own.collect());
    pods.sort_by_key(|pod| (!is_primary_pod(pod), !is_ready(pod)));
    let Some(first) = pods.first().filter(|_| observed.has_live_workload()) else {
        let error = anyhow!("cannot access files of session {session:?}: session is not running");
        let start = format!("start the session: kubectl session start {session} -n {namespace}");
        return Err(with_hint(error, start));
    };
    let has = |pod: &&&Pod| container_names(pod).any(|name| Some(name) == wanted);
    let (pod, container) = match wanted {
        None => (*first, default_container(&observed.session, first)),
        Some(wanted) => match pods.iter().find(has) {
            Some(pod) => (*pod, wanted.to_owned()),
            None => {
                let there: Vec<&str> = container_names(first).collect();
                return Err(anyhow!(
                    "container {wanted:?} not found in pod {:?}: choose one of {}",
                    pod_name(first),
                    there.join(", ")
                ));
            }
        },
    };
    Ok(ContainerRef {
        namespace: namespace.to_owned(),
        pod: pod_name(pod).to_owned(),
        container,
    })
}

fn pod_name(pod: &Pod) -> &str {
    pod.metadata.name.as_deref().unwrap_or_default()
}
