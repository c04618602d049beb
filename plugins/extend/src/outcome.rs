//! Writes the lifetimes of the sessions and prints the results.

use anyhow::Result;
use serde_json::{Value, json};
use session_shared::Timestamp;
use session_shared::api::IntOrString;
use session_shared::client::{DryRun, WriteOptions};
use session_shared::failure;
use session_shared::labels;
use session_shared::objects::Untyped;
use session_shared::ops::Cluster;
use session_shared::progress::{ProgressSink, WaitStage};
use session_shared::reconcile::status_patch;
use session_shared::report::age::remaining_time;
use session_shared::report::console::Console;
use session_shared::session_batch::{BatchWork, SessionBatch};
use session_shared::verb::Environment;

use crate::intent::Intent;
use crate::observe::{Observed, SessionExtension};
use crate::plan::Extension;

/// The sessions, each with the Session after its extension.
pub(crate) type Outcome = SessionBatch<(SessionExtension, Value)>;

/// Extends the sessions.
///
/// # Errors
/// Interrupted before the first session.
pub(crate) async fn extend_sessions(
    cluster: &Cluster,
    intent: &Intent,
    observed: Observed,
    environment: &Environment,
) -> Result<Outcome> {
    let (write, now) = (&intent.mutation.write, environment.now());
    let extend =
        async |session: &SessionExtension, _: &mut dyn ProgressSink| match &session.extension {
            Some(extension) if intent.mutation.dry_run != DryRun::Client => {
                session.write_lifetime(extension, cluster, write, now).await
            }
            _ => Ok(session.selected.object.clone()),
        };
    let work = BatchWork {
        stage: WaitStage::Applying,
        pace: &intent.pace,
        dry_run: intent.mutation.dry_run,
        is_idle: |session: &SessionExtension| session.extension.is_none(),
        left_hint: intent.left_hint(),
    };
    observed.apply(work, environment, extend).await
}

impl SessionExtension {
    /// Writes the lifetime into the spec and, unless a controller does it, the expiry into the status.
    async fn write_lifetime(
        &self,
        extension: &Extension,
        cluster: &Cluster,
        write: &WriteOptions,
        now: Timestamp,
    ) -> Result<Value> {
        let session = &self.selected.session;
        // A scheduled stop waits for this time; without an expiry, stops are as before.
        let until = extension.until.map(status_patch::format_rfc3339);
        let mut patch = json!({ "metadata": { "annotations": { labels::EXTENDED_UNTIL: until } } });
        let lifetime = extension.lifetime.as_ref();
        if let Some(lifetime) = lifetime {
            let timeout = IntOrString::from(lifetime.to_string().as_str());
            patch["spec"] = json!({ "timeout": timeout });
        }
        let object = cluster.patch_session(session, patch, write).await?;
        if self.driver.is_controller() || write.dry_run || lifetime.is_none() {
            return Ok(object);
        }
        let patch = status_patch::expiry_status(session, extension.until, now);
        cluster.patch_status(session, patch, write).await
    }
}

/// Prints a line for each session and a note with its expiry.
///
/// # Errors
/// The errors of all sessions that were not extended, as one.
pub(crate) fn print_results(
    intent: &Intent,
    extended: Outcome,
    console: &mut Console,
    now: Timestamp,
) -> Result<()> {
    let mut mutations = intent.mutation.printer();
    let is_only = extended.len() == 1;
    let word = |(session, _): &(SessionExtension, Value)| match session.extension {
        Some(_) => "extended",
        None => "unchanged",
    };
    let errors = extended.print(console, word, |(session, object), word, console| {
        console.print(&mutations.print_result(&object, word)?)?;
        if let Some(extension) = session.extension {
            let note = extension_note(&extension, now);
            let name = Untyped(&object).name();
            console.note(&match is_only {
                true => note,
                false => format!("session {name:?}: {note}"),
            });
        }
        Ok(())
    })?;
    failure::combine_errors(errors)
}

fn extension_note(extension: &Extension, now: Timestamp) -> String {
    let Some(until) = extension.until else {
        return "never expires".to_owned();
    };
    let left = remaining_time(Some(until), now);
    let until = status_patch::format_rfc3339(until);
    match extension.lifetime {
        Some(_) => format!("expires at {until}, in {left}"),
        None => format!("never expires; scheduled stops wait until {until}, for {left}"),
    }
}
