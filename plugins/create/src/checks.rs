//! Checks before the first write: everything that the server would refuse, or that would leave the session pending.

use anyhow::Result;
use serde_json::Value;
use session_shared::Timestamp;
use session_shared::ops::hours_check::{SKIPPED_CHECKS_NOTE, check_hours};
use session_shared::ops::preflight::{self, PreflightObjects};
use session_shared::ops::room::{CheckedRoom, offer_wait};
use session_shared::ops::{Cluster, check_stoppable};
use session_shared::verb::Environment;

use crate::intent::Intent;
use crate::kept_claims::KeptClaims;
use crate::plan::NewSession;

/// Checks the session's objects as [`check`] does. With `--skip-checks`, says so and returns `None`.
///
/// # Errors
/// As [`check`].
pub(crate) async fn check_unless_skipped(
    cluster: &Cluster,
    intent: &Intent,
    subject: &NewSession,
    now: Timestamp,
    environment: &mut Environment,
) -> Result<Option<CheckedRoom>> {
    if intent.skip_checks {
        environment.console.note(SKIPPED_CHECKS_NOTE);
        return Ok(None);
    }
    let checked = check(cluster, intent, subject, now, environment).await?;
    Ok(Some(checked))
}

/// Checks the session's objects against classes, hosts, LimitRanges, Pod Security, kept claims and the owner's running hours, and against quotas unless their room is
/// to be waited for.
///
/// # Errors
/// The first thing that is wrong; refusals of the server.
async fn check(
    cluster: &Cluster,
    intent: &Intent,
    subject: &NewSession,
    now: Timestamp,
    environment: &mut Environment,
) -> Result<CheckedRoom> {
    let all = subject.quota_objects(&intent.session.metadata);
    let rendering = &subject.rendered.rendering;
    let objects = PreflightObjects {
        ownership: &subject.ownership,
        new: &all,
        ingresses: &rendering.objects,
        use_existing: &intent.use_existing,
    };
    let (unchecked, found) = (
        &mut environment.console.progress(),
        &mut environment.console.progress(),
    );
    let (name, namespace) = (subject.name.as_str(), subject.ownership.namespace.as_str());
    let (checked, kept, ()) = futures::try_join!(
        preflight::read_preflight_facts(cluster, &objects, unchecked),
        KeptClaims::list(cluster, subject, found),
        check_stoppable(cluster, name, &rendering.primary, &rendering.objects),
    )?;
    preflight::check_preflight(&objects, &checked)?;
    let request = objects.room_request(&checked.existing);
    if intent.room.is_none() {
        request.require_room(&checked.room).map_err(offer_wait)?;
    }
    let quotas = checked.room.quotas.as_ref().map(|quotas| &*quotas.items);
    check_hours(cluster, &subject.ownership, quotas, now, found).await?;
    let missing = |found: &[Value]| intent.session.quota.missing_warning(namespace, found);
    if let Some((warning, hint)) = quotas.and_then(missing) {
        environment.console.warn_with_hint(&warning, Some(&hint));
    }
    let notes = kept.compare(subject, intent)?;
    notes.iter().for_each(|note| environment.console.note(note));
    Ok(CheckedRoom {
        request,
        facts: checked.room,
    })
}
