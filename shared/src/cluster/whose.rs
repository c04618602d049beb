//! Whose an object is whose name was to be taken.

use serde_json::Value;

use crate::encode::shell;
use crate::failure::hinted;
use crate::labels;
use crate::objects::ResourceType;
use crate::objects::belonging::{Belonging, is_data};
use crate::objects::resource::{annotation, label, text};

/// Whose an object of a taken name is.
pub(super) enum Whose {
    Ours,
    Kept,
    KeptByOtherTemplate(String),
    Others,
}

/// Whose `found` is, where `wanted` was to be made.
pub(super) fn whose(found: &Value, wanted: &Value, belonging: &Belonging) -> Whose {
    let owners = found
        .pointer("/metadata/ownerReferences")
        .and_then(Value::as_array);
    if owners
        .into_iter()
        .flatten()
        .any(|owner| text(owner, "/uid") == belonging.session_uid)
    {
        return Whose::Ours;
    }
    let same = label(found, labels::SESSION) == Some(belonging.session.as_str())
        && annotation(found, labels::USER_ID) == Some(belonging.user_id.as_str());
    if !is_data(wanted) || !same {
        return Whose::Others;
    }
    let (theirs, ours) = (
        annotation(found, labels::TEMPLATE),
        annotation(wanted, labels::TEMPLATE),
    );
    if theirs == ours {
        Whose::Kept
    } else {
        Whose::KeptByOtherTemplate(theirs.unwrap_or_default().to_owned())
    }
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
