//! Copy of a session: a new, stopped session with the spec and secrets of the source and claims made from its snapshots.
//!
//! ```text
//! ObservedSession (source) + name ─► ClonePlan ─► Session, then Secret and claims, then status ─► CloneOutcome
//! ```
//!
//! The new Session carries an annotation until all of its objects exist, so that an interrupted copy is finished by repeating it.

use std::collections::BTreeMap;

use anyhow::{Result, anyhow};
use futures::future::join_all;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::claim_mapping::map_claims;
use super::claim_restore::{
    RestoreOutcome, claim_from_snapshot, note_sizes, required_source_claim, wait_claims_bound,
};
use super::incomplete_copy::{
    check_completion, create_or_get, delete_created, find_incomplete, incomplete_source,
    mark_complete, with_claims_hint, with_finish_hint, with_retry_hint,
};
use super::session_record::check_no_kept_claims;
use super::snapshot_plan::SnapshotRun;
use super::start_plan::{manifest_source, read_template};
use super::stored_secrets::read_stored_secrets;
use super::trust::{self, StoredPart};
use crate::Cluster;
use crate::observed_session::ObservedSession;
use session_client::{WriteOptions, random_token};
use session_engine::reconcile::{RenderInput, render, status_patch};
use session_model::api::{API_VERSION, DesiredState, Session, SessionTemplate};
use session_model::failure::{self, FailureKind};
use session_model::labels;
use session_model::names::{SessionName, parameters_secret_name};
use session_model::objects::ResourceType;
use session_model::objects::Untyped;
use session_model::objects::ownership::Ownership;
use session_model::objects::resource::{PERSISTENT_VOLUME_CLAIM, SECRET, SESSION};
use session_model::progress::ProgressSink;
use session_model::quantity::Quantity;

/// A validated copy of a session: all names and objects are final, so carrying it out can fail only on the server's side.
#[derive(Clone, Debug)]
pub struct ClonePlan {
    /// The new Session, stopped.
    pub session: Value,
    /// Claim names of the source, mapped to those of the copy.
    pub claim_mapping: BTreeMap<String, String>,
    ownership: Ownership,
    /// Existing data of the source.
    found: Vec<Value>,
    /// The source's parameters Secret.
    secret: Option<Value>,
    /// The copy has the name of its deleted source and adopts the kept Secret instead of copying it.
    takes_secret: bool,
    size: Option<Quantity>,
    /// The Session that an interrupted copy of the same snapshot has created.
    begun: Option<Value>,
}

/// The outcome of a copy.
#[derive(Clone, Debug)]
pub struct CloneOutcome {
    /// The new Session as the server returned it.
    pub session: Value,
    /// State of its claims.
    pub restore: RestoreOutcome,
}

impl ClonePlan {
    /// Plans a copy called `name`: renders the template for it and maps every claim of the source to its counterpart. An
    /// interrupted copy of the same snapshot is continued.
    ///
    /// # Errors
    /// Untrusted stored text; a session of that name; a template that does not exist; a claim without a counterpart, or whose
    /// counterpart is a kept claim; refusals of the server.
    pub async fn prepare(
        cluster: &Cluster,
        source: &ObservedSession,
        name: &SessionName,
        claims: &[&str],
        size: Option<Quantity>,
        set: &str,
    ) -> Result<Self> {
        let namespace = source.namespace();
        // A session rebuilt from a snapshot's record was checked when it was read.
        if source.session.metadata.uid.is_some() {
            trust::check_trust(cluster, &source.session, StoredPart::Copy).await?;
        }
        let begun = find_incomplete(cluster, namespace, name, set).await?;
        let (template, stored) = futures::try_join!(
            read_template(cluster, source),
            read_stored_secrets(cluster, source)
        )?;
        let objects = render_copy(source, name, template.as_ref(), stored.as_ref())?;
        let names = map_claims(claims, source.name(), name.as_str(), &objects)?;
        let secret = match stored {
            Some(_) => {
                let old = parameters_secret_name(source.name());
                cluster.get(&SECRET, namespace, &old).await?
            }
            None => None,
        };
        let takes_secret = name.as_str() == source.name();
        let found: Vec<Value> = source.live.own_data(&source.session).cloned().collect();
        // Claims of an interrupted copy are its own: the POSTs find them.
        if takes_secret && begun.is_none() {
            check_no_kept_claims(&names, &found, source)?;
        }
        Ok(Self {
            session: cloned_session(source, name, secret.is_some(), set),
            claim_mapping: names,
            ownership: Ownership {
                session: name.clone(),
                session_uid: None,
                command_token: random_token()?,
                ..source.ownership()?.clone()
            },
            found,
            secret,
            takes_secret,
            size,
            begun,
        })
    }

