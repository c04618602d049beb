//! `snapshot restore --in-place`: recreates the claims of a stopped session from a snapshot.

use anyhow::{Result, anyhow};
use session_shared::client::DryRun;
use session_shared::client::Permissions;
use session_shared::client::Place;
use session_shared::client::Selection;
use session_shared::encode::shell;
use session_shared::failure::{with_hint, usage_error};
use session_shared::flags::connection::ConnectionFlags;
use session_shared::objects::resource::{POD, string_at};
use session_shared::objects::uses::ObjectReferences;
use session_shared::ops::Cluster;
use session_shared::ops::restoring::{ClaimRestorePlan, RestoreOutcome};
use session_shared::ops::snapshotting::{SnapshotOptions, SnapshotPlan, parse_class_name};
use session_shared::ops::stopping::ObservedSession;
use session_shared::progress::{ProgressEvent, ProgressSink};
use session_shared::prompt::consent;
use session_shared::report::console::Console;
use session_shared::report::format::Format;
use session_shared::report::mutation::MutationPrinter;
use session_shared::verb::Environment;

use crate::args::Restore;
use crate::chosen::{self, Set};
use crate::copy::USUAL_WAIT;
use crate::plan::Writes;
use crate::restore::{ready, source_of};

/// A validated in-place restore: the snapshot is ready, the session stopped, and its claims unused.
struct InPlace {
    set: Set,
    present: ObservedSession,
    replacing: ClaimRestorePlan,
    /// Snapshot to take of the current data first; `None` if no claim holds data.
    saving: Option<SnapshotPlan>,
}

/// Replaces the data of a stopped session with that of a snapshot.
///
/// # Errors
/// Invalid arguments, before any request; a snapshot that is not ready; a session that is missing or not stopped; a refusal
/// of the server or the CSI driver, with the names of both snapshots.
pub(crate) async fn run(
    args: &Restore,
    connection: &ConnectionFlags,
    ground: &mut Environment,
) -> Result<()> {
    // no requests: validation of the arguments
    if args.storage.is_some() {
        return Err(usage_error(
            "--storage cannot be given with --in-place: claims keep their size",
        ));
    }
    let name = chosen::name_of(&args.snapshot)?;
    let asked = SnapshotOptions {
        class: parse_class_name(args.class.as_deref())?,
        ..SnapshotOptions::default()
    };
    let writes = Writes::of(&args.writing, &args.waiting, USUAL_WAIT)?;
    let format = Format::from_object_flags(&args.printing)?;
    // reads only
    let cluster = ground.connect(connection).await?;
    cluster.known().trust_all(args.trust.trust_manifest);
    let plan = InPlace::of(&cluster, name, &asked, &writes, ground).await?;
    // writes
    let restored = if writes.dry_run == DryRun::None {
        plan.carry_out(&cluster, &writes, ground).await?
    } else {
        plan.rehearse(&cluster, &writes, ground).await?;
        RestoreOutcome::default()
    };
    // prints
    let mut mutations = MutationPrinter::new(format, writes.dry_run);
    let console = &mut ground.console;
    console.print(&mutations.print_result(&plan.present.object, "restored")?)?;
    if writes.dry_run == DryRun::None {
        plan.tell(&restored, console);
    }
    Ok(())
}

