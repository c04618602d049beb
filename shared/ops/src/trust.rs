//! Trust in the text that a session stores: manifest, parameters, hooks and connect commands.
//!
//! Anybody who may patch a Session can write it, but its owner's next `start`, `stop` or `connect` runs the stored text with the
//! owner's rights. Stored text runs without confirmation in three cases: the server keeps others from writing it, as the admission
//! policy was in force when the Session was created; this user stored exactly this text from this machine, or agreed to it
//! ([`KnownSessions`]); or it equals the text in the template, which an admin owns. Otherwise it is shown and confirmed on a
//! terminal; without one it requires `--trust-manifest`.
//!
//! ```text
//! Session ─► fields ─► digests ─► known? ─► admission policy? ─► equal to template? ─► UntrustedText ─► question or error
//! ```
//!
//! [`KnownSessions`]: session_model::local_state::KnownSessions

mod stored_text;
mod untrusted_text;

use anyhow::{Result, anyhow};
use futures::future::try_join;

use super::template_lookup;
use crate::Cluster;
use crate::observed_session::ObservedSession;
use session_engine::reconcile::{RenderedStart, Rendering};
use session_model::api::{Session, SessionSpec};
use session_model::failure::with_hint;
use session_model::foreign_error::io_error_text;
use session_model::local_state::sha256_hex;
use session_model::objects::Untyped;
use session_model::objects::privileges::find_privileges;
use session_model::progress::{ProgressEvent, ProgressSink};
pub use stored_text::StoredPart;
use stored_text::{
    StoredFields, connect_fields, field_digests, hook_fields, recorded_digests, spec_fields,
    stored_fields,
};
use untrusted_text::UntrustedReason;
pub use untrusted_text::UntrustedText;

/// Checks that stored text may be run without confirmation. Sends no request if this machine knows the text.
///
/// # Errors
/// Text that is not trusted, with its changes and hints how to continue; refusals of the server.
pub async fn check_trust(cluster: &Cluster, session: &Session, part: StoredPart) -> Result<()> {
    let doubt = find_untrusted_text(cluster, session, part).await?;
    resolve_trust(cluster, doubt)
}

/// As [`check_trust`], for a deleted session that is made again from the record on a snapshot. The admission policy does not cover
/// snapshots, so only text that this machine knows is trusted.
///
/// # Errors
/// As [`check_trust`].
pub(super) async fn check_recorded(
    cluster: &Cluster,
    session: &Session,
    uid: Option<&str>,
) -> Result<()> {
    let fields = stored_fields(session, StoredPart::Copy);
    let doubt = (!is_recorded(cluster, uid, StoredPart::Copy, &fields)).then(|| {
        UntrustedText::new(
            session,
            uid,
            StoredPart::Copy,
            UntrustedReason::FromSnapshot,
            fields,
        )
    });
    resolve_trust(cluster, doubt)
}

fn resolve_trust(cluster: &Cluster, doubt: Option<UntrustedText>) -> Result<()> {
    match doubt {
        None => Ok(()),
        Some(doubt) if cluster.known_sessions().trusts_all() => {
            doubt.record_agreement(cluster);
            Ok(())
        }
        Some(doubt) => Err(doubt.to_error(cluster)),
    }
}

/// Returns the stored text of that part that must not run without confirmation; `None` if it may run.
///
/// # Errors
/// Whatever the server refuses.
pub async fn find_untrusted_text(
    cluster: &Cluster,
    session: &Session,
    part: StoredPart,
) -> Result<Option<UntrustedText>> {
    let uid = session.uid();
    let fields = stored_fields(session, part);
    if fields.is_empty() || is_recorded(cluster, uid, part, &fields) {
        return Ok(None);
    }
    let is_manifest =
        matches!(part, StoredPart::Start | StoredPart::Copy) && session.spec.manifest.is_some();
    let caller = async {
        match is_manifest {
            true => cluster.caller_name().await.map(Some),
            false => Ok(None),
        }
    };
    let (since, caller) = try_join(cluster.admission_policy_since(), caller).await?;
    // A Session that is older than the policy may have been written by anybody before.
    let created = session.metadata.creation_timestamp.as_ref();
    let guarded = since.is_some_and(|since| created.is_some_and(|created| created.0 >= since));
    let reason = match caller.filter(|caller| *caller != session.spec.user_id) {
        Some(caller) => UntrustedReason::OtherUser {
            caller: caller.to_owned(),
        },
        None if guarded || equals_template(cluster, session, part).await => return Ok(None),
        None if since.is_some() => UntrustedReason::OlderThanPolicy,
        None => UntrustedReason::NoPolicy,
    };
    Ok(Some(UntrustedText::new(session, uid, part, reason, fields)))
}

fn is_recorded(
    cluster: &Cluster,
    uid: Option<&str>,
    part: StoredPart,
    fields: &StoredFields,
) -> bool {
    uid.is_some() && recorded_digests(cluster, uid, part) == field_digests(fields)
}

