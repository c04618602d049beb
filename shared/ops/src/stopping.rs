//! Putting a session to rest: its data is synchronised, its workload goes, everything else stays.

use anyhow::{Result, anyhow};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::Cluster;
use crate::chosen::Chosen;
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

/// A session, and all that is there of it.
#[derive(Clone, Debug)]
pub struct Present {
    /// The session.
    pub session: Session,
    /// The same with every field.
    pub object: Value,
    /// What is there of it.
    pub live: Live,
    /// What that amounts to.
    pub seen: Seen,
    /// Whose everything is.
    pub belonging: Belonging,
    /// Whether a controller looks after it.
    pub controller: bool,
}

impl Present {
    /// Looks at everything that is there of a session.
    ///
    /// # Errors
    /// What the server refuses; a session that is being deleted.
    pub async fn of(cluster: &Cluster, chosen: Chosen, controller: bool) -> Result<Self> {
        chosen.stays()?;
        let namespace = text(&chosen.object, "/metadata/namespace");
        let live = cluster.live(namespace, &chosen.session).await?;
        Self::with(chosen, live, controller)
    }

    /// A session, with everything that is there of it.
    ///
    /// # Errors
    /// When its name, Namespace or owner is not legal.
    pub fn with(chosen: Chosen, live: Live, controller: bool) -> Result<Self> {
        let Chosen { session, object } = chosen;
        let belonging = Belonging::of(&session)?;
        let seen = look(&session, &live, &[]);
        Ok(Self {
            session,
            object,
            live,
            seen,
            belonging,
            controller,
        })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.belonging.session.as_str()
    }

    /// Its Namespace.
    pub fn namespace(&self) -> &str {
        self.belonging.namespace.as_str()
    }

    /// True if it has been stopped, and nothing of it runs.
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

    /// True if its workload is there and has not ended.
    pub fn runs(&self) -> bool {
        matches!(
            self.seen,
            Seen::Ready { .. } | Seen::NotReady(_) | Seen::Hopeless(_)
        )
    }

    /// True if a stop of that manner runs the sync hook here.
    pub fn runs_sync(&self, manner: &Manner) -> bool {
        !self.controller
            && !manner.skip_sync
            && HookRun::of(&self.session, &self.seen, "sync").is_some()
    }

    /// Everything that is to be done, in order. That it is to be stopped is written before its workload goes, so that a
    /// controller agrees, and after the sync: one that fails stops nothing.
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

    /// How it stands once it is stopped: one that has ended stays as it ended.
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

    /// Stops it, and returns the Session as the server has it then.
    ///
    /// # Errors
    /// The step that failed, and why; a right that is missing, before anything is written.
    pub async fn stop(
        &self,
        cluster: &Cluster,
        manner: &Manner,
        with: Stopping<'_>,
        sink: &mut dyn Sink,
    ) -> Result<Value> {
        self.live.tell_strangers(sink);
        if self.controller {
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

    /// What rests of a start that was cut off: from now on only what is recorded is the session's.
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

    /// Writes the counts down before anything is scaled, where they are not those that the start wrote: a stop that is cut off
    /// must not lose them.
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

    /// A controller does the work: it is told what is wanted, and its phase is what is waited for.
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
            let error = anyhow!("session {name:?} is not stopped: {condition}");
            return Err(hinted(error, without_sync(STOP, name, namespace)));
        }
        Ok(settled)
    }
}

/// What a stop is carried out with.
#[derive(Clone, Copy, Debug)]
pub struct Stopping<'a> {
    /// How to write.
    pub write: &'a Write,
    /// Ends it between two steps, and while it waits.
    pub interrupt: &'a Interrupt,
    /// The time.
    pub now: Timestamp,
    /// What the caller may do.
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

/// A verb that ends sessions, and its participle.
#[derive(Clone, Copy, Debug)]
pub struct Words {
    /// `stop`, `delete`.
    pub verb: &'static str,
    /// `stopped`, `deleted`.
    pub done: &'static str,
    /// `stopping`, `deleting`.
    pub doing: &'static str,
}

/// Those of `stop`.
pub const STOP: Words = Words {
    verb: "stop",
    done: "stopped",
    doing: "stopping",
};

/// Those of `delete`.
pub const DELETE: Words = Words {
    verb: "delete",
    done: "deleted",
    doing: "deleting",
};

fn without_sync(words: Words, name: &str, namespace: &str) -> String {
    format!(
        "go on without it, and lose what was not saved: kubectl session {} {name} -n {namespace} --skip-sync",
        words.verb
    )
}

/// A refusal that came before anything was written.
pub(super) fn untouched(words: Words, name: &str, error: anyhow::Error) -> anyhow::Error {
    let done = words.done;
    hinted(
        error,
        format!("nothing has been {done}: session {name:?} is as it was"),
    )
}

/// The error of a step that ends a session, with the way on.
pub fn explain(
    words: Words,
    name: &str,
    namespace: &str,
    step: &Step,
    error: anyhow::Error,
) -> anyhow::Error {
    // Not the user's Ctrl-C in a sync: nothing is wrong with the data then.
    if matches!(step, Step::Sync { .. }) && !failure::is(&error, Kind::Interrupted) {
        // As text: a failure of the connection would be printed without what was being done.
        let error = anyhow!(
            "session {name:?} is not {}: its data could not be synchronised: {error:#}",
            words.done
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
