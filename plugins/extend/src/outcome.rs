//! Reads the sessions, writes their lifetimes, and prints the results.

use anyhow::{Result, anyhow};
use futures::StreamExt;
use serde_json::{Value, json};
use session_shared::Timestamp;
use session_shared::api::IntOrString;
use session_shared::client::DryRun;
use session_shared::client::Write;
use session_shared::failure;
use session_shared::objects::resource::SESSION;
use session_shared::ops::Cluster;
use session_shared::ops::Driver;
use session_shared::ops::chosen::AT_ONCE;
use session_shared::ops::chosen::Chosen;
use session_shared::ops::chosen::Which;
use session_shared::ops::template;
use session_shared::reconcile::record;
use session_shared::report::age::remaining;
use session_shared::report::console::Console;
use session_shared::report::format::Format;
use session_shared::report::mutation::{Mutations, no_resources};

use crate::plan::{Extension, Intent, extension};

/// One session and its extension.
pub(crate) struct Found {
    chosen: Chosen,
    /// New lifetime; `None` if the session expires at the wanted time already.
    extension: Option<Extension>,
    /// The process that writes the session's status.
    driver: Driver,
}

/// Reads the sessions and their templates, and computes the extension of each.
///
/// # Errors
/// Refusals of the server. An error of one session does not fail the call: it is an item of the result.
pub(crate) async fn observe(
    cluster: &Cluster,
    intent: &Intent,
    now: Timestamp,
) -> Result<Vec<Result<Found>>> {
    let namespace = cluster.namespace();
    let (chosen, driver) = futures::try_join!(
        cluster.chosen(namespace, &intent.which),
        cluster.choose_driver(namespace, None)
    )?;
    let looks = futures::stream::iter(chosen).map(|chosen| async move {
        let chosen = chosen?;
        chosen.stays()?;
        let session = &chosen.session;
        let name = session.metadata.name.as_deref().unwrap_or_default();
        let template = match session.spec.template_name() {
            Some(template) => {
                let found = template::find(cluster, template).await?;
                let gone = || {
                    anyhow!(
                        "cannot extend session {name:?}: template {template:?}, which limits the lifetime, does not exist"
                    )
                };
                Some(found.ok_or_else(gone)?)
            }
            None => None,
        };
        let extension = extension(session, template.as_ref(), intent.end, now)?;
        Ok(Found {
            chosen,
            extension,
            driver,
        })
    });
    Ok(looks.buffered(AT_ONCE).collect().await)
}

impl Found {
    /// Writes the lifetime into the spec and, unless a controller does it, the expiry into the status.
    async fn write(
        &self,
        extension: &Extension,
        cluster: &Cluster,
        write: &Write,
        now: Timestamp,
    ) -> Result<Value> {
        let session = &self.chosen.session;
        let (namespace, name) = (
            session.metadata.namespace.as_deref().unwrap_or_default(),
            session.metadata.name.as_deref().unwrap_or_default(),
        );
        let uid = session.metadata.uid.clone();
        let timeout = IntOrString::from(extension.lifetime.to_string().as_str());
        let patch = json!({ "metadata": { "uid": uid }, "spec": { "timeout": timeout } });
        let object = cluster
            .merge_patch(&SESSION, namespace, name, None, &patch, write)
            .await?;
        if self.driver.is_controller() || write.dry_run {
            return Ok(object);
        }
        let mut patch = record::expires(session, extension.at, now);
        patch["metadata"]["uid"] = uid.into();
        let part = Some("status");
        cluster
            .merge_patch(&SESSION, namespace, name, part, &patch, write)
            .await
    }
}

/// Extends the sessions, a limited number at a time, and returns each Session after its extension or the error. A failure does
/// not affect the other sessions.
pub(crate) async fn carry_out(
    cluster: &Cluster,
    intent: &Intent,
    found: &[Result<Found>],
    write: &Write,
    now: Timestamp,
) -> Vec<Result<Value>> {
    let all = futures::stream::iter(found.iter().flatten()).map(|one| async move {
        match &one.extension {
            Some(extension) if intent.dry_run != DryRun::Client => {
                one.write(extension, cluster, write, now).await
            }
            _ => Ok(one.chosen.object.clone()),
        }
    });
    all.buffered(AT_ONCE).collect().await
}

/// Prints a line for each session and a note with its expiry.
///
/// # Errors
/// The errors of all sessions that were not extended, as one.
pub(crate) fn report(
    intent: &Intent,
    found: Vec<Result<Found>>,
    extended: Vec<Result<Value>>,
    format: Format,
    console: &mut Console,
    now: Timestamp,
) -> Result<()> {
    if found.is_empty() && matches!(intent.which, Which::Selected(_)) {
        console.err_line(&no_resources(None));
    }
    let mut mutations = Mutations::new(format, intent.dry_run);
    let (mut errors, mut extended) = (Vec::new(), extended.into_iter());
    for one in found {
        let done = one.and_then(|one| match extended.next() {
            Some(object) => Ok((one.extension, object?)),
            None => Ok((None, one.chosen.object)),
        });
        match done {
            Ok((Some(extension), object)) => {
                console.out(&mutations.done(&object, "extended")?)?;
                console.note(&expiry(extension.at, now));
            }
            Ok((None, object)) => console.out(&mutations.done(&object, "unchanged")?)?,
            Err(error) => errors.push(error),
        }
    }
    failure::all(errors)
}

fn expiry(at: Option<Timestamp>, now: Timestamp) -> String {
    match at {
        Some(at) => format!(
            "expires at {}, in {}",
            record::rfc3339(at),
            remaining(Some(at), now)
        ),
        None => "never expires".to_owned(),
    }
}
