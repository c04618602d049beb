//! Hooks: commands of a template that run in the session's workload.

use std::time::Duration;

use super::default_container::default_container;
use super::live_objects::LiveObjects;
use super::workload_name::{WorkloadName, find_workload};
use super::workload_state::WorkloadState;
use session_model::api::Session;
use session_model::duration::parse_hook_timeout;
use session_model::objects::conditions::is_ready;

/// Timeout of a hook that does not set one.
const DEFAULT_HOOK_TIMEOUT: Duration = Duration::from_secs(300);

/// A hook with the Pod and container in which to run it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookRun {
    /// Name of the hook: `sync`, `quiesce` or `resume`.
    pub name: &'static str,
    /// Name of the Pod.
    pub pod: String,
    /// Name of the container.
    pub container: String,
    /// The command and its arguments.
    pub command: Vec<String>,
    /// Timeout.
    pub timeout: Duration,
}

impl HookRun {
    /// Returns the run of a hook of the session's last start; `None` if the session has no such hook, or no ready Pod of the hook's
    /// workload.
    pub fn find(
        session: &Session,
        state: &WorkloadState,
        live: &LiveObjects,
        name: &'static str,
    ) -> Option<Self> {
        let WorkloadState::Ready { pod } = state else {
            return None;
        };
        let applied = session.applied()?;
        let hooks = applied.hooks.as_ref()?;
        let hook = match name {
            "sync" => hooks.sync.as_ref(),
            "quiesce" => hooks.quiesce.as_ref(),
            "resume" => hooks.resume.as_ref(),
            _ => None,
        }?;
        let primary = || applied.primary.as_ref()?.container.clone();
        let (pod, usual) = match &hook.workload {
            None => (pod.clone(), primary()),
            Some(workload) => {
                let (pod, container) = ready_pod_of(session, live, workload)?;
                (pod, Some(container))
            }
        };
        let container = hook.container.clone().or(usual)?;
        let limit = hook
            .timeout
            .as_ref()
            .and_then(|timeout| parse_hook_timeout(&timeout.to_string()).ok());
        Some(Self {
            name,
            pod,
            container,
            command: hook.command.clone(),
            timeout: limit.unwrap_or(DEFAULT_HOOK_TIMEOUT),
        })
    }
}

/// Returns a ready Pod of a workload, and its default container.
fn ready_pod_of(session: &Session, live: &LiveObjects, workload: &str) -> Option<(String, String)> {
    let name: WorkloadName = workload.parse().ok()?;
    let named = find_workload(session, live, &name).ok()?;
    let uid = session.uid();
    let mut pods = live.own_pods(uid).filter(|pod| {
        is_ready(pod)
            && pod.metadata.deletion_timestamp.is_none()
            && named.is_own_pod(live, pod, uid)
    });
    let pod = pods.next()?;
    Some((pod.metadata.name.clone()?, default_container(session, pod)))
}
