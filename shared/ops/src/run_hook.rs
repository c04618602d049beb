//! Execution of a template's hooks in the workload.

use anyhow::{Context, Result, bail};

use crate::Cluster;
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
            timeout: limit,
        } = run;
        let place = || format!("hook {name:?} in container {container:?} of pod {pod:?}");
        let done = self
            .exec(namespace, pod, container, command, *limit)
            .await
            .with_context(|| format!("{} failed", place()))?;
        if done.code == 0 {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&done.stderr);
        let said = said
            .lines()
            .rev()
            .find(|line| !line.trim().is_empty())
            .unwrap_or_default()
            .trim();
        let said = if said.is_empty() {
            String::new()
        } else {
            format!(": {said}")
        };
        bail!("{} failed with exit code {}{said}", place(), done.code)
    }
}
