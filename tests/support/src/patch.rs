//! Merge patches (RFC 7386), JSON patches (RFC 6902) and what a server-side apply does to an object.

use serde_json::{Map, Value};

/// RFC 7386.
pub(crate) fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    for (key, value) in changes {
        if value.is_null() {
            target.as_object_mut().unwrap().shift_remove(key);
        } else {
            merge(
                target
                    .as_object_mut()
                    .unwrap()
                    .entry(key.clone())
                    .or_insert(Value::Null),
                value,
            );
        }
    }
}

/// What a strategic merge patch does: as RFC 7386, but items of lists are matched by their `name`.
pub(crate) fn strategic(target: &mut Value, patch: &Value) {
    match (target, patch) {
        (Value::Object(target), Value::Object(changes)) => {
            for (key, value) in changes {
                if value.is_null() {
                    target.shift_remove(key);
                } else {
                    strategic(target.entry(key.clone()).or_insert(Value::Null), value);
                }
            }
        }
        (Value::Array(target), Value::Array(items)) => {
            for item in items {
                let named =
                    |known: &&mut Value| !item["name"].is_null() && known["name"] == item["name"];
                match target.iter_mut().find(named) {
                    Some(known) => strategic(known, item),
                    None => target.push(item.clone()),
                }
            }
        }
        (target, patch) => merge(target, patch),
    }
}

/// `add`, `replace`, `remove` and `test` of RFC 6902; the error is what a server says about it.
pub(crate) fn json_patch(target: &mut Value, operations: &Value) -> Result<(), String> {
    for operation in operations.as_array().ok_or("a JSON patch is a list")? {
        let path = operation["path"].as_str().ok_or("no path")?;
        let value = operation["value"].clone();
        let (parent, key) = path.rsplit_once('/').ok_or("no pointer")?;
        let key = key.replace("~1", "/").replace("~0", "~");
        let name = operation["op"].as_str().unwrap_or_default();
        if name == "test" {
            let found = target.pointer(path).unwrap_or(&Value::Null);
            if *found != value {
                return Err(format!("testing value {path} failed"));
            }
            continue;
        }
        let parent = target
            .pointer_mut(parent)
            .ok_or_else(|| format!("no such path: {path}"))?;
        match (parent, name) {
            (Value::Object(map), "add" | "replace") => drop(map.insert(key, value)),
            (Value::Object(map), "remove") => drop(map.shift_remove(&key)),
            (Value::Array(list), "add") if key == "-" => list.push(value),
            (Value::Array(list), "add") => list.insert(index(&key)?, value),
            (Value::Array(list), "replace") => list[index(&key)?] = value,
            (Value::Array(list), "remove") => drop(list.remove(index(&key)?)),
            _ => return Err(format!("cannot {name} {path}")),
        }
    }
    Ok(())
}

fn index(key: &str) -> Result<usize, String> {
    key.parse().map_err(|_| format!("no index: {key}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn patches_patch() {
        let mut object = json!({"a": {"b": 1, "c": 2}, "l": [1]});
        merge(&mut object, &json!({"a": {"b": null, "d": 3}, "l": [2]}));
        assert_eq!(object, json!({"a": {"c": 2, "d": 3}, "l": [2]}));
        let mut named = json!({"l": [{"name": "a", "x": 1}, {"name": "b"}]});
        strategic(
            &mut named,
            &json!({"l": [{"name": "a", "x": null, "y": {"z": 2}}]}),
        );
        assert_eq!(
            named,
            json!({"l": [{"name": "a", "y": {"z": 2}}, {"name": "b"}]})
        );
        json_patch(&mut object, &json!([{"op": "test", "path": "/a/c", "value": 2}, {"op": "replace", "path": "/l", "value": []}])).unwrap();
        assert_eq!(object["l"], json!([]));
        assert!(
            json_patch(
                &mut object,
                &json!([{"op": "test", "path": "/a/c", "value": 9}])
            )
            .is_err()
        );
    }
}
