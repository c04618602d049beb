//! What is written into a Secret, and what of it may be shown. Pure.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, anyhow};
use serde_json::{Map, Value, json};
use session_shared::encode::shell;
use session_shared::failure::with_hint;
use session_shared::k8s_openapi::ByteString;
use session_shared::labels;
use session_shared::objects::Untyped;
use session_shared::objects::resource::SECRET;
use session_shared::ops::planned_object::PlannedObject;

use super::intent::SecretChange;
use super::values::SECRET_BYTES_MAX;
use crate::ownership::is_ours;

/// Value of the label part on the Secrets of this command.
pub(crate) const PART: &str = "secrets";

/// The request that writes a change.
#[derive(Debug)]
pub(crate) enum SecretWrite {
    /// Server-side apply of the keys that this command has set, now and before: those of others are not in it.
    Apply(Box<PlannedObject>),
    /// Merge patch of the changed keys, for a Secret of somebody else: nothing else of it becomes this command's.
    Patch { before: Value, patch: Value },
}

/// Returns why a Secret is not one that this command has made; `None` if it is.
fn foreign_reason(secret: &Value) -> Option<String> {
    let found = Untyped(secret);
    let controller = found.owners().next();
    match (found.label(labels::SESSION), controller) {
        (Some(session), _) => Some(format!("it belongs to session {session:?}")),
        (None, Some(owner)) => Some(format!("it belongs to {} {:?}", owner.kind, owner.name)),
        _ if is_ours(secret) && found.label(labels::PART) == Some(PART) => None,
        _ => Some("\"setup secrets\" did not make it".to_owned()),
    }
}

/// Plans a change of a Secret, beside the one that is there.
///
/// # Errors
/// A Secret of somebody else without `--force`; another type; a key to remove that this command has not set; more bytes than a Secret
/// can have.
pub(crate) fn plan_change(
    name: &str,
    namespace: &str,
    change: &SecretChange,
    manager: &str,
    before: Option<Value>,
) -> Result<SecretWrite> {
    check_size(name, change, before.as_ref())?;
    let Some(found) = &before else {
        if let Some(key) = change.removed.first() {
            return Err(anyhow!(
                "cannot remove key {key:?}: Secret {name:?} does not exist"
            ));
        }
        let object = manifest(name, namespace, change);
        return Ok(SecretWrite::Apply(Box::new(planned(object, before))));
    };
    let kind = Untyped(found).str_at("/type").unwrap_or("Opaque");
    if let Some(wanted) = change
        .secret_type
        .as_deref()
        .filter(|wanted| *wanted != kind)
    {
        return Err(anyhow!(
            "cannot change Secret {name:?} to type {wanted:?}: its type is {kind:?}, and cannot be changed"
        ));
    }
    let mut data = owned_data(found, manager);
    for key in &change.removed {
        if data.shift_remove(key).is_none() {
            return Err(foreign_key_error(key, found, manager));
        }
    }
    if let Some(reason) = foreign_reason(found) {
        if !change.force {
            let error = anyhow!("cannot change keys of Secret {name:?}: {reason}");
            let hint = "to change these keys and nothing else of it: add --force";
            return Err(with_hint(error, hint));
        }
        let mut changed = Map::from_iter(encoded(&change.values));
        changed.extend(change.removed.iter().map(|key| (key.clone(), Value::Null)));
        let patch = json!({"metadata": {"uid": Untyped(found).require_uid()?}, "data": changed});
        let before = found.clone();
        return Ok(SecretWrite::Patch { before, patch });
    }
    data.extend(encoded(&change.values));
    let mut object = manifest(name, namespace, change);
    object["type"] = kind.into();
    object["data"] = Value::Object(data);
    // Somebody who sets another key at the same time must not lose it.
    object["metadata"]["resourceVersion"] = Untyped(found).require_resource_version()?.into();
    Ok(SecretWrite::Apply(Box::new(planned(object, before))))
}

/// Returns the error for a key to remove that this command has not set, with the command that removes it.
fn foreign_key_error(key: &str, secret: &Value, manager: &str) -> anyhow::Error {
    let (name, namespace) = (Untyped(secret).name(), Untyped(secret).home_namespace());
    let refused = format!("cannot remove key {key:?} from Secret {name:?}");
    if secret["data"].get(key).is_none() {
        return anyhow!("{refused}: the Secret does not have it");
    }
    let error = anyhow!("{refused}: field manager {manager:?} did not set it");
    let patch = json!([{"op": "remove", "path": format!("/data/{key}")}]).to_string();
    let remove = [
        "kubectl", "patch", "secret", name, "-n", namespace, "--type", "json", "-p", &patch,
    ];
    let hint = format!(
        "to remove it all the same: {}",
        shell::quote_command(&remove)
    );
    with_hint(error, hint)
}

