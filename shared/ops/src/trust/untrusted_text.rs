//! Errors and questions about untrusted text of a session: the reason, the changes, and how to continue.

use anyhow::anyhow;

use super::stored_text::{StoredFields, StoredPart, field_digests, recorded_digests};
use crate::Cluster;
use session_model::api::Session;
use session_model::failure::with_hint;

/// Largest number of fields that an error names.
const MAX_SHOWN_FIELDS: usize = 8;
/// Largest number of characters of a value that an error shows.
const MAX_SHOWN_CHARACTERS: usize = 200;
/// Largest number of lines of a manifest that a question shows.
const MAX_SHOWN_LINES: usize = 200;

/// The reason why a text is not run without confirmation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum UntrustedReason {
    /// The manifest belongs to another user.
    OtherUser {
        /// The caller, as the server names them.
        caller: String,
    },
    /// No admission policy is in force: others may have written the text.
    NoPolicy,
    /// The Session is older than the admission policy: others may have written the text before.
    OlderThanPolicy,
    /// The text comes from a snapshot, which anybody with rights on VolumeSnapshots may write.
    FromSnapshot,
}

/// Text of a session that is not trusted.
#[derive(Clone, Debug)]
pub struct UntrustedText {
    name: String,
    namespace: String,
    owner: String,
    uid: Option<String>,
    part: StoredPart,
    reason: UntrustedReason,
    fields: StoredFields,
}

impl UntrustedText {
    pub(super) fn new(
        session: &Session,
        uid: Option<&str>,
        part: StoredPart,
        reason: UntrustedReason,
        fields: StoredFields,
    ) -> Self {
        Self {
            name: session.name().to_owned(),
            namespace: session.namespace().to_owned(),
            owner: session.owner().to_owned(),
            uid: uid.map(str::to_owned),
            part,
            reason,
            fields,
        }
    }

    /// Records that the user has agreed to the text.
    pub fn record_agreement(&self, cluster: &Cluster) {
        let Some(uid) = self.uid.as_deref() else {
            return;
        };
        let area = (self.part.field_prefix(), field_digests(&self.fields));
        // The record holds for this process even if it cannot be written to a file; the next command asks again then.
        let _ = cluster.known_sessions().store_digests(uid, &[area]);
    }

    /// Returns the error line: the failed operation and the reason.
    fn message(&self, cluster: &Cluster) -> String {
        let name = &self.name;
        if let UntrustedReason::OtherUser { caller } = &self.reason {
            return format!(
                "session {name:?} has a manifest of user {:?}, but you are {caller:?}",
                self.owner
            );
        }
        let undone = match self.part {
            StoredPart::Start => format!("cannot start session {name:?} without confirmation"),
            StoredPart::Copy => format!("cannot copy session {name:?} without confirmation"),
            StoredPart::Hooks => {
                format!("cannot run the hooks of session {name:?} without confirmation")
            }
            StoredPart::Connect => {
                format!("cannot run the connect command of session {name:?} without confirmation")
            }
        };
        let changed = self.changed_fields(cluster);
        match &self.reason {
            UntrustedReason::FromSnapshot => format!(
                "{undone}: the snapshot's record of the session is not known to this machine"
            ),
            _ if changed.len() == self.fields.len()
                && recorded_digests(cluster, self.uid.as_deref(), self.part).is_empty() =>
            {
                format!(
                    "{undone}: its content is not known to this machine, and others may have written it"
                )
            }
            _ => format!(
                "{undone}: changed since you stored them: {}",
                join_fields(&changed)
            ),
        }
    }

    /// Returns the paths of fields that were added, changed or removed since this machine recorded the session.
    fn changed_fields(&self, cluster: &Cluster) -> Vec<String> {
        let (known, now) = (
            recorded_digests(cluster, self.uid.as_deref(), self.part),
            field_digests(&self.fields),
        );
        let other = now
            .iter()
            .filter(|(key, digest)| known.get(*key) != Some(digest));
        let gone = known.keys().filter(|key| !now.contains_key(*key));
        other.map(|(key, _)| key).chain(gone).cloned().collect()
    }

