//! A workload that pauses while its data is copied: the quiesce hook before, the resume hook after it, whatever has happened.

use anyhow::{Result, anyhow};

use super::stopping::Present;
use super::trust::{self, Part};
use crate::Cluster;
use session_client::interrupt::Interrupt;
use session_engine::reconcile::HookRun;
use session_model::api::Session;
use session_model::encode::shell;
use session_model::failure::{self, Kind, hinted};

/// The hooks of a session around work on its data.
#[derive(Clone, Debug)]
pub struct Pausing {
    session: String,
    namespace: String,
    /// What the hooks stand in.
    stored: Session,
    words: Words,
    quiesce: Option<HookRun>,
    resume: Option<HookRun>,
}

/// What is said of a session that does not pause.
#[derive(Clone, Debug)]
pub struct Words {
    /// What has not been done then, as the beginning of a sentence.
    pub undone: String,
    /// How it can be done all the same: the words before a command line, and that line, to which `--skip-hooks` is added.
    pub without: String,
}

impl Pausing {
    /// The hooks of a session that is ready; none with `skip`.
    pub fn of(present: &Present, skip: bool, words: Words) -> Self {
        let hook = |name| {
            let run = HookRun::of(&present.session, &present.seen, name);
            run.filter(|_| !skip)
        };
        Self {
            session: present.name().to_owned(),
            namespace: present.namespace().to_owned(),
            stored: present.session.clone(),
            words,
            quiesce: hook("quiesce"),
            resume: hook("resume"),
        }
    }

    /// True if there is a hook.
    pub fn pauses(&self) -> bool {
        self.quiesce.is_some() || self.resume.is_some()
    }

    /// Does `work` while the workload pauses. Whatever happens, and whoever has had enough: the workload goes on.
    ///
    /// # Errors
    /// Those of `work`; hooks that nobody vouches for; a hook that fails. After a quiesce hook that failed `work` is not begun.
    pub async fn around<T>(
        &self,
        cluster: &Cluster,
        interrupt: &Interrupt,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        if self.pauses() {
            trust::check(cluster, &self.stored, Part::Hooks).await?;
        }
        let done = match self.pause(cluster, interrupt).await {
            Ok(()) => work.await,
            Err(error) => Err(error),
        };
        match (done, self.go_on(cluster).await) {
            (done, Ok(())) => done,
            (done, Err(paused)) => {
                let errors = done.err().into_iter().chain([paused]).collect();
                Err(failure::all(errors).err().unwrap_or_else(|| anyhow!("")))
            }
        }
    }

    async fn pause(&self, cluster: &Cluster, interrupt: &Interrupt) -> Result<()> {
        let Some(hook) = &self.quiesce else {
            return Ok(());
        };
        let run = cluster.run_hook(&self.namespace, hook);
        let Err(error) = interrupt.race(run).await else {
            return Ok(());
        };
        if failure::is(&error, Kind::Interrupted) {
            return Err(error);
        }
        // As text: a failure of the connection would be printed without what was being done.
        let Words { undone, without } = &self.words;
        let error = anyhow!("{undone}: it could not be quiesced: {error:#}");
        Err(hinted(error, format!("{without} --skip-hooks")))
    }

    async fn go_on(&self, cluster: &Cluster) -> Result<()> {
        let Some(hook) = &self.resume else {
            return Ok(());
        };
        let done = cluster.run_hook(&self.namespace, hook).await;
        done.map_err(|error| {
            let error = anyhow!(
                "session {:?} may still be quiesced: it could not be resumed: {error:#}",
                self.session
            );
            let words = shell::line(&hook.command);
            hinted(
                error,
                format!(
                    "resume it: kubectl session connect {} -n {} -- {words}",
                    self.session, self.namespace
                ),
            )
        })
    }
}
