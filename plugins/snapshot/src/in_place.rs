//! `snapshot restore --in-place`: recreates the claims of a stopped session from a snapshot.

use anyhow::{Result, anyhow};
use session_shared::client::{AccessReviews, DryRun, ListOptions, Scope};
use session_shared::encode::shell;
use session_shared::failure::with_hint;
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::trust_manifest::TrustFlags;
use session_shared::objects::Untyped;
use session_shared::objects::object_references::ObjectReferences;
use session_shared::objects::resource::POD;
use session_shared::objects::volume_snapshot::source_claim_name;
use session_shared::ops::Cluster;
use session_shared::ops::ObservedSession;
use session_shared::ops::claim_restore::{ClaimRestorePlan, RestoreOutcome};
use session_shared::ops::snapshot_plan::{SnapshotOptions, SnapshotPlan};
use session_shared::progress::{ProgressEvent, ProgressSink};
use session_shared::prompt::confirmation;
use session_shared::report::console::Console;
use session_shared::verb::Environment;

use crate::observe::get_source_session;
use crate::plan::SnapshotWrites;
use crate::snapshot_set::{self, SnapshotSet};

/// A validated in-place restore: the snapshot is ready, the session stopped, and its claims unused.
struct InPlaceRestore {
    set: SnapshotSet,
    session: ObservedSession,
    claims: ClaimRestorePlan,
    /// Snapshot to take of the current data first; `None` if no claim holds data.
    safety_snapshot: Option<SnapshotPlan>,
}

/// A validated `restore --in-place`.
pub(crate) struct InPlaceIntent {
    pub(crate) snapshot: String,
    /// Options of the snapshot of the current data.
    pub(crate) options: SnapshotOptions,
    pub(crate) trust: TrustFlags,
    pub(crate) writes: SnapshotWrites,
}

/// Replaces the data of a stopped session with that of a snapshot.
///
/// # Errors
/// A snapshot that is not ready; a session that is missing or not stopped; a refusal
/// of the server or the CSI driver, with the names of both snapshots.
pub(crate) async fn run(
    intent: InPlaceIntent,
    connection: &ConnectionFlags,
    environment: &mut Environment,
) -> Result<()> {
    let InPlaceIntent {
        snapshot,
        options,
        trust,
        writes,
    } = intent;
    // reads only
    let cluster = environment.connect_trusting(connection, trust).await?;
    let plan = InPlaceRestore::prepare(&cluster, &snapshot, &options, &writes, environment).await?;
    // writes
    let restored = if writes.mutation.dry_run == DryRun::None {
        plan.apply(&cluster, &writes, environment).await?
    } else {
        plan.dry_run(&cluster, &writes, environment).await?;
        RestoreOutcome::default()
    };
    // prints
    let mut mutations = writes.mutation.printer();
    let console = &mut environment.console;
    console.print(&mutations.print_result(&plan.session.object, "restored")?)?;
    if writes.mutation.dry_run == DryRun::None {
        plan.print_notes(&restored, console);
    }
    Ok(())
}

impl InPlaceRestore {
    async fn prepare(
        cluster: &Cluster,
        name: &str,
        options: &SnapshotOptions,
        writes: &SnapshotWrites,
        environment: &mut Environment,
    ) -> Result<Self> {
        let now = environment.now();
        let all = snapshot_set::list_snapshot_sets(cluster, None).await?;
        let set = snapshot_set::find_snapshot_set(cluster, &all, name).await?;
        set.ensure_ready()?;
        let observed = get_stopped_session(cluster, &set).await?;
        let replacing = ClaimRestorePlan::new(&observed, &set.snapshots)?;
        let mut held = observed.clone();
        held.live.data = replacing.bound_claims().cloned().collect();
        let saving = async {
            match held.live.data.is_empty() {
                true => Ok(None),
                false => SnapshotPlan::prepare(cluster, &held, options, now)
                    .await
                    .map(Some),
            }
        };
        let permissions = AccessReviews::new(cluster);
        let needs = match writes.mutation.dry_run {
            DryRun::None => replacing.accesses(),
            _ => Vec::new(),
        };
        // No claim may be deleted that the caller has no permission to recreate.
        let permitted = async {
            let required = permissions.require(cluster.namespace(), &needs).await;
            required.map_err(|error| {
                with_hint(error, "nothing has been restored; all claims are unchanged")
            })
        };
        let unused = ensure_claims_unused(cluster, &observed, &replacing);
        let (saving, (), ()) = futures::try_join!(saving, unused, permitted)?;
        let console = &mut environment.console;
        confirmation::note_unchecked_access(&permissions, console);
        if let Some(whole) = set.whole(&all) {
            let claims = set.snapshots.iter().filter_map(source_claim_name);
            console.note(&format!(
                "only claim {} is restored; to restore all {} claims, use snapshot {:?}",
                claims.map(|claim| format!("{claim:?}")).collect::<String>(),
                whole.snapshots.len(),
                whole.name
            ));
        }
        Ok(Self {
            set,
            session: observed,
            claims: replacing,
            safety_snapshot: saving,
        })
    }

