//! Runs the commands that a template wants run in its workload.

use anyhow::{Context, Result, bail};

use crate::Cluster;
use session_engine::reconcile::HookRun;

impl Cluster {
    /// Runs a hook to its end.
    ///
    /// # Errors
    /// What the server refuses, TimedOut after the hook's limit, an exit code that is not 0 with the last line it wrote to
    /// stderr.
    pub async fn run_hook(&self, namespace: &str, run: &HookRun) -> Result<()> {
        let HookRun {
            name,
            pod,
            container,
            command,
            limit,
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
