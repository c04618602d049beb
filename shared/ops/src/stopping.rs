//! Stop of a session: runs the sync hook and removes the workload. Claims, Services and Secrets are kept.
//!
//! `ObservedSession::of` reads the session, `plan` computes the steps, `stop` carries them out and writes the status. If a
//! controller is alive, `stop` only patches the Session and waits for the controller.

use anyhow::{Result, anyhow};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::Cluster;
use crate::chosen::Chosen;
use crate::controller::Driver;
use crate::execute::Carrying;
use crate::manner::Manner;
use crate::trust::{self, Part};
use session_client::Permissions;
use session_client::Write;
use session_client::interrupt::Interrupt;
use session_engine::plan::{Done, Plan, Step};
use session_engine::reconcile::record::{self, Rest};
use session_engine::reconcile::{
    Ending, HookRun, Live, Seen, Standing, Wanted, ending, look, standing,
};
use session_model::api::{ObjectRef, Phase, Session, State};
use session_model::failure::{self, Kind, hinted};
use session_model::labels;
use session_model::objects::belonging::Belonging;
use session_model::objects::conditions::condition;
use session_model::objects::pods::SCALED;
use session_model::objects::resource::{SESSION, text};
use session_model::progress::Sink;

/// A session and all of its objects, as read from the cluster.
#[derive(Clone, Debug)]
pub struct Present {
    /// The Session.
    pub session: Session,
    /// The Session with every field, also those that [`Session`] does not know.
    pub object: Value,
    /// Its objects.
    pub live: Live,
    /// State of its workload, derived from `live`.
    pub seen: Seen,
    /// Ownership of its objects.
    pub belonging: Belonging,
    /// The process that reconciles the session.
    pub driver: Driver,
}

impl Present {
    /// Reads all objects of a session.
    ///
    /// # Errors
    /// Refusals of the server; a session that is being deleted.
    pub async fn of(cluster: &Cluster, chosen: Chosen, driver: Driver) -> Result<Self> {
        chosen.stays()?;
        let namespace = text(&chosen.object, "/metadata/namespace");
        let live = cluster.live(namespace, &chosen.session).await?;
        Self::with(chosen, live, driver)
    }

    /// Combines a session with objects that have been read already. Sends no request.
    ///
    /// # Errors
    /// An invalid name, Namespace or owner of the Session.
    pub fn with(chosen: Chosen, live: Live, driver: Driver) -> Result<Self> {
        let Chosen { session, object } = chosen;
        let belonging = Belonging::of(&session)?;
        let seen = look(&session, &live, &[]);
        Ok(Self {
            session,
            object,
            live,
            seen,
            belonging,
            driver,
        })
    }

    /// Returns the session's name.
    pub fn name(&self) -> &str {
        self.belonging.session.as_str()
    }

    /// Returns the session's Namespace.
    pub fn namespace(&self) -> &str {
        self.belonging.namespace.as_str()
    }

    /// Returns true if the session has been stopped: spec, status and the absence of Pods agree.
    pub fn is_at_rest(&self) -> bool {
        let phase = self.session.status.as_ref().and_then(|status| status.phase);
        self.session.spec.state == Some(State::Stopped)
            && self.seen == Seen::NoWorkload
            && self
                .live
                .own_pods(&self.belonging.session_uid)
                .next()
                .is_none()
            && matches!(phase, Some(Phase::Stopped | Phase::Failed))
    }

    /// Returns true if the workload exists and has not ended.
    pub fn runs(&self) -> bool {
        matches!(
            self.seen,
            Seen::Ready { .. } | Seen::NotReady(_) | Seen::Hopeless(_)
        )
    }

    /// Returns true if a stop with these options runs the sync hook from this process.
    pub fn runs_sync(&self, manner: &Manner) -> bool {
        !self.driver.is_controller()
            && !manner.skip_sync
            && HookRun::of(&self.session, &self.seen, "sync").is_some()
    }

    /// Returns the steps of a stop, in order. `spec.state: stopped` is written after the sync hook, so that a failed hook stops
    /// nothing, and before the workload is removed, so that no controller makes it again.
    pub fn plan(&self, manner: &Manner, now: Timestamp) -> Plan {
        let skip_sync = manner.skip_sync;
        let what = Ending::Workload { skip_sync };
        let mut plan = ending(&self.session, &self.live, &self.seen, what, now);
        if !manner.wait {
            plan.stages
                .retain(|stage| !matches!(stage.first(), Some(Step::AwaitGone { .. })));
        }
        let synced = matches!(plan.steps().next(), Some(Step::Sync { .. }));
        if self.session.spec.state != Some(State::Stopped) {
            let step = self.wish(json!({ "spec": { "state": State::Stopped } }));
            plan.stages.insert(usize::from(synced), vec![step]);
        }
        plan
    }

