//! Starts the sessions, waits until they are ready, and prints the results.

use anyhow::Result;
use session_shared::Timestamp;
use session_shared::client::{AccessReviews, DryRun};
use session_shared::failure;
use session_shared::ops::Cluster;
use session_shared::ops::finish_start::Started;
use session_shared::ops::room::offer_wait;
use session_shared::ops::stop::StopContext;
use session_shared::ops::wait_ready::AwaitedWorkloads;
use session_shared::progress::{ProgressSink, WaitStage};
use session_shared::prompt::started;
use session_shared::reconcile::status_patch;
use session_shared::session_batch::{BatchWork, RUN_AGAIN};
use session_shared::verb::Environment;

use crate::intent::Intent;
use crate::observe::{Observed, SessionTask};
use crate::plan::Action;

/// Starts the sessions, then waits for one after the other, as all of them are starting.
///
/// # Errors
/// The errors of all sessions that did not start or did not become ready, as one.
pub(crate) async fn start_sessions(
    cluster: &Cluster,
    permissions: &AccessReviews,
    intent: &Intent,
    observed: Observed,
    environment: &mut Environment,
) -> Result<()> {
    // Ctrl-C takes effect between two steps, so that the error can say how to continue.
    let _guard = environment.interrupt.guard()?;
    for note in observed.sessions().flat_map(SessionTask::notes) {
        environment.console.note(&note);
    }
    let context = environment.stop_context(&intent.mutation.write, permissions);
    let clock = || environment.now();
    let apply = async |task: &SessionTask, sink: &mut dyn ProgressSink| {
        task.apply(cluster, intent, context, clock, sink).await
    };
    let work = BatchWork {
        stage: WaitStage::Applying,
        pace: &intent.pace,
        dry_run: intent.mutation.dry_run,
        is_idle: |task: &SessionTask| task.start_plan.is_none(),
        left_hint: RUN_AGAIN,
    };
    let is_only = observed.len() == 1;
    // The waits for ready come after the last use of the batch.
    let _watches = (observed.len() > 1).then(|| cluster.share_watches());
    let applied = observed.apply(work, environment, apply).await?;
    let mut mutations = intent.mutation.printer();
    let mut waiting = Vec::new();
    let word = |(task, _): &(SessionTask, Option<Started>)| task.action.operation();
    let console = &mut environment.console;
    let mut errors = applied.print(
        console,
        word,
        |(task, started), word, console| match started {
            Some(started) => {
                started::print_started(&started, word, &mut mutations, console)?;
                waiting.push(started);
                Ok(())
            }
            None => console.print(&mutations.print_result(&task.observed.object, word)?),
        },
    )?;
    for started in waiting {
        let ready = started::finish(
            cluster,
            started,
            intent.wait,
            &intent.mutation.write,
            is_only,
            environment,
        );
        errors.extend(ready.await.err());
    }
    failure::combine_errors(errors)
}

impl SessionTask {
    /// Carries out the action up to the creation of the objects, without waiting for them.
    ///
    /// # Errors
    /// The failed step, with a hint how to continue.
    async fn apply(
        &self,
        cluster: &Cluster,
        intent: &Intent,
        with: StopContext<'_>,
        clock: impl Fn() -> Timestamp,
        sink: &mut dyn ProgressSink,
    ) -> Result<Option<Started>> {
        let Some(start_plan) = &self.start_plan else {
            self.write_template_changed(cluster, with).await?;
            return Ok(None);
        };
        if self.action == Action::WaitOnly || intent.mutation.dry_run == DryRun::Client {
            return Ok(Some(Started {
                session: self.observed.session.clone(),
                object: self.observed.object.clone(),
                start: start_plan.start.clone(),
                objects: self.observed.live.owners.clone(),
                driver: self.observed.driver,
                awaited: match intent.room {
                    None => AwaitedWorkloads::All,
                    Some(_) => AwaitedWorkloads::AllInRoom,
                },
            }));
        }
        let started = match self.action {
            Action::Start => match intent.room {
                None => {
                    let started = start_plan.start(cluster, with.into(), sink).await;
                    started.map_err(offer_wait)?
                }
                Some(limit) => {
                    start_plan
                        .start_in_room(cluster, limit, with.into(), clock, sink)
                        .await?
                }
            },
            _ => {
                let options = &intent.stop_options;
                start_plan.restart(cluster, options, with, sink).await?
            }
        };
        Ok(Some(started))
    }

    /// Writes the condition TemplateChanged if the template has changed since the last start.
    async fn write_template_changed(&self, cluster: &Cluster, with: StopContext<'_>) -> Result<()> {
        let Some(change) = self
            .template_change
            .as_ref()
            .filter(|_| !with.write.dry_run && !self.observed.driver.is_controller())
        else {
            return Ok(());
        };
        let patch = status_patch::template_changed_status(&self.observed.session, change, with.now);
        cluster
            .patch_status(&self.observed.session, patch, with.write)
            .await
            .map(drop)
    }
}
