//! Reads the sessions, starts them, waits until they are ready, and prints the results.

use anyhow::Result;
use futures::StreamExt;
use session_shared::api::Session;
use session_shared::client::DryRun;
use session_shared::client::Permissions;
use session_shared::client::Write;
use session_shared::failure;
use session_shared::objects::resource::SESSION;
use session_shared::ops::Cluster;
use session_shared::ops::chosen::AT_ONCE;
use session_shared::ops::chosen::Which;
use session_shared::ops::ending_session::EndingSession;
use session_shared::ops::settling::Made;
use session_shared::ops::starting::Ahead;
use session_shared::ops::stopping::{Present, Stopping};
use session_shared::ops::template;
use session_shared::ops::trust::Part;
use session_shared::progress::{Event, Sink};
use session_shared::prompt::started;
use session_shared::prompt::trust;
use session_shared::reconcile::{record, restart_accesses};
use session_shared::report::format::Format;
use session_shared::report::mutation::{Mutations, no_resources};
use session_shared::verb::Ground;

use crate::plan::{Deed, Intent};

/// One session and the action to take on it.
pub(crate) struct Todo {
    pub(crate) deed: Deed,
    /// The session as read from the cluster.
    pub(crate) present: Present,
    /// The validated start; `None` for a session that is left running.
    pub(crate) ahead: Option<Box<Ahead>>,
    /// Description of the change of the template since the last start, if the session is left running.
    pub(crate) change: Option<String>,
}

/// Reads the sessions and validates the start of each, before any write. Returns `None` if the user declined to run what a
/// session stores.
///
/// # Errors
/// Refusals of the server. An error of one session does not fail the call: it is an item of the result.
pub(crate) async fn observe(
    cluster: &Cluster,
    permissions: &Permissions,
    intent: &Intent,
    ground: &mut Ground,
) -> Result<Option<Vec<Result<Todo>>>> {
    let namespace = cluster.namespace();
    let (chosen, driver) = futures::try_join!(
        cluster.chosen(namespace, &intent.which),
        cluster.choose_driver(namespace, None)
    )?;
    let looks = futures::stream::iter(chosen).map(|chosen| async move {
        let restarts = intent.restart && intent.dry_run == DryRun::None;
        let foreseen = |session: &Session| match restarts {
            true => restart_accesses(session),
            false => Vec::new(),
        };
        let present = Present::with_rights(cluster, permissions, chosen?, driver, foreseen).await?;
        let deed = Deed::of(intent, &present.session, &present.seen);
        deed.heeds(intent, &present.session)?;
        anyhow::Ok((deed, present))
    });
    let looked: Vec<_> = looks.buffered(AT_ONCE).collect().await;
    if let ([Ok((deed, present))], Which::Named(_)) = (looked.as_slice(), &intent.which)
        && !agreed(cluster, intent, *deed, present, ground).await?
    {
        return Ok(None);
    }
    let (ground, now) = (&*ground, ground.now());
    let todo = futures::stream::iter(looked).map(|looked| {
        let mut sink = ground.console.progress();
        async move {
            let (deed, present) = looked?;
            if deed == Deed::Nothing {
                let change = change_of(cluster, &present).await?;
                return anyhow::Ok(Todo {
                    deed,
                    present,
                    ahead: None,
                    change,
                });
            }
            let ahead = Ahead::of(cluster, present.clone(), &intent.wish, now, &mut sink).await?;
            Ok(Todo {
                deed,
                present,
                ahead: Some(Box::new(ahead)),
                change: None,
            })
        }
    });
    Ok(Some(todo.buffered(AT_ONCE).collect().await))
}

/// Asks for confirmation where the start or the sync hook of a session runs text that is not trusted.
async fn agreed(
    cluster: &Cluster,
    intent: &Intent,
    deed: Deed,
    present: &Present,
    ground: &mut Ground,
) -> Result<bool> {
    let mut parts = Vec::new();
    if deed != Deed::Nothing {
        parts.push(Part::Start);
    }
    if deed == Deed::Restart && intent.dry_run == DryRun::None && present.runs_sync(&intent.manner)
    {
        parts.push(Part::Hooks);
    }
    for part in parts {
        if !trust::ask(cluster, &present.session, part, &mut ground.console).await? {
            return Ok(false);
        }
    }
    Ok(true)
}

async fn change_of(cluster: &Cluster, present: &Present) -> Result<Option<String>> {
    let Some(name) = present.session.spec.template_name() else {
        return Ok(None);
    };
    let template = template::find(cluster, name).await?;
    Ok(template::change(&present.session, template.as_ref()))
}