fn planned(object: Value, before: Option<Value>) -> PlannedObject {
    PlannedObject {
        resource: Cow::Borrowed(&SECRET),
        object,
        before,
    }
}

/// Returns the Secret with the keys that a command names, and no others.
pub(crate) fn manifest(name: &str, namespace: &str, change: &SecretChange) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {labels::MANAGED_BY: labels::MANAGER, labels::PART: PART},
        },
        "type": change.secret_type.as_deref().unwrap_or("Opaque"),
        "data": Map::from_iter(encoded(&change.values)),
    })
}

fn encoded(values: &BTreeMap<String, ByteString>) -> impl Iterator<Item = (String, Value)> {
    values
        .iter()
        .map(|(key, value)| (key.clone(), json!(value)))
}

/// Returns the keys that a field manager has set, with their values.
fn owned_data(secret: &Value, manager: &str) -> Map<String, Value> {
    let entries = Untyped(secret).items_at("/metadata/managedFields");
    let entries = entries.filter(|entry| entry.str_at("/manager") == Some(manager));
    let fields = entries.filter_map(|entry| entry.at("/fieldsV1/f:data")?.as_object());
    let keys = fields.flat_map(Map::keys);
    let keys: BTreeSet<&str> = keys.filter_map(|key| key.strip_prefix("f:")).collect();
    let data = secret["data"].as_object().into_iter().flatten();
    let owned = data.filter(|(key, _)| keys.contains(key.as_str()));
    owned
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

/// Returns a note if keys that were removed are still there, because another field manager has set them, too.
pub(crate) fn remaining_note(after: &Value, removed: &[String]) -> Option<String> {
    let is_there = |key: &&String| after["data"].get(key.as_str()).is_some();
    let keys: Vec<&str> = removed
        .iter()
        .filter(is_there)
        .map(String::as_str)
        .collect();
    (!keys.is_empty()).then(|| {
        let keys = keys.join(", ");
        format!("kept, because another field manager has set them, too: {keys}")
    })
}

/// Returns the keys of a Secret with the lengths of their values, in order.
pub(crate) fn key_lengths(secret: &Value) -> BTreeMap<&str, usize> {
    let data = secret["data"].as_object().into_iter().flatten();
    let length = |value: &Value| {
        Untyped(value)
            .read::<ByteString>()
            .map_or(0, |text| text.0.len())
    };
    data.map(|(key, value)| (key.as_str(), length(value)))
        .collect()
}

fn check_size(name: &str, change: &SecretChange, before: Option<&Value>) -> Result<()> {
    let mut lengths = before.map(key_lengths).unwrap_or_default();
    lengths.retain(|key, _| !change.removed.iter().any(|removed| removed == key));
    let values = change.values.iter();
    lengths.extend(values.map(|(key, value)| (key.as_str(), value.0.len())));
    match lengths.values().sum::<usize>() {
        total if total > SECRET_BYTES_MAX => Err(anyhow!(
            "Secret {name:?} would have {total} bytes: at most {SECRET_BYTES_MAX} (1 MiB) are possible"
        )),
        _ => Ok(()),
    }
}

/// Returns a Secret for display: its keys with the lengths of their values, and no annotations, since kubectl's holds the values.
pub(crate) fn without_values(secret: &Value) -> Value {
    let mut shown = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {}});
    for field in [
        "name",
        "namespace",
        "labels",
        "uid",
        "resourceVersion",
        "creationTimestamp",
    ] {
        if let Some(value) = secret["metadata"].get(field) {
            shown["metadata"][field] = value.clone();
        }
    }
    for field in ["type", "immutable"] {
        if let Some(value) = secret.get(field) {
            shown[field] = value.clone();
        }
    }
    let keys = key_lengths(secret).into_iter();
    shown["keys"] = keys
        .map(|(key, bytes)| json!({"name": key, "bytes": bytes}))
        .collect();
    shown
}

/// Checks that a Secret may be deleted.
///
/// # Errors
/// A Secret that this command has not made, with the command that deletes it.
pub(crate) fn check_removal(secret: &Value) -> Result<()> {
    let Some(reason) = foreign_reason(secret) else {
        return Ok(());
    };
    let (name, namespace) = (Untyped(secret).name(), Untyped(secret).home_namespace());
    let delete = ["kubectl", "delete", "secret", name, "-n", namespace];
    let error = anyhow!("cannot remove Secret {name:?}: {reason}");
    Err(with_hint(
        error,
        format!(
            "to delete it all the same: {}",
            shell::quote_command(&delete)
        ),
    ))
}
