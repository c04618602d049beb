//! JSON merge patches (RFC 7386) on objects in memory.

use serde_json::{Map, Value};

/// Merges `patch` into `target` as the API server does with `application/merge-patch+json`: maps are merged, `null` removes a
/// field, anything else replaces.
pub fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(fields) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Some(map) = target.as_object_mut() else {
        return;
    };
    for (key, value) in fields {
        match value {
            Value::Null => drop(map.shift_remove(key)),
            value => merge(map.entry(key.clone()).or_insert(Value::Null), value),
        }
    }
}

/// Returns true if merging `patch` into `target` would change nothing.
pub fn is_merged(target: &Value, patch: &Value) -> bool {
    match patch {
        Value::Object(fields) => fields.iter().all(|(key, value)| match target.get(key) {
            Some(found) => !value.is_null() && is_merged(found, value),
            None => value.is_null(),
        }),
        other => target == other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_merge_is_what_is_merged_reports() {
        let patches = [
            json!({ "spec": { "mode": "Suspended" } }),
            json!({ "spec": { "gone": null } }),
            json!({ "spec": { "list": [1] }, "new": { "deep": true, "never": null } }),
            json!({ "spec": null }),
        ];
        for patch in patches {
            let mut object =
                json!({ "spec": { "mode": "Running", "gone": 1, "list": [2, 3], "other": 1 } });
            assert!(!is_merged(&object, &patch), "{patch}");
            merge(&mut object, &patch);
            assert!(is_merged(&object, &patch), "{patch}: {object}");
        }
        let mut object = json!({ "spec": { "mode": "Running", "other": 1 } });
        merge(&mut object, &json!({ "spec": { "mode": "Suspended" } }));
        assert_eq!(
            object,
            json!({ "spec": { "mode": "Suspended", "other": 1 } })
        );
    }
}