impl Todo {
    /// Returns the session if the action destroys data: a restart ends all its Pods, a start those that the template no longer
    /// contains.
    pub(crate) fn ends(&self) -> Option<EndingSession> {
        if self.deed == Deed::Restart {
            return Some(EndingSession::stopped(&self.present));
        }
        let ahead = self.ahead.as_ref()?;
        EndingSession::started(ahead).filter(|_| self.deed == Deed::Start)
    }

    /// Carries out the action up to the creation of the objects, without waiting for them.
    ///
    /// # Errors
    /// The failed step, with a hint how to continue.
    async fn carry_out(
        &self,
        cluster: &Cluster,
        intent: &Intent,
        with: Stopping<'_>,
        sink: &mut dyn Sink,
    ) -> Result<Option<Made>> {
        let Some(ahead) = &self.ahead else {
            self.write_change(cluster, with).await?;
            return Ok(None);
        };
        if self.deed == Deed::Wait || intent.dry_run == DryRun::Client {
            return Ok(Some(Made {
                session: self.present.session.clone(),
                object: self.present.object.clone(),
                start: ahead.start.clone(),
                objects: self.present.live.owners.clone(),
                driver: self.present.driver,
            }));
        }
        let (write, interrupt, now) = (with.write, with.interrupt, with.now);
        if self.deed == Deed::Start {
            return ahead
                .begin(cluster, write, interrupt, now, sink)
                .await
                .map(Some);
        }
        ahead
            .restart(cluster, &intent.manner, with, sink)
            .await
            .map(Some)
    }

    /// Writes the condition TemplateChanged if the template has changed since the last start.
    async fn write_change(&self, cluster: &Cluster, with: Stopping<'_>) -> Result<()> {
        let Some(change) = self
            .change
            .as_ref()
            .filter(|_| !with.write.dry_run && !self.present.driver.is_controller())
        else {
            return Ok(());
        };
        let mut patch = record::template_changed(&self.present.session, change, with.now);
        patch["metadata"] = serde_json::json!({ "uid": self.present.belonging.session_uid });
        let (namespace, name) = (self.present.namespace(), self.present.name());
        let part = Some("status");
        cluster
            .merge_patch(&SESSION, namespace, name, part, &patch, with.write)
            .await
            .map(drop)
    }

    fn notes(&self) -> Vec<String> {
        // A session that is starting already does not apply a later change of its template.
        let ahead = self.ahead.iter().filter(|_| self.deed != Deed::Wait);
        let before = ahead.flat_map(|ahead| ahead.notes.clone());
        let later = self
            .change
            .iter()
            .map(|change| format!("{change}; apply with: kubectl session start --restart"));
        before.chain(later).collect()
    }
}

/// Starts the sessions, a limited number at a time, then waits for one after the other, as all of them are starting.
///
/// # Errors
/// The errors of all sessions that did not start or did not become ready, as one.
pub(crate) async fn carry_out(
    cluster: &Cluster,
    permissions: &Permissions,
    intent: &Intent,
    found: Vec<Result<Todo>>,
    write: &Write,
    format: Format,
    ground: &mut Ground,
) -> Result<()> {
    if found.is_empty() && matches!(intent.which, Which::Selected(_)) {
        ground.console.err_line(&no_resources(None));
    }
    let mut errors = Vec::new();
    let mut todo = Vec::new();
    for one in found {
        match one {
            Ok(one) => todo.push(one),
            Err(error) => errors.push(error),
        }
    }
    // Ctrl-C takes effect between two steps, so that the error can say how to continue.
    let _guard = ground.interrupt.guard()?;
    let made = {
        let (interrupt, now) = (ground.interrupt.clone(), ground.now());
        let with = Stopping {
            write,
            interrupt: &interrupt,
            now,
            permissions,
        };
        let all = futures::stream::iter(&todo).map(|one| {
            let mut sink = ground.console.progress();
            async move {
                let made = one.carry_out(cluster, intent, with, &mut sink).await;
                sink.tell(Event::Done);
                made
            }
        });
        all.buffered(AT_ONCE).collect::<Vec<_>>().await
    };
    let mut mutations = Mutations::new(format, intent.dry_run);
    let mut settling = Vec::new();
    for (one, made) in todo.iter().zip(made) {
        for note in one.notes() {
            ground.console.note(&note);
        }
        match made {
            Ok(Some(made)) => {
                started::print_made(&made, one.deed.word(), &mut mutations, &mut ground.console)?;
                settling.push(made);
            }
            Ok(None) => {
                let line = mutations.done(&one.present.object, one.deed.word())?;
                ground.console.out(&line)?;
            }
            Err(error) => errors.push(error),
        }
    }
    for made in settling {
        let settled = started::finish(cluster, made, intent.wait, write, ground).await;
        errors.extend(settled.err());
    }
    failure::all(errors)
}
