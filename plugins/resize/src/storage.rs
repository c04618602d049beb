//! More room for a session's data: its claims grow, and never shrink.

use anyhow::{Error, Result, anyhow, bail};
use futures::future::try_join_all;
use serde_json::{Value, json};
use session_shared::api::IntOrString;
use session_shared::client::DryRun;
use session_shared::client::Write;
use session_shared::client::timed_out;
use session_shared::diagnosis::growing::{Growing, growing};
use session_shared::failure::{self, Failure, Kind, hinted, proved};
use session_shared::labels::MANAGER;
use session_shared::objects::resource::{
    CSI_DRIVER, PERSISTENT_VOLUME_CLAIM, SESSION, STORAGE_CLASS, text,
};
use session_shared::ops::Cluster;
use session_shared::ops::Grown;
use session_shared::ops::stopping::Present;
use session_shared::quantity::Quantity;
use session_shared::verb::Ground;

use crate::plan::Intent;

/// What a claim asks for.
const ASKED: &str = "/spec/resources/requests/storage";

/// The claims that grow, and what the Session wants then.
#[derive(Clone, Debug, Default)]
pub(crate) struct Growth {
    pub(crate) claims: Vec<Value>,
    /// A merge patch; nothing where it wants that already, or nothing is asked.
    pub(crate) wish: Option<Value>,
}

impl Growth {
    /// Which claims grow to `size`.
    ///
    /// # Errors
    /// When there are none, or one is larger or not bound.
    pub(crate) fn of(present: &Present, size: Option<Quantity>) -> Result<Self> {
        let Some(size) = size else {
            return Ok(Self::default());
        };
        let name = present.name();
        let data = present.live.own_data(&present.session);
        let claims: Vec<&Value> = data
            .filter(|object| text(object, "/kind") == "PersistentVolumeClaim")
            .collect();
        if claims.is_empty() {
            bail!("session {name:?} has no PersistentVolumeClaim that could grow");
        }
        let mut grow = Vec::new();
        for claim in claims {
            let id = text(claim, "/metadata/name");
            let has = amount(claim, ASKED).max(amount(claim, "/status/capacity/storage"));
            if let Some(has) = has.filter(|has| *has > size) {
                bail!("claim {id:?} has {has}, and no claim can shrink to {size}");
            }
            if text(claim, "/status/phase") != "Bound" {
                bail!("claim {id:?} is not bound to a volume yet");
            }
            // One that was asked already, by a client that was killed, is waited for.
            if amount(claim, ASKED) < Some(size) || growing(claim) != Growing::Done {
                grow.push(claim.clone());
            }
        }
        let wants = present.session.spec.storage.as_ref();
        let wants = wants.and_then(|storage| storage.size.as_ref()?.to_string().parse().ok());
        let wish = json!({ "metadata": { "uid": present.belonging.session_uid },
            "spec": { "storage": { "size": IntOrString::from(size.to_string().as_str()) } } });
        Ok(Self {
            claims: grow,
            wish: (wants != Some(size)).then_some(wish),
        })
    }

    /// True if there is anything to write.
    pub(crate) fn any(&self) -> bool {
        self.wish.is_some() || !self.claims.is_empty()
    }

    /// Looks whether class, driver and quota let the claims grow, before anything is written. What may not be read is noted.
    ///
    /// # Errors
    /// What stands against it.
    pub(crate) async fn check(
        &self,
        cluster: &Cluster,
        intent: &Intent,
        notes: &mut Vec<String>,
    ) -> Result<()> {
        for claim in &self.claims {
            if let Err(error) = class_and_driver(cluster, claim).await {
                match failure::of(&error) {
                    Some(failure) if failure.kind == Kind::Forbidden => notes.push(format!(
                        "StorageClass {:?} and its driver are not checked: you may not read them",
                        text(claim, "/spec/storageClassName")
                    )),
                    _ => return Err(error),
                }
            }
            if let (Some(size), false) = (intent.storage, intent.dry_run == DryRun::Client) {
                // The server knows about quotas.
                let rehearsal = Write {
                    dry_run: true,
                    ..Write::by(MANAGER)
                };
                ask(cluster, claim, size, &rehearsal).await?;
            }
        }
        Ok(())
    }

