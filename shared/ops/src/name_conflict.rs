//! Classification of an existing object whose name a session needs, and the errors for objects that the session must not
//! use.

use serde_json::Value;

use session_model::api::API_VERSION;
use session_model::encode::shell;
use session_model::failure::with_hint;
use session_model::labels;
use session_model::objects::ResourceType;
use session_model::objects::Untyped;
use session_model::objects::kept_data::has_attribution;
use session_model::objects::ownership::{Ownership, is_data};
use session_model::objects::resource::SESSION;

/// Reason why data without a known origin is not adopted.
pub(super) const UNATTRIBUTED_REASON: &str =
    "without the annotations of the run and the Session that created it";

/// The relation of an existing object to the session that needs its name.
pub(super) enum NameConflict {
    OwnedBySession,
    Kept,
    KeptByOtherTemplate(String),
    /// Labelled as data of the session, without the annotations of the run and Session that created it.
    Unattributed,
    Foreign,
}

/// Classifies the existing object `found`, where `wanted` was to be created. Data has no owner: an ownerReference on it
/// could have been written by anybody and proves nothing.
pub(super) fn classify_conflict(
    found: &Value,
    wanted: &Value,
    ownership: &Ownership,
) -> NameConflict {
    if !is_data(wanted) {
        return match Untyped(found).is_owned_by(ownership.session_uid.as_deref()) {
            true => NameConflict::OwnedBySession,
            false => NameConflict::Foreign,
        };
    }
    let same = Untyped(found).label(labels::SESSION) == Some(ownership.session.as_str())
        && Untyped(found).annotation(labels::USER_ID) == Some(ownership.user_id.as_str());
    if !same {
        return NameConflict::Foreign;
    }
    let (theirs, ours) = (
        Untyped(found).annotation(labels::TEMPLATE),
        Untyped(wanted).annotation(labels::TEMPLATE),
    );
    if theirs != ours {
        return NameConflict::KeptByOtherTemplate(theirs.unwrap_or(Untyped::NONE).to_owned());
    }
    let uid = Untyped(found)
        .annotation(labels::SESSION_UID)
        .filter(|uid| !uid.is_empty());
    match uid {
        Some(_) if uid == ownership.session_uid.as_deref() => NameConflict::OwnedBySession,
        _ if has_attribution(found) => NameConflict::Kept,
        _ => NameConflict::Unattributed,
    }
}

/// Returns the error for data that is not proven to belong to the session.
pub(super) fn unproven_data_error(
    resource: &ResourceType,
    found: &Value,
    why: &str,
) -> anyhow::Error {
    let (name, namespace) = (Untyped(found).name(), Untyped(found).home_namespace());
    let (kind, singular) = (&resource.kind, resource.singular());
    let error = anyhow::anyhow!(
        "cannot reuse {kind} {name:?}: labelled as kept data of this session, but {why}"
    );
    let look = format!("inspect it: kubectl describe {singular} {name} -n {namespace}");
    let delete = format!("delete it: kubectl delete {singular} {name} -n {namespace}");
    let take = format!("adopt it, if it is yours, with --use-existing {singular}/{name}");
    with_hint(with_hint(with_hint(error, look), delete), take)
}

/// Returns the error for an object of somebody else.
pub(super) fn foreign_object_error(
    resource: &ResourceType,
    found: &Value,
    ownership: &Ownership,
) -> anyhow::Error {
    let name = Untyped(found).name();
    let mut owners = Untyped(found).owners();
    // A name that holds the user belongs to the user's other session.
    if let Some(other) =
        owners.find(|owner| owner.kind == SESSION.kind && owner.api_version == API_VERSION)
    {
        let error = anyhow::anyhow!(
            "{} {name:?} already exists and is part of session {:?}",
            resource.kind,
            other.name
        );
        let namespace = ownership.namespace.as_str();
        let command = |verb: &str| {
            shell::quote_command(&["kubectl", "session", verb, other.name, "-n", namespace])
        };
        let error = with_hint(error, format!("use that session: {}", command("connect")));
        return with_hint(error, format!("or delete it first: {}", command("delete")));
    }
    let error = anyhow::anyhow!(
        "{} {name:?} already exists and is not part of session {:?}",
        resource.kind,
        ownership.session.as_str()
    );
    let kind = resource.kind.to_lowercase();
    with_hint(
        error,
        format!(
            "choose another name, or use the existing object with --use-existing {kind}/{name}"
        ),
    )
}

/// Returns the error for data kept by a session of another template.
pub(super) fn other_template_error(
    resource: &ResourceType,
    found: &Value,
    template: &str,
) -> anyhow::Error {
    let name = Untyped(found).name();
    // Not the server's AlreadyExists with a context: server errors are printed without their context.
    let kind = &resource.kind;
    let error =
        anyhow::anyhow!("cannot reuse {kind} {name:?}: kept by a session of template {template:?}");
    with_hint(
        error,
        format!(
            "choose another name, or delete the data: {}",
            shell::quote_command(&[
                "kubectl",
                "delete",
                &resource.plural,
                name,
                "-n",
                Untyped(found).home_namespace(),
            ])
        ),
    )
}

/// Returns the error for a claim of somebody else that a StatefulSet would use.
pub(super) fn foreign_claim_error(claim: &str, ownership: &Ownership) -> anyhow::Error {
    let error = anyhow::anyhow!(
        "PersistentVolumeClaim {claim:?} already exists and is not part of session {:?}",
        ownership.session.as_str()
    );
    with_hint(
        error,
        "choose another name: the StatefulSet would use the existing claim",
    )
}