/// Returns true if hooks or connect commands equal those of the session's current template: that is an admin's text.
async fn equals_template(cluster: &Cluster, session: &Session, part: StoredPart) -> bool {
    let Some(name) = session.spec.template_name() else {
        return false;
    };
    if matches!(part, StoredPart::Start | StoredPart::Copy) {
        return false;
    }
    let Ok(Some(template)) = template_lookup::find_template(cluster, name).await else {
        return false;
    };
    let own = match part {
        StoredPart::Hooks => {
            hook_fields(template.spec.hooks.as_ref(), template.spec.primary.as_ref())
        }
        _ => connect_fields(&template.spec.connect),
    };
    own == stored_fields(session, part)
}

/// Records on this machine what this user stores in a session: the spec, and the hooks and connect commands of its start. Records
/// nothing for a session that is not stored.
pub fn record_trusted(
    cluster: &Cluster,
    uid: Option<&str>,
    spec: &SessionSpec,
    rendering: Option<&Rendering>,
    sink: &mut dyn ProgressSink,
) {
    let Some(uid) = uid else { return };
    let area = |part: StoredPart, fields| (part.field_prefix(), field_digests(&fields));
    let mut areas = vec![area(StoredPart::Start, spec_fields(spec))];
    if let Some(rendering) = rendering {
        let hooks = hook_fields(rendering.hooks.as_ref(), Some(&rendering.primary));
        areas.push(area(StoredPart::Hooks, hooks));
        areas.push(area(
            StoredPart::Connect,
            connect_fields(&rendering.connect),
        ));
    }
    if let Err(error) = cluster.known_sessions().store_digests(uid, &areas) {
        sink.tell(ProgressEvent::Note(format!(
            "cannot record the session on this machine, a later command may ask for confirmation: {}",
            io_error_text(&error)
        )));
    }
}

/// Returns the digest of the hooks of a session's last start, for [`trust_hooks`]; `None` if it has no hooks.
pub fn hooks_digest(session: &Session) -> Option<String> {
    let fields = stored_fields(session, StoredPart::Hooks);
    fields.values().next().map(|text| sha256_hex(text))
}

/// Trusts hooks with this digest: the user agreed to them when the schedule was created.
pub fn trust_hooks(cluster: &Cluster, session: &Session, digest: &str) {
    let area = StoredPart::Hooks.field_prefix();
    let known = [(area.to_owned(), digest.to_owned())].into();
    let Some(uid) = session.uid() else { return };
    // The record holds for this process even if it cannot be written to a file.
    let _ = cluster
        .known_sessions()
        .store_digests(uid, &[(area, known)]);
}

/// Returns the digest of what a start of the session runs, for [`trust_start`].
pub fn start_digest(session: &Session) -> String {
    let digests = field_digests(&stored_fields(session, StoredPart::Start));
    sha256_hex(&serde_json::to_string(&digests).unwrap_or_default())
}

/// Trusts what a start runs if it has this digest: the user agreed to it when the schedule was created.
pub fn trust_start(cluster: &Cluster, session: &Session, digest: &str) {
    let Some(uid) = session.uid().filter(|_| start_digest(session) == digest) else {
        return;
    };
    let known = field_digests(&stored_fields(session, StoredPart::Start));
    let area = StoredPart::Start.field_prefix();
    // The record holds for this process even if it cannot be written to a file.
    let _ = cluster
        .known_sessions()
        .store_digests(uid, &[(area, known)]);
}

/// Checks that a manifest asks for no privileges, whoever has written it.
///
/// # Errors
/// The privileges it asks for, with a hint how to allow them.
pub(super) fn check_privileges(observed: &ObservedSession, start: &RenderedStart) -> Result<()> {
    if observed.session.spec.manifest.is_none() {
        return Ok(());
    }
    let takes = find_privileges(&start.rendering.objects);
    if takes.is_empty() {
        return Ok(());
    }
    let (name, namespace) = (observed.name(), observed.namespace());
    let takes = takes.join("; ");
    let error = anyhow!("cannot start session {name:?}: its manifest asks for privileges: {takes}");
    let made = start.owned_objects();
    let made = made.iter().map(|object| {
        let kind = Untyped(object).kind().to_lowercase();
        format!("{kind}/{}", Untyped(object).name())
    });
    let made: Vec<String> = made.collect();
    let plan = format!(
        "check the objects that would be created with your rights: {}",
        made.join(", ")
    );
    let error = with_hint(error, plan);
    let error = with_hint(error, untrusted_text::read_manifest_hint(name, namespace));
    Err(with_hint(
        error,
        untrusted_text::trust_manifest_hint(name, namespace),
    ))
}

#[cfg(test)]
#[path = "trust/tests.rs"]
mod tests;