    /// Checks that claims can be made from these snapshots.
    ///
    /// # Errors
    /// A size smaller than a snapshot's; a snapshot without a source claim or a recorded spec.
    pub fn check_snapshots(&self, snapshots: &[Value]) -> Result<()> {
        self.build_claims(&self.ownership, snapshots).map(drop)
    }

    /// Checks before a snapshot is taken that no claim of the source is larger than the wanted size.
    ///
    /// # Errors
    /// The first claim that is larger.
    pub fn check_claim_sizes(&self) -> Result<()> {
        let Some(size) = &self.size else {
            return Ok(());
        };
        for claim in &self.found {
            let Some(capacity) = Untyped(claim).str_at("/status/capacity/storage") else {
                continue;
            };
            if capacity.parse::<Quantity>().is_ok_and(|has| *size < has) {
                let name = Untyped(claim).name();
                return Err(anyhow!(
                    "size {size} is too small: claim {name:?} has {capacity}"
                ));
            }
        }
        Ok(())
    }

    /// Creates the Session, then its Secret and claims, and waits until the claims are bound, except those whose class has
    /// WaitForFirstConsumer. If an object is refused, everything is deleted again.
    ///
    /// # Errors
    /// As [`ClonePlan::check_snapshots`]; refusals of the server; TimedOut; Interrupted.
    pub async fn apply(
        &self,
        cluster: &Cluster,
        snapshots: &[Value],
        with: &SnapshotRun<'_>,
        now: Timestamp,
        sink: &mut dyn ProgressSink,
    ) -> Result<CloneOutcome> {
        self.check_snapshots(snapshots)?;
        let session = match &self.begun {
            Some(begun) => begun.clone(),
            None => {
                let posted = self.create_session(cluster, with.write).await;
                posted.map_err(|error| with_retry_hint(error, &self.session))?
            }
        };
        if with.write.dry_run {
            let restored = RestoreOutcome::default();
            return Ok(CloneOutcome {
                session,
                restore: restored,
            });
        }
        let ownership = Ownership {
            session_uid: Some(Untyped(&session).require_uid()?.to_owned()),
            ..self.ownership.clone()
        };
        if self.begun.is_some() {
            check_completion(cluster, &ownership, with.write).await?;
        }
        let stored: Session = serde_json::from_value(self.session.clone())?;
        let uid = ownership.session_uid.as_deref();
        trust::record_trusted(cluster, uid, &stored.spec, None, sink);
        let claims = self.build_claims(&ownership, snapshots)?;
        note_sizes(snapshots.iter().zip(&claims), sink);
        self.create_objects(cluster, &session, &ownership, &claims, with)
            .await?;
        let session = self.complete(cluster, &session, &ownership, with, now);
        let session = session.await?;
        let namespace = self.ownership.namespace.as_str();
        let restored = wait_claims_bound(cluster, namespace, &claims, with, sink).await;
        let restored = restored.map_err(|error| with_claims_hint(error, &session))?;
        Ok(CloneOutcome {
            session,
            restore: restored,
        })
    }

    /// Creates the Secret and the claims, or adopts the kept Secret. If an object is refused, the Session and all others are deleted
    /// again.
    async fn create_objects(
        &self,
        cluster: &Cluster,
        session: &Value,
        ownership: &Ownership,
        claims: &[Value],
        with: &SnapshotRun<'_>,
    ) -> Result<()> {
        let secret = (!self.takes_secret).then(|| self.build_secret(ownership));
        let secret = secret.flatten().map(|secret| (&SECRET, secret));
        let typed = |claim: &Value| (&PERSISTENT_VOLUME_CLAIM, claim.clone());
        let objects: Vec<(&ResourceType, Value)> =
            secret.into_iter().chain(claims.iter().map(typed)).collect();
        let posts = objects
            .iter()
            .map(|(kind, object)| create_or_get(cluster, kind, object, ownership, with.write));
        let (mut made, mut refused) = (vec![(&SESSION, session.clone())], None);
        for ((kind, _), result) in objects.iter().zip(join_all(posts).await) {
            match result {
                Ok(object) => made.push((kind, object)),
                Err(error) => refused = refused.or(Some(error)),
            }
        }
        if refused.is_none() {
            refused = self.adopt_secret(cluster, ownership, with).await.err();
        }
        let Some(error) = refused else {
            return Ok(());
        };
        let namespace = ownership.namespace.as_str();
        delete_created(cluster, namespace, &made, with.write).await;
        Err(with_retry_hint(error, &self.session))
    }

    /// Writes the status and marks the copy as complete. Returns the Session.
    async fn complete(
        &self,
        cluster: &Cluster,
        session: &Value,
        ownership: &Ownership,
        with: &SnapshotRun<'_>,
        now: Timestamp,
    ) -> Result<Value> {
        let told = self.write_stopped_status(cluster, session, with, now).await;
        let finish = match told {
            Ok(_) => mark_complete(cluster, ownership, with.write).await,
            Err(error) => Err(error),
        };
        finish.map_err(|error| with_finish_hint(error, &self.session))
    }