impl InPlace {
    async fn of(
        cluster: &Cluster,
        name: &str,
        asked: &SnapshotOptions,
        writes: &Writes,
        ground: &mut Environment,
    ) -> Result<Self> {
        let now = ground.now();
        let all = chosen::sets(cluster, None).await?;
        let set = chosen::find(cluster, &all, name).await?;
        ready(&set)?;
        let present = session_of(cluster, &set).await?;
        let replacing = ClaimRestorePlan::new(&present, &set.snapshots)?;
        let mut held = present.clone();
        held.live.data = replacing.bound_claims().cloned().collect();
        let saving = async {
            match held.live.data.is_empty() {
                true => Ok(None),
                false => SnapshotPlan::prepare(cluster, &held, asked, now).await.map(Some),
            }
        };
        let permissions = Permissions::of(cluster);
        let needs = match writes.dry_run {
            DryRun::None => replacing.accesses(),
            _ => Vec::new(),
        };
        // No claim may be deleted that the caller lacks permission to recreate.
        let permitted = async {
            let required = permissions.require(cluster.namespace(), &needs).await;
            required.map_err(|error| {
                with_hint(error, "nothing has been restored; all claims are unchanged")
            })
        };
        let unused = unused(cluster, &present, &replacing);
        let (saving, (), ()) = futures::try_join!(saving, unused, permitted)?;
        let console = &mut ground.console;
        consent::note_unchecked_access(&permissions, console);
        Ok(Self {
            set,
            present,
            replacing,
            saving,
        })
    }

    async fn carry_out(
        &self,
        cluster: &Cluster,
        writes: &Writes,
        ground: &mut Environment,
    ) -> Result<RestoreOutcome> {
        let _guard = ground.interrupt.guard()?;
        let interrupt = ground.interrupt.clone();
        let mut sink = ground.console.progress();
        if let Some(saving) = &self.saving {
            // The snapshot of the current data is ready before any claim is deleted, so the data can always be restored.
            let with = writes.taking(&interrupt, true);
            let saved = saving.take(cluster, &with, &mut sink).await;
            saved.map_err(|error| {
                with_hint(
                    error,
                    "nothing has been restored; the current data could not be saved as a snapshot and is unchanged",
                )
            })?;
        }
        let with = writes.taking(&interrupt, writes.wait);
        let restored = self.replacing.apply(cluster, &with, &mut sink).await;
        sink.tell(ProgressEvent::Done);
        restored.map_err(|error| self.way_on(error, cluster.namespace()))
    }

    fn way_on(&self, mut error: anyhow::Error, namespace: &str) -> anyhow::Error {
        if let Some(saving) = &self.saving {
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
    async fn rehearse(
        &self,
        cluster: &Cluster,
        writes: &Writes,
        ground: &mut Environment,
    ) -> Result<()> {
        for claim in &self.replacing.claims {
            let name = string_at(&claim.wanted, "/metadata/name");
            ground.console.note(&format!(
                "claim {name:?} would be recreated from snapshot {:?}",
                claim.snapshot
            ));
        }
        if let (Some(saving), DryRun::Server) = (&self.saving, writes.dry_run) {
            let interrupt = ground.interrupt.clone();
            let with = writes.taking(&interrupt, false);
            let mut sink = ground.console.progress();
            saving.take(cluster, &with, &mut sink).await?;
        }
        Ok(())
    }

    fn tell(&self, restored: &RestoreOutcome, console: &mut Console) {
        if let Some(saving) = &self.saving {
            console.note(&format!(
                "the previous data is kept in snapshot {:?}",
                saving.name
            ));
        }
        if !restored.waiting_for_consumer.is_empty() {
            let (claims, session) = (restored.waiting_for_consumer.join(", "), self.present.name());
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
async fn unused(cluster: &Cluster, present: &ObservedSession, replacing: &ClaimRestorePlan) -> Result<()> {
    let (namespace, name) = (present.namespace(), present.name());
    let all = Selection::default();
    let pods = cluster
        .list(&POD, Place::Namespace(namespace), &all)
        .await?;
    let uses = ObjectReferences::from_running_pods(pods.items.iter());
    let used = replacing
        .existing_claims()
        .find_map(|claim| Some((string_at(claim, "/metadata/name"), uses.find_user(claim)?)));
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
async fn session_of(cluster: &Cluster, set: &Set) -> Result<ObservedSession> {
    let found = source_of(cluster, set).await?;
    if !found.is_stopped() {
        let (name, namespace) = (&set.session, cluster.namespace());
        let error = anyhow!("cannot restore session {name:?} in place: session is not stopped");
        let stop = format!("stop the session first: kubectl session stop {name} -n {namespace}");
        return Err(with_hint(error, stop));
    }
    Ok(found)
}
