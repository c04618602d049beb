//! What is said of a text that nobody vouches for: what it is, what has changed, how to go on.

use anyhow::anyhow;

use super::{Fields, Part, digests, known};
use crate::Cluster;
use session_model::api::Session;
use session_model::failure::hinted;

/// Fields that are named in an error.
const SHOWN: usize = 8;
/// Characters of a value that are shown in an error.
const VALUE_MAX: usize = 200;
/// Lines of a manifest that are shown before a question.
const LINES: usize = 200;

/// Why a text is not run unasked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// A manifest of another user.
    Anothers {
        /// Who asks.
        caller: String,
    },
    /// Others may have written it: no admission policy is in force.
    Unguarded,
    /// Others may have written it before the admission policy came into force.
    Older,
    /// It stands in a snapshot, which any user of VolumeSnapshots may write.
    Remembered,
}

/// A text of a session that nobody vouches for.
#[derive(Clone, Debug)]
pub struct Doubt {
    name: String,
    namespace: String,
    owner: String,
    uid: String,
    part: Part,
    reason: Reason,
    fields: Fields,
}

impl Doubt {
    pub(super) fn of(
        session: &Session,
        uid: &str,
        part: Part,
        reason: Reason,
        fields: Fields,
    ) -> Self {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        Self {
            name: text(&session.metadata.name),
            namespace: text(&session.metadata.namespace),
            owner: session.spec.user_id.clone(),
            uid: uid.to_owned(),
            part,
            reason,
            fields,
        }
    }

    /// Remembers that the user has agreed to it.
    pub fn agree(&self, cluster: &Cluster) {
        let digests = digests(&self.fields);
        // This process knows it in any case; where it cannot be written, the next one asks again.
        let _ = cluster
            .known()
            .remember(&self.uid, self.part.area(), &digests);
    }

    /// What cannot be done, and why.
    fn told(&self, cluster: &Cluster) -> String {
        let name = &self.name;
        if let Reason::Anothers { caller } = &self.reason {
            return format!(
                "session {name:?} runs a manifest of {:?}, and you are {caller:?}",
                self.owner
            );
        }
        let undone = match self.part {
            Part::Start => format!("cannot start session {name:?} unasked"),
            Part::Copy => format!("cannot copy session {name:?} unasked"),
            Part::Hooks => format!("cannot run the hooks of session {name:?} unasked"),
            Part::Connect => format!("cannot run the command that enters session {name:?} unasked"),
        };
        let changed = self.changed(cluster);
        match &self.reason {
            Reason::Remembered => format!(
                "{undone}: its snapshot says what it runs, and this machine does not know it"
            ),
            _ if changed.len() == self.fields.len()
                && known(cluster, &self.uid, self.part).is_empty() =>
            {
                format!(
                    "{undone}: others may have written what it runs, and this machine does not know it"
                )
            }
            _ => format!(
                "{undone}: changed since you stored them: {}",
                list(&changed)
            ),
        }
    }

    /// Fields that are new, other, or gone, since this machine has known the session.
    fn changed(&self, cluster: &Cluster) -> Vec<String> {
        let (known, now) = (known(cluster, &self.uid, self.part), digests(&self.fields));
        let other = now
            .iter()
            .filter(|(key, digest)| known.get(*key) != Some(digest));
        let gone = known.keys().filter(|key| !now.contains_key(*key));
        other.map(|(key, _)| key).chain(gone).cloned().collect()
    }

    /// The difference, a line each: values as they are now.
    fn differences(&self, cluster: &Cluster) -> Vec<String> {
        let changed = self.changed(cluster);
        let manifest = |key: &&String| key.as_str() != "spec.manifest";
        let mut lines: Vec<String> = changed
            .iter()
            .filter(manifest)
            .take(SHOWN)
            .map(|key| match self.fields.get(key) {
                Some(value) => format!("{key} is {:?}", shortened(value)),
                None => format!("{key} is gone"),
            })
            .collect();
        if changed.len() > SHOWN {
            let more = changed.len() - SHOWN;
            lines.push(format!(
                "{more} more fields are not shown: kubectl get session {} -n {} -o yaml",
                self.name, self.namespace
            ));
        }
        lines
    }

    pub(super) fn error(&self, cluster: &Cluster) -> anyhow::Error {
        let (name, namespace) = (&self.name, &self.namespace);
        let mut error = anyhow!(self.told(cluster));
        if !matches!(self.reason, Reason::Anothers { .. }) {
            for line in self.differences(cluster) {
                error = hinted(error, line);
            }
        }
        if self.fields.contains_key("spec.manifest") {
            error = hinted(error, read_manifest(name, namespace));
        }
        let go_on = match self.part {
            Part::Start => start_trusting(name, namespace),
            Part::Hooks => {
                "repeat the command with --trust-manifest, or run no hook: --skip-sync, --skip-hooks".into()
            }
            Part::Copy | Part::Connect => "repeat the command with --trust-manifest".into(),
        };
        error = hinted(error, go_on);
        if self.reason == Reason::Unguarded {
            error = hinted(
                error,
                "keep users from changing each other's sessions: kubectl session setup admission, as an admin, from Kubernetes 1.30 on",
            );
        }
        error
    }

    /// The lines to show before the user is asked: what cannot be done unasked, what has changed, and the manifest.
    pub fn question(&self, cluster: &Cluster) -> Vec<String> {
        let mut lines = vec![self.told(cluster)];
        lines.extend(self.differences(cluster));
        if let Some(manifest) = self.fields.get("spec.manifest") {
            lines.push("spec.manifest is:".to_owned());
            let count = manifest.lines().count();
            lines.extend(manifest.lines().take(LINES).map(|line| format!("  {line}")));
            if count > LINES {
                let more = count - LINES;
                let read = read_manifest(&self.name, &self.namespace);
                lines.push(format!("  {more} more lines are not shown; {read}"));
            }
        }
        lines
    }
}

fn list(fields: &[String]) -> String {
    let shown: Vec<&str> = fields.iter().take(SHOWN).map(String::as_str).collect();
    let more = if fields.len() > SHOWN { ", …" } else { "" };
    format!("{}{more}", shown.join(", "))
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(VALUE_MAX) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

pub(super) fn read_manifest(name: &str, namespace: &str) -> String {
    format!("read it: kubectl get session {name} -n {namespace} -o jsonpath='{{.spec.manifest}}'")
}

pub(super) fn start_trusting(name: &str, namespace: &str) -> String {
    format!("carry it out: kubectl session start {name} -n {namespace} --trust-manifest")
}