    fn wish(&self, patch: Value) -> Step {
        Step::Patch {
            target: ObjectRef::of(&self.object),
            resource: SESSION.clone(),
            patch,
        }
    }

    /// Returns phase and reason after the stop. A workload that had ended by itself keeps its reason.
    fn standing(&self) -> Standing {
        match self.seen {
            Seen::Ended { .. } | Seen::NoWorkload => {
                standing(&self.session, Wanted::Stopped, &self.seen)
            }
            _ => Standing {
                phase: Phase::Stopped,
                reason: "Stopped".into(),
                message: String::new(),
            },
        }
    }

    /// Stops the session and returns the Session after the stop.
    ///
    /// # Errors
    /// A missing right or untrusted hooks, before anything is written; the step that failed, with a hint how to continue.
    pub async fn stop(
        &self,
        cluster: &Cluster,
        manner: &Manner,
        with: Stopping<'_>,
        sink: &mut dyn Sink,
    ) -> Result<Value> {
        self.live.tell_strangers(sink);
        if self.driver.is_controller() {
            return self.ask_controller(cluster, manner, &with, sink).await;
        }
        if self.runs_sync(manner) && !with.write.dry_run {
            trust::check(cluster, &self.session, Part::Hooks).await?;
        }
        self.require_stop(manner, &[], with).await?;
        let rest = self.live.replicas(&self.belonging.session_uid);
        self.remember(cluster, &rest, with.write).await?;
        let carrying = Carrying {
            belonging: &self.belonging,
            write: with.write.clone(),
            interrupt: with.interrupt,
            limit: manner.limit,
        };
        let plan = self.plan(manner, with.now);
        let outcome = cluster.carry_out(&plan, &carrying, sink).await;
        if let Some((step, error)) = outcome.failed {
            return Err(explain(STOP, self.name(), self.namespace(), &step, error));
        }
        let mut session = self.session.clone();
        let wish = outcome.done.iter().find_map(|done| match done {
            Done::Patched(object) if text(object, "/kind") == "Session" => Some(object),
            _ => None,
        });
        session.metadata.generation = wish
            .and_then(|object| object.pointer("/metadata/generation")?.as_i64())
            .or(session.metadata.generation);
        if with.write.dry_run {
            return Ok(wish.unwrap_or(&self.object).clone());
        }
        let rest = Rest {
            replicas: rest,
            synced: outcome.done.contains(&Done::Synced),
            made: self.unrecorded(),
        };
        let mut patch = record::stopped(&session, &self.standing(), &rest, with.now);
        patch["metadata"]["uid"] = self.belonging.session_uid.as_str().into();
        let (namespace, name) = (self.namespace(), self.name());
        let part = Some("status");
        cluster
            .merge_patch(&SESSION, namespace, name, part, &patch, with.write)
            .await
    }

    /// Returns StatefulSets and Deployments of an interrupted start that status.applied does not list yet. The stop records them,
    /// since from then on only recorded objects count as the session's.
    fn unrecorded(&self) -> Vec<ObjectRef> {
        let status = self.session.status.as_ref();
        let applied = status.and_then(|status| status.applied.as_ref());
        let recorded = |workload: &ObjectRef| {
            let mut objects = applied.iter().flat_map(|applied| &applied.objects);
            objects.any(|object| object.uid == workload.uid)
        };
        let mut rests = self.live.workloads(&self.belonging.session_uid);
        rests.retain(|workload| SCALED.contains(&workload.kind.as_str()) && !recorded(workload));
        rests
    }

    /// Writes the replica counts into status.applied before the workloads are scaled to 0, if they differ from those recorded at
    /// the start. Otherwise an interrupted stop would lose them.
    async fn remember(
        &self,
        cluster: &Cluster,
        counts: &std::collections::BTreeMap<String, i32>,
        write: &Write,
    ) -> Result<()> {
        let status = self.session.status.as_ref();
        let applied = status.and_then(|status| status.applied.as_ref());
        let Some(applied) = applied.filter(|_| !write.dry_run) else {
            return Ok(());
        };
        if counts
            .iter()
            .all(|entry| applied.replicas.get(entry.0) == Some(entry.1))
        {
            return Ok(());
        }
        let patch = json!({
            "metadata": { "uid": self.belonging.session_uid },
            "status": { "applied": { "replicas": counts } },
        });
        let (namespace, name) = (self.namespace(), self.name());
        let part = Some("status");
        cluster
            .merge_patch(&SESSION, namespace, name, part, &patch, write)
            .await
            .map(drop)
    }