    async fn apply(
        &self,
        cluster: &Cluster,
        writes: &SnapshotWrites,
        environment: &mut Environment,
    ) -> Result<RestoreOutcome> {
        let _guard = environment.interrupt.guard()?;
        let interrupt = environment.interrupt.clone();
        let mut sink = environment.console.progress();
        if let Some(saving) = &self.safety_snapshot {
            // The snapshot of the current data is ready before any claim is deleted, so the data can always be restored.
            let with = writes.snapshot_run(&interrupt, true);
            let saved = saving.take(cluster, &with, &mut sink).await;
            saved.map_err(|error| {
                with_hint(
                    error,
                    "nothing has been restored; the current data could not be saved as a snapshot and is unchanged",
                )
            })?;
        }
        let with = writes.snapshot_run(&interrupt, writes.wait);
        let restored = self.claims.apply(cluster, &with, &mut sink).await;
        sink.tell(ProgressEvent::Done);
        restored.map_err(|error| self.with_retry_hint(error, cluster.namespace()))
    }

    fn with_retry_hint(&self, mut error: anyhow::Error, namespace: &str) -> anyhow::Error {
        if let Some(saving) = &self.safety_snapshot {
            let held = format!("the previous data is kept in snapshot {:?}", saving.name);
            error = with_hint(error, held);
        }
        let name = shell::quote_word(&self.set.name);
        let again = format!(
            "continue the restore: kubectl session snapshot restore {name} --in-place -n {namespace}"
        );
        with_hint(error, again)
    }

    /// Prints what would be restored. A server-side dry run also sends the snapshot of the current data; the new claims
    /// cannot be sent, because the old claims still have their names.
    async fn dry_run(
        &self,
        cluster: &Cluster,
        writes: &SnapshotWrites,
        environment: &mut Environment,
    ) -> Result<()> {
        for claim in &self.claims.claims {
            let name = Untyped(&claim.wanted).name();
            environment.console.note(&format!(
                "claim {name:?} would be recreated from snapshot {:?}",
                claim.snapshot
            ));
        }
        if let (Some(saving), DryRun::Server) = (&self.safety_snapshot, writes.mutation.dry_run) {
            let interrupt = environment.interrupt.clone();
            let with = writes.snapshot_run(&interrupt, false);
            let mut sink = environment.console.progress();
            saving.take(cluster, &with, &mut sink).await?;
        }
        Ok(())
    }

    fn print_notes(&self, restored: &RestoreOutcome, console: &mut Console) {
        if let Some(saving) = &self.safety_snapshot {
            console.note(&format!(
                "the previous data is kept in snapshot {:?}",
                saving.name
            ));
        }
        if !restored.waiting_for_consumer.is_empty() {
            let (claims, session) = (
                restored.waiting_for_consumer.join(", "),
                self.session.name(),
            );
            console.note(&format!(
                "claim {claims} stays Pending until the next start (the StorageClass binds on first use): kubectl session start {session}"
            ));
        }
    }
}

/// Checks that no running Pod uses a claim to replace. The session is stopped, so such a Pod is not part of it.
///
/// # Errors
/// A claim in use, with the Pod that uses it.
async fn ensure_claims_unused(
    cluster: &Cluster,
    observed: &ObservedSession,
    replacing: &ClaimRestorePlan,
) -> Result<()> {
    let (namespace, name) = (observed.namespace(), observed.name());
    let all = ListOptions::default();
    let pods = cluster
        .list(&POD, Scope::Namespace(namespace), &all)
        .await?;
    let uses = ObjectReferences::from_running_pods(pods.items.iter());
    let used = replacing
        .existing_claims()
        .find_map(|claim| Some((Untyped(claim).name(), uses.find_user(claim)?)));
    let Some((claim, user)) = used else {
        return Ok(());
    };
    let error = anyhow!(
        "cannot restore session {name:?}: PersistentVolumeClaim {claim:?} is used by {user}, which is not part of the session"
    );
    let end = format!(
        "delete the workload that uses the claim first: kubectl delete {user} -n {namespace}"
    );
    Err(with_hint(error, end))
}

/// Returns the stopped session the snapshot was taken of.
async fn get_stopped_session(cluster: &Cluster, set: &SnapshotSet) -> Result<ObservedSession> {
    let found = get_source_session(cluster, set).await?;
    if !found.is_stopped() {
        let (name, namespace) = (&set.session, cluster.namespace());
        let error = anyhow!("cannot restore session {name:?} in place: session is not stopped");
        let stop = format!("stop the session first: kubectl session stop {name} -n {namespace}");
        return Err(with_hint(error, stop));
    }
    Ok(found)
}
