//! Whose an object is whose name was to be taken.

use serde_json::Value;

use session_model::encode::shell;
use session_model::failure::hinted;
use session_model::labels;
use session_model::objects::ResourceType;
use session_model::objects::belonging::{Belonging, is_data};
use session_model::objects::kept::is_attributed;
use session_model::objects::resource::{annotation, label, text};

/// Why data is not taken up that does not say where it comes from.
pub(super) const NAMELESS: &str = "does not name the run and the Session that made it";

/// Whose an object of a taken name is.
pub(super) enum Whose {
    Ours,
    Kept,
    KeptByOtherTemplate(String),
    /// It carries our labels, and does not say which run and which Session made it.
    Unattributed,
    Others,
}

/// Whose `found` is, where `wanted` was to be made. Data has no owner: a reference on it, which anybody can write, says
/// nothing.
pub(super) fn whose(found: &Value, wanted: &Value, belonging: &Belonging) -> Whose {
    if !is_data(wanted) {
        let owners = found.pointer("/metadata/ownerReferences");
        let mut owners = owners.and_then(Value::as_array).into_iter().flatten();
        return match owners.any(|owner| text(owner, "/uid") == belonging.session_uid) {
            true => Whose::Ours,
            false => Whose::Others,
        };
    }
    let same = label(found, labels::SESSION) == Some(belonging.session.as_str())
        && annotation(found, labels::USER_ID) == Some(belonging.user_id.as_str());
    if !same {
        return Whose::Others;
    }
    let (theirs, ours) = (
        annotation(found, labels::TEMPLATE),
        annotation(wanted, labels::TEMPLATE),
    );
    if theirs != ours {
        return Whose::KeptByOtherTemplate(theirs.unwrap_or_default().to_owned());
    }
    let uid = annotation(found, labels::SESSION_UID).filter(|uid| !uid.is_empty());
    match uid {
        Some(uid) if uid == belonging.session_uid => Whose::Ours,
        _ if is_attributed(found) => Whose::Kept,
        _ => Whose::Unattributed,
    }
}

/// The error for data that nothing proves to be this session's, and the ways out.
pub(super) fn unproven(resource: &ResourceType, found: &Value, why: &str) -> anyhow::Error {
    let (name, namespace) = (
        text(found, "/metadata/name"),
        text(found, "/metadata/namespace"),
    );
    let (kind, singular) = (&resource.kind, resource.singular());
    let error =
        anyhow::anyhow!("{kind} {name:?} is labelled as kept data of this session, but {why}");
    let look = format!("look at it: kubectl describe {singular} {name} -n {namespace}");
    let delete = format!("delete it: kubectl delete {singular} {name} -n {namespace}");
    let take = format!("if it is yours, take it up with --use-existing {singular}/{name}");
    hinted(hinted(hinted(error, look), delete), take)
}

/// The error for a name that somebody else has.
pub(super) fn foreign(resource: &ResourceType, name: &str, belonging: &Belonging) -> anyhow::Error {
    let error = anyhow::anyhow!(
        "{} {name:?} already exists and is not part of session {:?}",
        resource.kind,
        belonging.session.as_str()
    );
    let kind = resource.kind.to_lowercase();
    hinted(
        error,
        format!("choose another name, or use it as it is with --use-existing {kind}/{name}"),
    )
}

/// The error for data that was kept of a session of another template.
pub(super) fn of_another_template(
    resource: &ResourceType,
    found: &Value,
    template: &str,
) -> anyhow::Error {
    let name = text(found, "/metadata/name");
    // Not the server's AlreadyExists with a context: what the server says is printed without any.
    let kind = &resource.kind;
    let error =
        anyhow::anyhow!("{kind} {name:?} is kept data of a session of template {template:?}");
    hinted(
        error,
        format!(
            "choose another name, or remove the data: {}",
            shell::line(&[
                "kubectl",
                "delete",
                &resource.plural,
                name,
                "-n",
                text(found, "/metadata/namespace"),
            ])
        ),
    )
}

/// The error for somebody else's claim, which a StatefulSet would use all the same.
pub(super) fn anothers(claim: &str, belonging: &Belonging) -> anyhow::Error {
    let error = anyhow::anyhow!(
        "PersistentVolumeClaim {claim:?} already exists and is not part of session {:?}",
        belonging.session.as_str()
    );
    hinted(
        error,
        "choose another name: a StatefulSet uses any claim of this one",
    )
}
