//! The text that a session stores, by field, and its digests.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::Cluster;
use session_model::api::{ConnectMethod, Hooks, PrimaryRef, Session, SessionSpec};
use session_model::local_state::{Digests, sha256_hex};

/// The part of a session's stored text that is about to be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoredPart {
    /// The spec, for a start: manifest, or template and parameters.
    Start,
    /// The spec, for a copy of the session.
    Copy,
    /// The hooks of the last start.
    Hooks,
    /// The connect commands of the last start.
    Connect,
}

impl StoredPart {
    /// Returns the prefix of the part's field paths.
    pub(super) fn field_prefix(self) -> &'static str {
        match self {
            StoredPart::Start | StoredPart::Copy => "spec.",
            StoredPart::Hooks => "status.applied.hooks",
            StoredPart::Connect => "status.applied.connect",
        }
    }
}

/// Stored texts by field path.
pub(super) type StoredFields = BTreeMap<String, String>;

pub(super) fn stored_fields(session: &Session, part: StoredPart) -> StoredFields {
    let applied = session.applied();
    match part {
        StoredPart::Start | StoredPart::Copy => spec_fields(&session.spec),
        StoredPart::Hooks => hook_fields(
            applied.and_then(|applied| applied.hooks.as_ref()),
            session.primary(),
        ),
        StoredPart::Connect => connect_fields(applied.map_or(&[], |applied| &applied.connect)),
    }
}

/// Returns the fields that decide which objects a start makes. Sizes are left out: they run nothing.
pub(super) fn spec_fields(spec: &SessionSpec) -> StoredFields {
    let primary = spec.primary.as_ref().map(to_json);
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

/// Returns the hooks, and the patches that stop and start a workload of a custom kind: such a patch may run anything.
pub(super) fn hook_fields(hooks: Option<&Hooks>, primary: Option<&PrimaryRef>) -> StoredFields {
    let patches = primary.and_then(|primary| Some((primary.stop.as_ref()?, &primary.start)));
    let text = match (hooks, patches) {
        (None, None) => None,
        (Some(hooks), None) => Some(to_json(hooks)),
        (hooks, Some(patches)) => Some(to_json(&(hooks, patches))),
    };
    let key = StoredPart::Hooks.field_prefix().to_owned();
    text.map(|text| (key, text)).into_iter().collect()
}

/// Returns the methods that run a command; ports and paths run nothing.
pub(super) fn connect_fields(methods: &[ConnectMethod]) -> StoredFields {
    let commands = methods.iter().filter(|method| !method.exec.is_empty());
    let key =
        |method: &ConnectMethod| format!("{}.{}", StoredPart::Connect.field_prefix(), method.name);
    commands
        .map(|method| (key(method), to_json(method)))
        .collect()
}

fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

pub(super) fn field_digests(fields: &StoredFields) -> Digests {
    let each = fields.iter();
    each.map(|(key, text)| (key.clone(), sha256_hex(text)))
        .collect()
}

/// Returns the digests that this machine has recorded for that part of the session.
pub(super) fn recorded_digests(cluster: &Cluster, uid: Option<&str>, part: StoredPart) -> Digests {
    let mut known = uid.map_or_else(Digests::new, |uid| cluster.known_sessions().digests_of(uid));
    known.retain(|key, _| key.starts_with(part.field_prefix()));
    known
}
