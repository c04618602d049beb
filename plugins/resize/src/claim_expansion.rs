//! Expansion of a session's PersistentVolumeClaims.

use anyhow::{Error, Result, anyhow, bail};
use futures::future::try_join_all;
use serde_json::{Value, json};
use session_shared::api::IntOrString;
use session_shared::capacity::run_record::{RunAmounts, add_resize};
use session_shared::client::{DryRun, WriteOptions, parse_object, timed_out};
use session_shared::diagnosis::expansion::{Expansion, claim_expansion};
use session_shared::failure::{self, Failure, FailureKind, with_evidence, with_hint};
use session_shared::k8s_openapi::api::storage::v1::StorageClass;
use session_shared::labels::MANAGER;
use session_shared::objects::Untyped;
use session_shared::objects::kept_data::is_bound;
use session_shared::objects::resource::{CSI_DRIVER, PERSISTENT_VOLUME_CLAIM, STORAGE_CLASS};
use session_shared::ops::ObservedSession;
use session_shared::ops::{Cluster, ExpansionOutcome};
use session_shared::progress::SharedSink;
use session_shared::quantity::Quantity;
use session_shared::verb::Environment;

use crate::intent::Intent;

/// JSON pointer of a claim's storage request.
pub(crate) const STORAGE_REQUEST: &str = "/spec/resources/requests/storage";

/// The claims to expand, and the change of the Session's spec.
#[derive(Clone, Debug, Default)]
pub(crate) struct ClaimExpansion {
    pub(crate) claims: Vec<Value>,
    /// Merge patch of spec.storage.size; `None` if the spec has the size already or none is requested.
    pub(crate) session_patch: Option<Value>,
    /// Storage that all claims of the session request after the expansion, also if an interrupted command has patched them; `None` without
    /// claims.
    pub(crate) storage_after: Option<Quantity>,
}

impl ClaimExpansion {
    /// Selects the claims that are smaller than `size` or still being expanded to it.
    ///
    /// # Errors
    /// The session has no claims, or one of them is larger or not bound.
    pub(crate) fn plan(observed: &ObservedSession, size: Option<Quantity>) -> Result<Self> {
        let Some(size) = size else {
            return Ok(Self::default());
        };
        let name = observed.name();
        let data = observed.live.own_data(&observed.session);
        let claims: Vec<&Value> = data
            .filter(|object| Untyped(object).kind() == "PersistentVolumeClaim")
            .collect();
        if claims.is_empty() {
            bail!(
                "cannot resize storage of session {name:?}: session has no PersistentVolumeClaims"
            );
        }
        let count = i64::try_from(claims.len()).unwrap_or(i64::MAX);
        let mut grow = Vec::new();
        for claim in claims {
            let id = Untyped(claim).name();
            let has = quantity_at(claim, STORAGE_REQUEST)
                .max(quantity_at(claim, "/status/capacity/storage"));
            if let Some(has) = has.filter(|has| *has > size) {
                bail!(
                    "cannot shrink claim {id:?} from {has} to {size}: claims can only be expanded"
                );
            }
            if !is_bound(claim) {
                bail!("cannot expand claim {id:?}: not bound to a volume yet");
            }
            // A claim that an interrupted command has patched is waited for.
            if quantity_at(claim, STORAGE_REQUEST) < Some(size)
                || claim_expansion(&parse_object(claim.clone())?) != Expansion::Done
            {
                grow.push(claim.clone());
            }
        }
        let wants = observed.session.spec.storage.as_ref();
        let wants = wants.and_then(|storage| storage.size.as_ref()?.to_string().parse().ok());
        let size_text = IntOrString::from(size.to_string().as_str());
        let patch = json!({ "spec": { "storage": { "size": size_text } } });
        Ok(Self {
            storage_after: (count > 0).then(|| size.multiply(count)),
            claims: grow,
            session_patch: (wants != Some(size)).then_some(patch),
        })
    }

    /// Returns true if there is anything to write.
    pub(crate) fn has_changes(&self) -> bool {
        self.session_patch.is_some() || !self.claims.is_empty()
    }

    /// Checks before the first write that StorageClass, CSI driver and quota allow the expansion. Adds a note for what the caller
    /// may not read.
    ///
    /// # Errors
    /// The first reason against the expansion.
    pub(crate) async fn check(
        &self,
        cluster: &Cluster,
        intent: &Intent,
        notes: &mut Vec<String>,
    ) -> Result<()> {
        for claim in &self.claims {
            if let Err(error) = check_class_and_driver(cluster, claim).await {
                match failure::find_failure(&error) {
                    Some(failure) if failure.kind == FailureKind::Forbidden => notes.push(format!(
                        "StorageClass {:?} and its driver not checked: no permission to read them",
                        Untyped(claim)
                            .str_at("/spec/storageClassName")
                            .unwrap_or(Untyped::NONE)
                    )),
                    _ => return Err(error),
                }
            }
            if let (Some(size), false) = (intent.storage, intent.mutation.dry_run == DryRun::Client)
            {
                // A server dry run checks quotas.
                let rehearsal = WriteOptions::by(MANAGER).as_dry_run();
                patch_storage_request(cluster, claim, size, &rehearsal).await?;
            }
        }
        Ok(())
    }

