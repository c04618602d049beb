//! Kinds of a start that the server does not serve: named before any write, or left out.

use std::collections::BTreeSet;

use anyhow::{Result, anyhow};
use futures::future::try_join_all;
use serde_json::Value;

use crate::Cluster;
use session_model::failure::with_hint;
use session_model::objects::Untyped;

/// Kinds that the server does not serve, each as apiVersion and kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MissingKinds(BTreeSet<(String, String)>);

impl MissingKinds {
    /// Finds the kinds of `objects` that the server does not serve: a request for each kind that this program does not know.
    ///
    /// # Errors
    /// Refusals of the server.
    pub async fn find(cluster: &Cluster, objects: &[Value]) -> Result<Self> {
        let kinds: BTreeSet<(String, String)> = objects.iter().map(type_of).collect();
        let reads = kinds.into_iter().map(|(api_version, kind)| async move {
            let found = cluster.discover_resource(&api_version, &kind).await?;
            anyhow::Ok((found.is_none(), (api_version, kind)))
        });
        let found = try_join_all(reads).await?.into_iter();
        let missing = found.filter_map(|(is_missing, kind)| is_missing.then_some(kind));
        Ok(Self(missing.collect()))
    }

    /// Removes the objects of these kinds, and returns a note for each.
    pub fn leave_out(&self, objects: &mut Vec<Value>) -> Vec<String> {
        let mut notes = Vec::new();
        objects.retain(|object| {
            let (api_version, kind) = type_of(object);
            let name = Untyped(object).name();
            let note = format!(
                "{kind} {name:?} is left out: the server has no kind {kind:?} in version {api_version:?}"
            );
            let is_missing = self.0.contains(&(api_version, kind));
            notes.extend(is_missing.then_some(note));
            !is_missing
        });
        notes
    }

    /// Checks that none of `objects` is of these kinds.
    ///
    /// # Errors
    /// All missing kinds.
    pub fn require_served(&self, session: &str, objects: &[Value]) -> Result<()> {
        let used: BTreeSet<(String, String)> = objects.iter().map(type_of).collect();
        let kinds = self.0.intersection(&used);
        let kinds: Vec<String> = kinds
            .map(|(api_version, kind)| format!("{kind} ({api_version})"))
            .collect();
        if kinds.is_empty() {
            return Ok(());
        }
        let kinds = kinds.join(", ");
        let error = anyhow!("cannot start session {session:?}: the server does not have {kinds}");
        Err(with_hint(
            error,
            "install the API that defines the kind, or create the session without its objects: --skip-missing-kinds",
        ))
    }
}

fn type_of(object: &Value) -> (String, String) {
    let object = Untyped(object);
    (object.api_version().to_owned(), object.kind().to_owned())
}
