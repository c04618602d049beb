//! Default container of a Pod.

use k8s_openapi::api::core::v1::Pod;

use super::is_primary_pod;
use session_model::api::Session;
use session_model::objects::Untyped;
use session_model::objects::pod_containers::container_names;

/// Returns the primary container that the start recorded; else the one that the Pod's default-container annotation names; else
/// the first.
pub fn default_container(session: &Session, pod: &Pod) -> String {
    let written = session
        .primary()
        .and_then(|primary| primary.container.as_deref())
        .filter(|_| is_primary_pod(pod));
    let annotated = pod
        .metadata
        .annotations
        .as_ref()
        .and_then(|all| all.get("kubectl.kubernetes.io/default-container"))
        .map(String::as_str);
    let there = |name: &&str| container_names(pod).any(|container| container == *name);
    written
        .filter(there)
        .or(annotated.filter(there))
        .or_else(|| container_names(pod).next())
        .unwrap_or(Untyped::NONE)
        .to_owned()
}