    /// Expands the claims, waits for their file systems, and writes the size into the Session. Returns the Session if it changed.
    ///
    /// # Errors
    /// A driver that refuses the size, with the claim's condition; TimedOut; Interrupted.
    pub(crate) async fn apply(
        &self,
        cluster: &Cluster,
        intent: &Intent,
        observed: &ObservedSession,
        environment: &Environment,
        sink: &SharedSink<'_>,
    ) -> Result<Option<Value>> {
        let write = &intent.mutation.write;
        let Some(size) = intent.storage.filter(|_| self.has_changes()) else {
            return Ok(None);
        };
        let asks = self
            .claims
            .iter()
            .map(|claim| patch_storage_request(cluster, claim, size, write));
        let asked = try_join_all(asks).await?;
        let mut unfinished = None;
        if let Some(limit) = intent.wait.filter(|_| !write.dry_run) {
            let interrupt = &environment.interrupt;
            let waits = asked.iter().map(|claim| async move {
                let mut sink = sink;
                cluster
                    .wait_expanded(claim, limit, interrupt, &mut sink)
                    .await
            });
            let grown = try_join_all(waits).await?;
            for (before, grown) in self.claims.iter().zip(&grown) {
                if let Expansion::Infeasible(said) = &grown.state {
                    return Err(self
                        .revert_refused(cluster, before, grown, said, write)
                        .await);
                }
            }
            unfinished = grown.iter().find_map(unfinished_expansion_error);
        }
        let object = match self.session_patch.clone() {
            Some(mut patch) => {
                let amounts = RunAmounts {
                    storage: self.storage_after,
                    ..RunAmounts::default()
                };
                let session = &observed.session;
                add_resize(&mut patch, session, &amounts, environment.now());
                Some(cluster.patch_session(session, patch, write).await?)
            }
            None => None,
        };
        unfinished.map_or(Ok(object), Err)
    }

    /// Reduces the claim's request again as far as the server allows, and returns the error of the refused size.
    async fn revert_refused(
        &self,
        cluster: &Cluster,
        before: &Value,
        grown: &ExpansionOutcome,
        said: &str,
        write: &WriteOptions,
    ) -> Error {
        let name = Untyped(before).name();
        let error = anyhow!("cannot expand claim {name:?}: its driver refuses the size");
        let error = with_evidence(error, vec![format!("claim {name:?}: {said}")]);
        // A reduced request has to stay above the volume's capacity, which is most often just the previous request.
        let byte = Quantity::from_units(1);
        let least = quantity_at(&grown.claim, "/status/capacity/storage").map(|has| has.add(&byte));
        let Some(back) = quantity_at(before, STORAGE_REQUEST).max(least) else {
            return error;
        };
        match patch_storage_request(cluster, before, back, write).await {
            Ok(_) => with_hint(
                error,
                format!(
                    "choose another size: the request has been reduced to {back}, the least the server accepts"
                ),
            ),
            Err(_) => with_hint(
                error,
                "choose another size: the server does not take the request back, and keeps retrying before Kubernetes 1.34",
            ),
        }
    }
}

/// Returns the quantity at a JSON pointer.
pub(crate) fn quantity_at(object: &Value, path: &str) -> Option<Quantity> {
    serde_json::from_value(object.pointer(path)?.clone()).ok()
}

async fn check_class_and_driver(cluster: &Cluster, claim: &Value) -> Result<()> {
    let id = Untyped(claim).name();
    let Some(name) = Untyped(claim).str_at("/spec/storageClassName") else {
        bail!("cannot expand claim {id:?}: claim has no StorageClass");
    };
    let Some(class) = cluster.get_shared(&STORAGE_CLASS, "", name).await? else {
        bail!("cannot expand claim {id:?}: StorageClass {name:?} does not exist");
    };
    let class: StorageClass = parse_object(class)?;
    if class.allow_volume_expansion != Some(true) {
        bail!("cannot expand claim {id:?}: StorageClass {name:?} does not allow expansion");
    }
    let driver = class.provisioner;
    // Provisioners that are built into Kubernetes have no CSIDriver object.
    if !driver.starts_with("kubernetes.io/")
        && cluster
            .get_shared(&CSI_DRIVER, "", &driver)
            .await?
            .is_none()
    {
        bail!("cannot expand claim {id:?}: CSI driver {driver:?} is not installed");
    }
    Ok(())
}

async fn patch_storage_request(
    cluster: &Cluster,
    claim: &Value,
    size: Quantity,
    write: &WriteOptions,
) -> Result<Value> {
    let (namespace, name) = (Untyped(claim).home_namespace(), Untyped(claim).name());
    let patch = json!({ "metadata": { "uid": Untyped(claim).require_uid()? },
        "spec": { "resources": { "requests": { "storage": size.to_string() } } } });
    let claims = &PERSISTENT_VOLUME_CLAIM;
    cluster
        .merge_patch(claims, namespace, name, None, &patch, write)
        .await
}

/// Returns the error of a wait that ended early, if it did; the expansion continues.
fn unfinished_expansion_error(grown: &ExpansionOutcome) -> Option<Error> {
    let name = Untyped(&grown.claim).name();
    let error = match grown.aborted_by? {
        FailureKind::Interrupted => Error::new(Failure::client_side(
            FailureKind::Interrupted,
            "interrupted",
        )),
        _ => timed_out(&PERSISTENT_VOLUME_CLAIM, name),
    };
    let said = match &grown.state {
        Expansion::InProgress(said) if !said.is_empty() => said.as_str(),
        _ => "file system not resized yet",
    };
    let error = with_evidence(error, vec![format!("claim {name:?}: {said}")]);
    Some(with_hint(
        error,
        "repeat the command to wait: the expansion continues in the background",
    ))
}
