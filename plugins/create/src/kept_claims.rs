//! Check of claims kept from earlier sessions of the same name: which are adopted, which differ, and which stay unused.

use std::collections::HashMap;

use anyhow::Result;
use serde_json::Value;
use session_shared::client::{ListOptions, Scope};
use session_shared::failure::{self, FailureKind};
use session_shared::labels;
use session_shared::objects::Untyped;
use session_shared::objects::kept_data::{
    immutable_difference, kept_claim_error, storage_size, was_bound,
};
use session_shared::objects::resource::PERSISTENT_VOLUME_CLAIM;
use session_shared::ops::Cluster;
use session_shared::progress::{ProgressEvent, ProgressSink};
use session_shared::quantity::Quantity;
use session_shared::reconcile::expected_claims;

use crate::intent::Intent;
use crate::plan::NewSession;

const SIZE_POINTER: &str = "/spec/resources/requests/storage";

/// Bound claims with the session's label.
#[derive(Debug, Default)]
pub(crate) struct KeptClaims {
    claims: Vec<Value>,
}

impl KeptClaims {
    /// Lists the kept claims. Without permission the check is skipped with a note; conflicts then show when the objects are
    /// created.
    ///
    /// # Errors
    /// A refusal of the server other than Forbidden.
    pub(crate) async fn list(
        cluster: &Cluster,
        subject: &NewSession,
        sink: &mut dyn ProgressSink,
    ) -> Result<Self> {
        let selector = format!("{}={}", labels::SESSION, subject.name);
        let namespace = subject.ownership.namespace.as_str();
        match list_bound(cluster, namespace, selector).await {
            Ok(claims) => Ok(Self { claims }),
            Err(error) if failure::has_kind(&error, FailureKind::Forbidden) => {
                let note = "kept claims not checked: no permission to list them";
                sink.tell(ProgressEvent::Note(note.into()));
                Ok(Self::default())
            }
            Err(error) => Err(error),
        }
    }

    /// Lists the claims of all sessions of a namespace by one request, and returns them by session.
    ///
    /// # Errors
    /// A refusal of the server.
    pub(crate) async fn list_by_session(
        cluster: &Cluster,
        namespace: &str,
    ) -> Result<HashMap<String, Self>> {
        let mut found: HashMap<String, Self> = HashMap::new();
        for claim in list_bound(cluster, namespace, labels::SESSION.to_owned()).await? {
            let Some(session) = Untyped(&claim).label(labels::SESSION) else {
                continue;
            };
            let claims = found.entry(session.to_owned()).or_default();
            claims.claims.push(claim);
        }
        Ok(found)
    }

    /// Compares the kept claims with the wanted ones. Returns a note for each claim that is adopted or stays unused.
    ///
    /// # Errors
    /// The first claim that differs from the wanted one, with hints.
    pub(crate) fn compare(&self, subject: &NewSession, intent: &Intent) -> Result<Vec<String>> {
        let objects = subject.start(&intent.use_existing, None).owned_objects();
        let wanted = expected_claims(&objects);
        let mut notes = Vec::new();
        for claim in &self.claims {
            let name = Untyped(claim).name();
            let wanted = wanted.iter().find(|wanted| Untyped(wanted).name() == name);
            match wanted {
                Some(wanted) if is_adoptable(claim, subject) => {
                    ensure_unchanged(claim, wanted, intent)?;
                    notes.push(adopted_note(claim));
                }
                // Another owner's claim: its creation fails with a conflict that names the owner.
                Some(_) => {}
                None => notes.push(unused_note(claim, subject)),
            }
        }
        Ok(notes)
    }
}

/// Lists bound claims. They are read again when they are created, so a cached state is good enough here.
async fn list_bound(
    cluster: &Cluster,
    namespace: &str,
    label_selector: String,
) -> Result<Vec<Value>> {
    let select = ListOptions {
        label_selector,
        from_cache: true,
        ..ListOptions::default()
    };
    let scope = Scope::Namespace(namespace);
    let list = cluster
        .list(&PERSISTENT_VOLUME_CLAIM, scope, &select)
        .await?;
    let mut claims = list.items;
    claims.retain(|claim| was_bound(claim) && !Untyped(claim).is_terminating());
    Ok(claims)
}

fn is_adoptable(claim: &Value, subject: &NewSession) -> bool {
    Untyped(claim).annotation(labels::USER_ID) == Some(subject.ownership.user_id.as_str())
        && Untyped(claim).annotation(labels::TEMPLATE) == subject.ownership.template.as_deref()
}

fn ensure_unchanged(claim: &Value, wanted: &Value, intent: &Intent) -> Result<()> {
    if let Some((field, has, wants)) = immutable_difference(claim, wanted) {
        let field = format!("spec.{field}");
        return Err(kept_claim_error(
            claim,
            &field,
            &has.to_string(),
            &wants.to_string(),
        ));
    }
    // A size from the template is a minimum; a size from a flag must match.
    let storage = intent.session.spec.storage.as_ref();
    let given = storage.and_then(|storage| storage.size.as_ref());
    let size = |claim| {
        Untyped(claim)
            .str_at(SIZE_POINTER)?
            .parse::<Quantity>()
            .ok()
    };
    if let (Some(given), Some(has), Some(wants)) = (
        given.and_then(|given| given.to_string().parse().ok()),
        size(claim),
        size(wanted),
    ) && wants == given
        && wants < has
    {
        let (has, wants) = (has.to_string(), wants.to_string());
        return Err(kept_claim_error(claim, "size", &has, &wants));
    }
    Ok(())
}

/// Size of a claim that has none, which the API server refuses.
const UNKNOWN_SIZE: &str = "unknown size";

/// Returns the note for an adopted claim. Adoption is always reported, because anyone can set labels.
fn adopted_note(claim: &Value) -> String {
    let since = Untyped(claim).annotation(labels::KEPT_SINCE);
    format!(
        "persistentvolumeclaim {:?} ({}) is adopted: kept since {}",
        Untyped(claim).name(),
        storage_size(claim).unwrap_or(UNKNOWN_SIZE),
        since.map_or_else(|| "an unknown time".into(), str::to_owned)
    )
}

/// Returns the note for an unused claim, with the commands to list and delete it.
fn unused_note(claim: &Value, subject: &NewSession) -> String {
    let (name, namespace) = (Untyped(claim).name(), subject.ownership.namespace.as_str());
    let user = Untyped(claim)
        .annotation(labels::USER_ID)
        .or_else(|| Untyped(claim).label(labels::USER));
    let template = Untyped(claim).annotation(labels::TEMPLATE);
    let of = match template {
        Some(template) => format!("template {template:?}"),
        None => "a manifest".to_owned(),
    };
    format!(
        "persistentvolumeclaim {name:?} ({size}), kept from a session {session:?} of user {user:?} and {of}, is not used. \
        List kept data: kubectl session list --kept -n {namespace}; delete the claim: \
        kubectl delete persistentvolumeclaim {name} -n {namespace}",
        size = storage_size(claim).unwrap_or(UNKNOWN_SIZE),
        session = subject.name.as_str(),
        user = user.unwrap_or_default(),
    )
}
