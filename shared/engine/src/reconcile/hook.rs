//! Commands that a template wants run in its workload, and where they run.

use std::time::Duration;

use super::seen::Seen;
use session_model::api::Session;
use session_model::duration::Timeout;

/// How long a hook may take when it does not say.
const USUAL_LIMIT: Duration = Duration::from_secs(300);

/// One run of a hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookRun {
    /// Name of the hook: `sync`, `quiesce` or `resume`.
    pub name: &'static str,
    /// The Pod.
    pub pod: String,
    /// The container.
    pub container: String,
    /// The command and its arguments.
    pub command: Vec<String>,
    /// How long it may take.
    pub limit: Duration,
}

impl HookRun {
    /// The run of a hook of the session's last start; `None` if it has none of that name, or no Pod that is ready.
    pub fn of(session: &Session, seen: &Seen, name: &'static str) -> Option<Self> {
        let Seen::Ready { pod } = seen else {
            return None;
        };
        let applied = session.status.as_ref()?.applied.as_ref()?;
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
            .and_then(|timeout| timeout.to_string().parse::<Timeout>().ok())
            .map(Timeout::duration);
        Some(Self {
            name,
            pod: pod.clone(),
            container,
            command: hook.command.clone(),
            limit: limit.unwrap_or(USUAL_LIMIT),
        })
    }
}
