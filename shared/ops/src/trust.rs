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
//! [`KnownSessions`]: session_model::state::KnownSessions

mod doubt;

use std::collections::BTreeMap;

use anyhow::{Result, anyhow};
use futures::future::try_join;
use serde::Serialize;

use super::stopping::Present;
use super::template;
use crate::Cluster;
pub use doubt::Doubt;
use doubt::Reason;
use session_engine::reconcile::{Rendering, Start};
use session_model::api::{ConnectMethod, Hooks, Session, SessionSpec};
use session_model::failure::hinted;
use session_model::objects::privilege::privileges;
use session_model::objects::resource::text;
use session_model::progress::{Event, Sink};
use session_model::state::{Digests, digest};

/// The part of a session's stored text that is about to be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The spec, for a start: manifest, or template and parameters.
    Start,
    /// The spec, for a copy of the session.
    Copy,
    /// The hooks of the last start.
    Hooks,
    /// The connect commands of the last start.
    Connect,
}

impl Part {
    /// Returns the prefix of the part's field paths.
    fn area(self) -> &'static str {
        match self {
            Part::Start | Part::Copy => "spec.",
            Part::Hooks => "status.applied.hooks",
            Part::Connect => "status.applied.connect",
        }
    }
}

/// Stored texts by field path.
type Fields = BTreeMap<String, String>;

fn fields(session: &Session, part: Part) -> Fields {
    let status = session.status.as_ref();
    let applied = status.and_then(|status| status.applied.as_ref());
    match part {
        Part::Start | Part::Copy => of_spec(&session.spec),
        Part::Hooks => of_hooks(applied.and_then(|applied| applied.hooks.as_ref())),
        Part::Connect => of_connect(applied.map_or(&[], |applied| &applied.connect)),
    }
}

/// Returns the fields that decide which objects a start makes. Sizes are left out: they run nothing.
fn of_spec(spec: &SessionSpec) -> Fields {
    let primary = spec.primary.as_ref().map(json);
    let texts = [
        ("spec.manifest", spec.manifest.as_ref()),
        ("spec.template", spec.template.as_ref()),
        ("spec.application", spec.application.as_ref()),
        ("spec.preset", spec.preset.as_ref()),
        ("spec.primary", primary.as_ref()),
    ];
    let texts = texts.into_iter();
    let texts = texts.filter_map(|(key, text)| Some((key.to_owned(), text?.clone())));
    let parameters = spec.parameters.iter();
    let parameters =
        parameters.map(|(name, value)| (format!("spec.parameters.{name}"), value.clone()));
    texts.chain(parameters).collect()
}

fn of_hooks(hooks: Option<&Hooks>) -> Fields {
    let text = hooks.map(|hooks| (Part::Hooks.area().to_owned(), json(hooks)));
    text.into_iter().collect()
}

