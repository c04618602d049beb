//! Reads the sessions, writes their lifetimes, and prints the results.

use anyhow::{Result, anyhow};
use futures::StreamExt;
use serde_json::{Value, json};
use session_shared::Timestamp;
use session_shared::api::IntOrString;
use session_shared::client::{DryRun, WriteOptions};
use session_shared::failure;
use session_shared::ops::selected_sessions::MAX_CONCURRENT_SESSIONS;
use session_shared::ops::selected_sessions::SelectedSession;
use session_shared::ops::selected_sessions::SessionSelection;
use session_shared::ops::{Cluster, Driver, template_lookup};
use session_shared::reconcile::status_patch;
use session_shared::report::age::remaining_time;
use session_shared::report::console::Console;
use session_shared::report::format::Format;
use session_shared::report::mutation::{MutationPrinter, no_resources_message};

use crate::plan::{Extension, Intent, plan_extension};

/// One session and its extension.
pub(crate) struct Observed {
    chosen: SelectedSession,
    /// New lifetime; `None` if the session expires at the wanted time already.
    extension: Option<Extension>,
    /// The process that writes the session's status.
    driver: Driver,
}

/// Reads the sessions and their templates, and computes the extension of each.
///
/// # Errors
/// Refusals of the server. An error of one session does not fail the call: it is an item of the result.
pub(crate) async fn plan_extensions(
    cluster: &Cluster,
    intent: &Intent,
    now: Timestamp,
) -> Result<Vec<Result<Observed>>> {
    let namespace = cluster.namespace();
    let (chosen, driver) = futures::try_join!(
        cluster.get_selected_sessions(namespace, &intent.selection),
        cluster.choose_driver(namespace, None)
    )?;
    let looks = futures::stream::iter(chosen).map(|chosen| async move {
        let chosen = chosen?;
        chosen.ensure_not_deleting()?;
        let session = &chosen.session;
        let name = session.name();
        let template = match session.spec.template_name() {
            Some(template) => {
                let found = template_lookup::find_template(cluster, template).await?;
                let gone = || {
                    anyhow!(
                        "cannot extend session {name:?}: template {template:?}, which limits the lifetime, does not exist"
                    )
                };
                Some(found.ok_or_else(gone)?)
            }
            None => None,
        };
        let extension = plan_extension(session, template.as_ref(), intent.expiry, now)?;
        Ok(Observed {
            chosen,
            extension,
            driver,
        })
    });
    Ok(looks.buffered(MAX_CONCURRENT_SESSIONS).collect().await)
}

impl Observed {
    /// Writes the lifetime into the spec and, unless a controller does it, the expiry into the status.
    async fn write_lifetime(
        &self,
        extension: &Extension,
        cluster: &Cluster,
        write: &WriteOptions,
        now: Timestamp,
    ) -> Result<Value> {
        let session = &self.chosen.session;
        let timeout = IntOrString::from(extension.lifetime.to_string().as_str());
        let patch = json!({ "spec": { "timeout": timeout } });
        let object = cluster.patch_session(session, patch, write).await?;
        if self.driver.is_controller() || write.dry_run {
            return Ok(object);
        }
        let patch = status_patch::expiry_status(session, extension.expires_at, now);
        cluster.patch_status(session, patch, write).await
    }
}

/// Extends the sessions, a limited number at a time, and returns each Session after its extension or the error. A failure does
/// not affect the other sessions.
pub(crate) async fn extend_sessions(
    cluster: &Cluster,
    intent: &Intent,
    found: &[Result<Observed>],
    write: &WriteOptions,
    now: Timestamp,
) -> Vec<Result<Value>> {
    let all = futures::stream::iter(found.iter().flatten()).map(|one| async move {
        match &one.extension {
            Some(extension) if intent.dry_run != DryRun::Client => {
                one.write_lifetime(extension, cluster, write, now).await
            }
            _ => Ok(one.chosen.object.clone()),
        }
    });
    all.buffered(MAX_CONCURRENT_SESSIONS).collect().await
}

/// Prints a line for each session and a note with its expiry.
///
/// # Errors
/// The errors of all sessions that were not extended, as one.
pub(crate) fn print_results(
    intent: &Intent,
    found: Vec<Result<Observed>>,
    extended: Vec<Result<Value>>,
    format: Format,
    console: &mut Console,
    now: Timestamp,
) -> Result<()> {
    if found.is_empty() && matches!(intent.selection, SessionSelection::BySelector(_)) {
        console.print_error_line(&no_resources_message(None));
    }
    let mut mutations = MutationPrinter::new(format, intent.dry_run);
    let (mut errors, mut extended) = (Vec::new(), extended.into_iter());
    for one in found {
        let done = one.and_then(|one| match extended.next() {
            Some(object) => Ok((one.extension, object?)),
            None => Ok((None, one.chosen.object)),
        });
        match done {
            Ok((Some(extension), object)) => {
                console.print(&mutations.print_result(&object, "extended")?)?;
                console.note(&expiry_note(extension.expires_at, now));
            }
            Ok((None, object)) => console.print(&mutations.print_result(&object, "unchanged")?)?,
            Err(error) => errors.push(error),
        }
    }
    failure::combine_errors(errors)
}

fn expiry_note(at: Option<Timestamp>, now: Timestamp) -> String {
    match at {
        Some(at) => format!(
            "expires at {}, in {}",
            status_patch::format_rfc3339(at),
            remaining_time(Some(at), now)
        ),
        None => "never expires".to_owned(),
    }
}
