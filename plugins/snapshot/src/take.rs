//! The write that `create` and a schedule share: the VolumeSnapshots of a plan, between the session's hooks.

use anyhow::Result;
use serde_json::Value;
use session_shared::client::DryRun;
use session_shared::client::interrupt::Interrupt;
use session_shared::ops::Cluster;
use session_shared::ops::ObservedSession;
use session_shared::ops::snapshot_plan::SnapshotPlan;
use session_shared::progress::ProgressSink;
use session_shared::prompt::trust;
use session_shared::report::console::Console;

use crate::plan::SnapshotWrites;

/// Asks whether hooks that another user may have changed may run. Returns true without hooks, in a dry run and for trusted
/// hooks.
///
/// # Errors
/// No terminal to ask on; refusals of the server.
pub(crate) async fn confirm_hooks(
    cluster: &Cluster,
    observed: &ObservedSession,
    plan: &SnapshotPlan,
    dry_run: DryRun,
    console: &mut Console,
) -> Result<bool> {
    let session = &observed.session;
    trust::confirm_hooks(cluster, session, plan.has_hooks(), dry_run, console).await
}

/// Creates the VolumeSnapshots of `plan` and returns them; a client-side dry run sends nothing.
///
/// # Errors
/// A failed hook; the server's refusal; an error of the CSI driver.
pub(crate) async fn take_snapshots(
    cluster: &Cluster,
    plan: &SnapshotPlan,
    writes: &SnapshotWrites,
    interrupt: &Interrupt,
    sink: &mut dyn ProgressSink,
) -> Result<Vec<Value>> {
    if writes.mutation.dry_run == DryRun::Client {
        return Ok(plan.objects.clone());
    }
    let run = writes.snapshot_run(interrupt, writes.wait);
    plan.take(cluster, &run, sink).await
}