/// Returns the methods that run a command; ports and paths run nothing.
fn of_connect(methods: &[ConnectMethod]) -> Fields {
    let commands = methods.iter().filter(|method| !method.exec.is_empty());
    let key = |method: &ConnectMethod| format!("{}.{}", Part::Connect.area(), method.name);
    commands.map(|method| (key(method), json(method))).collect()
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

fn digests(fields: &Fields) -> Digests {
    let each = fields.iter();
    each.map(|(key, text)| (key.clone(), digest(text)))
        .collect()
}

/// Checks that stored text may be run without confirmation. Sends no request if this machine knows the text.
///
/// # Errors
/// Text that is not trusted, with its changes and hints how to continue; refusals of the server.
pub async fn check(cluster: &Cluster, session: &Session, part: Part) -> Result<()> {
    let uid = session.metadata.uid.clone().unwrap_or_default();
    settle(cluster, doubt(cluster, session, &uid, part).await?)
}

/// As [`check`], for a deleted session that is made again from the record on a snapshot. The admission policy does not cover
/// snapshots, so only text that this machine knows is trusted.
///
/// # Errors
/// As [`check`].
pub(super) async fn check_remembered(
    cluster: &Cluster,
    session: &Session,
    uid: &str,
) -> Result<()> {
    let fields = fields(session, Part::Copy);
    let doubt = (!is_known(cluster, uid, Part::Copy, &fields))
        .then(|| Doubt::of(session, uid, Part::Copy, Reason::Remembered, fields));
    settle(cluster, doubt)
}

fn settle(cluster: &Cluster, doubt: Option<Doubt>) -> Result<()> {
    match doubt {
        None => Ok(()),
        Some(doubt) if cluster.known().trusts_all() => {
            doubt.agree(cluster);
            Ok(())
        }
        Some(doubt) => Err(doubt.error(cluster)),
    }
}

/// Returns the stored text of that part that must not run without confirmation; `None` if it may run.
///
/// # Errors
/// Whatever the server refuses.
pub async fn doubted(cluster: &Cluster, session: &Session, part: Part) -> Result<Option<Doubt>> {
    let uid = session.metadata.uid.clone().unwrap_or_default();
    doubt(cluster, session, &uid, part).await
}

async fn doubt(
    cluster: &Cluster,
    session: &Session,
    uid: &str,
    part: Part,
) -> Result<Option<Doubt>> {
    let fields = fields(session, part);
    if fields.is_empty() || is_known(cluster, uid, part, &fields) {
        return Ok(None);
    }
    let is_manifest = matches!(part, Part::Start | Part::Copy) && session.spec.manifest.is_some();
    let caller = async {
        match is_manifest {
            true => cluster.caller_name().await.map(Some),
            false => Ok(None),
        }
    };
    let (since, caller) = try_join(cluster.guarded_since(), caller).await?;
    // A Session that is older than the policy may have been written by anybody before.
    let created = session.metadata.creation_timestamp.as_ref();
    let guarded = since.is_some_and(|since| created.is_some_and(|created| created.0 >= since));
    let reason = match caller.filter(|caller| *caller != session.spec.user_id) {
        Some(caller) => Reason::Anothers {
            caller: caller.to_owned(),
        },
        None if guarded || is_templates_own(cluster, session, part).await => return Ok(None),
        None if since.is_some() => Reason::Older,
        None => Reason::Unguarded,
    };
    Ok(Some(Doubt::of(session, uid, part, reason, fields)))
}

fn is_known(cluster: &Cluster, uid: &str, part: Part, fields: &Fields) -> bool {
    !uid.is_empty() && known(cluster, uid, part) == digests(fields)
}

/// Returns the digests that this machine has recorded for that part of the session.
fn known(cluster: &Cluster, uid: &str, part: Part) -> Digests {
    let mut known = cluster.known().get(uid);
    known.retain(|key, _| key.starts_with(part.area()));
    known
}

/// Returns true if hooks or connect commands equal those of the session's current template: that is an admin's text.
async fn is_templates_own(cluster: &Cluster, session: &Session, part: Part) -> bool {
    let Some(name) = session.spec.template_name() else {
        return false;
    };
    if matches!(part, Part::Start | Part::Copy) {
        return false;
    }
    let Ok(Some(template)) = template::find(cluster, name).await else {
        return false;
    };
    let own = match part {
        Part::Hooks => of_hooks(template.spec.hooks.as_ref()),
        _ => of_connect(&template.spec.connect),
    };
    own == fields(session, part)
}

/// Records on this machine what this user stores in a session: the spec, and the hooks and connect commands of its start.
pub fn remember(
    cluster: &Cluster,
    uid: &str,
    spec: &SessionSpec,
    rendering: Option<&Rendering>,
    sink: &mut dyn Sink,
) {
    let mut areas = vec![(Part::Start, of_spec(spec))];
    if let Some(rendering) = rendering {
        areas.push((Part::Hooks, of_hooks(rendering.hooks.as_ref())));
        areas.push((Part::Connect, of_connect(&rendering.connect)));
    }
    for (part, fields) in areas {
        let written = cluster
            .known()
            .remember(uid, part.area(), &digests(&fields));
        if let Err(error) = written {
            sink.tell(Event::Note(format!(
                "cannot record the session on this machine, a later command may ask for confirmation: {error}"
            )));
            return;
        }
    }
}

/// Returns the digest of the hooks of a session's last start, for [`know_hooks`]; `None` if it has no hooks.
pub fn hooks_digest(session: &Session) -> Option<String> {
    let fields = fields(session, Part::Hooks);
    fields.values().next().map(|text| digest(text))
}

/// Trusts hooks with this digest: the user agreed to them when the snapshot schedule was created.
pub fn know_hooks(cluster: &Cluster, session: &Session, digest: &str) {
    let area = Part::Hooks.area();
    let known = [(area.to_owned(), digest.to_owned())].into();
    let uid = session.metadata.uid.as_deref().unwrap_or_default();
    // The record holds for this process even if it cannot be written to a file.
    let _ = cluster.known().remember(uid, area, &known);
}

/// Checks that a manifest asks for no privileges, whoever has written it.
///
/// # Errors
/// The privileges it asks for, with a hint how to allow them.
pub(super) fn harmless(present: &Present, start: &Start) -> Result<()> {
    if present.session.spec.manifest.is_none() {
        return Ok(());
    }
    let takes = privileges(&start.rendering.objects);
    if takes.is_empty() {
        return Ok(());
    }
    let (name, namespace) = (present.name(), present.namespace());
    let takes = takes.join("; ");
    let error = anyhow!("cannot start session {name:?}: its manifest asks for privileges: {takes}");
    let made = start.objects();
    let made = made.iter().map(|object| {
        let kind = text(object, "/kind").to_lowercase();
        format!("{kind}/{}", text(object, "/metadata/name"))
    });
    let made: Vec<String> = made.collect();
    let plan = format!(
        "check the objects that would be created with your rights: {}",
        made.join(", ")
    );
    let error = hinted(error, plan);
    let error = hinted(error, doubt::read_manifest(name, namespace));
    Err(hinted(error, doubt::start_trusting(name, namespace)))
}

#[cfg(test)]
#[path = "trust/tests.rs"]
mod tests;
