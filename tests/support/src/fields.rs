//! Field ownership: a small likeness of the server's managedFields. Lists are owned whole.

use serde_json::{Map, Value, json};

use crate::kinds::Kind;

const UNOWNED: [&str; 9] = [
    "creationTimestamp",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "name",
    "namespace",
    "resourceVersion",
    "selfLink",
    "uid",
];

/// The fields an object sets, as `f:` trees.
pub(crate) fn tree(object: &Value) -> Value {
    let mut tree = branch(object);
    for key in ["f:apiVersion", "f:kind"] {
        tree.as_object_mut().unwrap().shift_remove(key);
    }
    if let Some(metadata) = tree.get_mut("f:metadata").and_then(Value::as_object_mut) {
        for key in UNOWNED {
            metadata.shift_remove(&format!("f:{key}"));
        }
    }
    tree
}

fn branch(value: &Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(
            map.iter()
                .map(|(key, value)| (format!("f:{key}"), branch(value)))
                .collect(),
        ),
        _ => json!({}),
    }
}

fn union(into: &mut Map<String, Value>, other: &Value) {
    for (key, value) in other.as_object().into_iter().flatten() {
        let entry = into.entry(key.clone()).or_insert_with(|| json!({}));
        union(entry.as_object_mut().unwrap(), value);
    }
}

/// Notes that `manager` set the fields of `sent`. An Apply replaces what it owned before, an Update adds to it.
pub(crate) fn note(
    object: &mut Value,
    kind: &Kind,
    manager: &str,
    operation: &str,
    subresource: &str,
    sent: &Value,
) {
    let mut entries: Vec<Value> = object["metadata"]["managedFields"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let same = |entry: &Value| {
        entry["manager"] == manager
            && entry["operation"] == operation
            && entry["subresource"].as_str().unwrap_or_default() == subresource
    };
    let mut owned = tree(sent);
    if let Some(index) = entries.iter().position(same) {
        let before = entries.remove(index);
        if operation == "Update" {
            let mut all = before["fieldsV1"].as_object().cloned().unwrap_or_default();
            union(&mut all, &owned);
            owned = Value::Object(all);
        }
    }
    let mut entry = json!({"manager": manager, "operation": operation, "apiVersion": kind.api_version(), "fieldsType": "FieldsV1", "fieldsV1": owned});
    if !subresource.is_empty() {
        entry["subresource"] = subresource.into();
    }
    entries.push(entry);
    object["metadata"]["managedFields"] = Value::Array(entries);
}

/// Removes the fields that `manager` applied before, does not apply now, and nobody else owns.
pub(crate) fn drop_unapplied(object: &mut Value, manager: &str, applied: &Value) {
    let entries: Vec<Value> = object["metadata"]["managedFields"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let (mine, others): (Vec<&Value>, Vec<&Value>) = entries
        .iter()
        .partition(|entry| entry["manager"] == manager && entry["operation"] == "Apply");
    let mut kept = tree(applied).as_object().cloned().unwrap_or_default();
    for entry in others {
        union(&mut kept, &entry["fieldsV1"]);
    }
    for entry in mine {
        prune(object, &entry["fieldsV1"], &Value::Object(kept.clone()));
    }
}

fn prune(value: &mut Value, owned: &Value, kept: &Value) {
    for (key, below) in owned.as_object().into_iter().flatten() {
        let name = key.trim_start_matches("f:");
        match kept.get(key) {
            None => {
                if let Some(map) = value.as_object_mut() {
                    map.shift_remove(name);
                }
            }
            Some(kept) => {
                if let Some(value) = value.get_mut(name) {
                    prune(value, below, kept);
                }
            }
        }
    }
}