    /// Stops the session through its controller: patches spec.state and waits for the phase that the controller writes.
    async fn ask_controller(
        &self,
        cluster: &Cluster,
        manner: &Manner,
        with: &Stopping<'_>,
        sink: &mut dyn Sink,
    ) -> Result<Value> {
        let mut patch = json!({
            "metadata": { "uid": self.belonging.session_uid },
            "spec": { "state": State::Stopped },
        });
        if manner.skip_sync {
            patch["metadata"]["annotations"][labels::SKIP_SYNC] = "true".into();
        }
        let (namespace, name) = (self.namespace(), self.name());
        let object = cluster
            .merge_patch(&SESSION, namespace, name, None, &patch, with.write)
            .await?;
        if !manner.wait || with.write.dry_run {
            return Ok(object);
        }
        let settled = cluster
            .wait_stopped(namespace, name, manner.limit, with.interrupt, sink)
            .await?;
        if text(&settled, "/status/phase") == Phase::Running.word() {
            let condition = told(&settled, "Synced");
            let error = anyhow!("cannot stop session {name:?}: {condition}");
            return Err(hinted(error, without_sync(STOP, name, namespace)));
        }
        Ok(settled)
    }
}

/// Context of a stop, restart or deletion: write options, interrupt signal, time and permissions, shared by all sessions of a
/// command.
#[derive(Clone, Copy, Debug)]
pub struct Stopping<'a> {
    /// Dry run and field manager.
    pub write: &'a Write,
    /// Interrupt signal; takes effect between two steps and during waits.
    pub interrupt: &'a Interrupt,
    /// Current time.
    pub now: Timestamp,
    /// Answers of access reviews.
    pub permissions: &'a Permissions,
}

fn told(session: &Value, r#type: &str) -> String {
    condition(session, r#type).map_or_else(String::new, |condition| {
        format!(
            "{}: {}",
            text(condition, "/reason"),
            text(condition, "/message")
        )
    })
}

/// A verb that ends sessions, in the forms that messages need.
#[derive(Clone, Copy, Debug)]
pub struct Words {
    /// `stop`, `delete`.
    pub verb: &'static str,
    /// `stopped`, `deleted`.
    pub done: &'static str,
    /// `stopping`, `deleting`.
    pub doing: &'static str,
}

/// The forms of `stop`.
pub const STOP: Words = Words {
    verb: "stop",
    done: "stopped",
    doing: "stopping",
};

/// The forms of `delete`.
pub const DELETE: Words = Words {
    verb: "delete",
    done: "deleted",
    doing: "deleting",
};

fn without_sync(words: Words, name: &str, namespace: &str) -> String {
    format!(
        "skip the sync hook and lose unsynchronised data: kubectl session {} {name} -n {namespace} --skip-sync",
        words.verb
    )
}

/// Adds to a refusal the hint that nothing has been written.
pub(super) fn untouched(words: Words, name: &str, error: anyhow::Error) -> anyhow::Error {
    let done = words.done;
    hinted(
        error,
        format!("nothing has been {done}: session {name:?} is unchanged"),
    )
}

/// Adds the session and a hint how to continue to the error of a step of a stop or deletion.
pub fn explain(
    words: Words,
    name: &str,
    namespace: &str,
    step: &Step,
    error: anyhow::Error,
) -> anyhow::Error {
    // Ctrl-C during the sync hook is not a failure of the hook.
    if matches!(step, Step::Sync { .. }) && !failure::is(&error, Kind::Interrupted) {
        // As text, since a failure of the connection is printed without the context around it.
        let error = anyhow!(
            "cannot {} session {name:?}: sync hook failed: {error:#}",
            words.verb
        );
        return hinted(error, without_sync(words, name, namespace));
    }
    if failure::is(&error, Kind::Interrupted) || failure::is(&error, Kind::TimedOut) {
        let verb = words.verb;
        return hinted(
            error,
            format!("finish it with: kubectl session {verb} {name} -n {namespace}"),
        );
    }
    error
}
