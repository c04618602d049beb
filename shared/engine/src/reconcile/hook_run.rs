//! Hooks: commands of a template that run in the session's workload.

use std::time::Duration;

use super::workload_state::WorkloadState;
use session_model::api::Session;
use session_model::duration::parse_hook_timeout;

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
    /// Returns the run of a hook of the session's last start; `None` if the session has no such hook or no ready Pod.
    pub fn find(session: &Session, state: &WorkloadState, name: &'static str) -> Option<Self> {
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
        let container = hook
            .container
            .clone()
            .or_else(|| applied.primary.as_ref()?.container.clone())?;
        let limit = hook
            .timeout
            .as_ref()
            .and_then(|timeout| parse_hook_timeout(&timeout.to_string()).ok());
        Some(Self {
            name,
            pod: pod.clone(),
            container,
            command: hook.command.clone(),
            timeout: limit.unwrap_or(DEFAULT_HOOK_TIMEOUT),
        })
    }
}
