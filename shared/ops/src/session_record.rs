//! The record of a session in its snapshots: an annotation with the Session's spec, from which a deleted session can be made
//! again.

use std::collections::BTreeMap;

use anyhow::{Result, anyhow};
use serde_json::{Value, json};

use super::trust;
use crate::Cluster;
use crate::controller::Driver;
use crate::observed_session::ObservedSession;
use crate::selected_sessions::SelectedSession;
use session_engine::reconcile::{is_data_of, proves_secret};
use session_model::api::API_VERSION;
use session_model::failure::with_hint;
use session_model::labels;
use session_model::objects::Untyped;
use session_model::objects::kept_data::is_claim;
use session_model::objects::ownership::{Ownership, is_parameters_secret};

/// Fields of a Session's spec that belong to one start and are not recorded.
const START_FIELDS: [&str; 3] = ["startRequest", "state", "secretsFrom"];
/// Longest recorded spec, in bytes: a server accepts 256 KiB of annotations altogether.
const MAX_RECORD_BYTES: usize = 100_000;

/// Records the spec of a session on its snapshots. Sessions with a manifest are not recorded: anybody who may write
/// VolumeSnapshots could have a manifest run in another user's name.
pub(super) fn record_session(session: &Value, snapshots: &mut [Value]) {
    let Some(spec) = session.get("spec").and_then(Value::as_object) else {
        return;
    };
    if spec.contains_key("manifest") {
        return;
    }
    let mut spec = spec.clone();
    START_FIELDS
        .iter()
        .for_each(|field| drop(spec.shift_remove(*field)));
    let spec = Value::Object(spec).to_string();
    if spec.len() > MAX_RECORD_BYTES {
        return;
    }
    for snapshot in snapshots {
        snapshot["metadata"]["annotations"][labels::SESSION_SPEC] = spec.as_str().into();
    }
}

/// Rebuilds a deleted session from the record on one of its snapshots, together with the data that was kept. Returns `None` if
/// the snapshot has no usable record, or one of another user.
///
/// # Errors
/// A record that is not trusted; a parameters Secret that may not be the session's; refusals of the server.
pub async fn read_recorded_session(
    cluster: &Cluster,
    ownership: &Ownership,
    snapshot: &Value,
) -> Result<Option<ObservedSession>> {
    let Some(object) = session_from_record(ownership, snapshot) else {
        return Ok(None);
    };
    let Ok(chosen) = SelectedSession::parse(object) else {
        return Ok(None);
    };
    trust::check_recorded(cluster, &chosen.session, ownership.session_uid.as_deref()).await?;
    let observed = ObservedSession::read(cluster, chosen, Driver::Client).await?;
    let mut data = observed.live.data.iter();
    if let Some(secret) = data.find(|o| is_parameters_secret(o) && is_data_of(o, &observed.session))
    {
        check_secret_provenance(secret, snapshot)?;
    }
    let without_uid = Ownership {
        session_uid: None,
        ..ownership.clone()
    };
    Ok(Some(observed.with_ownership(without_uid)))
}

/// Checks that the snapshot proves the parameters Secret to be the session's: one that is younger than the snapshot is not.
fn check_secret_provenance(secret: &Value, snapshot: &Value) -> Result<()> {
    if proves_secret(snapshot, secret) {
        return Ok(());
    }
    let (name, namespace) = (Untyped(secret).name(), Untyped(secret).home_namespace());
    let error = anyhow!(
        "Secret {name:?} is labelled as kept data of this session, but snapshot {:?} does not prove that the session made it",
        Untyped(snapshot).name()
    );
    let look = format!("inspect the Secret: kubectl describe secret {name} -n {namespace}");
    let delete = format!("delete the Secret: kubectl delete secret {name} -n {namespace}");
    Err(with_hint(with_hint(error, look), delete))
}

fn session_from_record(ownership: &Ownership, snapshot: &Value) -> Option<Value> {
    let spec: Value =
        serde_json::from_str(Untyped(snapshot).annotation(labels::SESSION_SPEC)?).ok()?;
    let runs_something = ["template", "application"]
        .iter()
        .any(|field| spec.get(*field).is_some());
    let own = Untyped(&spec).str_at("/userId") == Some(ownership.user_id.as_str());
    (own && runs_something && spec.get("manifest").is_none()).then(|| {
        json!({
            "apiVersion": API_VERSION,
            "kind": "Session",
            "metadata": { "name": ownership.session.as_str(), "namespace": ownership.namespace.as_str() },
            "spec": spec,
        })
    })
}

/// Checks that no kept claim has one of the `names` that are about to be created.
///
/// # Errors
/// The first such claim, with a hint how to use its data.
pub(super) fn check_no_kept_claims(
    names: &BTreeMap<String, String>,
    found: &[Value],
    source: &ObservedSession,
) -> Result<()> {
    let is_there = |name: &&String| {
        let mut claims = found.iter().filter(|object| is_claim(object));
        claims.any(|claim| Untyped(claim).name() == name.as_str())
    };
    let Some(name) = names.values().find(is_there) else {
        return Ok(());
    };
    let (session, namespace) = (source.name(), source.namespace());
    let error = anyhow!(
        "cannot restore claim {name:?}: the kept claim of session {session:?} still exists"
    );
    let take_up = format!(
        "create the session again to use the kept claim: kubectl session create {session} -n {namespace}; or choose another name with --into"
    );
    Err(with_hint(error, take_up))
}

#[cfg(test)]
mod tests {
    use super::*;
    use session_support::session_fixture::ownership;

    fn taken_of(spec: Value) -> Value {
        let mut snapshots = [json!({ "metadata": { "annotations": {} } })];
        record_session(&json!({ "spec": spec }), &mut snapshots);
        let [snapshot] = snapshots;
        snapshot
    }

    #[test]
    fn a_session_is_remembered_without_what_belongs_to_a_start() {
        let spec = json!({ "userId": "alice", "template": "lab", "parameters": { "SIZE": "1Gi" },
            "state": "running", "startRequest": "2026-01-01T00:00:00Z", "secretsFrom": "client" });
        let session = session_from_record(&ownership(), &taken_of(spec)).unwrap();
        assert_eq!(
            session["spec"],
            json!({ "userId": "alice", "template": "lab", "parameters": { "SIZE": "1Gi" } })
        );
        assert_eq!(session["metadata"]["name"], "a");
    }

    #[test]
    fn a_manifest_is_never_remembered_and_never_believed() {
        let manifest = json!({ "userId": "alice", "manifest": "kind: Pod" });
        let snapshot = taken_of(manifest.clone());
        assert_eq!(snapshot["metadata"]["annotations"], json!({}));
        let forged = |spec: Value| json!({ "metadata": { "annotations": { labels::SESSION_SPEC: spec.to_string() } } });
        assert!(session_from_record(&ownership(), &forged(manifest)).is_none());
        let anothers = json!({ "userId": "bob", "template": "lab" });
        assert!(session_from_record(&ownership(), &forged(anothers)).is_none());
        assert!(session_from_record(&ownership(), &forged(json!({ "userId": "alice" }))).is_none());
        let own = json!({ "userId": "alice", "template": "lab" });
        assert!(session_from_record(&ownership(), &forged(own)).is_some());
    }
}