    /// Grows the claims, waits, and writes the size into the Session; as it is then, if it changed.
    ///
    /// # Errors
    /// A driver that refuses the size, with the claim's condition; a wait that was given up.
    pub(crate) async fn carry_out(
        &self,
        cluster: &Cluster,
        intent: &Intent,
        present: &Present,
        write: &Write,
        ground: &Ground,
    ) -> Result<Option<Value>> {
        let Some(size) = intent.storage.filter(|_| self.any()) else {
            return Ok(None);
        };
        let _guard = ground.interrupt.guard()?;
        let asks = self
            .claims
            .iter()
            .map(|claim| ask(cluster, claim, size, write));
        let asked = try_join_all(asks).await?;
        let mut unfinished = None;
        if let Some(limit) = intent.wait.filter(|_| !write.dry_run) {
            let waits = asked.iter().map(|claim| {
                let (interrupt, mut sink) = (ground.interrupt.clone(), ground.console.progress());
                async move {
                    cluster
                        .await_growth(claim, limit, &interrupt, &mut sink)
                        .await
                }
            });
            let grown = try_join_all(waits).await?;
            for (before, grown) in self.claims.iter().zip(&grown) {
                if let Growing::Refused(said) = &grown.state {
                    return Err(self.refused(cluster, before, grown, said, write).await);
                }
            }
            unfinished = grown.iter().find_map(late);
        }
        let (namespace, name) = (present.namespace(), present.name());
        let object = match &self.wish {
            Some(wish) => Some(
                cluster
                    .merge_patch(&SESSION, namespace, name, None, wish, write)
                    .await?,
            ),
            None => None,
        };
        unfinished.map_or(Ok(object), Err)
    }

    /// The error of a size that a driver refuses, after the claim's size has been taken back as far as the server lets it.
    async fn refused(
        &self,
        cluster: &Cluster,
        before: &Value,
        grown: &Grown,
        said: &str,
        write: &Write,
    ) -> Error {
        let name = text(before, "/metadata/name");
        let error = anyhow!("claim {name:?} does not grow: its driver refuses the size");
        let error = proved(error, vec![format!("claim {name:?}: {said}")]);
        // A request has to be more than what the volume has, which is most often just what was asked for before.
        let byte = Quantity::units(1);
        let least = amount(&grown.claim, "/status/capacity/storage").map(|has| has.plus(&byte));
        let Some(back) = amount(before, ASKED).max(least) else {
            return error;
        };
        match ask(cluster, before, back, write).await {
            Ok(_) => hinted(
                error,
                format!("it asks for {back} now, the least that the server takes"),
            ),
            Err(_) => hinted(
                error,
                "the server does not take the size back: before Kubernetes 1.34 it goes on trying",
            ),
        }
    }
}

fn amount(object: &Value, path: &str) -> Option<Quantity> {
    serde_json::from_value(object.pointer(path)?.clone()).ok()
}

async fn class_and_driver(cluster: &Cluster, claim: &Value) -> Result<()> {
    let (id, name) = (
        text(claim, "/metadata/name"),
        text(claim, "/spec/storageClassName"),
    );
    if name.is_empty() {
        bail!("claim {id:?} cannot grow: it has no StorageClass");
    }
    let Some(class) = cluster.get(&STORAGE_CLASS, "", name).await? else {
        bail!("claim {id:?} cannot grow: its StorageClass {name:?} does not exist");
    };
    if class.get("allowVolumeExpansion") != Some(&Value::Bool(true)) {
        bail!("claim {id:?} cannot grow: its StorageClass {name:?} does not allow it");
    }
    let driver = text(&class, "/provisioner");
    // What is built into Kubernetes needs none.
    if !driver.starts_with("kubernetes.io/")
        && cluster.get(&CSI_DRIVER, "", driver).await?.is_none()
    {
        bail!("claim {id:?} cannot grow: no CSI driver {driver:?} is installed");
    }
    Ok(())
}

async fn ask(cluster: &Cluster, claim: &Value, size: Quantity, write: &Write) -> Result<Value> {
    let (namespace, name) = (
        text(claim, "/metadata/namespace"),
        text(claim, "/metadata/name"),
    );
    let patch = json!({ "metadata": { "uid": text(claim, "/metadata/uid") },
        "spec": { "resources": { "requests": { "storage": size.to_string() } } } });
    let claims = &PERSISTENT_VOLUME_CLAIM;
    cluster
        .merge_patch(claims, namespace, name, None, &patch, write)
        .await
}

/// The error of a wait that was given up: the growth stands.
fn late(grown: &Grown) -> Option<Error> {
    let name = text(&grown.claim, "/metadata/name");
    let error = match grown.cut_off? {
        Kind::Interrupted => Error::new(Failure::local(Kind::Interrupted, "interrupted")),
        _ => timed_out(&PERSISTENT_VOLUME_CLAIM, name),
    };
    let said = match &grown.state {
        Growing::Going(said) if !said.is_empty() => said.as_str(),
        _ => "its file system has not grown yet",
    };
    let error = proved(error, vec![format!("claim {name:?}: {said}")]);
    Some(hinted(error, "the growth stands, and goes on by itself"))
}
