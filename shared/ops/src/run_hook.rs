//! Execution of a template's hooks in the workload.

use anyhow::{Context, Result, bail};

use crate::Cluster;
use session_client::ContainerRef;
use session_engine::reconcile::HookRun;

impl Cluster {
    /// Runs a hook until it exits.
    ///
    /// # Errors
    /// Whatever the server refuses; TimedOut after the hook's time limit; an exit code other than 0, with the last line
    /// of stderr.
    pub async fn run_hook(&self, namespace: &str, run: &HookRun) -> Result<()> {
        let HookRun {
            name,
            pod,
            container,
            command,
            timeout,
        } = run;
        let place = format!("hook {name:?} in container {container:?} of pod {pod:?}");
        let container = ContainerRef {
            namespace: namespace.to_owned(),
            pod: pod.clone(),
            container: container.clone(),
        };
        let done = self.exec(&container, command, *timeout).await;
        let ended = done.and_then(|done| Ok((done.code()?, done.error_suffix())));
        match ended.with_context(|| format!("{place} failed"))? {
            (0, _) => Ok(()),
            (code, suffix) => bail!("{place} failed with exit code {code}{suffix}"),
        }
    }
}
