//! The hooks around a copy of a session's data: quiesce before, resume after it, even if the copy fails.

use anyhow::{Result, anyhow};

use super::trust::{self, StoredPart};
use crate::Cluster;
use crate::observed_session::ObservedSession;
use session_client::interrupt::Interrupt;
use session_engine::reconcile::HookRun;
use session_model::api::Session;
use session_model::encode::shell;
use session_model::failure::{self, FailureKind, with_hint};

/// The quiesce and resume hooks of a session.
#[derive(Clone, Debug)]
pub struct QuiesceHooks {
    session: String,
    namespace: String,
    /// The Session whose status holds the hooks, for the trust check.
    stored: Session,
    words: QuiesceMessages,
    quiesce: Option<HookRun>,
    resume: Option<HookRun>,
}

/// Message parts for a quiesce hook that fails.
#[derive(Clone, Debug)]
pub struct QuiesceMessages {
    /// The operation that failed, without its cause: `cannot take a snapshot of session "alice"`.
    pub failure: String,
    /// A hint that ends in a command line, to which `--skip-hooks` is appended.
    pub skip_hint: String,
}

impl QuiesceHooks {
    /// Returns the hooks of a session if its workload is ready; none with `skip`.
    pub fn of_session(observed: &ObservedSession, skip: bool, words: QuiesceMessages) -> Self {
        let hook = |name| {
            let run = HookRun::find(&observed.session, &observed.state, &observed.live, name);
            run.filter(|_| !skip)
        };
        Self {
            session: observed.name().to_owned(),
            namespace: observed.namespace().to_owned(),
            stored: observed.session.clone(),
            words,
            quiesce: hook("quiesce"),
            resume: hook("resume"),
        }
    }

    /// Returns true if there is a hook to run.
    pub fn has_hooks(&self) -> bool {
        self.quiesce.is_some() || self.resume.is_some()
    }

    /// Runs the quiesce hook, then `work`, then the resume hook. The resume hook runs even if the quiesce hook or `work` fails or
    /// is interrupted.
    ///
    /// # Errors
    /// Untrusted hooks; a failing hook, where a failing quiesce hook means that `work` is not run; errors of `work`.
    pub async fn run_around<T>(
        &self,
        cluster: &Cluster,
        interrupt: &Interrupt,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        if self.has_hooks() {
            trust::check_trust(cluster, &self.stored, StoredPart::Hooks).await?;
        }
        let done = match self.run_quiesce(cluster, interrupt).await {
            Ok(()) => work.await,
            Err(error) => Err(error),
        };
        match (done, self.run_resume(cluster).await) {
            (done, Ok(())) => done,
            (done, Err(paused)) => {
                let errors = done.err().into_iter().chain([paused]).collect();
                Err(failure::combine_errors(errors)
                    .err()
                    .unwrap_or_else(|| anyhow!("")))
            }
        }
    }

    async fn run_quiesce(&self, cluster: &Cluster, interrupt: &Interrupt) -> Result<()> {
        let Some(hook) = &self.quiesce else {
            return Ok(());
        };
        let run = cluster.run_hook(&self.namespace, hook);
        let Err(error) = interrupt.race(run).await else {
            return Ok(());
        };
        if failure::has_kind(&error, FailureKind::Interrupted) {
            return Err(error);
        }
        // As text, since a failure of the connection is printed without the context around it.
        let QuiesceMessages {
            failure: undone,
            skip_hint: without,
        } = &self.words;
        let error = anyhow!("{undone}: quiesce hook failed: {error:#}");
        Err(with_hint(error, format!("{without} --skip-hooks")))
    }

    async fn run_resume(&self, cluster: &Cluster) -> Result<()> {
        let Some(hook) = &self.resume else {
            return Ok(());
        };
        let done = cluster.run_hook(&self.namespace, hook).await;
        done.map_err(|error| {
            let error = anyhow!(
                "cannot resume session {:?}, which may still be quiesced: resume hook failed: {error:#}",
                self.session
            );
            let words = shell::quote_command(&hook.command);
            with_hint(
                error,
                format!(
                    "run the hook by hand: kubectl session connect {} -n {} -- {words}",
                    self.session, self.namespace
                ),
            )
        })
    }
}
