//! The session that a file or `--template` describes.

use anyhow::Result;
use serde_json::Value;
use session_shared::api::SessionSpec;
use session_shared::flags::file_connection::SourceNamespace;
use session_shared::names::{SessionName, TemplateName, UserId};
use session_shared::report::console::Console;
use session_shared::template::{AssignedValues, Source, extract_secret_literals};

use crate::expected_quota::ExpectedQuota;

/// Source of the session's manifest.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum SessionSource {
    /// Template named in the spec.
    Template(TemplateName),
    /// Manifest in the spec; holds the name of its file, for messages.
    Manifest(String),
}

/// Values from a file or `--template`, and those of the flags once they are applied.
#[derive(Clone, Debug)]
pub(crate) struct GivenSession {
    pub(crate) name: Option<SessionName>,
    /// Namespace of a Session from a file.
    pub(crate) namespace: Option<SourceNamespace>,
    /// ResourceQuota that the file expects in the namespace.
    pub(crate) quota: ExpectedQuota,
    /// Owner, if given.
    pub(crate) user_id: Option<UserId>,
    /// Metadata of a Session from a file.
    pub(crate) metadata: Value,
    pub(crate) spec: SessionSpec,
    /// Source of the manifest.
    pub(crate) source: SessionSource,
}

impl GivenSession {
    /// Returns a session of a spec alone: without name, owner, metadata and expected quota.
    pub(crate) fn unnamed(spec: SessionSpec, source: SessionSource) -> Self {
        Self {
            name: None,
            namespace: None,
            quota: ExpectedQuota::default(),
            user_id: None,
            metadata: Value::Null,
            spec,
            source,
        }
    }
}

/// Returns the manifest to store in the Session. Everyone who may read Sessions can read it, so literal values of its
/// Secrets are moved to `assigned`, as if given by `--set-file`.
pub(crate) fn extract_secrets(
    source: &Source,
    assigned: &mut AssignedValues,
    console: &mut Console,
) -> Result<String> {
    let extracted = extract_secret_literals(source)?;
    for problem in &extracted.visible_passwords {
        console.warn_with_hint(&problem.to_string(), problem.hint.as_deref());
    }
    for problem in &extracted.removed {
        console.note(&problem.to_string());
    }
    for (name, value) in extracted.values {
        assigned.from_files.entry(name).or_insert(value);
    }
    Ok(extracted.text)
}