    /// Returns the present values of changed fields, a line each.
    fn difference_lines(&self, cluster: &Cluster) -> Vec<String> {
        let changed = self.changed_fields(cluster);
        let manifest = |key: &&String| key.as_str() != "spec.manifest";
        let mut lines: Vec<String> = changed
            .iter()
            .filter(manifest)
            .take(MAX_SHOWN_FIELDS)
            .map(|key| match self.fields.get(key) {
                Some(value) => format!("{key} is {:?}", shorten(value)),
                None => format!("{key} has been removed"),
            })
            .collect();
        if changed.len() > MAX_SHOWN_FIELDS {
            let more = changed.len() - MAX_SHOWN_FIELDS;
            lines.push(format!(
                "show {more} more fields: kubectl get session {} -n {} -o yaml",
                self.name, self.namespace
            ));
        }
        lines
    }

    pub(super) fn to_error(&self, cluster: &Cluster) -> anyhow::Error {
        let (name, namespace) = (&self.name, &self.namespace);
        let mut error = anyhow!(self.message(cluster));
        if !matches!(self.reason, UntrustedReason::OtherUser { .. }) {
            for line in self.difference_lines(cluster) {
                error = with_hint(error, line);
            }
        }
        if self.fields.contains_key("spec.manifest") {
            error = with_hint(error, read_manifest_hint(name, namespace));
        }
        let go_on = match self.part {
            StoredPart::Start => trust_manifest_hint(name, namespace),
            StoredPart::Hooks => {
                "repeat the command with --trust-manifest, or skip the hooks with --skip-sync or --skip-hooks".into()
            }
            StoredPart::Copy | StoredPart::Connect => "repeat the command with --trust-manifest".into(),
        };
        error = with_hint(error, go_on);
        if self.reason == UntrustedReason::NoPolicy {
            error = with_hint(
                error,
                "keep users from changing each other's sessions, as an admin and on Kubernetes 1.30 or later: kubectl session setup admission",
            );
        }
        error
    }

    /// Returns the lines to show before asking: the refused action, what has changed, and the manifest.
    pub fn question(&self, cluster: &Cluster) -> Vec<String> {
        let mut lines = vec![self.message(cluster)];
        lines.extend(self.difference_lines(cluster));
        if let Some(manifest) = self.fields.get("spec.manifest") {
            lines.push("spec.manifest:".to_owned());
            let count = manifest.lines().count();
            lines.extend(
                manifest
                    .lines()
                    .take(MAX_SHOWN_LINES)
                    .map(|line| format!("  {line}")),
            );
            if count > MAX_SHOWN_LINES {
                let more = count - MAX_SHOWN_LINES;
                let read = read_manifest_hint(&self.name, &self.namespace);
                lines.push(format!("  {more} more lines are not shown; {read}"));
            }
        }
        lines
    }
}

fn join_fields(fields: &[String]) -> String {
    let shown: Vec<&str> = fields
        .iter()
        .take(MAX_SHOWN_FIELDS)
        .map(String::as_str)
        .collect();
    let more = if fields.len() > MAX_SHOWN_FIELDS {
        ", …"
    } else {
        ""
    };
    format!("{}{more}", shown.join(", "))
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(MAX_SHOWN_CHARACTERS) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

pub(super) fn read_manifest_hint(name: &str, namespace: &str) -> String {
    format!(
        "read the manifest: kubectl get session {name} -n {namespace} -o jsonpath='{{.spec.manifest}}'"
    )
}

pub(super) fn trust_manifest_hint(name: &str, namespace: &str) -> String {
    format!("trust the manifest: kubectl session start {name} -n {namespace} --trust-manifest")
}