    /// Writes the status of a stopped session: without one, it would count as starting.
    async fn write_stopped_status(
        &self,
        cluster: &Cluster,
        made: &Value,
        with: &SnapshotRun<'_>,
        now: Timestamp,
    ) -> Result<Value> {
        let session: Session = serde_json::from_value(made.clone())?;
        let patch = status_patch::never_started_status(&session, now);
        cluster.patch_status(&session, patch, with.write).await
    }

    async fn create_session(&self, cluster: &Cluster, write: &WriteOptions) -> Result<Value> {
        let namespace = self.ownership.namespace.as_str();
        let posted = cluster
            .create(&SESSION, namespace, &self.session, write)
            .await;
        let error = match posted {
            Err(error) if failure::has_kind(&error, FailureKind::Unreachable) => error,
            other => return other,
        };
        // The request may have succeeded although its answer was lost.
        let name = self.ownership.session.as_str();
        let found = cluster.get(&SESSION, namespace, name).await;
        let same = |session: &Value| incomplete_source(session) == incomplete_source(&self.session);
        found.ok().flatten().filter(same).ok_or(error)
    }

    fn build_claims(&self, ownership: &Ownership, snapshots: &[Value]) -> Result<Vec<Value>> {
        let claims = snapshots.iter().map(|snapshot| {
            let old = required_source_claim(snapshot)?;
            let found = self.found.iter().find(|object| {
                Untyped(object).kind() == "PersistentVolumeClaim" && Untyped(object).name() == old
            });
            let name = self.claim_mapping.get(old).map_or(old, String::as_str);
            claim_from_snapshot(ownership, snapshot, found, name, self.size.as_ref())
        });
        claims.collect()
    }

    fn build_secret(&self, ownership: &Ownership) -> Option<Value> {
        let old = self.secret.as_ref()?;
        let own = json!({ labels::PARAMETERS: "true" });
        let mut secret = json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": { "name": parameters_secret_name(ownership.session.as_str()), "labels": own },
        });
        for field in ["type", "data", "immutable"] {
            if let Some(value) = old.get(field) {
                secret[field] = value.clone();
            }
        }
        ownership.apply_to(&mut secret);
        Some(secret)
    }

    /// Adopts the kept Secret: the data needs its old passwords.
    async fn adopt_secret(
        &self,
        cluster: &Cluster,
        ownership: &Ownership,
        with: &SnapshotRun<'_>,
    ) -> Result<()> {
        let Some(secret) = self.secret.as_ref().filter(|_| self.takes_secret) else {
            return Ok(());
        };
        let patch = json!({ "metadata": {
            "uid": Untyped(secret).require_uid()?,
            "annotations": { labels::SESSION_UID: ownership.session_uid, labels::KEPT_SINCE: null },
        } });
        let (namespace, name) = (ownership.namespace.as_str(), Untyped(secret).name());
        cluster
            .merge_patch(&SECRET, namespace, name, None, &patch, with.write)
            .await
            .map(drop)
    }
}

/// Renders the template for the copy, and returns its objects.
fn render_copy(
    source: &ObservedSession,
    name: &SessionName,
    template: Option<&SessionTemplate>,
    stored: Option<&BTreeMap<String, String>>,
) -> Result<Vec<Value>> {
    let nothing = BTreeMap::new();
    let rendered = render(&RenderInput {
        session: name,
        namespace: &source.ownership()?.namespace,
        spec: &source.session.spec,
        source: manifest_source(source, template)?,
        set_values: &nothing,
        file_values: &nothing,
        stored_secrets: stored.unwrap_or(&nothing),
        omit_secrets: false,
    })?;
    Ok(rendered.rendering.objects)
}

fn cloned_session(
    source: &ObservedSession,
    name: &SessionName,
    with_secret: bool,
    set: &str,
) -> Value {
    let mut spec = source.object.get("spec").cloned().unwrap_or_default();
    if let Some(spec) = spec.as_object_mut() {
        spec.shift_remove("startRequest");
        spec.shift_remove("secretsFrom");
        spec.insert("state".into(), json!(DesiredState::Stopped));
        if with_secret {
            spec.insert("secretsFrom".into(), "client".into());
        }
    }
    let user = labels::to_label_value(source.session.owner());
    let own = json!({ labels::USER: user });
    json!({
        "apiVersion": API_VERSION,
        "kind": "Session",
        "metadata": {
            "name": name.as_str(),
            "namespace": source.namespace(),
            "labels": own,
            "annotations": { labels::COPYING: set },
        },
        "spec": spec,
    })
}
